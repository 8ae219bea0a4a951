#include "base/hash.h"

#include <charconv>
#include <cstdio>

#define XXH_INLINE_ALL  // One call a hash, and the state by value.
#include <xxhash.h>

#include "base/check.h"

namespace tidemark {

std::uint64_t Hash64(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t HashXxh64(std::string_view bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

struct Hasher64::State {
  XXH3_state_t xxh;
};

Hasher64::Hasher64() : state_(std::make_unique<State>()) { Reset(); }
Hasher64::~Hasher64() = default;

void Hasher64::Reset(std::uint64_t seed) {
  XXH3_INITSTATE(&state_->xxh);
  XXH3_64bits_reset_withSeed(&state_->xxh, seed);
}
void Hasher64::Add(std::string_view bytes) {
  XXH3_64bits_update(&state_->xxh, bytes.data(), bytes.size());
}
std::uint64_t Hasher64::Value() const { return XXH3_64bits_digest(&state_->xxh); }

Hash128& Hash128::operator+=(const Hash128& other) {
  low += other.low;
  high += other.high + (low < other.low ? 1 : 0);
  return *this;
}

Hash128& Hash128::operator-=(const Hash128& other) {
  const std::uint64_t borrow = low < other.low ? 1 : 0;
  low -= other.low;
  high -= other.high + borrow;
  return *this;
}

std::string Hash128::ToString() const {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(high),
                static_cast<unsigned long long>(low));
  return text;
}

bool Hash128::Parse(std::string_view text, Hash128* hash) {
  if (text.size() != 32) return false;
  const char* begin = text.data();
  const auto high = std::from_chars(begin, begin + 16, hash->high, 16);
  const auto low = std::from_chars(begin + 16, begin + 32, hash->low, 16);
  return high.ptr == begin + 16 && low.ptr == begin + 32 && high.ec == std::errc() &&
         low.ec == std::errc();
}

Hash128 HashRow(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

Hash128 HashKeyed(std::string_view secret, std::string_view bytes) {
  TM_CHECK_GE(secret.size(), static_cast<std::size_t>(XXH3_SECRET_SIZE_MIN));
  const XXH128_hash_t hash =
      XXH3_128bits_withSecret(bytes.data(), bytes.size(), secret.data(), secret.size());
  return {hash.low64, hash.high64};
}

}  // namespace tidemark
