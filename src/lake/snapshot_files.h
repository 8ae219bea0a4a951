// What a snapshot names, read from the store: its manifests and their entries. Any thread.
//
// Paths are URIs. kCorruption names what is missing or cannot be read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "env/object_store.h"
#include "lake/live_files.h"
#include "lake/manifest.h"

namespace tidemark::lake {

struct KnownParts;

// Newest first, as they are listed.
Result<std::vector<ManifestFile>> ReadManifestsOf(const env::ObjectStore& store,
                                                  const std::string& manifest_list);
// The same; of a snapshot of v1 without a list what its manifests say of themselves. `known`: what
// need not be parsed again; may be null.
Result<std::vector<ManifestFile>> ReadManifestsOf(const env::ObjectStore& store,
                                                  const Snapshot& snapshot,
                                                  KnownParts* known = nullptr);
Result<std::vector<ManifestEntry>> ReadEntriesOf(const env::ObjectStore& store,
                                                 const ManifestFile& manifest,
                                                 avro::SchemaCache* schemas);

// The live data files of a manifest of a head that has no delete files.
Result<std::shared_ptr<const std::vector<LiveFile>>> ReadLiveFilesOf(const env::ObjectStore& store,
                                                                     const ManifestFile& manifest,
                                                                     const TableMetadata& metadata,
                                                                     avro::SchemaCache* schemas,
                                                                     KnownParts* known);

// All of it at once.
struct SnapshotFiles {
  std::vector<ManifestFile> manifests;
  std::vector<std::vector<ManifestEntry>> entries;  // Of each.
};
Result<SnapshotFiles> ReadSnapshotFiles(const env::ObjectStore& store,
                                        const std::string& manifest_list);

}  // namespace tidemark::lake
