// The Arrow IPC stream format, written by hand. Format: Apache Arrow,
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

enum class Type : std::uint8_t {
  kBool,
  kInt,
  kFloat,
  kDecimal,
  kUtf8,
  kBinary,
  kDate,       // Days.
  kTime,       // Microseconds of a day.
  kTimestamp,  // Of a unit, with time zone UTC or with none.
  kUuid,       // 16 bytes, big-endian; the canonical extension type `arrow.uuid`.
  kList,       // One child.
  kStruct,     // A child for each member.
  kMap,        // One child: a kStruct of key and value, never null.
};
enum class Unit : std::uint8_t { kSecond, kMilli, kMicro, kNano };  // The format's numbers.

struct Field {
  std::string name;
  Type type = Type::kUtf8;
  int bits = 0;           // kInt and kFloat.
  bool is_signed = true;  // kInt.
  int precision = 0;      // kDecimal, of 128 bits.
  int scale = 0;
  Unit unit = Unit::kMicro;  // kTimestamp.
  bool utc = false;          // kTimestamp.
  bool nullable = true;
  std::vector<Field> children;
};

// One column of a batch, or of a column's children. `validity` may be empty: no nulls. kUtf8,
// kBinary, kList and kMap have `offsets` (rows + 1); kList, kStruct and kMap have no `data`.
struct Column {
  std::int64_t rows = 0;
  std::int64_t nulls = 0;
  std::string validity;
  std::string offsets;
  std::string data;
  std::vector<Column> children;
};

bool HasOffsets(Type type);
bool HasData(Type type);

inline constexpr std::string_view kEndOfStream{"\xff\xff\xff\xff\0\0\0\0", 8};

std::string SchemaMessage(const std::vector<Field>& fields);
std::string BatchMessage(const std::vector<Field>& fields, const std::vector<Column>& columns,
                         std::int64_t rows);

}  // namespace tidemark::engine::arrow
