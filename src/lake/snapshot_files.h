// What a snapshot names, read from the store: its manifests and their entries. Any thread.
//
// Paths are URIs. kCorruption names what is missing or cannot be read.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/row_lineage.h"
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

// kCorruption: the entry has a partition of a spec that the table does not have (null), so that
// nobody knows what its values are of.
Status CheckSpec(const PartitionSpec* spec, const ManifestEntry& entry);

// kCorruption: a file is there twice, and so would be its rows. For tables whose commits were not
// admitted.
Status CheckOnce(const std::vector<LiveFile>& files);

// The data files that these snapshots added themselves, each a commit that only appended; each
// once. `metadata`: the table's, for what partitions say of columns that files lack; null: one of
// ours, whose files lack none.
Result<std::vector<LiveFile>> ReadAppended(const env::ObjectStore& store,
                                           const std::vector<const Snapshot*>& snapshots,
                                           const TableMetadata* metadata);

// The live data files of a manifest of a head that has no delete files.
Result<std::shared_ptr<const std::vector<LiveFile>>> ReadLiveFilesOf(const env::ObjectStore& store,
                                                                     const ManifestFile& manifest,
                                                                     const TableMetadata& metadata,
                                                                     avro::SchemaCache* schemas,
                                                                     KnownParts* known);

// v3: the row ids that the live data files of the current snapshot begin with, and their sequence
// numbers, by key; of those that have some and lie in the store.
Result<std::map<std::string, engine::FileLineage>> ReadLineage(const env::ObjectStore& store,
                                                               const TableMetadata& metadata);

// All of it at once.
struct SnapshotFiles {
  std::vector<ManifestFile> manifests;
  std::vector<std::vector<ManifestEntry>> entries;  // Of each.
};
Result<SnapshotFiles> ReadSnapshotFiles(const env::ObjectStore& store,
                                        const std::string& manifest_list);

}  // namespace tidemark::lake
