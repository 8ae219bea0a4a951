#include "base/uuid.h"

#include "base/bytes.h"

namespace tidemark {
namespace {

void PutBig(std::uint8_t* out, std::uint64_t word) {
  for (int i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(word >> (56 - 8 * i));
}

void SetVersion(Uuid* uuid, unsigned version) {
  uuid->bytes[6] = static_cast<std::uint8_t>((uuid->bytes[6] & 0x0FU) | version << 4);
  uuid->bytes[8] = static_cast<std::uint8_t>((uuid->bytes[8] & 0x3FU) | 0x80U);
}

}  // namespace

std::string Uuid::ToString() const {
  std::string hex = ToHex(std::as_bytes(std::span(bytes)));
  for (const std::size_t at : {8U, 13U, 18U, 23U}) hex.insert(at, 1, '-');
  return hex;
}

std::optional<Uuid> Uuid::Parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string hex;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return std::nullopt;
    if (!dash) hex.push_back(text[i]);
  }
  const auto raw = FromHex(hex);
  if (!raw) return std::nullopt;
  Uuid uuid;
  std::memcpy(uuid.bytes.data(), raw->data(), 16);
  return uuid;
}

Uuid MakeUuidV4(std::uint64_t a, std::uint64_t b) {
  Uuid uuid;
  PutBig(uuid.bytes.data(), a);
  PutBig(uuid.bytes.data() + 8, b);
  SetVersion(&uuid, 4);
  return uuid;
}

Uuid MakeUuidV7(TimeMicros now, std::uint64_t a, std::uint64_t b) {
  const auto millis = static_cast<std::uint64_t>(FloorDiv(now.value, 1'000));
  Uuid uuid;
  PutBig(uuid.bytes.data(), millis << 16 | (a & 0xFFFFU));
  PutBig(uuid.bytes.data() + 8, b);
  SetVersion(&uuid, 7);
  return uuid;
}

}  // namespace tidemark
