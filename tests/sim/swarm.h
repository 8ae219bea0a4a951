// Lives of the whole core in as many processes as there are cores. Each life depends on its seed
// alone, so it does not matter which process lives it; and a life that ends in a failed check ends
// its process only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "sim/core_life.h"

namespace tidemark::sim {

struct SwarmReport {
  std::uint64_t lives = 0;
  std::uint64_t steps = 0;
  std::uint64_t crashes = 0;
  std::uint64_t flushes = 0;
  std::uint64_t usurpers = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t foreign_commits = 0;
  std::uint64_t kept_copies = 0;
  // Of the lowest seed that failed: seeds below it were all lived and kept every promise.
  std::string failure;  // Empty: every life kept every promise.
  std::uint64_t failed_seed = 0;
};

struct SwarmOptions {
  std::uint64_t first_seed = 1;
  std::uint64_t seed_count = 0;
  unsigned processes = 0;            // 0: one a core.
  std::uint64_t repeat_one_in = 50;  // Lived twice: the traces must match. 0: none.
  unsigned seconds_max = 0;          // No life is begun after so long. 0: no limit.
};

// Built with AddressSanitizer or ThreadSanitizer: many times slower.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

// Stops soon after the first failure. `prepare` runs in each process before its first life.
SwarmReport RunSwarm(const SwarmOptions& options, const std::function<void()>& prepare = {});

// For main(): lives take and give back much memory, so the allocator is told to keep it.
void PrepareHeap();

}  // namespace tidemark::sim
