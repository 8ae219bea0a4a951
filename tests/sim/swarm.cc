#include "sim/swarm.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <new>
#include <utility>
#include <vector>

#include <malloc.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "env/posix/posix_clock.h"

namespace tidemark::sim {
namespace {

constexpr unsigned kProcessesMax = 64;
constexpr std::size_t kFailureBytesMax = 400;
constexpr int kExitWell = 0;

// What a process of the swarm tells. Seeds are taken in order: a failure in one process stops the
// others after their life, so the lowest failed seed is always found.
struct Slot {
  SwarmReport sums;  // Its text stays empty.
  std::uint64_t seed = 0;
  bool failed = false;
  char failure[kFailureBytesMax] = {};
};
struct Shared {
  std::atomic<std::uint64_t> next_seed{0};
  std::atomic<bool> stop{false};
  Slot slots[kProcessesMax];
};

void Tell(Slot* slot, const std::string& failure) {
  std::snprintf(slot->failure, sizeof slot->failure, "%s", failure.c_str());
  slot->failed = true;
}

bool LiveOne(const SwarmOptions& options, Slot* slot) {
  const LifeReport report = CoreLife(slot->seed).Run();
  slot->sums.lives += 1;
  slot->sums.steps += report.steps;
  slot->sums.crashes += report.crashes;
  slot->sums.flushes += report.flushes;
  slot->sums.usurpers += report.usurpers;
  slot->sums.acknowledged += report.acknowledged;
  slot->sums.foreign_commits += report.foreign_commits;
  slot->sums.kept_copies += report.kept_copies;
  if (!report.failure.empty()) {
    Tell(slot, report.failure);
    return false;
  }
  if (options.repeat_one_in == 0 || slot->seed % options.repeat_one_in != 0) return true;
  if (CoreLife(slot->seed).Run().trace_hash == report.trace_hash) return true;
  Tell(slot, "the second life of this seed is another one");
  return false;
}

[[noreturn]] void LiveAll(const SwarmOptions& options, const std::function<void()>& prepare,
                          Shared* shared, Slot* slot) {
  if (prepare) prepare();
  const env::PosixClock clock;
  const Duration begin = clock.Now();
  while (!shared->stop.load()) {
    const Duration spent = clock.Now() - begin;
    if (options.seconds_max > 0 && spent > std::chrono::seconds(options.seconds_max)) break;
    slot->seed = shared->next_seed.fetch_add(1);
    if (slot->seed >= options.first_seed + options.seed_count) break;
    if (!LiveOne(options, slot)) break;
  }
  if (slot->failed) shared->stop.store(true);
  std::fflush(stdout);
  ::_exit(kExitWell);
}

void Add(const Slot& slot, SwarmReport* report) {
  report->lives += slot.sums.lives;
  report->steps += slot.sums.steps;
  report->crashes += slot.sums.crashes;
  report->flushes += slot.sums.flushes;
  report->usurpers += slot.sums.usurpers;
  report->acknowledged += slot.sums.acknowledged;
  report->foreign_commits += slot.sums.foreign_commits;
  report->kept_copies += slot.sums.kept_copies;
  if (!slot.failed || (!report->failure.empty() && report->failed_seed < slot.seed)) return;
  report->failure = slot.failure;
  report->failed_seed = slot.seed;
}

}  // namespace

SwarmReport RunSwarm(const SwarmOptions& options, const std::function<void()>& prepare) {
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  TM_CHECK(memory != MAP_FAILED);
  auto* shared = new (memory) Shared();
  shared->next_seed.store(options.first_seed);
  const unsigned wanted =
      options.processes > 0 ? options.processes
                            : std::max(1U, static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN)));
  const unsigned processes = std::min(wanted, kProcessesMax);
  std::vector<pid_t> children;
  std::fflush(stdout);
  for (unsigned i = 0; i < processes; ++i) {
    const pid_t child = ::fork();
    TM_CHECK_GE(child, 0);
    if (child == 0) LiveAll(options, prepare, shared, &shared->slots[i]);
    children.push_back(child);
  }
  SwarmReport report;
  for (std::size_t left = children.size(); left > 0; --left) {
    int status = 0;
    const pid_t child = ::wait(&status);
    const auto found = std::find(children.begin(), children.end(), child);
    TM_CHECK(found != children.end());
    Slot& slot = shared->slots[found - children.begin()];
    if (!WIFEXITED(status) || WEXITSTATUS(status) != kExitWell) {
      shared->stop.store(true);
      Tell(&slot, "a check failed: see above");
    }
    Add(slot, &report);
  }
  shared->~Shared();
  ::munmap(memory, sizeof(Shared));
  return report;
}

void PrepareHeap() {
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
}

}  // namespace tidemark::sim
