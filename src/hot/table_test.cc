// What hot memory promises: rows are seen when they are published and not before, what is seen
// stays as it is while more is appended, and memory goes with its last holder.

#include "hot/table.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "hot/selection.h"

namespace tidemark::hot {
namespace {

using event::Column;
using event::ColumnScratch;
using event::ColumnView;

struct Row {
  std::string id;
  std::string type = "page_view";
  std::int64_t time = 1'000'000;
  std::string country = "";     // Empty: null. Goes through a dictionary.
  std::string properties = "";  // Empty: null. Plain.
};

std::string Encode(const std::vector<Row>& rows, TimeMicros received = TimeMicros(77)) {
  event::BatchBuilder builder("default", received);
  for (const Row& row : rows) {
    event::EventView view;
    view.SetText(Column::kEventId, row.id);
    view.SetText(Column::kEventType, row.type);
    view.timestamp = TimeMicros(row.time);
    view.present |= Bit(Column::kTimestamp);
    if (!row.country.empty()) view.SetText(Column::kCountry, row.country);
    if (!row.properties.empty()) view.SetText(Column::kProperties, row.properties);
    if (row.time % 2 == 0) {
      view.value = static_cast<double>(row.time) / 4;
      view.present |= Bit(Column::kValue);
    }
    builder.Add(view);
  }
  return std::move(builder).Finish();
}

Status Append(Table* table, const std::string& bytes, std::int64_t offset) {
  auto reader = event::BatchReader::Open(bytes);
  return table->Append(*reader, LogOffset(offset), 0);
}

// A cell as text; "~" is null.
std::string Cell(const event::RowSource& source, std::size_t chunk, std::size_t row,
                 Column column) {
  static thread_local ColumnScratch scratch;
  const ColumnView view = source.Read(chunk, column, &scratch);
  if (!view.IsValid(row)) return "~";
  switch (view.kind) {
    case ColumnView::Kind::kNull:
      return "~";
    case ColumnView::Kind::kConstant:
      return std::string(view.constant_text.view());
    case ColumnView::Kind::kStrings:
      return std::string(view.strings[row].view());
    case ColumnView::Kind::kDictionary:
      EXPECT_LT(view.codes[row], view.dictionary_size);
      return view.codes[row] == 0 ? "~" : std::string(view.dictionary[view.codes[row]].view());
    case ColumnView::Kind::kFixed:
      break;
  }
  switch (event::Info(column).type) {
    case event::Type::kDouble:
      return std::to_string(static_cast<const double*>(view.fixed)[row]);
    case event::Type::kInt32:
      return std::to_string(static_cast<const std::int32_t*>(view.fixed)[row]);
    default:
      return std::to_string(static_cast<const std::int64_t*>(view.fixed)[row]);
  }
}

std::vector<std::string> Cells(const event::RowSource& source, Column column) {
  std::vector<std::string> cells;
  for (std::size_t chunk = 0; chunk < source.chunk_count(); ++chunk) {
    for (std::size_t row = 0; row < source.ChunkRows(chunk); ++row) {
      cells.push_back(Cell(source, chunk, row, column));
    }
  }
  return cells;
}

std::vector<std::string> Ids(const SegmentList& list, std::int64_t begin = 0,
                             std::int64_t end = 1'000'000'000) {
  return Cells(*list.View(LogOffset(begin), LogOffset(end)), Column::kEventId);
}

// How many rows have a time outside of what is said of their block or chunk. `known`: of how many
// rows it is known by block.
int TimesOutOfBounds(const event::RowSource& source, int* known) {
  int wrong = 0;
  for (std::size_t chunk = 0; chunk < source.chunk_count(); ++chunk) {
    const event::TimeRange all = source.ChunkTimes(chunk);
    const auto blocks = source.ChunkBlocks(chunk);
    for (std::size_t row = 0; row < source.ChunkRows(chunk); ++row) {
      const std::int64_t time = std::stoll(Cell(source, chunk, row, Column::kTimestamp));
      wrong += static_cast<int>(time < all.min.value || time > all.max.value);
      if (blocks.empty()) continue;
      ++*known;
      const event::BlockTimes& block = blocks[row / event::kBlockRows];
      wrong += static_cast<int>(time < block.min || time > block.max);
    }
  }
  return wrong;
}

using Texts = std::vector<std::string>;
constexpr const char* kLongText = "a text that is too long to be inlined";

TEST(HotTable, ShowsRowsOnlyAfterPublication) {
  MemoryBudget budget(1ULL << 30);
  Table table("default", {}, &budget);
  ASSERT_TRUE(Append(&table, Encode({{"a"}, {"b"}}), 0));
  EXPECT_TRUE(Ids(*table.Segments()).empty());
  const auto first = table.Publish();
  EXPECT_EQ(first->end(), LogOffset(2));
  EXPECT_EQ(Ids(*first), (Texts{"a", "b"}));
  ASSERT_TRUE(Append(&table, Encode({{"c"}}), 2));
  table.Publish();
  EXPECT_EQ(Ids(*first), (Texts{"a", "b"}));
  EXPECT_EQ(Ids(*table.Segments()), (Texts{"a", "b", "c"}));
}

TEST(HotTable, GivesBackEveryColumnAsItWas) {
  MemoryBudget budget(1ULL << 30);
  Table table("default", {}, &budget);
  ASSERT_TRUE(
      Append(&table, Encode({{"a", "click", 3}, {kLongText, "page_view", 8, "DE", "{}"}}), 40));
  ASSERT_TRUE(Append(&table, Encode({{"c", kLongText, 4, kLongText, kLongText}}), 42));
  const auto view = table.Publish()->View(LogOffset(0), LogOffset(100));
  EXPECT_EQ(Cells(*view, Column::kEventId), (Texts{"a", kLongText, "c"}));
  EXPECT_EQ(Cells(*view, Column::kEventType), (Texts{"click", "page_view", kLongText}));
  EXPECT_EQ(Cells(*view, Column::kCountry), (Texts{"~", "DE", kLongText}));
  EXPECT_EQ(Cells(*view, Column::kProperties), (Texts{"~", "{}", kLongText}));
  EXPECT_EQ(Cells(*view, Column::kValue), (Texts{"~", "2.000000", "1.000000"}));
  EXPECT_EQ(Cells(*view, Column::kTimestamp), (Texts{"3", "8", "4"}));
  EXPECT_EQ(Cells(*view, Column::kReceivedAt), (Texts{"77", "77", "77"}));
  EXPECT_EQ(Cells(*view, Column::kProjectId), (Texts{"default", "default", "default"}));
  EXPECT_EQ(Cells(*view, Column::kLogPartition), (Texts{"0", "0", "0"}));
  EXPECT_EQ(Cells(*view, Column::kLogOffset), (Texts{"40", "41", "42"}));
  EXPECT_EQ(Cells(*view, Column::kUserTier), (Texts{"~", "~", "~"}));
  EXPECT_EQ(view->ChunkTimes(0).min, TimeMicros(3));
  EXPECT_EQ(view->ChunkTimes(0).max, TimeMicros(8));
}

TEST(HotTable, TellsTextsOfEveryLengthApart) {
  MemoryBudget budget(1ULL << 30);
  Table table("default", {}, &budget);
  std::vector<Row> rows;
  Texts expected;
  for (int round = 0; round < 2; ++round) {
    for (std::size_t length = 0; length <= 40; ++length) {
      for (const char last : {'x', 'y'}) {
        std::string text(length + 1, 'k');
        text.back() = last;
        rows.push_back({"id", text, 1, text, text});
        expected.push_back(text);
      }
    }
  }
  ASSERT_TRUE(Append(&table, Encode(rows), 0));
  const auto view = table.Publish()->View(LogOffset(0), LogOffset(1000));
  for (const Column column : {Column::kEventType, Column::kCountry, Column::kProperties}) {
    EXPECT_EQ(Cells(*view, column), expected);
  }
  ColumnScratch scratch;
  EXPECT_EQ(view->Read(0, Column::kCountry, &scratch).dictionary_size, 82U + 1U);
}

TEST(HotTable, CutsAViewAtAnyOffsets) {
  MemoryBudget budget(1ULL << 30);
  TableOptions options;
  options.segment_rows_max = 3000;  // Several segments, with chunks of 2,048 and 952.
  Table table("default", options, &budget);
  std::vector<Row> rows;
  for (int i = 0; i < 7000; ++i) {
    rows.push_back({std::to_string(i), "t", i, i % 3 == 0 ? "" : "DE", i % 5 == 0 ? "" : "{}"});
  }
  ASSERT_TRUE(Append(&table, Encode(rows), 0));
  const auto list = table.Publish();
  EXPECT_EQ(list->segments().size(), 3U);
  for (const auto& [begin, end] : std::vector<std::pair<int, int>>{
           {0, 7000}, {1, 2}, {63, 65}, {2047, 2049}, {2999, 3001}, {100, 6900}, {5, 5}}) {
    const auto view = list->View(LogOffset(begin), LogOffset(end));
    ASSERT_EQ(view->row_count(), static_cast<std::uint64_t>(end - begin));
    const auto ids = Cells(*view, Column::kEventId);
    const auto countries = Cells(*view, Column::kCountry);
    const auto properties = Cells(*view, Column::kProperties);
    ASSERT_EQ(ids.size(), view->row_count());
    for (int i = begin; i < end; ++i) {
      const auto at = static_cast<std::size_t>(i - begin);
      ASSERT_EQ(ids[at], std::to_string(i));
      ASSERT_EQ(countries[at], i % 3 == 0 ? "~" : "DE");
      ASSERT_EQ(properties[at], i % 5 == 0 ? "~" : "{}");
    }
  }
}

TEST(HotTable, BoundsTheTimesOfEveryBlock) {
  MemoryBudget budget(1ULL << 30);
  TableOptions options;
  options.segment_rows_max = 3000;
  Table table("default", options, &budget);
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 7000; ++i) rows.push_back({"id", "t", i * 7919 % 7000});
  ASSERT_TRUE(Append(&table, Encode(rows), 0));
  const auto list = table.Publish();
  for (const auto& [begin, end] : std::vector<std::pair<int, int>>{
           {0, 7000}, {0, 1}, {63, 65}, {64, 2047}, {2047, 2049}, {2999, 3001}, {100, 6900}}) {
    const auto view = list->View(LogOffset(begin), LogOffset(end));
    int known = 0;
    EXPECT_EQ(TimesOutOfBounds(*view, &known), 0) << begin << " to " << end;
    // All but those of a chunk that the view begins within.
    const int first = begin % 2048;
    const int rest = first == 0 ? 0 : (begin < 2048 ? 2048 : 3000) - begin;
    EXPECT_EQ(known, end - begin - std::min(rest, end - begin)) << begin << " to " << end;
  }
  // And not wider than the rows.
  const auto blocks = list->View(LogOffset(0), LogOffset(7000))->ChunkBlocks(0);
  std::int64_t least = 7000;
  for (std::size_t i = 64; i < 128; ++i) least = std::min(least, rows[i].time);
  EXPECT_EQ(blocks[1].min, least);
}

TEST(HotTable, RollsBackWhatWasNotPublished) {
  MemoryBudget budget(1ULL << 30);
  TableOptions options;
  options.segment_rows_max = 4;
  Table table("default", options, &budget);
  ASSERT_TRUE(Append(&table, Encode({{"a"}, {"b"}}), 0));
  table.Publish();
  ASSERT_TRUE(Append(&table, Encode({{"x"}, {"x"}, {"x"}, {"x"}, {"x"}}), 2));
  table.Rollback();
  EXPECT_EQ(Ids(*table.Segments()), (Texts{"a", "b"}));
  EXPECT_EQ(table.appended_end(), LogOffset(2));
  ASSERT_TRUE(Append(&table, Encode({{"c"}}), 2));
  EXPECT_EQ(Ids(*table.Publish()), (Texts{"a", "b", "c"}));
  // The segment that was cut short is released like any other.
  EXPECT_EQ(Ids(*table.Release(LogOffset(2))), (Texts{"c"}));
}

TEST(HotTable, RefusesOffsetsThatItHasAndBatchesOfOthers) {
  MemoryBudget budget(1ULL << 30);
  Table table("default", {}, &budget);
  ASSERT_TRUE(Append(&table, Encode({{"a"}, {"b"}}), 5));
  EXPECT_EQ(Append(&table, Encode({{"a"}}), 6).error().code(), Code::kInvalidArgument);
  Table other("other", {}, &budget);
  EXPECT_EQ(Append(&other, Encode({{"a"}}), 0).error().code(), Code::kCorruption);
  std::string cut = Encode({{"a"}, {"b"}});
  cut.pop_back();
  EXPECT_EQ(Append(&table, cut, 7).error().code(), Code::kCorruption);
}

TEST(HotTable, KeepsGapsOfTheLog) {
  MemoryBudget budget(1ULL << 30);
  Table table("default", {}, &budget);
  ASSERT_TRUE(Append(&table, Encode({{"a"}}), 5));
  ASSERT_TRUE(Append(&table, Encode({{"b"}}), 9));
  const auto list = table.Publish();
  EXPECT_EQ(Cells(*list->View(LogOffset(0), LogOffset(99)), Column::kLogOffset), (Texts{"5", "9"}));
  EXPECT_EQ(Ids(*list, 6, 10), (Texts{"b"}));
}

TEST(HotTable, TakesNoMoreMemoryThanItsRowsCanNeed) {
  MemoryBudget budget(1ULL << 30);
  TableOptions small;
  small.segment_rows_max = 20;
  Table table("default", small, &budget);
  for (std::int64_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(Append(&table, Encode({{"e" + std::to_string(i), "click", i, "DE", "{}"}}), i));
  }
  const auto list = table.Publish();
  ASSERT_EQ(list->segments().size(), 1U);
  EXPECT_EQ(Ids(*list).back(), "e19");
  // A whole chunk of one text column alone would be as much.
  EXPECT_LT(list->bytes(), event::kChunkRows * sizeof(event::StringRef));
}

TEST(HotTable, FreesMemoryWithTheLastView) {
  MemoryBudget budget(1ULL << 30);
  {
    TableOptions options;
    options.segment_rows_max = 2048;
    Table table("default", options, &budget);
    std::vector<Row> rows(5000, Row{"id", "t", 1, "DE", kLongText});
    ASSERT_TRUE(Append(&table, Encode(rows), 0));
    table.Publish();
    const std::uint64_t all = budget.used_bytes();
    EXPECT_EQ(all, table.Segments()->bytes());
    auto view = table.Segments()->View(LogOffset(0), LogOffset(100));
    table.Release(LogOffset(4096));
    EXPECT_EQ(Cells(*view, Column::kProperties)[99], kLongText);
    const std::uint64_t held = budget.used_bytes();
    EXPECT_LT(held, all);
    view.reset();
    EXPECT_LT(budget.used_bytes(), held);
    EXPECT_EQ(budget.used_bytes(), table.Segments()->bytes());
    // An idle table that is settled holds nothing.
    table.Release(LogOffset(5000));
    EXPECT_EQ(budget.used_bytes(), 0U);
    EXPECT_EQ(table.Segments()->end(), LogOffset(5000));
    ASSERT_TRUE(Append(&table, Encode({{"a"}}), 5000));
    EXPECT_EQ(Ids(*table.Publish()), (Texts{"a"}));
  }
  EXPECT_EQ(budget.used_bytes(), 0U);
}

TEST(HotTable, ReplacesTheDoorsEstimateByWhatWasUsed) {
  MemoryBudget budget(1ULL << 30);
  Table table("default", {}, &budget);
  std::uint64_t estimates = 0;
  std::int64_t offset = 0;
  std::string text(60, 'p');
  for (int i = 0; i < 200; ++i) {
    std::vector<Row> rows;
    for (int k = 0; k < 100; ++k) {
      rows.push_back({"id-" + std::to_string(offset + k), "t", 1, "DE", text});
    }
    const std::string bytes = Encode(rows);
    const std::uint64_t estimate = ReserveEstimate(bytes.size(), 100);
    ASSERT_TRUE(budget.TryReserve(estimate));
    estimates += estimate;
    auto reader = event::BatchReader::Open(bytes);
    ASSERT_TRUE(table.Append(*reader, LogOffset(offset), estimate));
    offset += 100;
  }
  table.Publish();
  EXPECT_EQ(budget.used_bytes(), table.Segments()->bytes());
  EXPECT_LE(budget.used_bytes(), estimates + kOpenSlackBytesMax);
}

TEST(HotTable, CountsTheLargeBlocksOfASegmentThatHasGrown) {
  MemoryBudget budget(1ULL << 30);
  {
    Table table("default", {}, &budget);
    Texts expected;
    for (int i = 0; i < 20; ++i) {
      std::vector<Row> rows;
      for (int k = 0; k < 1'000; ++k) {
        expected.push_back(std::string(500, 'p') + std::to_string(i * 1'000 + k));
        rows.push_back({"id", "t", 1, "DE", expected.back()});
      }
      ASSERT_TRUE(Append(&table, Encode(rows), i * 1'000));
      ASSERT_EQ(budget.used_bytes(), table.Publish()->bytes());
    }
    EXPECT_GT(budget.used_bytes(), std::uint64_t{20'000} * 500);
    const auto view = table.Segments()->View(LogOffset(0), LogOffset(20'000));
    EXPECT_EQ(Cells(*view, Column::kProperties), expected);
    table.Release(LogOffset(20'000));
    EXPECT_GT(budget.used_bytes(), 0U);  // The view's.
  }
  EXPECT_EQ(budget.used_bytes(), 0U);
}

TEST(HotTable, TurnsToPlainTextWhenADictionaryIsFull) {
  MemoryBudget budget(1ULL << 30);
  Table table("default", {}, &budget);
  std::vector<Row> rows;
  Texts expected;
  for (int i = 0; i < 40'000; ++i) {
    expected.push_back("country number " + std::to_string(i));
    rows.push_back({"id", "t", 1, expected.back()});
  }
  ASSERT_TRUE(Append(&table, Encode(rows), 0));
  const auto view = table.Publish()->View(LogOffset(0), LogOffset(40'000));
  ColumnScratch scratch;
  EXPECT_EQ(view->Read(0, Column::kCountry, &scratch).kind, ColumnView::Kind::kDictionary);
  EXPECT_EQ(view->Read(19, Column::kCountry, &scratch).kind, ColumnView::Kind::kStrings);
  EXPECT_EQ(Cells(*view, Column::kCountry), expected);
}

// Codes are found together where a dictionary is large; rows lack a value, repeat one or bring a
// new one, and batches end anywhere in a chunk and a segment.
TEST(HotTable, FindsTheValuesOfALargeDictionaryAgain) {
  MemoryBudget budget(1ULL << 30);
  TableOptions options;
  options.segment_rows_max = 5'000;
  Table table("default", options, &budget);
  Texts expected;
  std::uint64_t die = 1;
  const std::size_t sizes[] = {1, 31, 32, 33, 700, 5'003};
  for (std::size_t batch = 0; batch < 24; ++batch) {
    std::vector<Row> rows;
    const std::size_t first = expected.size();
    for (std::size_t i = 0; i < sizes[batch % std::size(sizes)]; ++i) {
      die = die * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
      const std::uint64_t number = (die >> 40) % 3'000;
      std::string country = number % 7 == 0 ? "" : std::to_string(number);
      if (number % 2 == 0 && !country.empty()) country += " is a text that is not inlined";
      expected.push_back(country.empty() ? "~" : country);
      rows.push_back({"id", "t", 1, std::move(country)});
    }
    ASSERT_TRUE(Append(&table, Encode(rows), static_cast<std::int64_t>(first)));
    table.Publish();
  }
  const auto end = static_cast<std::int64_t>(expected.size());
  const auto view = table.Segments()->View(LogOffset(0), LogOffset(end));
  EXPECT_EQ(Cells(*view, Column::kCountry), expected);
}

// For ThreadSanitizer: everything that a reader sees below the end is complete and stays.
TEST(HotTable, IsReadWhileItIsWritten) {
  MemoryBudget budget(1ULL << 30);
  TableOptions options;
  options.segment_rows_max = 5000;
  Table table("default", options, &budget);
  constexpr int kRows = 20'000;
  std::atomic<bool> done{false};
  std::atomic<int> failures{0};
  const auto check = [&](const SegmentList& list) {
    const auto view = list.View(list.begin(), list.end());
    int known = 0;
    failures += TimesOutOfBounds(*view, &known);
    for (std::size_t chunk = 0; chunk < view->chunk_count(); ++chunk) {
      for (std::size_t row = 0; row < view->ChunkRows(chunk); row += 1 + row / 7) {
        const std::string expected =
            Cell(*view, chunk, row, Column::kLogOffset) + " of a dictionary";
        const std::string country = Cell(*view, chunk, row, Column::kCountry);
        const std::string properties = Cell(*view, chunk, row, Column::kProperties);
        if (country != "~" && country != expected) ++failures;
        if (properties != "~" && properties != expected) ++failures;
      }
    }
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!done) check(*table.Segments());
    });
  }
  for (int i = 0; i < kRows; i += 10) {
    std::vector<Row> rows;
    for (int k = i; k < i + 10; ++k) {
      const std::string text = std::to_string(k) + " of a dictionary";
      rows.push_back({"id", "t", k, k % 3000 < 100 ? "" : text, k % 4 == 0 ? "" : text});
    }
    if (!Append(&table, Encode(rows), i)) ++failures;
    if (i % 50 == 0) table.Publish();
    if (i % 5000 == 0) table.Release(LogOffset(i - 6000));
  }
  table.Publish();
  done = true;
  for (auto& reader : readers) reader.join();
  check(*table.Segments());
  EXPECT_EQ(failures, 0);
}

TEST(HotSelection, GathersRowsInAnyOrder) {
  MemoryBudget budget(1ULL << 30);
  TableOptions options;
  options.segment_rows_max = 3000;
  Table table("default", options, &budget);
  std::vector<Row> rows;
  for (int i = 0; i < 7000; ++i) {
    rows.push_back({std::to_string(i), "t" + std::to_string(i % 4), i, i % 3 == 0 ? "" : "DE",
                    i % 5 == 0 ? "" : kLongText});
  }
  ASSERT_TRUE(Append(&table, Encode(rows), 0));
  const auto view = table.Publish()->View(LogOffset(0), LogOffset(7000));
  std::vector<event::RowRef> picked;
  for (std::uint32_t chunk = 0; chunk < view->chunk_count(); ++chunk) {
    for (std::uint32_t row = 0; row < view->ChunkRows(chunk); ++row) picked.push_back({chunk, row});
  }
  std::reverse(picked.begin(), picked.end());
  const auto selected = Select(view, picked);
  ASSERT_EQ(selected->row_count(), 7000U);
  for (const auto& info : event::kColumns) {
    auto expected = Cells(*view, info.column);
    std::reverse(expected.begin(), expected.end());
    ASSERT_EQ(Cells(*selected, info.column), expected) << info.name;
  }
  EXPECT_EQ(selected->ChunkTimes(0).max, TimeMicros(6999));
  EXPECT_EQ(selected->ChunkTimes(0).min, TimeMicros(6999 - 2047));
}

TEST(HotTable, RowsHaveThePromotionThatTheirRecordNames) {
  MemoryBudget budget(64ULL << 20);
  Table table("default", {}, &budget);
  std::string first = Encode({{"a"}});
  std::string second = Encode({{"b"}, {"c"}});
  std::string third = Encode({{"d"}});
  event::SetBatchPromotion(&second, 2);
  event::SetBatchPromotion(&third, 5);
  ASSERT_TRUE(Append(&table, first, 0));
  ASSERT_TRUE(Append(&table, second, 1));
  const auto list = table.Publish();
  EXPECT_EQ(list->FirstWith(1), LogOffset(1));
  EXPECT_EQ(list->FirstWith(2), LogOffset(1));
  EXPECT_GT(list->FirstWith(3), list->end());
  // What is rolled back never was, and what was published stays as it is.
  ASSERT_TRUE(Append(&table, third, 3));
  table.Rollback();
  EXPECT_GT(table.Publish()->FirstWith(3), LogOffset(3));
  ASSERT_TRUE(Append(&table, second, 3));
  ASSERT_TRUE(Append(&table, third, 5));
  EXPECT_EQ(table.Publish()->FirstWith(3), LogOffset(5));
  EXPECT_GT(list->FirstWith(3), list->end());
  // A record never names an earlier promotion than the one before it.
  const Status back = Append(&table, second, 6);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code(), Code::kCorruption);
}

}  // namespace
}  // namespace tidemark::hot
