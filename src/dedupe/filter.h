// A set of hashes that may say yes to a few that are not in it and never no to one that is: the
// split block Bloom filter of the Parquet format (github.com/apache/parquet-format,
// BloomFilter.md), 8 bits of one 32-byte block a hash. With 10 bits an entry it errs in 1 of 100.
//
// One thread builds it; then it is immutable: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"

namespace tidemark::dedupe {

inline constexpr std::uint64_t kFilterBitsPerEntry = 10;

class Filter {
 public:
  // Empty: answers yes to everything.
  Filter() = default;
  // For so many entries.
  static Filter ForEntries(std::uint64_t entries);
  // Bytes that text() gave.
  static Filter FromText(std::string_view bytes);
  static std::uint64_t BytesFor(std::uint64_t entries);

  void Add(const Hash128& hash);
  void Prefetch(const Hash128& hash) const {
    if (!words_.empty()) __builtin_prefetch(&words_[BlockOf(hash)]);
  }
  bool MayHave(const Hash128& hash) const;
  std::string_view text() const {
    return {reinterpret_cast<const char*>(words_.data()), words_.size() * sizeof(std::uint32_t)};
  }
  std::uint64_t bytes() const { return words_.size() * sizeof(std::uint32_t); }

 private:
  static constexpr std::size_t kWords = 8;
  std::size_t BlockOf(const Hash128& hash) const {
    const std::uint64_t blocks = words_.size() / kWords;
    return static_cast<std::size_t>(((hash.low >> 32) * blocks) >> 32) * kWords;
  }

  std::vector<std::uint32_t> words_;
};

}  // namespace tidemark::dedupe
