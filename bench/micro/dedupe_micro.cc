// What the index of ids costs: build/release/bench/dedupe_micro IDS FOLDER [MEMORY_MIB].
//
// Adds IDS new ids in batches of 1,000, as the log's thread does, while another thread writes runs
// and merges them; then sends 100,000 of them again, which must all be found. One JSON line: CPU
// time of the log's thread and of both an id (with that of making the ids), memory (the index's own
// account and the process's peak), bytes on disk an id; and what the same would be of 10^9 ids.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
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
constexpr double kMiBytes = 1ULL << 20;
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

// What a thousand million ids would cost, from what these have cost. Runs grow four times from size
// to size, and an id is written once for each; of each id the filter stays in memory and the record
// on the disk. A new id asks the filter of every run, three of each size at most.
struct Model {
  double new_ns = 0;
  double process_ns = 0;
  double memory_mib = 0;
  double disk_gib = 0;
  double sizes = 0;
};

class Bench {
 public:
  Bench(const std::string& folder, std::uint64_t memory_mib)
      : random_(env::EntropySeed()), budget_(memory_mib * kMiB), metrics_(registry_) {
    auto disk = env::OpenPosixDisk(folder);
    TM_CHECK(disk.has_value());
    disk_ = *std::move(disk);
    auto opened = Index::Open(options_, {disk_.get(), &clock_, &random_, &budget_, &metrics_});
    TM_CHECK(opened.has_value());
    index_ = *std::move(opened);
    empty_bytes_ = index_->memory_bytes();
  }

  void Run(std::uint64_t ids) {
    env::Worker worker("index", [this]() -> Duration {
      const auto more = index_->Work();
      TM_CHECK(more.has_value());
      return *more ? Duration::zero() : std::chrono::milliseconds(1);
    });
    for (std::uint64_t at = 0; at < ids; at += kBatch) Send(ItemsOf(*index_, at, 1), false);
    // Runs that are still to be written or merged are part of the price.
    while (index_->has_work()) std::this_thread::yield();
    worker.Stop();
    for (bool more = true; more;) {
      const auto worked = index_->Work();
      TM_CHECK(worked.has_value());
      more = *worked;
    }
    const auto count = static_cast<double>(ids);
    new_ns_ = log_seconds_ * 1e9 / count;
    process_ns_ = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID) * 1e9 / count;
    log_seconds_ = 0;
    const std::uint64_t reads = metrics_.page_reads.value();
    const std::uint64_t step = std::max<std::uint64_t>(1, ids / kAgain);
    std::uint64_t again = 0;
    for (std::uint64_t at = 0; at + kBatch * step <= ids; at += kBatch * step, again += kBatch) {
      Send(ItemsOf(*index_, at, step), true);
    }
    duplicate_ns_ = log_seconds_ * 1e9 / static_cast<double>(std::max<std::uint64_t>(again, 1));
    new_reads_ = reads;
    Print(ids);
  }

 private:
  void Send(std::vector<Item> items, bool known) {
    const TimeMicros now(1'700'000'000'000'000 + static_cast<std::int64_t>(sequence_ * kBatch) *
                                                     1'000'000 / kEventsPerSecond);
    for (;;) {
      const double before = CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
      if (index_->Begin(items.size(), 0).has_value()) {
        TM_CHECK(index_->FindOrAdd(items, now).has_value());
        index_->Advance(now);
        index_->Commit(++sequence_);
        index_->Tend();
        log_seconds_ += CpuSeconds(CLOCK_THREAD_CPUTIME_ID) - before;
        break;
      }
      std::this_thread::yield();  // The other thread is behind; the log's thread would refuse.
    }
    for (const Item& item : items) TM_CHECK(item.found == known);
  }

  double DiskBytesAnId() const {
    const auto in_runs = static_cast<double>(metrics_.entries.value());
    return in_runs > 0 ? static_cast<double>(metrics_.disk_bytes.value()) / in_runs : 0;
  }

  Model ModelOf(double ids, double wanted) const {
    const double table = static_cast<double>(options_.table_entries_max) * 0.75;
    const auto sizes = [&](double count) {
      return std::max(1.0, std::ceil(std::log(count / table) /
                                     std::log(static_cast<double>(options_.merge_runs))));
    };
    const double writing_ns = std::max(0.0, process_ns_ - new_ns_) / sizes(ids);
    Model model;
    model.sizes = sizes(wanted);
    // More filters are asked, three for each size more, and each is asked in the same time.
    model.new_ns = new_ns_ * std::max(1.0, model.sizes / sizes(ids));
    model.process_ns = model.new_ns + writing_ns * model.sizes;
    const double filter = static_cast<double>(kFilterBitsPerEntry) / 8;
    model.memory_mib = (static_cast<double>(empty_bytes_) + filter * wanted) / kMiBytes;
    model.disk_gib = DiskBytesAnId() * wanted / kMiBytes / 1'024;
    return model;
  }

  void Print(std::uint64_t ids) const {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const Model model = ModelOf(static_cast<double>(ids), 1e9);
    std::printf(
        "{\"ids\": %llu, \"new_ns\": %.0f, \"new_ns_with_writing\": %.0f, \"duplicate_ns\": %.0f, "
        "\"index_mib\": %.0f, \"peak_rss_mib\": %.0f, \"runs\": %lld, \"disk_bytes_an_id\": %.2f, "
        "\"page_reads_of_new\": %llu, \"model_of_1e9\": {\"new_ns\": %.0f, "
        "\"new_ns_with_writing\": %.0f, \"index_mib\": %.0f, \"disk_gib\": %.1f, "
        "\"times_written\": %.0f}}\n",
        static_cast<unsigned long long>(ids), new_ns_, process_ns_, duplicate_ns_,
        static_cast<double>(index_->memory_bytes()) / kMiBytes,
        static_cast<double>(usage.ru_maxrss) / 1'024, static_cast<long long>(metrics_.runs.value()),
        DiskBytesAnId(), static_cast<unsigned long long>(new_reads_), model.new_ns,
        model.process_ns, model.memory_mib, model.disk_gib, model.sizes);
  }

  const IndexOptions options_;
  env::PosixClock clock_;
  env::Random random_;
  MemoryBudget budget_;
  telemetry::Registry registry_;
  IndexMetrics metrics_;
  std::unique_ptr<env::Disk> disk_;
  std::unique_ptr<Index> index_;
  std::uint64_t empty_bytes_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t new_reads_ = 0;
  double log_seconds_ = 0;
  double new_ns_ = 0;
  double process_ns_ = 0;
  double duplicate_ns_ = 0;
};

}  // namespace
}  // namespace tidemark::dedupe

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: dedupe_micro IDS FOLDER [MEMORY_MIB]\n");
    return 2;
  }
  tidemark::dedupe::Bench bench(argv[2], argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1'600);
  bench.Run(std::strtoull(argv[1], nullptr, 10));
  return 0;
}
