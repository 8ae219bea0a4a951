// Keeps the process within its memory budget, by its true size: what the heap holds free goes back
// to the kernel while the process is large; when that is not enough, what is only kept to be fast
// is given up, and then statements are stopped, the newest first. What the core takes is reserved
// in the budget before; what a statement takes the engine counts only in part.
#pragma once

#include <cstdint>
#include <functional>

#include "base/units.h"
#include "env/clock.h"
#include "telemetry/metrics.h"

namespace tidemark::app {

class MemoryKeeper {
 public:
  struct Relief {
    std::function<void()> drop_caches;
    std::function<bool()> stop_newest;  // Stops a statement; false if there is none.
  };

  // `clock` and `registry` must outlive it.
  MemoryKeeper(std::uint64_t bytes_max, Relief relief, const env::Clock* clock,
               telemetry::Registry* registry);

  // A worker's step; one thread.
  Duration Step();

 private:
  const std::uint64_t bytes_max_;
  const Relief relief_;
  const env::Clock* const clock_;
  Duration next_return_{};
  Duration next_idle_return_{};
  Duration next_drop_{};
  Duration next_stop_{};
  telemetry::Gauge& resident_bytes_;        // tidemark_memory_resident_bytes
  telemetry::Counter& dropped_caches_;      // tidemark_memory_dropped_caches_total
  telemetry::Counter& stopped_statements_;  // tidemark_memory_stopped_statements_total
};

}  // namespace tidemark::app
