// What Prometheus' clients of other languages tell of their process.
#pragma once

#include <cstdint>

namespace tidemark::env {

struct ProcessFacts {
  double cpu_seconds = 0;  // Of all threads, user and system.
  std::uint64_t open_files = 0;
  std::uint64_t open_files_max = 0;
};

// 0 is what the kernel does not say. Any thread.
ProcessFacts ReadProcessFacts();

}  // namespace tidemark::env
