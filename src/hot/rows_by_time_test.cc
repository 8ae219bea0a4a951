// That rows are found by their time exactly where they are, in views cut anywhere, while others are
// written; and that the order is kept only where it helps and while there is room.

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "hot/table.h"

namespace tidemark::hot {
namespace {

using event::Column;
using event::TimedRow;

constexpr std::int64_t kSegmentRows = 20'000;  // 10 chunks.

// Times in no order, some of them twice.
std::int64_t TimeOf(std::int64_t offset) { return offset * 7919 % 50'021 / 2; }

Status Append(Table* table, std::int64_t begin, std::int64_t end,
              std::int64_t (*time_of)(std::int64_t)) {
  event::BatchBuilder builder("default", TimeMicros(77));
  for (std::int64_t offset = begin; offset < end; ++offset) {
    event::EventView view;
    view.SetText(Column::kEventId, "id");
    view.SetText(Column::kEventType, "t");
    view.timestamp = TimeMicros(time_of(offset));
    view.present |= Bit(Column::kTimestamp);
    builder.Add(view);
  }
  const std::string bytes = std::move(builder).Finish();
  auto reader = event::BatchReader::Open(bytes);
  return table->Append(*reader, LogOffset(begin), 0);
}

event::TimeRange Range(std::int64_t min, std::int64_t max) {
  return {TimeMicros(min), TimeMicros(max)};
}

// What the view finds, chunk after chunk. `looked_at`: the chunks of which it knew the rows.
std::vector<TimedRow> Find(const event::RowSource& view, const event::TimeRange& range,
                           std::size_t* looked_at) {
  std::vector<TimedRow> found;
  *looked_at = 0;
  for (std::size_t chunk = 0; chunk < view.chunk_count();) {
    const std::size_t next = view.FindRows(chunk, range, &found);
    *looked_at += next - chunk;
    chunk = std::max(next, chunk + 1);
  }
  return found;
}

// Mistakes: rows that are not where they are said to be, that are missing, or that are in no order.
int Mistakes(const event::RowSource& view, const event::TimeRange& range,
             std::int64_t (*time_of)(std::int64_t)) {
  int mistakes = 0;
  std::size_t wanted = 0;
  std::vector<TimedRow> found;
  for (std::size_t chunk = 0; chunk < view.chunk_count();) {
    const std::size_t next = view.FindRows(chunk, range, &found);
    if (next == chunk) {
      ++chunk;
      continue;
    }
    for (; chunk < next; ++chunk) {
      const std::int64_t first = view.ChunkOffsets(chunk).min.value;
      for (std::size_t row = 0; row < view.ChunkRows(chunk); ++row) {
        const std::int64_t time = time_of(first + static_cast<std::int64_t>(row));
        if (time < range.min.value || time > range.max.value) continue;
        if (wanted >= found.size()) return mistakes + 1;
        const TimedRow& told = found[wanted++];
        mistakes += static_cast<int>(told.at.chunk != chunk || told.at.row != row ||
                                     told.time.value != time);
      }
    }
  }
  return mistakes + static_cast<int>(wanted != found.size());
}

class RowsByTimeTest : public ::testing::Test {
 protected:
  // Two segments that are closed and one that is open.
  std::shared_ptr<const SegmentList> Fill(Table* table) {
    for (std::int64_t begin = 0; begin < 50'000; begin += 500) {
      EXPECT_TRUE(Append(table, begin, begin + 500, TimeOf));
    }
    return table->Publish();
  }
  static TableOptions Options() {
    TableOptions options;
    options.segment_rows_max = kSegmentRows;
    return options;
  }
  std::size_t LookedAt(const SegmentList& list, const event::TimeRange& range) {
    std::size_t looked_at = 0;
    Find(*list.View(LogOffset(0), list.end()), range, &looked_at);
    return looked_at;
  }

  MemoryBudget budget_{1ULL << 30};
};

TEST_F(RowsByTimeTest, AreFoundInEveryView) {
  Table table("default", Options(), &budget_);
  const auto list = Fill(&table);
  LookedAt(*list, Range(100, 200));
  EXPECT_EQ(LookedAt(*list, Range(100, 200)), 20U);
  for (const auto& [begin, end] : std::vector<std::pair<int, int>>{{0, 50'000},
                                                                   {1, 49'999},
                                                                   {2047, 20'001},
                                                                   {3000, 3001},
                                                                   {19'999, 40'001},
                                                                   {30'000, 50'000}}) {
    const auto view = list->View(LogOffset(begin), LogOffset(end));
    for (const auto& range : {Range(100, 200), Range(-5, 0), Range(24'990, 90'000), Range(7, 7),
                              Range(200, 100), Range(kTimeMin.value, 300)}) {
      EXPECT_EQ(Mistakes(*view, range, TimeOf), 0)
          << begin << " to " << end << " of " << range.min.value << " to " << range.max.value;
    }
  }
}

TEST_F(RowsByTimeTest, AreKeptFromTheSecondQuestionOn) {
  Table table("default", Options(), &budget_);
  const auto list = Fill(&table);
  const std::uint64_t before = budget_.used_bytes();
  EXPECT_EQ(LookedAt(*list, Range(100, 200)), 0U);
  EXPECT_EQ(budget_.used_bytes(), before);
  EXPECT_EQ(LookedAt(*list, Range(300, 400)), 20U);
  EXPECT_EQ(budget_.used_bytes(), before + 2 * kSegmentRows * 12);
}

TEST_F(RowsByTimeTest, GoWithTheirSegment) {
  {
    Table table("default", Options(), &budget_);
    const auto list = Fill(&table);
    for (int i = 0; i < 3; ++i) LookedAt(*list, Range(100, 200));
  }
  EXPECT_EQ(budget_.used_bytes(), 0U);
}

TEST_F(RowsByTimeTest, AreNotAskedForManyOfThem) {
  Table table("default", Options(), &budget_);
  const auto list = Fill(&table);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(LookedAt(*list, Range(0, 10'000)), 0U);
  EXPECT_EQ(LookedAt(*list, Range(100, 200)), 0U);  // The first one that they would have helped.
}

TEST_F(RowsByTimeTest, AreNotAskedWhereTheyCameInOrder) {
  Table table("default", Options(), &budget_);
  const auto as_they_came = [](std::int64_t offset) { return offset; };
  for (std::int64_t begin = 0; begin < 50'000; begin += 500) {
    ASSERT_TRUE(Append(&table, begin, begin + 500, as_they_came));
  }
  const auto list = table.Publish();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(LookedAt(*list, Range(100, 200)), 0U);
}

TEST_F(RowsByTimeTest, LeaveHalfOfTheBudgetToEvents) {
  Table table("default", Options(), &budget_);
  const auto list = Fill(&table);
  const std::uint64_t others = budget_.bytes_max() / 2 - budget_.used_bytes();
  ASSERT_TRUE(budget_.TryReserve(others));
  const std::uint64_t before = budget_.used_bytes();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(LookedAt(*list, Range(100, 200)), 0U);
  EXPECT_EQ(budget_.used_bytes(), before);
  budget_.Release(others);
  for (int i = 0; i < 2; ++i) LookedAt(*list, Range(100, 200));
  EXPECT_EQ(LookedAt(*list, Range(100, 200)), 20U);
}

// For ThreadSanitizer: one of the readers makes the order while the others look for it.
TEST_F(RowsByTimeTest, AreFoundWhileOthersAreWritten) {
  Table table("default", Options(), &budget_);
  std::atomic<bool> done{false};
  std::atomic<int> mistakes{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const auto list = table.Segments();
        mistakes += Mistakes(*list->View(list->begin(), list->end()), Range(100, 400), TimeOf);
      }
    });
  }
  for (std::int64_t begin = 0; begin < 100'000; begin += 500) {
    if (!Append(&table, begin, begin + 500, TimeOf)) ++mistakes;
    table.Publish();
    if (begin % 10'000 == 0) table.Release(LogOffset(begin - 45'000));
  }
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(mistakes, 0);
}

}  // namespace
}  // namespace tidemark::hot
