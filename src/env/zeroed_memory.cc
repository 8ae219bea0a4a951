#include "env/zeroed_memory.h"

#include <cstring>
#include <new>

#include <sys/mman.h>

#include "base/check.h"

namespace tidemark::env {
namespace {

constexpr std::align_val_t kAlign{64};

char* Map(std::size_t bytes) {
  void* const mapped =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  // An older kernel puts the pages in place as they are written.
  static_cast<void>(::madvise(mapped, bytes, MADV_POPULATE_WRITE));
  return static_cast<char*>(mapped);
}

char* Take(std::size_t bytes) {
  if (bytes >= ZeroedMemory::kMappedBytes) return Map(bytes);
  return static_cast<char*>(std::memset(::operator new(bytes, kAlign), 0, bytes));
}

}  // namespace

ZeroedMemory::ZeroedMemory(std::size_t bytes) : memory_(Take(bytes), Free{bytes}) {}

void ZeroedMemory::Free::operator()(char* memory) const {
  if (bytes < kMappedBytes) {
    ::operator delete(memory, kAlign);
  } else {
    TM_CHECK_EQ(::munmap(memory, bytes), 0);
  }
}

}  // namespace tidemark::env
