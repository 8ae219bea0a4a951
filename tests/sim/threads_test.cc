// The core on real threads and a real disk, for ThreadSanitizer: submitters, the log's thread, the
// tide's, readers that hold cuts while their rows settle, and somebody who always wants everything
// settled. What steps of one thread may interleave with is the simulation's part; here it is that
// the threads share nothing that they should not.

#include <atomic>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <semaphore>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "catalog/sqlite_catalog.h"
#include "env/local_store.h"
#include "env/posix/posix_clock.h"
#include "env/posix/posix_disk.h"
#include "env/worker.h"
#include "event/batch.h"
#include "event/quarantine.h"
#include "meta/database.h"
#include "sim/expect.h"
#include "sim/row_file.h"
#include "telemetry/log_line.h"
#include "tide/core.h"

namespace tidemark::sim {
namespace {

using event::Column;

constexpr std::string_view kProjects[] = {"shop", "site"};
constexpr int kSubmitters = 3;
constexpr int kReaders = 2;
constexpr int kBatchesOfOne = 400;
constexpr int kBatchEventsMax = 20;
constexpr int kInFlightMax = 8;
constexpr std::size_t kHeldCutsMax = 6;

std::string_view TextAt(const event::ColumnView& view, std::size_t row) {
  using Kind = event::ColumnView::Kind;
  if (view.kind == Kind::kConstant) return view.constant_text.view();
  if (view.kind == Kind::kDictionary) return view.dictionary[view.codes[row]].view();
  return view.strings[row].view();
}

// The ids of rows in a sum that any order gives, and how many there are.
struct Sum {
  std::uint64_t rows = 0;
  std::uint64_t hash = 0;

  void Add(const event::RowSource& source) {
    event::ColumnScratch ids;
    event::ColumnScratch properties;
    for (std::size_t chunk = 0; chunk < source.chunk_count(); ++chunk) {
      const auto id = source.Read(chunk, Column::kEventId, &ids);
      const auto text = source.Read(chunk, Column::kProperties, &properties);
      for (std::size_t i = 0; i < source.ChunkRows(chunk); ++i, ++rows) {
        hash += Hash64(TextAt(id, i)) ^ Hash64(TextAt(text, i), 1);
      }
    }
  }
  friend bool operator==(const Sum&, const Sum&) = default;
};

// What a server has, without its network and engine.
class Machine {
 public:
  explicit Machine(const std::string& folder) : disk_(env::OpenPosixDisk(folder).value()) {
    EXPECT_OK(disk_->MakeDir("log"));
    EXPECT_OK(disk_->MakeDir("lake"));
    database_ = meta::Database::Open(disk_->NativePath("meta.db")).value();
    catalog_ = catalog::SqliteCatalog::Open(database_.get()).value();
    store_ = std::make_unique<env::LocalStore>(disk_.get(), "lake");
    tide::TideOptions options;
    options.log.segment_bytes = 1_MiB;
    options.log.reserve_bytes = 64_KiB;
    options.log.retention = Duration::zero();
    options.hot.segment_rows_max = 500;
    options.overlap_bytes_min = 500;  // Both ways of a sync.
    options.flush_rows_max = 3'000;
    options.flush_age = std::chrono::milliseconds(20);
    options.pause = std::chrono::milliseconds(1);
    options.garbage_delay = Duration::zero();
    const auto wake = [](const std::unique_ptr<env::Worker>* worker) {
      return [worker] {
        if (*worker) (*worker)->Wake();
      };
    };
    const tide::CoreParts parts{.disk = disk_.get(),
                                .store = store_.get(),
                                .catalog = catalog_.get(),
                                .writer = &writer_,
                                .reader = nullptr,
                                .clock = &clock_,
                                .log_random = &log_random_,
                                .tide_random = &tide_random_,
                                .budget = &budget_,
                                .registry = &registry_,
                                .wake_ingest = wake(&log_),
                                .wake_tide = wake(&tide_),
                                .wake_index = wake(&index_)};
    core_ = tide::Core::Open(options, parts).value();
    index_ = std::make_unique<env::Worker>("index", [this] { return core_->IndexStep(); });
    log_ = std::make_unique<env::Worker>("log", [this] { return core_->IngestStep(); });
    tide_ = std::make_unique<env::Worker>("tide", [this] { return core_->TideStep(); });
  }
  ~Machine() {
    log_->Stop();
    tide_->Stop();
    index_->Stop();
  }

