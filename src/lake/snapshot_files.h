// What a snapshot names, read from the store: its manifests and their entries. Any thread.
//
// Paths are URIs. kCorruption names what is missing or cannot be read.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "env/object_store.h"
#include "lake/manifest.h"

namespace tidemark::lake {

// Newest first, as they are listed.
Result<std::vector<ManifestFile>> ReadManifestsOf(const env::ObjectStore& store,
                                                  const std::string& manifest_list);
// The same; of a snapshot of v1 without a list what its manifests say of themselves.
Result<std::vector<ManifestFile>> ReadManifestsOf(const env::ObjectStore& store,
                                                  const Snapshot& snapshot);
Result<std::vector<ManifestEntry>> ReadEntriesOf(const env::ObjectStore& store,
                                                 const ManifestFile& manifest,
                                                 avro::SchemaCache* schemas);

// All of it at once.
struct SnapshotFiles {
  std::vector<ManifestFile> manifests;
  std::vector<std::vector<ManifestEntry>> entries;  // Of each.
};
Result<SnapshotFiles> ReadSnapshotFiles(const env::ObjectStore& store,
                                        const std::string& manifest_list);

}  // namespace tidemark::lake
