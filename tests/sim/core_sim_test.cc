// Lives of the whole core, seeds 1 to N, always the same ones, so that a red run is the change's
// own. `--seed=K` replays one, `--seeds=N` runs more, `--random-base` begins elsewhere.

#include <charconv>
#include <chrono>
#include <cstdio>
#include <string_view>

#include <gtest/gtest.h>
#include <unistd.h>

#include "sim/swarm.h"
#include "telemetry/log_line.h"

namespace tidemark::sim {
namespace {

SwarmOptions options{.seed_count = kSanitized ? 500 : 20'000};

TEST(CoreSim, KeepsEveryPromiseForEverySeed) {
  const SwarmReport report = RunSwarm(options);
  ASSERT_TRUE(report.failure.empty())
      << report.failure << "\nreplay with: make sim SEED=" << report.failed_seed;
  ASSERT_EQ(report.lives, options.seed_count);
  std::printf(
      "%llu lives, %llu steps, %llu crashes, %llu flushes, %llu events acknowledged, "
      "%llu commits of another engine, %llu copies of paths\n",
      static_cast<unsigned long long>(report.lives), static_cast<unsigned long long>(report.steps),
      static_cast<unsigned long long>(report.crashes),
      static_cast<unsigned long long>(report.flushes),
      static_cast<unsigned long long>(report.acknowledged),
      static_cast<unsigned long long>(report.foreign_commits),
      static_cast<unsigned long long>(report.kept_copies));
}

void ReadArgument(std::string_view argument) {
  const auto number = [&](std::string_view name, std::uint64_t* value) {
    if (!argument.starts_with(name)) return false;
    const std::string_view digits = argument.substr(name.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), *value);
    return true;
  };
  if (number("--seed=", &options.first_seed)) options.seed_count = 1;
  number("--seeds=", &options.seed_count);
  number("--first=", &options.first_seed);
  if (argument == "--random-base") {
    options.first_seed = Hash64(std::to_string(::getpid())) >> 16;
  }
}

}  // namespace
}  // namespace tidemark::sim

int main(int argc, char** argv) {
  tidemark::sim::PrepareHeap();
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) tidemark::sim::ReadArgument(argv[i]);
  tidemark::telemetry::SetLogLevel(tidemark::telemetry::Level::kOff);
  return RUN_ALL_TESTS();
}
