// Blocks of 2 MiB for what fills and empties again and again: those that were given back are kept
// for the next one who asks, as far as there is room, for a page that is taken from the kernel anew
// costs a fault and is zeroed. As the heap they belong to the process. Any thread, without a lock.
#pragma once

#include <cstddef>

namespace tidemark::env {

inline constexpr std::size_t kLargeBlockBytes = std::size_t{2} << 20;
inline constexpr std::size_t kFreeLargeBlocksMax = 128;  // That are kept.

// Aligned to a page. What is in it is not known. As operator new: std::bad_alloc if there is none.
std::byte* TakeLargeBlock();
void GiveBackLargeBlock(std::byte* block);

// Of those that nobody uses, gives one of `share` back to the kernel, and one at least; with 1 all.
void FreeLargeBlocks(std::size_t share);

}  // namespace tidemark::env
