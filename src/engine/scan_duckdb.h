// How the engine reads a relation: two table functions, bound to the relation's schema.
// `tm_rows(i)` scans the hot sources of the connection's relation i, `tm_files('i')` the lake files
// of its file scan i through the engine's Parquet reader; the first scans are the relations' own.
// Only the guard writes calls of them into a statement, and statements of our own have them.
//
// Internal to this folder. Functions here may throw the engine's exceptions.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/published.h"
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

// Files whose own footers did not bear out what the table's metadata say of nulls, so that no plan
// believes the metadata again. Any thread.
class DoubtedFiles {
 public:
  // From so many on, all files are doubted.
  static constexpr std::size_t kFilesMax = 1'000;

  void Add(const std::string& native_path) {
    paths_.Update([&](const Paths& known) {
      auto more = std::make_shared<Paths>(known);
      if (more->size() < kFilesMax) more->insert(native_path);
      return more;
    });
  }
  bool HasAny(const std::vector<LakeFile>& files) const {
    const auto paths = paths_.Load();
    if (paths->empty()) return false;
    return paths->size() >= kFilesMax || std::ranges::any_of(files, [&](const LakeFile& file) {
             return paths->contains(file.native_path);
           });
  }

 private:
  using Paths = std::set<std::string, std::less<>>;
  Published<Paths> paths_{std::make_shared<const Paths>()};
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
  // Whether the statement may be planned by what the tables' metadata say of nulls; set before it
  // is bound. `met_doubt`: it was, and a file that it opened does not bear that out.
  bool believes_no_nulls = true;
  std::atomic<bool> met_doubt{false};
  std::shared_ptr<DoubtedFiles> doubted;
};

// Registers tm_rows and tm_files. Throws.
void RegisterScans(duckdb::DatabaseInstance& instance);

duckdb::LogicalType EngineType(event::Type type);

}  // namespace tidemark::engine
