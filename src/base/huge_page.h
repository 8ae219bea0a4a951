// Memory a huge page at a time, straight from the kernel: one fault instead of 512, one entry of
// the TLB, zeroed once. Where the kernel has no huge pages to give (Linux: transparent_hugepage
// `never`) it is made of small ones. Any thread.
#pragma once

#include <cstddef>

namespace tidemark {

inline constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

// Zeroed and aligned to its size. As operator new: std::bad_alloc if there is none.
std::byte* MapHugePage();
// Back to the kernel, at once.
void UnmapHugePage(std::byte* page);

}  // namespace tidemark
