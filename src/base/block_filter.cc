#include "base/block_filter.h"

#include <cstring>

namespace tidemark {
namespace {

// Eight 32-bit words: a block, or what is asked of one.
using Words = std::uint32_t __attribute__((vector_size(32)));

constexpr Words kSalts = {0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
                          0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U};

// The bodies of the functions below, which are compiled twice: for any machine, and for those that
// multiply eight words in one instruction.
__attribute__((always_inline)) inline void AddTo(char* block, std::uint32_t key) {
  Words words;
  std::memcpy(&words, block, sizeof words);
  const Words one = {1, 1, 1, 1, 1, 1, 1, 1};
  words |= one << ((kSalts * key) >> 27);
  std::memcpy(block, &words, sizeof words);
}

__attribute__((always_inline)) inline bool HasAll(const char* block, std::uint32_t key) {
  Words words;
  std::memcpy(&words, block, sizeof words);
  const Words one = {1, 1, 1, 1, 1, 1, 1, 1};
  const Words missing = (one << ((kSalts * key) >> 27)) & ~words;
  std::uint64_t halves[4];
  std::memcpy(halves, &missing, sizeof missing);
  return (halves[0] | halves[1] | halves[2] | halves[3]) == 0;
}

#if defined(__x86_64__)
const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0;

__attribute__((target("avx2"))) void AddToByAvx2(char* block, std::uint32_t key) {
  AddTo(block, key);
}

__attribute__((target("avx2"))) bool HasAllByAvx2(const char* block, std::uint32_t key) {
  return HasAll(block, key);
}
#endif

}  // namespace

void AddToFilterBlock(char* block, std::uint32_t key) {
#if defined(__x86_64__)
  if (kHasAvx2) return AddToByAvx2(block, key);
#endif
  AddTo(block, key);
}

bool FilterBlockMayHave(const char* block, std::uint32_t key) {
#if defined(__x86_64__)
  if (kHasAvx2) return HasAllByAvx2(block, key);
#endif
  return HasAll(block, key);
}

}  // namespace tidemark
