#include "lake/partition_values.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/uuid.h"

namespace tidemark::lake {
namespace {

constexpr std::size_t kUuidBytes = 16;
constexpr std::size_t kDecimalBytesMax = 16;  // Of 38 digits.

// Avro's long: zigzag, then a varint.
bool ReadLong(ByteReader* in, std::int64_t* value) {
  std::uint64_t raw = 0;
  if (!in->Varint(&raw)) return false;
  *value = static_cast<std::int64_t>((raw >> 1) ^ (~(raw & 1) + 1));
  return true;
}

bool ReadBytes(ByteReader* in, std::string* bytes) {
  std::int64_t size = 0;
  std::string_view view;
  if (!ReadLong(in, &size) || size < 0 || !in->Bytes(static_cast<std::size_t>(size), &view)) {
    return false;
  }
  *bytes = view;
  return true;
}

// An optional float has the number of its branch before it; of a null there is nothing else.
void Unwrap(PartitionValue* value) {
  const std::size_t size = value->bytes.size();
  if (size == 5 || size == 9) value->bytes.erase(0, 1);
  if (size < 4) *value = PartitionValue();
}

// Two's complement, big-endian, of any length.
std::string DecimalText(std::string_view bytes, std::size_t scale) {
  const bool negative = !bytes.empty() && (static_cast<std::uint8_t>(bytes[0]) & 0x80) != 0;
  std::vector<std::uint8_t> left(bytes.begin(), bytes.end());  // The magnitude.
  if (negative) {
    for (std::uint8_t& byte : left) byte = static_cast<std::uint8_t>(~byte);
    for (auto byte = left.rbegin(); byte != left.rend() && ++*byte == 0;) ++byte;
  }
  const auto is_zero = [](std::uint8_t byte) { return byte == 0; };
  std::string digits;  // And the point: one digit at least stands before it.
  const std::size_t least = scale == 0 ? 1 : scale + 2;
  while (digits.size() < least || !std::ranges::all_of(left, is_zero)) {
    std::uint32_t rest = 0;
    for (std::uint8_t& byte : left) {
      rest = rest << 8 | byte;
      byte = static_cast<std::uint8_t>(rest / 10);
      rest %= 10;
    }
    digits.push_back(static_cast<char>('0' + rest));
    if (digits.size() == scale) digits.push_back('.');
  }
  if (negative) digits.push_back('-');
  std::ranges::reverse(digits);
  return digits;
}

std::size_t ScaleOf(std::string_view type) {
  const std::size_t comma = type.find(',');
  std::size_t scale = 0;
  for (const char c : type.substr(std::min(comma, type.size()))) {
    if (c >= '0' && c <= '9') scale = scale * 10 + static_cast<std::size_t>(c - '0');
  }
  return std::min<std::size_t>(scale, 38);
}

}  // namespace

std::optional<std::string> BytesText(std::string_view type, std::string_view bytes) {
  if (type == "uuid" && bytes.size() == kUuidBytes) {
    Uuid uuid;
    std::memcpy(uuid.bytes.data(), bytes.data(), kUuidBytes);
    return uuid.ToString();
  }
  if (type.starts_with("decimal") && bytes.size() <= kDecimalBytesMax)
    return DecimalText(bytes, ScaleOf(type));
  return std::nullopt;
}

std::vector<PartitionValue> PartitionValuesOf(std::string_view key) {
  std::vector<PartitionValue> values;
  ByteReader in(key);
  while (in.remaining() > 0) {
    std::int64_t kind = 0;
    PartitionValue value;
    if (!ReadLong(&in, &kind) || kind < 0 || kind > 3) return values;
    value.kind = static_cast<PartitionValue::Kind>(kind);
    if (value.kind == PartitionValue::Kind::kNumber && !ReadLong(&in, &value.number)) return values;
    if (kind >= 2 && !ReadBytes(&in, &value.bytes)) return values;
    if (value.kind == PartitionValue::Kind::kEncoded) Unwrap(&value);
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace tidemark::lake
