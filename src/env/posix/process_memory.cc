#include "env/posix/process_memory.h"

#include <cstdio>
#include <memory>

#include <malloc.h>
#include <unistd.h>

namespace tidemark::env {
namespace {

constexpr int kLargeBlockBytes = 4 << 20;

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

void ReturnLargeBlocks() {
  ::mallopt(M_MMAP_THRESHOLD, kLargeBlockBytes);
  ::mallopt(M_TRIM_THRESHOLD, kLargeBlockBytes);
}

void ReturnFreeMemory() { ::malloc_trim(0); }

std::uint64_t ResidentBytes() {
  const std::unique_ptr<std::FILE, Closer> file(std::fopen("/proc/self/statm", "re"));
  unsigned long long size = 0;
  unsigned long long resident = 0;
  if (!file || std::fscanf(file.get(), "%llu %llu", &size, &resident) != 2) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace tidemark::env
