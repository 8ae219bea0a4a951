// The Arrow IPC stream format, written by hand for flat columns. Format: Apache Arrow,
// "Serialization and Interprocess Communication (IPC)", metadata version 5; its metadata are
// FlatBuffers.
//
// A stream is SchemaMessage, BatchMessage..., kEndOfStream. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::engine::arrow {

enum class Type : std::uint8_t { kBool, kInt, kFloat, kDecimal, kUtf8, kDate, kTimestamp };

struct Field {
  std::string name;
  Type type = Type::kUtf8;
  int bits = 0;           // kInt and kFloat.
  bool is_signed = true;  // kInt.
  int precision = 0;      // kDecimal, of 128 bits.
  int scale = 0;
  bool utc = false;  // kTimestamp, in microseconds: with time zone UTC, or with none.
};

// One column of a batch. `validity` may be empty: no nulls. kUtf8 has `offsets` (rows + 1).
struct Column {
  std::int64_t nulls = 0;
  std::string validity;
  std::string offsets;
  std::string data;
};

inline constexpr std::string_view kEndOfStream{"\xff\xff\xff\xff\0\0\0\0", 8};

std::string SchemaMessage(const std::vector<Field>& fields);
std::string BatchMessage(const std::vector<Field>& fields, const std::vector<Column>& columns,
                         std::int64_t rows);

}  // namespace tidemark::engine::arrow
