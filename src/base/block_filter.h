// Split block Bloom filters: sets of hashes that may say yes to a few that are not in them and
// never no to one that is. Source: github.com/apache/parquet-format, BloomFilter.md.
//
// A filter is an array of blocks of 32 bytes, zero at first, which belongs to the caller; an entry
// sets 8 bits of one block, so that asking costs one line of the processor's cache. With 10 bits
// an entry it errs in 1 of 100, with 16 in 1 of 1,000. Adding: one thread; asking: any thread.
#pragma once

#include <cstdint>

namespace tidemark {

inline constexpr std::uint64_t kFilterBlockBytes = 32;

// How many blocks give `entries` so many bits each; at least one.
constexpr std::uint64_t FilterBlocks(std::uint64_t entries, std::uint64_t bits_per_entry) {
  const std::uint64_t blocks =
      (entries * bits_per_entry + kFilterBlockBytes * 8 - 1) / (kFilterBlockBytes * 8);
  return blocks > 0 ? blocks : 1;
}

// Which of `blocks` (below 2^32) a hash is in, by its upper half: hashes in their order fill one
// block after the other.
constexpr std::uint64_t FilterBlockOf(std::uint64_t hash, std::uint64_t blocks) {
  return ((hash >> 32) * blocks) >> 32;
}

// `key`: 32 bits of the hash that did not choose the block; of a 64-bit hash its lower half.
void AddToFilterBlock(char* block, std::uint32_t key);
bool FilterBlockMayHave(const char* block, std::uint32_t key);

}  // namespace tidemark
