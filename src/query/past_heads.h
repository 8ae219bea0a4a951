// The file lists of heads: of the newest one of each project, and of the snapshots of the past that
// statements asked for last. Any thread; blocks on the store where a manifest must be read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/published.h"
#include "base/result.h"
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

// What the engine reads of a head's files.
std::shared_ptr<const std::vector<engine::LakeFile>> LakeFilesOf(const tide::Core& core,
                                                                 const lake::TableHead& head);

}  // namespace tidemark::query
