// That few rows by their time are found before anything else of their chunks is read, and are the
// same rows as without.

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/instance.h"
#include "engine/test_rows.h"

namespace tidemark::engine {
namespace {

constexpr std::int64_t kSpreadRows = 40'000;

class SpreadClock final : public env::Clock {
 public:
  Duration Now() const override { return {}; }
  TimeMicros WallNow() const override { return TimeMicros(0); }
};

// Row i is of second i * 7919 % kSpreadRows, so that the times of every chunk are spread over all.
std::vector<TestRow> SpreadRows() {
  constexpr std::array kCountries = {"DE", "FR", "a country of a long name"};
  std::vector<TestRow> rows;
  for (std::int64_t i = 0; i < kSpreadRows; ++i) {
    TestRow row;
    row.event_id = "an event id that is long " + std::to_string(i);
    row.event_type = i % 2 == 0 ? "view" : "purchase with a long name";
    row.time = i * 7919 % kSpreadRows;
    if (i % 3 != 0) row.user_id = "a user of a name that is long " + std::to_string(i % 100);
    if (i % 5 != 0) row.country = kCountries[static_cast<std::size_t>(i) % 3];
    if (i % 4 != 0) row.value = static_cast<double>(i);
    row.offset = i;
    rows.push_back(std::move(row));
  }
  return rows;
}

// Counts the chunks of which ids are read, and makes the texts of users anew, as columns do that
// are read out of JSON.
class WatchedRows final : public event::WrappedRows {
 public:
  using WrappedRows::Read;
  explicit WatchedRows(std::vector<TestRow> rows)
      : WrappedRows(std::make_shared<const TestRows>(std::move(rows))) {}

  event::ColumnView Read(std::size_t chunk, std::size_t column,
                         event::ColumnScratch* scratch) const override {
    if (column == event::Index(event::Column::kEventId)) ++id_chunks_;
    event::ColumnView view = rows().Read(chunk, column, scratch);
    if (column != event::Index(event::Column::kUserId)) return view;
    scratch->texts.clear();
    for (std::size_t row = 0; row < ChunkRows(chunk); ++row) {
      scratch->texts.push_front(std::string(view.strings[row].view()));
      scratch->strings[row] = event::StringRef::Of(scratch->texts.front());
    }
    view.strings = scratch->strings.data();
    return view;
  }
  int TakeIdChunks() const { return id_chunks_.exchange(0); }

  // From now on the times of blocks are known.
  void BoundBlocks() {
    blocks_ = std::vector<Blocks>(chunk_count());
    event::ColumnScratch scratch;
    for (std::size_t chunk = 0; chunk < chunk_count(); ++chunk) {
      const auto view = rows().Read(chunk, event::Column::kTimestamp, &scratch);
      for (std::size_t row = 0; row < ChunkRows(chunk); ++row) {
        const std::int64_t time = static_cast<const std::int64_t*>(view.fixed)[row];
        event::BlockTimes& block = blocks_[chunk][row / event::kBlockRows];
        block.min = std::min(block.min.load(), time);
        block.max = std::max(block.max.load(), time);
      }
    }
  }
  // Says of the block of that row that it has no time at all.
  void EmptyBlock(std::size_t row) {
    event::BlockTimes& block =
        blocks_[row / event::kChunkRows][row % event::kChunkRows / event::kBlockRows];
    block.min = kTimeMax.value;
    block.max = kTimeMin.value;
  }
  std::span<const event::BlockTimes> ChunkBlocks(std::size_t chunk) const override {
    if (blocks_.empty()) return {};
    return blocks_[chunk];
  }

