// A query's result that is read slowly while its hot rows settle: what it streams may point into
// hot memory, so the memory stays until the stream ends or its deadline has passed, and not a
// moment longer. AddressSanitizer sees a read of memory that is gone.

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "catalog/sqlite_catalog.h"
#include "engine/parquet.h"
#include "env/local_store.h"
#include "env/posix/posix_disk.h"
#include "event/batch.h"
#include "meta/database.h"
#include "query/service.h"
#include "sim/expect.h"
#include "sim/sim_clock.h"
#include "tide/core.h"

namespace tidemark::sim {
namespace {

using event::Column;

constexpr int kEvents = 60'000;
constexpr int kEventsOfABatch = 1'000;
constexpr std::string_view kProject = "shop";
constexpr const char* kStatement = "SELECT event_id, properties FROM events";

// Read by the engine's threads too.
class SharedClock final : public env::Clock {
 public:
  Duration Now() const override { return Duration(now_.load()); }
  TimeMicros WallNow() const override {
    return TimeMicros(1'767'225'600LL * kMicrosPerSecond + now_.load() / 1'000);
  }
  void Advance(Duration span) { now_ += span.count(); }

 private:
  std::atomic<std::int64_t> now_{std::chrono::nanoseconds(std::chrono::hours(1)).count()};
};

std::string IdOf(int number) { return "an event with a long name " + std::to_string(number); }
std::string PropertiesOf(int number) {
  return "{\"n\":" + std::to_string(number) + ",\"text\":\"" + std::string(80, 'x') + "\"}";
}

class SlowReader : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "tm_slow_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    disk_ = env::OpenPosixDisk(folder_).value();
    ASSERT_OK(disk_->MakeDir("log"));
    ASSERT_OK(disk_->MakeDir("lake"));
    database_ = meta::Database::Open(disk_->NativePath("meta.db")).value();
    catalog_ = catalog::SqliteCatalog::Open(database_.get()).value();
    store_ = std::make_unique<env::LocalStore>(disk_.get(), "lake");
    writer_ = engine::MakeParquetWriter({});
    engine_ = engine::Instance::Open({512_MiB, 2, ""}, &clock_).value();
    const tide::CoreParts parts{
        disk_.get(),   store_.get(), catalog_.get(), writer_.get(), nullptr, &clock_, &log_random_,
        &tide_random_, &budget_,     &registry_,     [] {},         [] {},   [] {}};
    tide::TideOptions options;
    options.log.segment_bytes = 4_MiB;
    options.log.reserve_bytes = 64_KiB;
    core_ = tide::Core::Open(options, parts).value();
    service_ = std::make_unique<query::Service>(query::QueryOptions{}, core_.get(), engine_.get(),
                                                &clock_, &registry_);
    SendAll();
  }
  void TearDown() override {
    service_.reset();
    core_.reset();
    std::filesystem::remove_all(folder_);
  }

  void SendAll() {
    for (int number = 0; number < kEvents;) {
      event::BatchBuilder builder(kProject, clock_.WallNow());
      for (int i = 0; i < kEventsOfABatch; ++i, ++number) {
        const std::string id = IdOf(number);
        const std::string properties = PropertiesOf(number);
        event::EventView view;
        view.SetText(Column::kEventId, id);
        view.SetText(Column::kEventType, "view");
        view.SetText(Column::kProperties, properties);
        view.timestamp = clock_.WallNow();
        view.present |= event::Bit(Column::kTimestamp);
        builder.Add(view);
      }
      const std::uint32_t count = builder.count();
      core_->Submit({std::string(kProject), {std::move(builder).Finish(), count}, {}},
                    [](const Result<event::BatchAnswer>& answer) { EXPECT_OK(answer); });
    }
    while (!core_->ingest_idle()) core_->IngestStep();
  }

  // Everything settles, and the log's thread gives its hot rows back.
  void SettleAndRelease() {
    Status settled = Fail(Code::kInternal, "not answered");
    core_->Settle([&settled](Status status) { settled = std::move(status); });
    core_->TideStep();
    ASSERT_OK(settled);
    core_->IngestStep();
    ASSERT_EQ(core_->FindProject(kProject)->cut()->hot_count(), 0U);
  }

  Result<query::SqlAnswer> Ask() {
    query::SqlRequest request;
    request.project = kProject;
    request.sql = kStatement;
    return service_->Run(std::move(request));
  }

  std::string folder_;
  SharedClock clock_;
  env::Random log_random_{1};
  env::Random tide_random_{2};
  telemetry::Registry registry_;
  MemoryBudget budget_{1_GiB};
  std::unique_ptr<env::Disk> disk_;
  std::unique_ptr<meta::Database> database_;
  std::unique_ptr<catalog::SqliteCatalog> catalog_;
  std::unique_ptr<env::LocalStore> store_;
  std::unique_ptr<engine::DataFileWriter> writer_;
  std::unique_ptr<engine::Instance> engine_;
  std::unique_ptr<tide::Core> core_;
  std::unique_ptr<query::Service> service_;
};

TEST_F(SlowReader, ReadsTheRowsOfItsCutAfterTheyHaveSettled) {
  auto answer = Ask();
  ASSERT_OK(answer);
  std::string out;
  ASSERT_TRUE(answer->rows->Next(engine::RowFormat::kNdjson, &out, 1).value());
  SettleAndRelease();
  EXPECT_GT(budget_.used_bytes(), core_->index()->memory_bytes()) << "the rows are still read";
  bool more = true;
  while (more) {
    const auto next = answer->rows->Next(engine::RowFormat::kNdjson, &out, 1);
    ASSERT_OK(next);
    more = *next;
  }
  // Every row of the cut, once and whole.
  std::set<std::string> lines;
  for (std::size_t at = 0; at < out.size();) {
    const std::size_t end = out.find('\n', at);
    lines.insert(out.substr(at, end - at));
    at = end + 1;
  }
  EXPECT_EQ(lines.size(), static_cast<std::size_t>(kEvents));
  EXPECT_EQ(answer->rows->row_count(), static_cast<std::uint64_t>(kEvents));
  for (const int number : {0, 1, kEvents / 2, kEvents - 1}) {
    bool found = false;
    for (const std::string& line : lines) {
      found = found || line.find("\"" + IdOf(number) + "\"") != std::string::npos;
    }
    EXPECT_TRUE(found) << IdOf(number);
  }
  answer->rows.reset();
  EXPECT_EQ(budget_.used_bytes(), core_->index()->memory_bytes()) << "the last reader has gone";
}

TEST_F(SlowReader, LosesItsRowsAtItsDeadlineAndIsTold) {
  auto answer = Ask();
  ASSERT_OK(answer);
  std::string out;
  ASSERT_TRUE(answer->rows->Next(engine::RowFormat::kNdjson, &out, 1).value());
  SettleAndRelease();
  EXPECT_GT(budget_.used_bytes(), core_->index()->memory_bytes());
  clock_.Advance(std::chrono::hours(1));
  Result<bool> next = true;
  while (next && *next) next = answer->rows->Next(engine::RowFormat::kNdjson, &out, 1);
  EXPECT_CODE(next, Code::kDeadlineExceeded);
  EXPECT_EQ(budget_.used_bytes(), core_->index()->memory_bytes())
      << "a reader who is too late holds memory";
}

}  // namespace
}  // namespace tidemark::sim
