#include "app/memory_keeper.h"

#include <chrono>

#include "env/posix/process_memory.h"

namespace tidemark::app {
namespace {

constexpr Duration kEvery = std::chrono::seconds(1);

}  // namespace

// Small processes keep what they have: to fault pages in again costs more than they hold.
MemoryKeeper::MemoryKeeper(std::uint64_t bytes_max, telemetry::Registry* registry)
    : large_bytes_(bytes_max / 2),
      resident_bytes_(registry->AddGauge("tidemark_memory_resident_bytes",
                                         "Memory of the process as the kernel counts it.")) {}

Duration MemoryKeeper::Step() {
  if (env::ResidentBytes() > large_bytes_) env::ReturnFreeMemory();
  resident_bytes_.Set(static_cast<std::int64_t>(env::ResidentBytes()));
  return kEvery;
}

}  // namespace tidemark::app