  // From now on the rows of all chunks but the last two are known by their time; those of one
  // second are not told.
  void KnowTimes(std::int64_t but_of_second = -1) {
    knows_times_ = true;
    untold_second_ = but_of_second;
  }
  std::size_t FindRows(std::size_t chunk, const event::TimeRange& range,
                       std::vector<event::TimedRow>* found) const override {
    const std::size_t end = chunk_count() - 2;
    if (!knows_times_ || chunk >= end) return chunk;
    event::ColumnScratch scratch;
    for (; chunk < end; ++chunk) {
      const auto view = rows().Read(chunk, event::Column::kTimestamp, &scratch);
      for (std::uint32_t row = 0; row < ChunkRows(chunk); ++row) {
        const TimeMicros time(static_cast<const std::int64_t*>(view.fixed)[row]);
        if (time < range.min || time > range.max) continue;
        if (time.value == untold_second_ * kMicrosPerSecond) continue;
        found->push_back({{static_cast<std::uint32_t>(chunk), row}, time});
      }
    }
    return end;
  }

 private:
  using Blocks = std::array<event::BlockTimes, event::kChunkRows / event::kBlockRows>;
  std::vector<Blocks> blocks_;
  bool knows_times_ = false;
  std::int64_t untold_second_ = -1;
  mutable std::atomic<int> id_chunks_{0};
};

class GatheredRowsTest : public ::testing::Test {
 protected:
  GatheredRowsTest() : rows_(std::make_shared<WatchedRows>(SpreadRows())) {
    auto opened = Instance::Open({}, &clock_);
    if (!opened) ADD_FAILURE() << opened.error().ToString();
    instance_ = std::move(opened).value();
  }

  std::string Ask(const std::string& sql) {
    auto relation = std::make_shared<Relation>();
    relation->hot.push_back(rows_);
    QueryRequest request;
    request.sql = sql;
    request.relations.push_back({{"events"}, std::move(relation)});
    auto stream = instance_->Query(std::move(request));
    if (!stream) return stream.error().ToString();
    std::string out;
    while (true) {
      const auto more = (*stream)->Next(RowFormat::kJson, &out, 1 << 20);
      if (!more) return more.error().ToString();
      if (!*more) return out;
    }
  }

