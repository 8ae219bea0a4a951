// `iceberg verify`: the rows of one snapshot of a table, counted again by reading every data file,
// against what its manifests say, and its deletes applied, against what SQL answers.
//
// One thread; reads only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/delete_files.h"
#include "engine/instance.h"
#include "query/table_source.h"

namespace tidemark::ops {

inline constexpr std::size_t kProofProblemsMax = 1'000;  // More are counted, not kept.

struct TableProof {
  std::int64_t snapshot = -1;  // -1: the table has none.
  std::uint64_t files = 0;
  std::uint64_t records = 0;       // Read from the data files.
  std::uint64_t deleted_rows = 0;  // Of these, by deletes of every kind, each row once.
  std::uint64_t rows = 0;          // What SQL counts.
  std::uint64_t problem_count = 0;
  std::vector<std::string> problems;
};

// `snapshot`: one of the table's; nullptr: it has none. kUnimplemented: the table has what SQL does
// not read; kCorruption, kIoError. A file that cannot be read is a problem, not an error.
Result<TableProof> ProveTable(const query::CatalogTable& table, const lake::Snapshot* snapshot,
                              engine::Instance* engine, engine::DeleteFiles* deletes);

std::string TableProofJson(const TableProof& proof);

}  // namespace tidemark::ops
