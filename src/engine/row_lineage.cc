#include "engine/row_lineage.h"

#include <string>
#include <utility>

#include "base/check.h"

namespace tidemark::engine {

using event::ColumnScratch;
using event::ColumnView;

std::shared_ptr<const event::TableSchema> WithLineageColumns(const event::TableSchema& columns) {
  auto more = std::make_shared<event::TableSchema>(columns);
  more->columns.push_back({std::string(kRowIdColumn), event::Type::kInt64, false, kRowIdField});
  more->columns.push_back(
      {std::string(kRowUpdatedColumn), event::Type::kInt64, false, kRowUpdatedField});
  return more;
}

// Rows and their two columns behind them.
class LineageRows final : public event::WrappedRows {
 public:
  LineageRows(std::shared_ptr<const event::RowSource> wrapped, RowLineage lineage)
      : WrappedRows(std::move(wrapped)),
        lineage_(std::move(lineage)),
        schema_(WithLineageColumns(rows().schema())) {
    TM_CHECK_EQ(lineage_.ids_.size(), rows().row_count());
    std::size_t begin = 0;
    for (std::size_t chunk = 0; chunk < rows().chunk_count(); ++chunk) {
      begins_.push_back(begin);
      begin += rows().ChunkRows(chunk);
    }
  }

  const event::TableSchema& schema() const override { return *schema_; }

  ColumnView Read(std::size_t chunk, std::size_t column, ColumnScratch* scratch) const override {
    const std::size_t own = schema_->columns.size() - 2;
    if (column < own) return rows().Read(chunk, column, scratch);
    const std::vector<std::int64_t>& values = column == own ? lineage_.ids_ : lineage_.updated_;
    ColumnView view;
    view.kind = ColumnView::Kind::kFixed;
    view.fixed = values.data() + begins_[chunk];
    return view;
  }

 private:
  const RowLineage lineage_;
  const std::shared_ptr<const event::TableSchema> schema_;
  std::vector<std::size_t> begins_;  // Row of each chunk's first.
};

void RowLineage::Add(const event::RowSource& rows) {
  const auto scratch = std::make_unique_for_overwrite<ColumnScratch>();
  const std::size_t column = rows.schema().columns.size() - 2;
  for (std::size_t chunk = 0; chunk < rows.chunk_count(); ++chunk) {
    const std::size_t count = rows.ChunkRows(chunk);
    for (std::size_t i = 0; i < count; ++i) {
      ids_.push_back(file_.first_row_id + static_cast<std::int64_t>(ids_.size()));
      updated_.push_back(file_.sequence_number);
    }
    const auto take = [&](std::size_t from, std::vector<std::int64_t>* values) {
      const ColumnView view = rows.Read(chunk, from, scratch.get());
      if (view.kind != ColumnView::Kind::kFixed) return;
      std::int64_t* const out = values->data() + values->size() - count;
      for (std::size_t i = 0; i < count; ++i) {
        if (view.IsValid(i)) out[i] = static_cast<const std::int64_t*>(view.fixed)[i];
      }
    };
    take(column, &ids_);
    take(column + 1, &updated_);
  }
}

std::shared_ptr<const event::RowSource> RowLineage::Put(
    std::shared_ptr<const event::RowSource> rows, RowLineage lineage) {
  return std::make_shared<const LineageRows>(std::move(rows), std::move(lineage));
}

}  // namespace tidemark::engine
