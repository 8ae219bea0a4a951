#include "query/memory_rows.h"

#include <algorithm>

#include "base/check.h"

namespace tidemark::query {

using event::ColumnView;
using event::kChunkRows;
using event::Type;

std::shared_ptr<const event::TableSchema> MakeColumns(
    std::vector<std::pair<std::string, Type>> columns) {
  auto schema = std::make_shared<event::TableSchema>();
  for (auto& [name, type] : columns) {
    const auto id = static_cast<std::int32_t>(schema->columns.size()) + 1;
    schema->columns.push_back({std::move(name), type, false, id});
  }
  for (auto* place : {&schema->event_type, &schema->timestamp, &schema->received_at,
                      &schema->project_id, &schema->log_partition, &schema->log_offset}) {
    *place = schema->columns.size();  // None.
  }
  return schema;
}

MemoryRows::MemoryRows(std::shared_ptr<const event::TableSchema> schema)
    : schema_(std::move(schema)), cells_(schema_->columns.size()) {}

MemoryRows::Cells& MemoryRows::Next(bool valid) {
  Cells& cells = cells_[column_];
  if (rows_ % 64 == 0) cells.validity.push_back(0);
  if (valid) cells.validity.back() |= std::uint64_t{1} << (rows_ % 64);
  if (++column_ == cells_.size()) {
    column_ = 0;
    ++rows_;
  }
  return cells;
}

MemoryRows& MemoryRows::Text(std::string_view text) {
  TM_CHECK(schema_->columns[column_].type == Type::kString);
  const std::string_view kept = texts_.emplace_back(text);
  Next(true).strings.push_back(event::StringRef::Of(kept));
  return *this;
}

MemoryRows& MemoryRows::Int(std::int64_t value) {
  TM_CHECK(schema_->columns[column_].type == Type::kInt64);
  Next(true).wide.push_back(value);
  return *this;
}

MemoryRows& MemoryRows::Time(TimeMicros time) {
  TM_CHECK(schema_->columns[column_].type == Type::kTimestamp);
  Next(true).wide.push_back(time.value);
  return *this;
}

MemoryRows& MemoryRows::Flag(bool value) {
  TM_CHECK(schema_->columns[column_].type == Type::kBool);
  Next(true).flags.push_back(value ? 1 : 0);
  return *this;
}

MemoryRows& MemoryRows::Null() {
  const Type type = schema_->columns[column_].type;
  Cells& cells = Next(false);
  if (type == Type::kString) {
    cells.strings.push_back(event::StringRef::Of(""));
  } else if (type == Type::kBool) {
    cells.flags.push_back(0);
  } else {
    cells.wide.push_back(0);
  }
  return *this;
}

std::size_t MemoryRows::chunk_count() const { return (rows_ + kChunkRows - 1) / kChunkRows; }

std::size_t MemoryRows::ChunkRows(std::size_t chunk) const {
  return std::min(kChunkRows, rows_ - chunk * kChunkRows);
}

event::TimeRange MemoryRows::ChunkTimes(std::size_t /*chunk*/) const {
  return {kTimeMin, kTimeMax};
}

ColumnView MemoryRows::Read(std::size_t chunk, std::size_t column,
                            event::ColumnScratch* /*scratch*/) const {
  const Cells& cells = cells_[column];
  const std::size_t from = chunk * kChunkRows;
  ColumnView view;
  view.kind = ColumnView::Kind::kFixed;
  view.validity = cells.validity.data() + from / 64;
  switch (schema_->columns[column].type) {
    case Type::kString:
      view.kind = ColumnView::Kind::kStrings;
      view.strings = cells.strings.data() + from;
      break;
    case Type::kBool:
      view.fixed = cells.flags.data() + from;
      break;
    default:
      view.fixed = cells.wide.data() + from;
  }
  return view;
}

}  // namespace tidemark::query
