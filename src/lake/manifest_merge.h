// Which of the parent's manifests a new snapshot keeps as they are, and which it merges. One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "env/object_store.h"
#include "lake/manifest.h"

namespace tidemark::lake {

// Below this a manifest is small and may always be merged.
inline constexpr std::int64_t kSmallManifestFiles = 64;

struct MergeRequest {
  env::ObjectStore* store;
  const TableMetadata* metadata;
  std::string location;
  Uuid write;
  std::uint32_t attempt;
  SnapshotId snapshot;
  std::int64_t sequence_number;
  std::vector<std::string>* written;  // Gets the key of each new manifest before it is written.
};

struct MergedManifests {
  std::vector<ManifestFile> manifests;
  std::size_t replaced = 0;
};

// `parent` unchanged, unless it and the `new_count` manifests of the snapshot make as many as the
// table's properties say (kManifestsBeforeMerge): then the newest of each spec are merged, back to
// the first that has more files than all newer ones together. So no file's entry is written more
// often than the logarithm of the number of commits. Entries that the parent deleted are left out.
Result<MergedManifests> KeepManifests(const MergeRequest& request, std::size_t new_count,
                                      const std::vector<ManifestFile>& parent);

// `parent` without the data files of the keys: manifests that have one are written again, where it
// is an entry that says so. kCorruption: one of the files is in none.
Result<MergedManifests> DropFromManifests(const MergeRequest& request,
                                          const std::vector<std::string>& keys,
                                          const std::vector<ManifestFile>& parent);

}  // namespace tidemark::lake