  const SpreadClock clock_;
  const std::shared_ptr<WatchedRows> rows_;
  std::unique_ptr<Instance> instance_;
};

// Asks for the rows of many filters in both ways.
class AskedBothWaysTest : public GatheredRowsTest {
 protected:
  void ExpectTheSame();
};

void AskedBothWaysTest::ExpectTheSame() {
  // What is said of the time, and the same so that only the engine's own filter understands it.
  const std::vector<std::pair<std::string, std::string>> filters = {
      {"timestamp >= to_timestamp(39900)", "t >= 39900e6"},
      {"timestamp > to_timestamp(39900)", "t > 39900e6"},
      {"timestamp < to_timestamp(50)", "t < 50e6"},
      {"timestamp <= to_timestamp(50)", "t <= 50e6"},
      {"timestamp = to_timestamp(777)", "t = 777e6"},
      {"to_timestamp(777) = timestamp", "t = 777e6"},
      {"timestamp != to_timestamp(777)", "t != 777e6"},
      {"timestamp BETWEEN to_timestamp(100) AND to_timestamp(2000)", "t BETWEEN 100e6 AND 2000e6"},
      {"NOT (timestamp < to_timestamp(39000))", "t >= 39000e6"},
      {"NOT (timestamp BETWEEN to_timestamp(100) AND to_timestamp(39950))",
       "t NOT BETWEEN 100e6 AND 39950e6"},
      {"timestamp IN (to_timestamp(5), to_timestamp(7), to_timestamp(38000))",
       "t IN (5e6, 7e6, 38000e6)"},
      {"(timestamp < to_timestamp(5) OR timestamp > to_timestamp(39990))",
       "(t < 5e6 OR t > 39990e6)"},
      {"(timestamp < to_timestamp(9) OR country = 'DE')", "(t < 9e6 OR country = 'DE')"},
      {"timestamp > to_timestamp(39000) AND country = 'FR' AND value > 7",
       "t > 39000e6 AND country = 'FR' AND value > 7"},
      {"timestamp >= to_timestamp(30000)", "t >= 30000e6"},
      {"timestamp > to_timestamp(50000)", "t > 50000e6"},
      {"timestamp > to_timestamp(9) AND timestamp < to_timestamp(5)", "t > 9e6 AND t < 5e6"}};
  const std::vector<std::string> lists = {
      "count(*) n",
      "count(*) n, count(user_id) u, count(country) c, sum(value) s, count(value) v, "
      "min(project_id) p, count(os) o, sum(hash(event_id, event_type, country)::HUGEINT) h, "
      "sum(hash(user_id, value, log_offset, timestamp)::HUGEINT) g, max(log_partition) q"};
  for (const auto& [known, opaque] : filters) {
    for (const std::string& list : lists) {
      const std::string expected = Ask("SELECT " + list +
                                       " FROM (SELECT *, epoch_us(timestamp) AS t FROM events) "
                                       "WHERE " +
                                       opaque);
      EXPECT_EQ(expected.find("error"), std::string::npos) << expected;
      EXPECT_EQ(Ask("SELECT " + list + " FROM events WHERE " + known), expected) << known;
    }
  }
}

TEST_F(AskedBothWaysTest, AreThoseThatTheFilterWants) { ExpectTheSame(); }

TEST_F(AskedBothWaysTest, AreTheSameWhereTheTimesOfBlocksAreKnown) {
  rows_->BoundBlocks();
  ExpectTheSame();
}

TEST_F(AskedBothWaysTest, AreTheSameWhereTheyAreKnownByTheirTime) {
  rows_->KnowTimes();
  ExpectTheSame();
}

TEST_F(GatheredRowsTest, AreThoseThatTheSourceTellsWhereItKnowsThem) {
  const std::string some = "SELECT log_offset AS o FROM events WHERE timestamp < to_timestamp(2)";
  rows_->KnowTimes();
  EXPECT_EQ(Ask(some), R"({"o":0},{"o":17679})");
  rows_->KnowTimes(/*but_of_second=*/1);
  EXPECT_EQ(Ask(some), R"({"o":0})");
}

TEST_F(GatheredRowsTest, KeepTheirOrder) {
  const std::string rows =
      Ask("SELECT log_offset AS o FROM events WHERE timestamp < to_timestamp(9)");
  std::string expected;
  for (std::int64_t i = 0; i < kSpreadRows; ++i) {
    if (i * 7919 % kSpreadRows >= 9) continue;
    expected += (expected.empty() ? "" : ",") + ("{\"o\":" + std::to_string(i)) + "}";
  }
  EXPECT_EQ(rows, expected);
}

TEST_F(GatheredRowsTest, NothingIsReadOfChunksWithoutThem) {
  EXPECT_EQ(Ask("SELECT count(DISTINCT event_id) AS n FROM events"), R"({"n":40000})");
  EXPECT_EQ(rows_->TakeIdChunks(), 20);
  const std::string one = "SELECT event_id AS e FROM events WHERE timestamp = to_timestamp(777)";
  EXPECT_EQ(Ask(one), R"({"e":"an event id that is long 16583"})");
  EXPECT_EQ(rows_->TakeIdChunks(), 1);
}

TEST_F(GatheredRowsTest, NoTimeIsReadOfBlocksWithoutThem) {
  const std::string some = "SELECT log_offset AS o FROM events WHERE timestamp < to_timestamp(2)";
  const std::string all = Ask(some);
  rows_->BoundBlocks();
  EXPECT_EQ(Ask(some), all);
  // Seconds 0 and 1 are rows 0 and 17,679 (7919 * 17,679 is 1 more than 6,667 times 40,000).
  EXPECT_EQ(all, R"({"o":0},{"o":17679})");
  rows_->EmptyBlock(17'679);
  EXPECT_EQ(Ask(some), R"({"o":0})");
}

}  // namespace
}  // namespace tidemark::engine
