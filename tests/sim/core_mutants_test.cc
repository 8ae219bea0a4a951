// The lives of the whole core with each planted bug switched on in turn: a bug that no life finds
// is a hole in the simulation. They must find every one within the seeds that CI runs without a
// bug, most of them within the first few.
#include <cstdio>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "env/faults.h"
#include "sim/swarm.h"
#include "telemetry/log_line.h"

namespace tidemark::sim {
namespace {

constexpr std::uint64_t kSeedsMax = 20'000;
constexpr unsigned kSecondsMax = 60;

// `--bug=N` hunts one.
int only_bug = 0;

TEST(CoreMutants, EachPlantedBugIsFound) {
  if (kSanitized) GTEST_SKIP() << "a bug that a check stops would be a report of the sanitizer";
  for (int bug = 1; bug < static_cast<int>(env::Bug::kEnd); ++bug) {
    if (only_bug != 0 && bug != only_bug) continue;
    const SwarmReport report =
        RunSwarm({.seed_count = kSeedsMax, .repeat_one_in = 0, .seconds_max = kSecondsMax}, [bug] {
          env::planted_bug<env::Bug> = static_cast<env::Bug>(bug);
          // What a failed check prints is no news here.
          if (std::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(2);
        });
    EXPECT_FALSE(report.failure.empty())
        << "planted bug " << bug << " survives " << report.lives << " lives";
    std::printf("planted bug %2d: seed %4llu: %s\n", bug,
                static_cast<unsigned long long>(report.failed_seed),
                report.failure.empty() ? "NOT FOUND" : report.failure.c_str());
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace tidemark::sim

int main(int argc, char** argv) {
  tidemark::sim::PrepareHeap();
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with("--bug=")) {
      tidemark::sim::only_bug = std::stoi(std::string(argument.substr(6)));
    }
  }
  tidemark::telemetry::SetLogLevel(tidemark::telemetry::Level::kOff);
  return RUN_ALL_TESTS();
}
