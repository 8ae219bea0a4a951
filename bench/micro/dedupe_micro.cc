// What the index of ids costs: build/release/bench/dedupe_micro IDS FOLDER [MEMORY_MIB].
//
// Adds IDS new ids in batches of 1,000, as the log's thread does, while another thread writes runs
// and merges them; then sends 100,000 of them again, which must all be found. One JSON line: CPU
// time of the log's thread and of both an id, memory (the index's own account and the process's
// peak), bytes on disk an id.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include "base/check.h"
#include "dedupe/index.h"
#include "env/posix/posix_clock.h"
#include "env/posix/posix_disk.h"
#include "env/worker.h"

namespace tidemark::dedupe {
namespace {

constexpr std::size_t kBatch = 1'000;
constexpr std::uint64_t kAgain = 100'000;
constexpr std::int64_t kEventsPerSecond = 100'000;
constexpr std::uint64_t kMiB = 1ULL << 20;

double CpuSeconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// As a UUID is written.
std::string IdOf(std::uint64_t number) {
  char text[40];
  const std::uint64_t a = number * 0x9E3779B97F4A7C15ULL;
  std::snprintf(text, sizeof text, "%08x-%04x-4%03x-8%03x-%012llx", static_cast<unsigned>(a >> 32),
                static_cast<unsigned>(a >> 16) & 0xFFFFU, static_cast<unsigned>(a) & 0xFFFU,
                static_cast<unsigned>(number % 4'096), static_cast<unsigned long long>(number));
  return text;
}

std::vector<Item> ItemsOf(const Index& index, std::uint64_t first, std::uint64_t step) {
  std::vector<Item> items(kBatch);
  for (std::size_t i = 0; i < kBatch; ++i) {
    items[i].hash = index.HashOf('e', "default", IdOf(first + i * step));
  }
  return items;
}

int Main(std::uint64_t ids, const std::string& folder, std::uint64_t memory_mib) {
  env::PosixClock clock;
  env::Random random(env::EntropySeed());
  MemoryBudget budget(memory_mib * kMiB);
  telemetry::Registry registry;
  IndexMetrics metrics(registry);
  const auto disk = env::OpenPosixDisk(folder);
  TM_CHECK(disk.has_value());
  auto opened = Index::Open({}, {disk->get(), &clock, &random, &budget, &metrics});
  TM_CHECK(opened.has_value());
  Index& index = **opened;
  env::Worker worker("index", [&]() -> Duration {
    const auto more = index.Work();
    TM_CHECK(more.has_value());
    return *more ? Duration::zero() : std::chrono::milliseconds(1);
  });
  std::uint64_t sequence = 0;
  double log_seconds = 0;
  const auto send = [&](std::vector<Item> items, bool known) {
    const TimeMicros now(1'700'000'000'000'000 + static_cast<std::int64_t>(sequence * kBatch) *
                                                     1'000'000 / kEventsPerSecond);
    for (;;) {
      const double before = CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
      const bool begun = index.Begin(items.size(), 0).has_value();
      if (!begun) {  // The other thread is behind; the log's thread would refuse.
        std::this_thread::yield();
        continue;
      }
      TM_CHECK(index.FindOrAdd(items, now).has_value());
      index.Advance(now);
      index.Commit(++sequence);
      index.Tend();
      log_seconds += CpuSeconds(CLOCK_THREAD_CPUTIME_ID) - before;
      break;
    }
    for (const Item& item : items) TM_CHECK(item.found == known);
  };
  for (std::uint64_t at = 0; at < ids; at += kBatch) send(ItemsOf(index, at, 1), false);
  const double new_ns = log_seconds * 1e9 / static_cast<double>(ids);
  const double process_ns = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID) * 1e9 / static_cast<double>(ids);
  log_seconds = 0;
  const std::uint64_t step = std::max<std::uint64_t>(1, ids / kAgain);
  for (std::uint64_t at = 0; at + kBatch * step <= ids; at += kBatch * step) {
    send(ItemsOf(index, at, step), true);
  }
  const double again_ns = log_seconds * 1e9 / static_cast<double>(ids / (kBatch * step) * kBatch);
  while (index.has_work()) std::this_thread::yield();
  worker.Stop();
  for (;;) {
    const auto more = index.Work();
    TM_CHECK(more.has_value());
    if (!*more) break;
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const double in_runs = static_cast<double>(metrics.entries.value());
  std::printf(
      "{\"ids\": %llu, \"new_ns\": %.0f, \"new_ns_with_writing\": %.0f, \"duplicate_ns\": %.0f, "
      "\"index_mib\": %.0f, \"peak_rss_mib\": %.0f, \"runs\": %lld, \"disk_bytes_an_id\": %.2f, "
      "\"page_reads\": %llu}\n",
      static_cast<unsigned long long>(ids), new_ns, process_ns, again_ns,
      static_cast<double>(index.memory_bytes()) / static_cast<double>(kMiB),
      static_cast<double>(usage.ru_maxrss) / 1024, static_cast<long long>(metrics.runs.value()),
      in_runs > 0 ? static_cast<double>(metrics.disk_bytes.value()) / in_runs : 0.0,
      static_cast<unsigned long long>(metrics.page_reads.value()));
  return 0;
}

}  // namespace
}  // namespace tidemark::dedupe

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: dedupe_micro IDS FOLDER [MEMORY_MIB]\n");
    return 2;
  }
  return tidemark::dedupe::Main(std::strtoull(argv[1], nullptr, 10), argv[2],
                                argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1'600);
}
