// fsck: a table as its metadata file tells it, walked down to its files, and what of it does not
// agree: missing, corrupt and orphaned files, counts and totals, and what the Iceberg table spec
// demands of ids, sequence numbers, refs, the snapshot log, deletes and row ids.
//
// Only reads. One thread; blocks on the store. Memory: the files of the snapshots, by path.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/object_store.h"

namespace tidemark::iceberg {

inline constexpr std::size_t kFsckProblemsMax = 1'000;  // More are counted, not kept.
inline constexpr std::uint64_t kPuffinBytesMax = 256U << 20;

struct FsckOptions {
  bool head_only = false;  // The current snapshot alone, and no search for orphans.
  // Bytes of an object. Null: sizes are not compared.
  std::function<Result<std::uint64_t>(const std::string& key)> size_of;
};

struct FsckProblem {
  // missing, corrupt, orphan, unread, count, total, duplicate, reference, sequence-number,
  // snapshot-log, schema, partition, delete, row-id or place.
  std::string rule;
  std::string where;  // A URI, a key or "metadata".
  std::string what;
  bool warning = false;  // No reader gives another answer for it.
};

struct FsckReport {
  std::string table_uuid;
  int format_version = 0;
  std::int64_t current_snapshot = -1;  // -1: none.
  std::uint64_t snapshots = 0;
  std::uint64_t manifests = 0;  // Of all snapshots that were looked at, each once.
  // Of the current snapshot, by its manifests.
  std::uint64_t data_files = 0;
  std::uint64_t delete_files = 0;
  std::uint64_t deletion_vectors = 0;  // Of `delete_files`.
  std::uint64_t records = 0;           // Before deletes.
  std::uint64_t position_deletes = 0;  // Those of vectors too.
  std::uint64_t equality_deletes = 0;
  std::uint64_t orphans = 0;
  std::vector<FsckProblem> problems;
  std::uint64_t errors = 0;  // Of all, those that were not kept too.
  std::uint64_t warnings = 0;
};

// `metadata_key`: where `metadata` was read from. An error means that the metadata itself cannot be
// read; all else is a problem of the report.
Result<FsckReport> Fsck(const env::ObjectStore& store, const std::string& metadata_key,
                        std::string_view metadata, const FsckOptions& options);

// `{"ok":..,...,"problems":[...]}`
std::string FsckJson(const FsckReport& report);

}  // namespace tidemark::iceberg
