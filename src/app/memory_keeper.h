// Keeps the process near its memory budget: what the heap holds free goes back to the kernel while
// the process is large, and its true size is a metric.
#pragma once

#include <cstdint>

#include "base/units.h"
#include "telemetry/metrics.h"

namespace tidemark::app {

class MemoryKeeper {
 public:
  // `registry` must outlive it.
  MemoryKeeper(std::uint64_t bytes_max, telemetry::Registry* registry);

  // A worker's step; one thread.
  Duration Step();

 private:
  const std::uint64_t large_bytes_;
  telemetry::Gauge& resident_bytes_;  // tidemark_memory_resident_bytes
};

}  // namespace tidemark::app
