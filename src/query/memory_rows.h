// Rows of a relation that the program makes itself, such as the system tables, as a RowSource. One
// thread makes it; then it is immutable.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "event/row_source.h"

namespace tidemark::query {

// A schema of columns that no events table has: without offsets and times of its own.
std::shared_ptr<const event::TableSchema> MakeColumns(
    std::vector<std::pair<std::string, event::Type>> columns);

class MemoryRows final : public event::RowSource {
 public:
  // Of kString, kInt64, kTimestamp and kBool only.
  explicit MemoryRows(std::shared_ptr<const event::TableSchema> schema);

  // The next value of the row, in the order of the columns; after the last the row is there.
  MemoryRows& Text(std::string_view text);
  MemoryRows& Int(std::int64_t value);
  MemoryRows& Time(TimeMicros time);
  MemoryRows& Flag(bool value);
  MemoryRows& Null();
  MemoryRows& Int(std::optional<std::int64_t> value) { return value ? Int(*value) : Null(); }
  MemoryRows& Time(std::optional<TimeMicros> time) { return time ? Time(*time) : Null(); }

  std::size_t chunk_count() const override;
  std::size_t ChunkRows(std::size_t chunk) const override;
  event::TimeRange ChunkTimes(std::size_t chunk) const override;
  event::ColumnView Read(std::size_t chunk, std::size_t column,
                         event::ColumnScratch* scratch) const override;
  std::uint64_t row_count() const override { return rows_; }
  const event::TableSchema& schema() const override { return *schema_; }

 private:
  struct Cells {
    std::vector<event::StringRef> strings;
    std::vector<std::int64_t> wide;
    std::vector<std::uint8_t> flags;
    std::vector<std::uint64_t> validity;
  };
  Cells& Next(bool valid);

  const std::shared_ptr<const event::TableSchema> schema_;
  std::vector<Cells> cells_;
  std::deque<std::string> texts_;
  std::size_t column_ = 0;
  std::size_t rows_ = 0;
};

}  // namespace tidemark::query
