#include "lake/snapshot_files.h"

#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/bytes.h"
#include "lake/known_parts.h"

namespace tidemark::lake {
namespace {

Result<std::string> ReadObject(const env::ObjectStore& store, const std::string& uri) {
  TM_ASSIGN(const std::string key, store.KeyOf(uri));
  auto bytes = store.Get(key, kManifestBytesMax);
  if (bytes.has_value()) return bytes;
  if (bytes.error().code() == Code::kNotFound) {
    return Fail(Code::kCorruption, "missing metadata object " + key);
  }
  return Fail(std::move(bytes).error().With("metadata object " + key));
}

}  // namespace

namespace {

Result<std::vector<ManifestFile>> ReadList(const env::ObjectStore& store,
                                           const std::string& manifest_list, KnownParts* known) {
  TM_ASSIGN(const std::string bytes, ReadObject(store, manifest_list));
  if (known != nullptr) {
    if (const auto list = known->lists.Find(bytes)) return *list;
  }
  auto manifests = ReadManifestList(bytes);
  if (!manifests) return Fail(std::move(manifests).error().With("manifest list " + manifest_list));
  if (known != nullptr) known->lists.Keep(bytes, *manifests);
  return manifests;
}

Result<std::vector<LiveFile>> LiveFilesOf(const std::vector<ManifestEntry>& entries,
                                          const ManifestFile& manifest, const PartitionSpec* spec,
                                          const env::ObjectStore& store) {
  std::vector<LiveFile> files;
  for (const ManifestEntry& entry : entries) {
    if (entry.status == EntryStatus::kDeleted) continue;
    if (entry.file.content != FileContent::kData) {
      return Fail(Code::kCorruption, "it mixes data and delete files: " + entry.file.path);
    }
    TM_TRY(CheckSpec(spec, entry));
    files.push_back(LiveFileOf(entry, manifest.spec_id, store));
    if (spec != nullptr) files.back().constants = ConstantsOf(entry.file, *spec);
  }
  return files;
}

}  // namespace

Status CheckSpec(const PartitionSpec* spec, const ManifestEntry& entry) {
  if (spec != nullptr || entry.file.partition_fields.empty()) return {};
  return Fail(Code::kCorruption,
              "file " + entry.file.path + " is of a partition spec that the table does not have");
}

Status CheckOnce(const std::vector<LiveFile>& files) {
  std::unordered_set<std::string_view> keys;
  keys.reserve(files.size());
  for (const LiveFile& file : files) {
    if (keys.insert(file.key).second) continue;
    return Fail(Code::kCorruption, "the snapshot has data file " + file.key + " twice");
  }
  return {};
}

Result<std::vector<LiveFile>> ReadAppended(const env::ObjectStore& store,
                                           const std::vector<const Snapshot*>& snapshots,
                                           const TableMetadata* metadata) {
  std::vector<LiveFile> files;
  avro::SchemaCache schemas;
  for (const Snapshot* snapshot : snapshots) {
    TM_ASSIGN(const auto manifests, ReadManifestsOf(store, *snapshot));
    for (const ManifestFile& manifest : manifests) {
      if (manifest.is_deletes || manifest.added_snapshot != snapshot->id) continue;
      TM_ASSIGN(const auto entries, ReadEntriesOf(store, manifest, &schemas));
      for (const ManifestEntry& entry : entries) {
        if (entry.status != EntryStatus::kAdded || entry.snapshot != snapshot->id) continue;
        files.push_back(LiveFileOf(entry, manifest.spec_id, store));
        if (metadata == nullptr) continue;
        const PartitionSpec* spec = metadata->FindSpec(manifest.spec_id);
        TM_TRY(CheckSpec(spec, entry));
        if (spec != nullptr) files.back().constants = ConstantsOf(entry.file, *spec);
      }
    }
  }
  TM_TRY(CheckOnce(files));
  return files;
}

Result<std::shared_ptr<const std::vector<LiveFile>>> ReadLiveFilesOf(const env::ObjectStore& store,
                                                                     const ManifestFile& manifest,
                                                                     const TableMetadata& metadata,
                                                                     avro::SchemaCache* schemas,
                                                                     KnownParts* known) {
  TM_ASSIGN(const std::string bytes, ReadObject(store, manifest.path));
  std::string key;
  if (known != nullptr) {
    // With what the entries inherit, and whose partition spec it is.
    key = bytes + metadata.table_uuid.ToString();
    PutU64(&key, static_cast<std::uint64_t>(manifest.sequence_number));
    PutU64(&key, static_cast<std::uint64_t>(manifest.added_snapshot.value));
    PutU32(&key, static_cast<std::uint32_t>(manifest.spec_id));
    PutU64(&key, static_cast<std::uint64_t>(manifest.first_row_id.value_or(-1)));
    if (auto files = known->files.Find(key)) return files;
  }
  const auto entries = ReadManifest(bytes, manifest, schemas);
  if (!entries) return Fail(Error(entries.error()).With("manifest " + manifest.path));
  auto files = LiveFilesOf(*entries, manifest, metadata.FindSpec(manifest.spec_id), store);
  if (!files) return Fail(std::move(files).error().With("manifest " + manifest.path));
  if (known != nullptr) return known->files.Keep(key, *std::move(files));
  return std::make_shared<const std::vector<LiveFile>>(*std::move(files));
}

Result<std::vector<ManifestFile>> ReadManifestsOf(const env::ObjectStore& store,
                                                  const std::string& manifest_list) {
  return ReadList(store, manifest_list, nullptr);
}

Result<std::vector<ManifestFile>> ReadManifestsOf(const env::ObjectStore& store,
                                                  const Snapshot& snapshot, KnownParts* known) {
  if (!snapshot.manifest_list.empty()) return ReadList(store, snapshot.manifest_list, known);
  std::vector<ManifestFile> manifests;
  for (const std::string& path : snapshot.manifests) {
    TM_ASSIGN(const std::string bytes, ReadObject(store, path));
    auto manifest = DescribeManifest(bytes);
    if (!manifest) return Fail(std::move(manifest).error().With("manifest " + path));
    manifest->path = path;
    manifest->added_snapshot = snapshot.id;
    manifests.push_back(*std::move(manifest));
  }
  return manifests;
}

Result<std::vector<ManifestEntry>> ReadEntriesOf(const env::ObjectStore& store,
                                                 const ManifestFile& manifest,
                                                 avro::SchemaCache* schemas) {
  TM_ASSIGN(const std::string bytes, ReadObject(store, manifest.path));
  auto entries = ReadManifest(bytes, manifest, schemas);
  if (entries.has_value()) return entries;
  return Fail(std::move(entries).error().With("manifest " + manifest.path));
}

Result<std::map<std::string, engine::FileLineage>> ReadLineage(const env::ObjectStore& store,
                                                               const TableMetadata& metadata) {
  std::map<std::string, engine::FileLineage> lineage;
  const Snapshot* head = metadata.current();
  if (head == nullptr) return lineage;
  TM_ASSIGN(const auto manifests, ReadManifestsOf(store, *head));
  avro::SchemaCache schemas;
  for (const ManifestFile& manifest : manifests) {
    if (manifest.is_deletes) continue;
    TM_ASSIGN(const auto entries, ReadEntriesOf(store, manifest, &schemas));
    for (const ManifestEntry& entry : entries) {
      if (entry.status == EntryStatus::kDeleted || !entry.file.first_row_id) continue;
      auto key = store.KeyOf(entry.file.path);
      if (!key) continue;
      lineage[*std::move(key)] = {*entry.file.first_row_id, entry.sequence_number.value_or(0)};
    }
  }
  return lineage;
}

Result<SnapshotFiles> ReadSnapshotFiles(const env::ObjectStore& store,
                                        const std::string& manifest_list) {
  SnapshotFiles files;
  TM_ASSIGN(files.manifests, ReadManifestsOf(store, manifest_list));
  avro::SchemaCache schemas;
  for (const ManifestFile& manifest : files.manifests) {
    TM_ASSIGN(files.entries.emplace_back(), ReadEntriesOf(store, manifest, &schemas));
  }
  return files;
}

}  // namespace tidemark::lake