  tide::Core& core() { return *core_; }
  telemetry::Registry& registry() { return registry_; }

  Status Settle() {
    Status outcome;
    std::binary_semaphore done(0);
    core_->Settle([&](Status status) {
      outcome = std::move(status);
      done.release();
    });
    done.acquire();
    return outcome;
  }

  // Every row of the cut, settled ones from their files. A file may be gone if the cut is not the
  // latest any more: garbage is collected at once here.
  Result<Sum> Read(const tide::Cut& cut) {
    Sum sum;
    sum.Add(*cut.HotRows());
    Status status;
    if (cut.lake) {
      cut.lake->files->ForEach([&](const lake::LiveFile& file) {
        if (!status) return;
        status = reader_.Read(store_->NativePath(file.key), event::EventsSchema(),
                              [&sum](const event::RowSource& rows) {
                                sum.Add(rows);
                                return Status();
                              });
      });
    }
    if (!status) return Fail(status.error());
    return sum;
  }

 private:
  env::PosixClock clock_;
  env::Random log_random_{1};
  env::Random tide_random_{2};
  telemetry::Registry registry_;
  MemoryBudget budget_{256_MiB};
  std::unique_ptr<env::Disk> disk_;
  std::unique_ptr<meta::Database> database_;
  std::unique_ptr<catalog::SqliteCatalog> catalog_;
  std::unique_ptr<env::LocalStore> store_;
  RowFileWriter writer_{disk_.get()};
  RowFileReader reader_{disk_.get()};
  std::unique_ptr<tide::Core> core_;
  std::unique_ptr<env::Worker> log_;
  std::unique_ptr<env::Worker> tide_;
  std::unique_ptr<env::Worker> index_;
};

std::string IdOf(int submitter, int number) {
  return "event-" + std::to_string(submitter) + "-" + std::to_string(number);
}

std::string ItemsOf(std::string_view project, int submitter, std::uint32_t count) {
  const std::string id = std::to_string(submitter);
  event::BatchBuilder builder(project, env::PosixClock().WallNow());
  for (std::uint32_t i = 0; i < count; ++i) {
    event::AddRecord({.quarantine_id = id, .reason = "missing_field", .raw = "{}"}, &builder);
  }
  return std::move(builder).Finish();
}

// Sends its batches, never more than a few at a time unanswered.
void Submit(Machine* machine, int submitter, std::atomic<std::uint64_t>* acknowledged) {
  env::Random dice(static_cast<std::uint64_t>(submitter) + 10);
  const env::PosixClock clock;
  std::counting_semaphore<kInFlightMax> slots(kInFlightMax);
  int number = 0;
  for (int batch = 0; batch < kBatchesOfOne; ++batch) {
    const std::string_view project = kProjects[dice.Below(std::size(kProjects))];
    event::BatchBuilder builder(project, clock.WallNow());
    for (std::uint64_t left = 1 + dice.Below(kBatchEventsMax); left > 0; --left) {
      const std::string id = IdOf(submitter, number++);
      const std::string properties = "{\"n\":\"" + std::string(dice.Below(200), 'x') + "\"}";
      event::EventView view;
      view.SetText(Column::kEventId, id);
      view.SetText(Column::kEventType, dice.OneIn(2) ? "view" : "buy");
      view.SetText(Column::kProperties, properties);
      view.timestamp = clock.WallNow();
      view.present |= event::Bit(Column::kTimestamp);
      builder.Add(view);
    }
    const std::uint32_t count = builder.count();
    event::Request request{std::string(project), {std::move(builder).Finish(), count}, {}};
    // Every request has as many items as events.
    request.quarantine = {ItemsOf(project, submitter, count), count};
    slots.acquire();
    machine->core().Submit(std::move(request),
                           [&slots, acknowledged, count](const Result<event::BatchAnswer>& answer) {
                             EXPECT_OK(answer);
                             acknowledged->fetch_add(count);
                             slots.release();
                           });
  }
  for (int i = 0; i < kInFlightMax; ++i) slots.acquire();
}

// Reads cuts, holds some, and finds the same rows in them later.
void ReadCuts(Machine* machine, int reader, const std::atomic<bool>* stop) {
  env::Random dice(static_cast<std::uint64_t>(reader) + 100);
  struct Held {
    std::shared_ptr<const tide::Cut> cut;
    Sum hot;
  };
  std::deque<Held> held;
  LogOffset ends[std::size(kProjects)];
  while (!stop->load()) {
    const std::size_t project = dice.Below(std::size(kProjects));
    const auto cuts = machine->core().CutsOf(kProjects[project]);
    ASSERT_EQ((*cuts)[tide::Stream::kEvents]->end(), (*cuts)[tide::Stream::kQuarantine]->end())
        << "the cuts of a project are of two moments";
    if (const auto found = machine->core().FindProject(kProjects[project])) {
      Held now{found->cut(), {}};
      const auto rows = now.cut->HotRows();
      ASSERT_EQ(rows->row_count(), now.cut->hot_count());
      now.hot.Add(*rows);
      ASSERT_EQ(now.hot.rows, now.cut->hot_count());
      ASSERT_GE(now.cut->end(), ends[project]) << "a cut went back";
      ends[project] = now.cut->end();
      held.push_back(std::move(now));
    }
    if (held.empty()) continue;
    const Held& again = held[dice.Below(held.size())];
    Sum sum;
    sum.Add(*again.cut->HotRows());
    ASSERT_EQ(sum, again.hot) << "a held cut has changed";
    if (held.size() > kHeldCutsMax) held.pop_front();
    ASSERT_FALSE(machine->registry().ToPrometheus().empty());
  }
}

TEST(Threads, ShareNothingThatTheyShouldNot) {
  telemetry::SetLogLevel(telemetry::Level::kError);
  std::string pattern = testing::TempDir() + "tm_threads_XXXXXX";
  const std::string folder = ::mkdtemp(pattern.data());
  std::atomic<std::uint64_t> acknowledged{0};
  Sum before;
  {
    Machine machine(folder);
    std::atomic<bool> stop{false};
    std::vector<std::thread> submitters;
    std::vector<std::thread> others;
    for (int i = 0; i < kSubmitters; ++i)
      submitters.emplace_back(Submit, &machine, i, &acknowledged);
    for (int i = 0; i < kReaders; ++i) others.emplace_back(ReadCuts, &machine, i, &stop);
    others.emplace_back([&] {
      while (!stop.load()) EXPECT_OK(machine.Settle());
    });
    for (std::thread& thread : submitters) thread.join();
    stop.store(true);
    for (std::thread& thread : others) thread.join();
    ASSERT_OK(machine.Settle());
    for (const std::string_view name : kProjects) {
      const auto cut = machine.core().FindProject(name)->cut();
      EXPECT_EQ(cut->hot_count(), 0U);
      const auto sum = machine.Read(*cut);
      ASSERT_OK(sum);
      before.rows += sum->rows;
      before.hash += sum->hash;
    }
  }
  EXPECT_EQ(before.rows, acknowledged.load());
  Machine again(folder);
  Sum after;
  for (const std::string_view name : kProjects) {
    const auto sum = again.Read(*again.core().FindProject(name)->cut());
    ASSERT_OK(sum);
    after.rows += sum->rows;
    after.hash += sum->hash;
  }
  EXPECT_EQ(after, before);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tidemark::sim
