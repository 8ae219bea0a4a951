// A set of hashes that may say yes to a few that are not in it and never no to one that is: the
// split block Bloom filter of the Parquet format (github.com/apache/parquet-format,
// BloomFilter.md), 8 bits of one 32-byte block a hash. With 10 bits an entry it errs in 1 of 100,
// with 16 in 1 of 1,000: those of small runs, of which there are the most, are the better ones.
//
// One thread builds it; then it is immutable: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "env/zeroed_memory.h"

namespace tidemark::dedupe {

inline constexpr std::uint64_t kFilterBitsPerEntry = 10;
inline constexpr std::uint64_t kFilterBitsPerEntryOfSmall = 16;
inline constexpr std::uint64_t kFilterSmallEntries = 16'000'000;  // Less than so many.

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
  // Always inline: gcc takes a function that only prefetches for one without effect, and drops it.
  [[gnu::always_inline]] void Prefetch(const Hash128& hash) const {
    if (bytes() > 0) __builtin_prefetch(BlockOf(hash));
  }
  bool MayHave(const Hash128& hash) const;
  std::string_view text() const { return {blocks_.data(), blocks_.bytes()}; }
  std::uint64_t bytes() const { return blocks_.bytes(); }

 private:
  static constexpr std::size_t kBlockBytes =
      32;  // One line of the processor's cache has all of it.
  explicit Filter(std::uint64_t bytes) : blocks_(bytes / kBlockBytes * kBlockBytes) {}
  // Hashes that are added in their order fill one block after the other.
  char* BlockOf(const Hash128& hash) const {
    return blocks_.data() + (((hash.high >> 32) * (bytes() / kBlockBytes)) >> 32) * kBlockBytes;
  }

  env::ZeroedMemory blocks_;
};

}  // namespace tidemark::dedupe
