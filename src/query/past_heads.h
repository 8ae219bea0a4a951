// The file lists of heads: of the newest one of each project, and of the snapshots of the past that
// statements asked for last. Any thread; blocks on the store where a manifest must be read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/published.h"
#include "base/result.h"
#include "engine/delete_files.h"
#include "engine/relation.h"
#include "lake/table.h"
#include "tide/core.h"

namespace tidemark::query {

class PastHeads {
 public:
  static constexpr std::size_t kKeptMax = 16;

  // `core` must outlive it.
  explicit PastHeads(const tide::Core* core) : core_(core), kept_(std::make_shared<const Kept>()) {}

  // A snapshot of a table as its head. kNotFound.
  Result<std::shared_ptr<const lake::TableHead>> At(
      const std::shared_ptr<const lake::TableHead>& now, SnapshotId snapshot);

 private:
  // Oldest use first.
  using Kept = std::vector<std::shared_ptr<const lake::TableHead>>;

  const tide::Core* const core_;
  Published<Kept> kept_;
};

struct HeadFiles {
  std::shared_ptr<const std::vector<engine::LakeFile>> files;
  std::uint64_t rows = 0;  // That are not deleted.
};
// What the engine reads of a head's files. Reads the delete files among them that `deletes` has not
// read yet; kCorruption names one that cannot be read.
Result<HeadFiles> LakeFilesOf(const tide::Core& core, const lake::TableHead& head,
                              engine::DeleteFiles* deletes);

}  // namespace tidemark::query
