#include "env/posix/process_memory.h"

#include <cstdio>
#include <memory>

#include <malloc.h>
#include <unistd.h>

#include "env/large_block.h"

namespace tidemark::env {
namespace {

constexpr int kMappedBytesMin = 4 << 20;
constexpr std::size_t kIdleShare = 16;

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

void ReturnLargeBlocks() {
  ::mallopt(M_MMAP_THRESHOLD, kMappedBytesMin);
  ::mallopt(M_TRIM_THRESHOLD, kMappedBytesMin);
}

void ReturnFreeMemory() {
  FreeLargeBlocks(1);
  ::malloc_trim(0);
}

void ReturnIdleMemory() { FreeLargeBlocks(kIdleShare); }

std::uint64_t ResidentBytes() {
  const std::unique_ptr<std::FILE, Closer> file(std::fopen("/proc/self/statm", "re"));
  unsigned long long size = 0;
  unsigned long long resident = 0;
  if (!file || std::fscanf(file.get(), "%llu %llu", &size, &resident) != 2) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace tidemark::env
