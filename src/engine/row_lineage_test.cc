// A row that is moved keeps the id it has, wherever that came from.
#include "engine/row_lineage.h"

#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "engine/test_rows.h"

namespace tidemark::engine {
namespace {

// What a file gives: rows of which some have a lineage of their own.
class FileRows final : public event::RowSource {
 public:
  using Own = std::vector<std::optional<std::pair<std::int64_t, std::int64_t>>>;
  explicit FileRows(Own own)
      : own_(std::move(own)), schema_(WithLineageColumns(*event::EventsSchema())) {}

  std::size_t chunk_count() const override { return 1; }
  std::size_t ChunkRows(std::size_t /*chunk*/) const override { return own_.size(); }
  event::TimeRange ChunkTimes(std::size_t /*chunk*/) const override { return {}; }
  std::uint64_t row_count() const override { return own_.size(); }
  const event::TableSchema& schema() const override { return *schema_; }
  event::ColumnView Read(std::size_t /*chunk*/, std::size_t column,
                         event::ColumnScratch* scratch) const override {
    event::ColumnView view;
    if (column < event::kColumnCount) return view;
    scratch->validity.fill(0);
    for (std::size_t i = 0; i < own_.size(); ++i) {
      if (!own_[i]) continue;
      SetBit(scratch->validity.data(), i);
      scratch->fixed[i] = column == event::kColumnCount ? own_[i]->first : own_[i]->second;
    }
    view.kind = event::ColumnView::Kind::kFixed;
    view.fixed = scratch->fixed.data();
    view.validity = scratch->validity.data();
    return view;
  }

 private:
  const Own own_;
  const std::shared_ptr<const event::TableSchema> schema_;
};

std::vector<std::int64_t> NumbersOf(const event::RowSource& rows, std::size_t column) {
  std::vector<std::int64_t> values;
  const auto scratch = std::make_unique<event::ColumnScratch>();
  for (std::size_t chunk = 0; chunk < rows.chunk_count(); ++chunk) {
    const event::ColumnView view = rows.Read(chunk, column, scratch.get());
    const auto* fixed = static_cast<const std::int64_t*>(view.fixed);
    values.insert(values.end(), fixed, fixed + rows.ChunkRows(chunk));
  }
  return values;
}

TEST(RowLineage, IsTheFilesUnlessTheRowHasItsOwn) {
  RowLineage lineage({.first_row_id = 100, .sequence_number = 7});
  lineage.Add(FileRows({std::nullopt, {{5, 2}}}));
  lineage.Add(FileRows({std::nullopt, std::nullopt, {{6, 3}}}));
  const auto rows = RowLineage::Put(std::make_shared<const TestRows>(std::vector<TestRow>(5)),
                                    std::move(lineage));
  const event::TableSchema& schema = rows->schema();
  ASSERT_EQ(schema.columns.size(), event::kColumnCount + 2);
  EXPECT_EQ(schema.columns[event::kColumnCount].field_id, kRowIdField);
  EXPECT_EQ(schema.fixed_count, event::kColumnCount);
  EXPECT_EQ(NumbersOf(*rows, event::kColumnCount),
            (std::vector<std::int64_t>{100, 5, 102, 103, 6}));
  EXPECT_EQ(NumbersOf(*rows, event::kColumnCount + 1), (std::vector<std::int64_t>{7, 2, 7, 7, 3}));
}

TEST(RowLineage, FollowsRowsOverChunks) {
  const std::size_t count = event::kChunkRows * 2 + 3;
  RowLineage lineage({.first_row_id = 1, .sequence_number = 1});
  for (std::size_t i = 0; i < count; ++i) lineage.Add(FileRows({std::nullopt}));
  const auto rows = RowLineage::Put(std::make_shared<const TestRows>(std::vector<TestRow>(count)),
                                    std::move(lineage));
  const auto ids = NumbersOf(*rows, event::kColumnCount);
  ASSERT_EQ(ids.size(), count);
  for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(ids[i], static_cast<std::int64_t>(i) + 1);
}

}  // namespace
}  // namespace tidemark::engine
