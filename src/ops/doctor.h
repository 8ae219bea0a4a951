// Offline checks of a data directory, and the way back when its catalog is lost.
//
// Nobody else may use the directory: the caller holds its lock. One thread. Errors: only what keeps
// the examination itself from going on; what is wrong with the directory is in the checks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "env/clock.h"
#include "env/disk.h"
#include "env/object_store.h"

namespace tidemark::ops {

inline constexpr std::uint64_t kFreeBytesFailed = 256ULL << 20;  // Less: the log cannot grow.
inline constexpr std::uint64_t kFreeBytesWarning = 2ULL << 30;

enum class Finding : std::uint8_t { kOk, kWarning, kFailed };
std::string_view FindingName(Finding finding);  // "ok", "warning", "failed".

struct Check {
  std::string name;  // "disk", "log", "table default.events", ...
  Finding finding = Finding::kOk;
  std::string found;
  std::string hint;  // What to do; empty if nothing.
};

struct Premises {
  env::Disk* disk = nullptr;          // The data directory.
  env::ObjectStore* store = nullptr;  // Its lake.
  const env::Clock* clock = nullptr;
};

// Disk, permissions, clock, the log from end to end, the catalog, every table and its live files.
// Changes nothing but a small file that it makes and removes.
std::vector<Check> Examine(const Premises& premises);

struct RebuiltTable {
  std::string ns;
  std::string name;
  std::int64_t metadata_version = 0;
  std::int64_t settled = 0;  // Offsets below are the lake's.
};
// Makes `meta.db` again from the newest metadata file of every table on the store that verifies.
// What follows the tables in the log is replayed by the next start. API keys are not in the lake:
// the next start prints a new one.
//
// All or nothing: the database gets its name when it is whole. Errors: kAlreadyExists (there is a
// catalog), kCorruption (a table of which no metadata verifies, or of another log), kConflict (two
// tables of one name), kIoError.
Result<std::vector<RebuiltTable>> RebuildCatalog(const Premises& premises);

}  // namespace tidemark::ops
