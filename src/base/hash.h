// Checksums and content hashes: XXH3 (https://github.com/Cyan4973/xxHash, spec XXH3 0.8), and XXH64
// where another format asks for it.
// Any thread; never fail.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tidemark {

// XXH3-64 of `bytes`; `seed` separates uses (a WAL segment's id, for one).
std::uint64_t Hash64(std::string_view bytes, std::uint64_t seed = 0);

// XXH64 of `bytes`, seed 0, which Parquet's Bloom filters are made of.
std::uint64_t HashXxh64(std::string_view bytes);

// Hash64 over bytes that lie in pieces: Reset, any number of Adds, Value. One thread.
class Hasher64 {
 public:
  Hasher64();
  Hasher64(const Hasher64&) = delete;
  Hasher64& operator=(const Hasher64&) = delete;
  ~Hasher64();

  void Reset(std::uint64_t seed = 0);
  void Add(std::string_view bytes);
  // Of all that was added since Reset; more may be added after.
  std::uint64_t Value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A 128-bit value that is added modulo 2^128: the order-free hash of a set of rows. Ranges add,
// erasures subtract.
struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  Hash128& operator+=(const Hash128& other);
  Hash128& operator-=(const Hash128& other);
  friend bool operator==(const Hash128&, const Hash128&) = default;

  // 32 hex digits, high half first.
  std::string ToString() const;
  // Returns false if `text` is not 32 hex digits.
  static bool Parse(std::string_view text, Hash128* hash);
};

// XXH3-128 of `bytes`.
Hash128 HashRow(std::string_view bytes);
// The same, keyed: nobody who does not know the secret (at least 136 random bytes) can make two
// `bytes` that are hashed alike.
Hash128 HashKeyed(std::string_view secret, std::string_view bytes);

}  // namespace tidemark
