// Rows of another source as memory of their own: what a reader shows for the length of a call, kept
// until all of a file is there to be written again.
//
// Add is for one thread; then immutable, for any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "event/row_source.h"

namespace tidemark::engine {

class CopiedRows final : public event::RowSource {
 public:
  explicit CopiedRows(std::shared_ptr<const event::TableSchema> schema)
      : schema_(std::move(schema)) {}

  // Copies all rows, which have the columns of the schema.
  void Add(const event::RowSource& rows);

  std::size_t chunk_count() const override { return chunks_.size(); }
  std::size_t ChunkRows(std::size_t chunk) const override { return chunks_[chunk].rows; }
  event::TimeRange ChunkTimes(std::size_t chunk) const override { return chunks_[chunk].times; }
  event::ColumnView Read(std::size_t chunk, std::size_t column,
                         event::ColumnScratch* scratch) const override;
  std::uint64_t row_count() const override { return row_count_; }
  const event::TableSchema& schema() const override { return *schema_; }

 private:
  struct Column {
    bool any = false;  // Else every row is null.
    std::vector<event::StringRef> strings;
    std::string texts;  // Of strings that are not inline.
    std::vector<char> fixed;
    std::vector<std::uint64_t> validity;
  };
  struct Chunk {
    std::size_t rows = 0;
    event::TimeRange times;
    std::vector<Column> columns;
  };

  static void CopyTexts(const event::ColumnView& view, std::size_t rows, Column* column);
  static void CopyFixed(const event::ColumnView& view, std::size_t rows, std::size_t width,
                        Column* column);

  const std::shared_ptr<const event::TableSchema> schema_;
  std::vector<Chunk> chunks_;
  std::uint64_t row_count_ = 0;
};

}  // namespace tidemark::engine
