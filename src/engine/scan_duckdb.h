// How the engine reads a relation: two table functions, bound to the relation's schema.
// `tm_rows(i)` scans the hot sources of the connection's relation i, `tm_files('i')` the lake files
// of its file scan i through the engine's Parquet reader; the first scans are the relations' own.
// Only the guard writes calls of them into a statement, and statements of our own have them.
//
// Internal to this folder. Functions here may throw the engine's exceptions.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "duckdb.hpp"
#include "engine/relation.h"

namespace tidemark::engine {

// What an error of a scan says of a column whose type in a file is no type of the table's.
inline constexpr char kOtherType[] = "has the column ";

// Some files of a relation, with some of its kept paths (places in schema->kept.paths) as fields of
// a struct column `kept` behind the other columns.
struct FileScan {
  std::shared_ptr<const Relation> relation;
  std::shared_ptr<const std::vector<LakeFile>> files;
  std::vector<std::size_t> kept;
};

// What the connection's statement may read, by index. The guard adds file scans before the
// statement is bound; from then on it is immutable.
struct ScanState final : duckdb::ClientContextState {
  static constexpr const char* kKey = "tidemark";
  std::vector<std::shared_ptr<const Relation>> relations;
  std::vector<FileScan> scans;
  // Of all file scans, as they begin.
  std::atomic<std::uint64_t> files_there{0};
  std::atomic<std::uint64_t> files_read{0};
  // Whether the statement has met one of its limits; for any thread that works on it.
  std::function<bool()> must_end;
};

// Registers tm_rows and tm_files. Throws.
void RegisterScans(duckdb::DatabaseInstance& instance);

duckdb::LogicalType EngineType(event::Type type);

}  // namespace tidemark::engine
