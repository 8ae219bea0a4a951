// Which delete files of a snapshot take rows of which data files away. Format: Iceberg table spec,
// "Scan Planning": positions count for data files that are not younger, equalities for those that
// are older; both within the spec and partition, but equalities of an unpartitioned spec everywhere
// and positions that name one data file for that file. A deletion vector is of one data file, which
// has no other, and takes the place of all positions.
//
// One thread; for the time of one loading.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "env/object_store.h"
#include "lake/live_files.h"
#include "lake/manifest.h"

namespace tidemark::lake {

// Field ids of a position delete file's columns.
inline constexpr std::int32_t kDeletePathId = 2'147'483'546;

// How many delete files a snapshot has, and what they say of themselves.
struct DeleteTotals {
  std::uint64_t files = 0;
  std::uint64_t positions = 0;
  std::uint64_t equalities = 0;
  std::uint64_t vectors = 0;  // Of `files`; their places are positions too.
};

// A deletion vector in a Puffin file.
bool IsVector(const DataFile& file);
// The data file that a position delete file is of, if it says that there is only one.
std::optional<std::string> FileOfPositions(const DataFile& file);

class DeleteIndex {
 public:
  explicit DeleteIndex(const env::ObjectStore* store) : store_(store) {}

  // kCorruption: a file that does not say what it deletes, or a second vector of a data file.
  Status Add(const ManifestEntry& entry, const PartitionSpec& spec);
  // Null: none.
  std::shared_ptr<const std::vector<LiveDelete>> Of(const ManifestEntry& data,
                                                    std::int32_t spec_id) const;
  const DeleteTotals& totals() const { return totals_; }

 private:
  struct Delete {
    LiveDelete file;
    std::int64_t sequence_number = 0;
  };
  using Deletes = std::vector<Delete>;
  Status AddVector(const DataFile& file, Delete one);

  const env::ObjectStore* store_;
  std::map<std::string, Delete> vectors_;                                 // By data file.
  std::map<std::string, Deletes> by_path_;                                // Positions.
  std::map<std::pair<std::int32_t, std::string>, Deletes> by_partition_;  // Both kinds.
  Deletes everywhere_;                                                    // Equalities.
  DeleteTotals totals_;
};

}  // namespace tidemark::lake
