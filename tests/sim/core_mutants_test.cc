// The lives of the whole core with each planted bug switched on in turn: a bug that no life finds
// is a hole in the simulation. Each runs in a process of its own, for many end in a failed check.
#include <cstdio>
#include <string>

#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "env/faults.h"
#include "sim/core_life.h"
#include "telemetry/log_line.h"

namespace tidemark::sim {
namespace {

constexpr std::uint64_t kSeedsMax = 2'000;
constexpr unsigned kSecondsMax = 30;

struct Shared {
  std::uint64_t seed;
  char failure[160];
};

// The child's part.
[[noreturn]] void Hunt(env::Bug bug, Shared* shared) {
  env::planted_bug = bug;
  ::alarm(kSecondsMax);
  std::freopen("/dev/null", "w", stderr);
  for (shared->seed = 1; shared->seed <= kSeedsMax; ++shared->seed) {
    const LifeReport report = CoreLife(shared->seed).Run();
    if (report.failure.empty()) continue;
    std::snprintf(shared->failure, sizeof shared->failure, "%s", report.failure.c_str());
    ::_exit(1);
  }
  ::_exit(0);
}

TEST(CoreMutants, EachPlantedBugIsFound) {
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto* shared = static_cast<Shared*>(memory);
  for (int bug = 1; bug < static_cast<int>(env::Bug::kEnd); ++bug) {
    *shared = {};
    std::fflush(stdout);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) Hunt(static_cast<env::Bug>(bug), shared);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    const bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    const bool tired = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    EXPECT_FALSE(clean || tired) << "planted bug " << bug << " survives " << shared->seed
                                 << " seeds";
    std::printf("planted bug %2d: seed %4llu: %s\n", bug,
                static_cast<unsigned long long>(shared->seed),
                clean || tired            ? "NOT FOUND"
                : shared->failure[0] != 0 ? shared->failure
                                          : "a check failed");
  }
  ::munmap(memory, sizeof(Shared));
}

}  // namespace
}  // namespace tidemark::sim

int main(int argc, char** argv) {
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  testing::InitGoogleTest(&argc, argv);
  tidemark::telemetry::SetLogLevel(tidemark::telemetry::Level::kOff);
  return RUN_ALL_TESTS();
}
