// The split block Bloom filter (base/block_filter.h) of a run's hashes: those of small runs, of
// which there are the most, have more bits an entry.
//
// One thread builds it; then it is immutable: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/block_filter.h"
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
  explicit Filter(std::uint64_t bytes) : blocks_(bytes / kFilterBlockBytes * kFilterBlockBytes) {}
  char* BlockOf(const Hash128& hash) const {
    return blocks_.data() +
           FilterBlockOf(hash.high, bytes() / kFilterBlockBytes) * kFilterBlockBytes;
  }

  env::ZeroedMemory blocks_;
};

}  // namespace tidemark::dedupe
