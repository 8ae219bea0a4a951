// Rows of the engine as text, straight from its vectors. Internal to this folder.
//
// JSON: numbers with their exact digits (DECIMAL, HUGEINT too), NaN and infinity null, timestamps
// with time zone ISO 8601 in UTC with six digits and Z, BLOB base64, lists, structs and maps as
// JSON (a map's keys as text; arrays are lists), the JSON type as it is; anything else as the
// engine's own text. CSV: the same texts without quotes of JSON; nested values as JSON. Arrow:
// arrow_rows_duckdb.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "duckdb.hpp"
#include "engine/arrow_ipc.h"
#include "engine/query.h"

namespace tidemark::engine {

class RowFormatter {
 public:
  static constexpr std::size_t kSliceBytes = 1ULL << 20;

  RowFormatter(duckdb::vector<duckdb::LogicalType> types, duckdb::vector<std::string> names);

  ~RowFormatter();

  void Header(RowFormat format, std::string* out) const;
  // The rows to be written next, all before them are. Throws (casts).
  void Take(duckdb::unique_ptr<duckdb::DataChunk> chunk);
  // Rows taken and not yet written.
  std::size_t rows_left() const;
  // Writes the next rows, at most `rows_max`, or as many of them, but one at least, as make
  // kSliceBytes: one text may stand in each of two thousand rows. How many. `first` if nothing was
  // written before. Throws (a row that does not fit into a ScratchScope).
  std::size_t Rows(RowFormat format, std::size_t rows_max, bool first, std::string* out);
  // Forgets what was taken, whose memory may end then.
  void Drop();

 private:
  struct Columns;

  std::size_t ArrowRows(std::size_t begin, std::size_t end, std::string* out) const;
  void TextRow(RowFormat format, std::size_t row, std::string* out) const;

  const duckdb::vector<duckdb::LogicalType> types_;
  std::vector<std::string> json_keys_;  // `"name":`
  duckdb::vector<std::string> names_;
  std::vector<arrow::Field> fields_;
  std::unique_ptr<Columns> columns_;  // Of the chunk that was taken.
  std::size_t next_row_ = 0;
};

}  // namespace tidemark::engine
