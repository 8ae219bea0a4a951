#include "app/memory_keeper.h"

#include <chrono>
#include <utility>

#include "env/posix/process_memory.h"

namespace tidemark::app {
namespace {

// Looks so often while the process is large, else once a second.
constexpr Duration kLookEvery = std::chrono::milliseconds(50);
constexpr Duration kReturnEvery = std::chrono::seconds(1);
// What one statement held is given back before the next one is stopped.
constexpr Duration kStopEvery = std::chrono::milliseconds(250);

}  // namespace

MemoryKeeper::MemoryKeeper(std::uint64_t bytes_max, std::function<bool()> stop_newest,
                           const env::Clock* clock, telemetry::Registry* registry)
    : bytes_max_(bytes_max),
      stop_newest_(std::move(stop_newest)),
      clock_(clock),
      resident_bytes_(registry->AddGauge("tidemark_memory_resident_bytes",
                                         "Memory of the process as the kernel counts it.")),
      stopped_statements_(
          registry->AddCounter("tidemark_memory_stopped_statements_total",
                               "Statements that were stopped because memory was used up.")) {}

Duration MemoryKeeper::Step() {
  const Duration now = clock_->Now();
  std::uint64_t resident = env::ResidentBytes();
  const bool full = resident > bytes_max_;
  // A small process keeps what it has: to fault pages in again costs more than they hold.
  if (resident > bytes_max_ / 2 && (now >= next_return_ || (full && now >= next_stop_))) {
    env::ReturnFreeMemory();
    next_return_ = now + kReturnEvery;
    resident = env::ResidentBytes();
  } else if (now >= next_idle_return_) {
    env::ReturnIdleMemory();
    next_idle_return_ = now + kReturnEvery;
  }
  if (resident > bytes_max_ && now >= next_stop_ && stop_newest_()) {
    stopped_statements_.Add(1);
    next_stop_ = now + kStopEvery;
  }
  resident_bytes_.Set(static_cast<std::int64_t>(resident));
  return resident > bytes_max_ / 2 ? kLookEvery : kReturnEvery;
}

}  // namespace tidemark::app
