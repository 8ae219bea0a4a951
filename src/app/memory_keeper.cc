#include "app/memory_keeper.h"

#include <chrono>
#include <utility>

#include "env/posix/process_memory.h"

namespace tidemark::app {
namespace {

// Looks so often while the process is large, else once a second.
constexpr Duration kLookEvery = std::chrono::milliseconds(50);
constexpr Duration kReturnEvery = std::chrono::seconds(1);
// Caches that fill again at once are not what is too large.
constexpr Duration kDropEvery = std::chrono::seconds(5);
// What one statement held is given back before the next one is stopped.
constexpr Duration kStopEvery = std::chrono::milliseconds(250);

}  // namespace

MemoryKeeper::MemoryKeeper(std::uint64_t bytes_max, Relief relief, const env::Clock* clock,
                           telemetry::Registry* registry)
    : bytes_max_(bytes_max),
      relief_(std::move(relief)),
      clock_(clock),
      resident_bytes_(registry->AddGauge("tidemark_memory_resident_bytes",
                                         "Memory of the process as the kernel counts it.")),
      dropped_caches_(registry->AddCounter(
          "tidemark_memory_dropped_caches_total",
          "How often footers and pages of files were given up because memory was used up.")),
      stopped_statements_(
          registry->AddCounter("tidemark_memory_stopped_statements_total",
                               "Statements that were stopped because memory was used up.")) {}

Duration MemoryKeeper::Step() {
  const Duration now = clock_->Now();
  std::uint64_t resident = env::ResidentBytes();
  const bool full = resident > bytes_max_;
  if (full && now >= next_drop_) {
    relief_.drop_caches();
    dropped_caches_.Add(1);
    next_drop_ = now + kDropEvery;
    next_return_ = now;
  }
  // A small process keeps what it has: to fault pages in again costs more than they hold.
  if (resident > bytes_max_ / 2 && (now >= next_return_ || (full && now >= next_stop_))) {
    env::ReturnFreeMemory();
    next_return_ = now + kReturnEvery;
    resident = env::ResidentBytes();
  } else if (now >= next_idle_return_) {
    env::ReturnIdleMemory();
    next_idle_return_ = now + kReturnEvery;
  }
  if (resident > bytes_max_ && now >= next_stop_ && relief_.stop_newest()) {
    stopped_statements_.Add(1);
    next_stop_ = now + kStopEvery;
  }
  resident_bytes_.Set(static_cast<std::int64_t>(resident));
  return resident > bytes_max_ / 2 ? kLookEvery : kReturnEvery;
}

}  // namespace tidemark::app
