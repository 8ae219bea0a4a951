#include "lake/snapshot_files.h"

#include <utility>

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

Result<std::vector<ManifestFile>> ReadManifestsOf(const env::ObjectStore& store,
                                                  const std::string& manifest_list) {
  TM_ASSIGN(const std::string bytes, ReadObject(store, manifest_list));
  auto manifests = ReadManifestList(bytes);
  if (manifests.has_value()) return manifests;
  return Fail(std::move(manifests).error().With("manifest list " + manifest_list));
}

Result<std::vector<ManifestFile>> ReadManifestsOf(const env::ObjectStore& store,
                                                  const Snapshot& snapshot) {
  if (!snapshot.manifest_list.empty()) return ReadManifestsOf(store, snapshot.manifest_list);
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
