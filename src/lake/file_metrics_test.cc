// Counts, bounds and the row hash say what the rows are, not how they are held in memory.
#include "lake/file_metrics.h"

#include <bit>
#include <cmath>
#include <deque>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "lake/bounds.h"

namespace tidemark::lake {
namespace {

using event::Column;
using event::ColumnScratch;
using event::ColumnView;
using event::StringRef;

struct Row {
  std::map<Column, std::string> text;
  std::map<Column, std::int64_t> fixed;  // Doubles by their bits.
};

enum class Form { kStrings, kDictionary };

// Rows in one of the forms that hot tables and file readers use.
class Rows final : public event::RowSource {
 public:
  Rows(std::vector<Row> rows, Form form, std::size_t chunk = 3)
      : rows_(std::move(rows)), form_(form), chunk_(chunk) {
    Build();
  }
  std::size_t chunk_count() const override { return (rows_.size() + chunk_ - 1) / chunk_; }
  std::size_t ChunkRows(std::size_t chunk) const override {
    return std::min(chunk_, rows_.size() - chunk * chunk_);
  }
  event::TimeRange ChunkTimes(std::size_t) const override { return {kTimeMin, kTimeMax}; }
  std::uint64_t row_count() const override { return rows_.size(); }
  const event::TableSchema& schema() const override { return *event::EventsSchema(); }
  using RowSource::Read;
  ColumnView Read(std::size_t chunk, std::size_t index, ColumnScratch* scratch) const override {
    const auto column = static_cast<Column>(index);
    const std::size_t first = chunk * chunk_;
    ColumnView view;
    const bool text = event::Info(column).type == event::Type::kString;
    scratch->validity.fill(0);
    bool any = false;
    for (std::size_t i = 0; i < ChunkRows(chunk); ++i) {
      const Row& row = rows_[first + i];
      if (text ? !row.text.contains(column) : !row.fixed.contains(column)) {
        scratch->codes[i] = 0;
        continue;
      }
      any = true;
      scratch->validity[i / 64] |= std::uint64_t{1} << (i % 64);
      if (text) {
        scratch->strings[i] = StringRef::Of(row.text.at(column));
        scratch->codes[i] = codes_.at(column).at(row.text.at(column));
      } else if (event::Info(column).type == event::Type::kInt32) {
        reinterpret_cast<std::int32_t*>(scratch->fixed.data())[i] =
            static_cast<std::int32_t>(row.fixed.at(column));
      } else {
        scratch->fixed[i] = row.fixed.at(column);
      }
    }
    if (!any) return view;
    view.validity = scratch->validity.data();
    if (!text) {
      view.kind = ColumnView::Kind::kFixed;
      view.fixed = scratch->fixed.data();
    } else if (form_ == Form::kStrings) {
      view.kind = ColumnView::Kind::kStrings;
      view.strings = scratch->strings.data();
    } else {
      view.kind = ColumnView::Kind::kDictionary;
      view.validity = nullptr;
      view.codes = scratch->codes.data();
      view.dictionary = dictionaries_.at(column).data();
      view.dictionary_size = static_cast<std::uint32_t>(dictionaries_.at(column).size());
    }
    return view;
  }

