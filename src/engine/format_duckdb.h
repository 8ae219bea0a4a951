// Rows of the engine as text, straight from its vectors. Internal to this folder.
//
// JSON: numbers with their exact digits (DECIMAL, HUGEINT too), NaN and infinity null, timestamps
// with time zone ISO 8601 in UTC with six digits and Z, BLOB base64, lists, structs and maps as
// JSON (a map's keys as text), the JSON type as it is; anything else as the engine's own text. CSV:
// the same texts without quotes of JSON; nested values as JSON.
#pragma once

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

  void Header(RowFormat format, std::string* out) const;
  // Rows of `chunk` from `begin` up to `end`, or as many of them, but one at least, as make
  // kSliceBytes: one text may stand in each of two thousand rows. How many. `first` if nothing was
  // written before. Throws (casts; a row that does not fit into a ScratchScope).
  std::size_t Rows(RowFormat format, duckdb::DataChunk& chunk, std::size_t begin, std::size_t end,
                   bool first, std::string* out);

 private:
  struct Columns;

  std::size_t ArrowRows(const Columns& from, std::size_t begin, std::size_t end,
                        std::string* out) const;
  void TextRow(RowFormat format, const Columns& from, std::size_t row, std::string* out) const;

  const duckdb::vector<duckdb::LogicalType> types_;
  std::vector<std::string> json_keys_;  // `"name":`
  duckdb::vector<std::string> names_;
  std::vector<arrow::Field> fields_;
};

}  // namespace tidemark::engine
