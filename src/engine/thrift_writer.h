// Thrift's compact protocol, the part that Parquet's headers and footers need: structs of integers,
// byte strings, booleans, structs and lists. Source: Apache Thrift, "Thrift compact protocol".
//
// Internal to this folder. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace tidemark::engine {

// Writes one root struct: its fields in ascending order of their ids, then End().
class ThriftWriter {
 public:
  enum class Type : std::uint8_t { kI32 = 5, kI64 = 6, kBinary = 8, kStruct = 12 };

  // `out` must outlive the writer.
  explicit ThriftWriter(std::string* out) : out_(out) {}

  void I32(int id, std::int32_t value) {
    Field(id, static_cast<std::uint8_t>(Type::kI32));
    PutInt(value);
  }
  void I64(int id, std::int64_t value) {
    Field(id, static_cast<std::uint8_t>(Type::kI64));
    PutInt(value);
  }
  void Bool(int id, bool value) { Field(id, value ? 1 : 2); }
  void Binary(int id, std::string_view bytes) {
    Field(id, static_cast<std::uint8_t>(Type::kBinary));
    PutString(out_, bytes);
  }
  void BeginStruct(int id) {
    Field(id, static_cast<std::uint8_t>(Type::kStruct));
    BeginElement();
  }
  // An element of a list of structs; End() closes it.
  void BeginElement() {
    outer_.push_back(last_);
    last_ = 0;
  }
  // Of a struct or the root.
  void End() {
    out_->push_back(0);
    if (outer_.empty()) return;
    last_ = outer_.back();
    outer_.pop_back();
  }
  void Empty(int id) {
    BeginStruct(id);
    End();
  }
  // Followed by `size` elements.
  void BeginList(int id, Type type, std::size_t size) {
    Field(id, 9);
    const auto kind = static_cast<std::uint8_t>(type);
    if (size < 15) {
      out_->push_back(static_cast<char>(size << 4 | kind));
      return;
    }
    out_->push_back(static_cast<char>(0xF0 | kind));
    PutVarint(out_, size);
  }
  void IntElement(std::int64_t value) { PutInt(value); }
  void BinaryElement(std::string_view bytes) { PutString(out_, bytes); }

 private:
  void PutInt(std::int64_t value) {
    PutVarint(out_, static_cast<std::uint64_t>(value) << 1 ^
                        static_cast<std::uint64_t>(value >> 63));  // Zigzag.
  }
  void Field(int id, std::uint8_t type) {
    const int delta = id - last_;
    if (delta > 0 && delta < 16) {
      out_->push_back(static_cast<char>(delta << 4 | type));
    } else {
      out_->push_back(static_cast<char>(type));
      PutInt(id);
    }
    last_ = id;
  }

  std::string* const out_;
  int last_ = 0;
  std::vector<int> outer_;
};

}  // namespace tidemark::engine