 private:
  void Build() {
    for (const Row& row : rows_) {
      for (const auto& [column, value] : row.text) {
        auto& dictionary = dictionaries_[column];
        if (dictionary.empty()) dictionary.push_back(StringRef::Of(""));
        const auto code = static_cast<std::uint32_t>(dictionary.size());
        if (codes_[column].emplace(value, code).second) {
          dictionary.push_back(StringRef::Of(row.text.at(column)));
        }
      }
    }
  }
  std::vector<Row> rows_;
  Form form_;
  std::size_t chunk_;
  std::map<Column, std::vector<StringRef>> dictionaries_;
  std::map<Column, std::map<std::string, std::uint32_t>> codes_;
};

std::vector<Row> SampleRows(std::size_t count) {
  std::vector<Row> rows(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto n = static_cast<std::int64_t>(i);
    rows[i].text[Column::kEventId] = "event number " + std::to_string(1000 + i);
    rows[i].text[Column::kEventType] = i % 2 == 0 ? "view" : "purchase";
    if (i % 3 == 0) rows[i].text[Column::kUserId] = "u" + std::to_string(i % 5);
    rows[i].text[Column::kProperties] = "{}";
    rows[i].fixed[Column::kTimestamp] = 1'000'000 - n;
    rows[i].fixed[Column::kReceivedAt] = 5;
    if (i % 4 == 1) {
      rows[i].fixed[Column::kValue] = std::bit_cast<std::int64_t>(static_cast<double>(n) - 2.5);
    }
    rows[i].fixed[Column::kLogPartition] = 0;
    rows[i].fixed[Column::kLogOffset] = 70 + n;
  }
  return rows;
}

const ColumnMetrics& Of(const FileMetrics& metrics, Column column) {
  return metrics.columns[Index(column)];
}

TEST(FileMetricsTest, CountsAndBoundsAreThoseOfTheRows) {
  const FileMetrics metrics = MeasureRows(Rows(SampleRows(10), Form::kDictionary));
  EXPECT_EQ(metrics.rows, 10U);
  EXPECT_EQ(Of(metrics, Column::kEventId).nulls, 0U);
  EXPECT_EQ(Of(metrics, Column::kEventId).values, 10U);
  EXPECT_EQ(Of(metrics, Column::kEventId).lower, "event number 100");
  EXPECT_EQ(Of(metrics, Column::kEventId).upper, "event number 101");
  EXPECT_EQ(Of(metrics, Column::kEventType).lower, "purchase");
  EXPECT_EQ(Of(metrics, Column::kEventType).upper, "view");
  EXPECT_EQ(Of(metrics, Column::kUserId).nulls, 6U);
  EXPECT_EQ(Of(metrics, Column::kCountry).nulls, 10U);
  EXPECT_FALSE(Of(metrics, Column::kCountry).lower.has_value());
  EXPECT_FALSE(Of(metrics, Column::kProperties).lower.has_value());
  EXPECT_EQ(metrics.time_min, TimeMicros(999'991));
  EXPECT_EQ(metrics.time_max, TimeMicros(1'000'000));
  EXPECT_EQ(metrics.offset_first, LogOffset(70));
  EXPECT_EQ(metrics.offset_last, LogOffset(79));
  EXPECT_EQ(Of(metrics, Column::kValue).lower, BoundOf(-1.5));
  EXPECT_EQ(Of(metrics, Column::kValue).upper, BoundOf(6.5));
  EXPECT_EQ(Of(metrics, Column::kLogPartition).lower, BoundOf(std::int32_t{0}));
}

TEST(FileMetricsTest, TheFormOfAColumnChangesNothing) {
  const auto rows = SampleRows(50);
  const FileMetrics a = MeasureRows(Rows(rows, Form::kDictionary, 7));
  const FileMetrics b = MeasureRows(Rows(rows, Form::kStrings, 64));
  EXPECT_EQ(a.rows_hash, b.rows_hash);
  for (std::size_t i = 0; i < event::kColumnCount; ++i) {
    EXPECT_EQ(a.columns[i].nulls, b.columns[i].nulls) << i;
    EXPECT_EQ(a.columns[i].lower, b.columns[i].lower) << i;
    EXPECT_EQ(a.columns[i].upper, b.columns[i].upper) << i;
  }
}

TEST(FileMetricsTest, TheHashIsASumOverRowsInAnyOrder) {
  auto rows = SampleRows(20);
  const Hash128 all = MeasureRows(Rows(rows, Form::kStrings)).rows_hash;
  std::reverse(rows.begin(), rows.end());
  EXPECT_EQ(MeasureRows(Rows(rows, Form::kStrings)).rows_hash, all);
  Hash128 sum = MeasureRows(Rows({rows.begin(), rows.begin() + 5}, Form::kStrings)).rows_hash;
  sum += MeasureRows(Rows({rows.begin() + 5, rows.end()}, Form::kDictionary)).rows_hash;
  EXPECT_EQ(sum, all);
  rows[3].text[Column::kUserId] = "somebody else";
  EXPECT_NE(MeasureRows(Rows(rows, Form::kStrings)).rows_hash, all);
}

TEST(FileMetricsTest, RowsAreMeasuredOnceInWhateverOrderTheyAreRead) {
  std::vector<Row> rows(8);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].text[Column::kUserId] = "user " + std::to_string(i % 3);
    rows[i].fixed[Column::kTimestamp] = static_cast<std::int64_t>(100 - i);
  }
  const Rows source(rows, Form::kStrings);
  const FileMetrics wanted = MeasureRows(source);
  MetricsCollector collector(source.schema());
  ColumnScratch scratch;
  const std::vector<std::vector<std::size_t>> orders = {
      {}, {0, 1, 2}, {0, 0, 1, 0, 2, 1, 2}, {2, 1, 0}};
  for (const auto& order : orders) {
    MeasuredRows measured(&source, &collector);
    for (const std::size_t chunk : order) {
      const ColumnView view = measured.Read(chunk, Index(Column::kTimestamp), &scratch);
      EXPECT_EQ(static_cast<const std::int64_t*>(view.fixed)[0],
                static_cast<std::int64_t>(100 - chunk * 3));
    }
    const FileMetrics metrics = measured.Finish();
    EXPECT_EQ(metrics.rows, wanted.rows);
    EXPECT_EQ(metrics.rows_hash, wanted.rows_hash);
    EXPECT_EQ(Of(metrics, Column::kUserId).upper, Of(wanted, Column::kUserId).upper);
    EXPECT_EQ(metrics.time_min, wanted.time_min);
  }
}

TEST(FileMetricsTest, TheHashIsTheOneThatIsWrittenDown) {
  Row row;
  row.text[Column::kEventId] = "e1";
  row.fixed[Column::kTimestamp] = 7;
  row.fixed[Column::kLogPartition] = -1;
  std::string bytes;
  bytes += '\1';
  PutU32(&bytes, 2);
  bytes += "e1";
  bytes += '\6';
  PutU64(&bytes, 7);
  bytes += '\x1e';
  PutFixed(&bytes, std::int64_t{-1});
  EXPECT_EQ(MeasureRows(Rows({row}, Form::kStrings)).rows_hash, HashRow(bytes));
}

TEST(FileMetricsTest, NanIsCountedAndNeverABoundAndZerosCoverBothSigns) {
  std::vector<Row> rows(2);
  rows[0].fixed[Column::kValue] = std::bit_cast<std::int64_t>(std::nan(""));
  FileMetrics metrics = MeasureRows(Rows({rows[0]}, Form::kStrings));
  EXPECT_EQ(Of(metrics, Column::kValue).nans, 1U);
  EXPECT_FALSE(Of(metrics, Column::kValue).lower.has_value());
  rows[1].fixed[Column::kValue] = std::bit_cast<std::int64_t>(0.0);
  metrics = MeasureRows(Rows(rows, Form::kStrings));
  EXPECT_EQ(Of(metrics, Column::kValue).lower, BoundOf(-0.0));
  EXPECT_EQ(Of(metrics, Column::kValue).upper, BoundOf(0.0));
}

}  // namespace
}  // namespace tidemark::lake
