// Reads Thrift's compact protocol, of bytes that may be anybody's: never past their end, nothing
// nested deeper than kThriftDepthMax. Source: Apache Thrift, "Thrift compact protocol".
//
// Internal to this folder. One thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace tidemark::engine {

inline constexpr int kThriftDepthMax = 32;

class ThriftReader {
 public:
  enum class Type : std::uint8_t {
    kTrue = 1,
    kFalse = 2,
    kByte = 3,
    kI16 = 4,
    kI32 = 5,
    kI64 = 6,
    kDouble = 7,
    kBinary = 8,
    kList = 9,
    kSet = 10,
    kMap = 11,
    kStruct = 12,
  };

  explicit ThriftReader(std::string_view bytes) : bytes_(bytes) {}

  // Calls visit(id, type) for each field, which reads or skips its value and says whether it could;
  // of kTrue and kFalse the type is the value. False: the bytes are none of a struct.
  template <class Visit>
  bool Struct(const Visit& visit) {
    const Deeper deeper(this);
    if (depth_ > kThriftDepthMax) return false;
    for (std::int64_t last = 0;;) {
      std::uint8_t head = 0;
      if (!bytes_.Fixed(&head)) return false;
      if (head == 0) return true;
      if (head >> 4 != 0) {
        last += head >> 4;
      } else if (!Int(&last)) {
        return false;
      }
      if (!visit(last, static_cast<Type>(head & 15))) return false;
    }
  }
  // Calls visit(type) for each element.
  template <class Visit>
  bool List(const Visit& visit) {
    const Deeper deeper(this);
    std::uint8_t head = 0;
    if (depth_ > kThriftDepthMax || !bytes_.Fixed(&head)) return false;
    std::uint64_t size = head >> 4;
    if (size == 15 && !bytes_.Varint(&size)) return false;
    if (size > bytes_.remaining()) return false;  // Each has a byte at least.
    for (std::uint64_t i = 0; i < size; ++i) {
      if (!visit(static_cast<Type>(head & 15))) return false;
    }
    return true;
  }
  // Of kI16, kI32 and kI64.
  bool Int(std::int64_t* value) {
    std::uint64_t zigzag = 0;
    if (!bytes_.Varint(&zigzag)) return false;
    *value = static_cast<std::int64_t>(zigzag >> 1 ^ (~(zigzag & 1) + 1));
    return true;
  }
  bool Binary(std::string_view* value) { return bytes_.String(value); }
  // A field's value.
  bool Skip(Type type) { return type == Type::kTrue || type == Type::kFalse || SkipElement(type); }
  // How many bytes are behind what was read.
  std::size_t remaining() const { return bytes_.remaining(); }

 private:
  struct Deeper {
    explicit Deeper(ThriftReader* reader) : reader_(reader) { ++reader_->depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    ~Deeper() { --reader_->depth_; }
    ThriftReader* const reader_;
  };

  bool SkipElement(Type type) {
    std::string_view skipped;
    std::int64_t number = 0;
    switch (type) {
      case Type::kTrue:
      case Type::kFalse:
      case Type::kByte:
        return bytes_.Bytes(1, &skipped);
      case Type::kI16:
      case Type::kI32:
      case Type::kI64:
        return Int(&number);
      case Type::kDouble:
        return bytes_.Bytes(8, &skipped);
      case Type::kBinary:
        return Binary(&skipped);
      case Type::kList:
      case Type::kSet:
        return List([this](Type element) { return SkipElement(element); });
      case Type::kStruct:
        return Struct([this](std::int64_t, Type field) { return Skip(field); });
      case Type::kMap:
        return false;  // Parquet has none.
    }
    return false;
  }

  ByteReader bytes_;
  int depth_ = 0;
};

}  // namespace tidemark::engine
