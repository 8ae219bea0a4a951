// Lives of the whole core, seeds 1 to N, always the same ones, so that a red run is the change's
// own. `--seed=K` replays one, `--seeds=N` runs more, `--random-base` begins elsewhere.

#include <charconv>
#include <csignal>
#include <cstdio>
#include <string_view>

#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include "sim/core_life.h"
#include "telemetry/log_line.h"

namespace tidemark::sim {
namespace {

constexpr std::uint64_t kRepeatOneIn = 20;

std::uint64_t first_seed = 1;
volatile std::uint64_t current_seed = 0;
std::uint64_t seed_count = 3'000;

TEST(CoreSim, KeepsEveryPromiseForEverySeed) {
  std::uint64_t steps = 0;
  std::uint64_t crashes = 0;
  std::uint64_t flushes = 0;
  std::uint64_t acknowledged = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + seed_count; ++seed) {
    current_seed = seed;
    const LifeReport report = CoreLife(seed).Run();
    ASSERT_TRUE(report.failure.empty())
        << report.failure << "\nreplay with: make sim SEED=" << seed;
    steps += report.steps;
    crashes += report.crashes;
    flushes += report.flushes;
    acknowledged += report.acknowledged;
    if (seed % kRepeatOneIn == 0) {
      ASSERT_EQ(CoreLife(seed).Run().trace_hash, report.trace_hash)
          << "seed " << seed << " is not deterministic";
    }
  }
  std::printf("%llu lives, %llu steps, %llu crashes, %llu flushes, %llu events acknowledged\n",
              static_cast<unsigned long long>(seed_count), static_cast<unsigned long long>(steps),
              static_cast<unsigned long long>(crashes), static_cast<unsigned long long>(flushes),
              static_cast<unsigned long long>(acknowledged));
}

// A failed check ends the process: say which life it was.
void TellSeed(int /*signal*/) {
  char line[64];
  const int size = std::snprintf(line, sizeof line, "replay with: make sim SEED=%llu\n",
                                 static_cast<unsigned long long>(current_seed));
  if (::write(STDERR_FILENO, line, static_cast<std::size_t>(size)) < 0) return;
}

void ReadArgument(std::string_view argument) {
  const auto number = [&](std::string_view name, std::uint64_t* value) {
    if (!argument.starts_with(name)) return false;
    const std::string_view digits = argument.substr(name.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), *value);
    return true;
  };
  if (number("--seed=", &first_seed)) seed_count = 1;
  number("--seeds=", &seed_count);
  number("--first=", &first_seed);
  if (argument == "--random-base") {
    first_seed = Hash64(std::to_string(::getpid())) >> 16;
  }
}

}  // namespace
}  // namespace tidemark::sim

int main(int argc, char** argv) {
  // Lives take and give back much memory: not to the system.
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) tidemark::sim::ReadArgument(argv[i]);
  std::signal(SIGABRT, tidemark::sim::TellSeed);
  tidemark::telemetry::SetLogLevel(tidemark::telemetry::Level::kOff);
  return RUN_ALL_TESTS();
}
