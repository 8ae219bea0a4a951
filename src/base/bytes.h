// Views of bytes and little-endian integers in them. A view owns nothing and is a parameter, never
// a member (but in types named ...View). Any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tidemark {

static_assert(std::endian::native == std::endian::little, "formats on disk are little-endian");

using ByteView = std::span<const std::byte>;

inline ByteView AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Int>
inline void PutFixed(std::string* out, Int value) {
  char raw[sizeof(Int)];
  std::memcpy(raw, &value, sizeof(Int));
  out->append(raw, sizeof(Int));
}
inline void PutU32(std::string* out, std::uint32_t value) { PutFixed(out, value); }
inline void PutU64(std::string* out, std::uint64_t value) { PutFixed(out, value); }

// LEB128, 7 bits a byte, least significant first; at most 10 bytes.
inline void PutVarint(std::string* out, std::uint64_t value) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}
// A varint length and the bytes.
inline void PutString(std::string* out, std::string_view text) {
  PutVarint(out, text.size());
  out->append(text);
}

// Reads values one after the other and never past the end: each read says whether there was
// enough. A reader that has failed stays failed.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  template <class Int>
  bool Fixed(Int* value) {
    if (remaining() < sizeof(Int)) return Stop();
    std::memcpy(value, at_, sizeof(Int));
    at_ += sizeof(Int);
    return true;
  }
  bool Varint(std::uint64_t* value) {
    std::uint64_t sum = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return Stop();
      const auto byte = static_cast<std::uint8_t>(*at_++);
      if (shift == 63 && byte > 1) return Stop();
      sum |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) {
        *value = sum;
        return true;
      }
    }
    return Stop();
  }
  bool Bytes(std::size_t size, std::string_view* bytes) {
    if (remaining() < size) return Stop();
    *bytes = {at_, size};
    at_ += size;
    return true;
  }
  bool String(std::string_view* text) {
    std::uint64_t size = 0;
    return Varint(&size) && Bytes(static_cast<std::size_t>(size), text);
  }

  std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }
  bool failed() const { return failed_; }

 private:
  bool Stop() {
    failed_ = true;
    at_ = end_;
    return false;
  }
  const char* at_;
  const char* end_;
  bool failed_ = false;
};

std::string ToHex(ByteView bytes);
// Nothing if `hex` has an odd length or another character.
std::optional<std::string> FromHex(std::string_view hex);
std::string ToBase64(ByteView bytes, bool url_safe = false);
// Accepts the ordinary and the URL-safe alphabet, padded or not.
std::optional<std::string> FromBase64(std::string_view text);

}  // namespace tidemark
