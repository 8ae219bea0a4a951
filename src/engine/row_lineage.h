// The row ids of format v3: a row keeps its id and the number of the commit that last changed it
// wherever it is written to, in two columns of the file; where a file lacks them, or has null, they
// follow from the file: its first id and the row's place in it, and its sequence number (Iceberg
// table spec, "Row Lineage").
//
// RowLineage: one thread; then immutable, for any.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "event/row_source.h"

namespace tidemark::engine {

inline constexpr std::string_view kRowIdColumn = "_row_id";
inline constexpr std::int32_t kRowIdField = 2'147'483'540;
inline constexpr std::string_view kRowUpdatedColumn = "_last_updated_sequence_number";
inline constexpr std::int32_t kRowUpdatedField = 2'147'483'539;

// What the rows of a file have if it says nothing else.
struct FileLineage {
  std::int64_t first_row_id = 0;
  std::int64_t sequence_number = 0;
};

// `columns` and the two behind them, to read a file by.
std::shared_ptr<const event::TableSchema> WithLineageColumns(const event::TableSchema& columns);

// The lineage of a file's rows, in their order.
class RowLineage {
 public:
  explicit RowLineage(FileLineage file) : file_(file) {}

  // The file's next rows, whose schema is WithLineageColumns'.
  void Add(const event::RowSource& rows);

  // `rows` with their lineage behind their columns: the same rows in the same order.
  static std::shared_ptr<const event::RowSource> Put(std::shared_ptr<const event::RowSource> rows,
                                                     RowLineage lineage);

 private:
  friend class LineageRows;

  const FileLineage file_;
  std::vector<std::int64_t> ids_;
  std::vector<std::int64_t> updated_;
};

}  // namespace tidemark::engine
