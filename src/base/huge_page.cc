#include "base/huge_page.h"

#include <cstdint>
#include <new>

#include <sys/mman.h>

#include "base/check.h"

namespace tidemark {

std::byte* MapHugePage() {
  // Twice as much has an aligned half in it; the rest goes back.
  void* const mapped = ::mmap(nullptr, 2 * kHugePageBytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(mapped);
  const std::size_t above = reinterpret_cast<std::uintptr_t>(begin) % kHugePageBytes;
  const std::size_t skipped = above == 0 ? 0 : kHugePageBytes - above;
  std::byte* const page = begin + skipped;
  if (skipped > 0) TM_CHECK_EQ(::munmap(begin, skipped), 0);
  TM_CHECK_EQ(::munmap(page + kHugePageBytes, kHugePageBytes - skipped), 0);
  // Only a wish: without it the page is made of small ones.
  static_cast<void>(::madvise(page, kHugePageBytes, MADV_HUGEPAGE));
  return page;
}

void UnmapHugePage(std::byte* page) { TM_CHECK_EQ(::munmap(page, kHugePageBytes), 0); }

}  // namespace tidemark
