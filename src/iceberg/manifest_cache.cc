#include "iceberg/manifest_cache.h"

#include <algorithm>
#include <utility>

#include "event/schema.h"
#include "lake/delete_index.h"
#include "lake/live_files.h"

namespace tidemark::iceberg {
namespace {

using lake::ManifestEntry;
using lake::ManifestFile;

bool IsKept(std::int32_t field_id) {
  return field_id == Info(event::Column::kLogOffset).field_id || field_id == lake::kDeletePathId;
}

void KeepFew(lake::FieldBounds* bounds) {
  lake::FieldBounds few;
  for (auto& [id, bound] : *bounds) {
    if (IsKept(id)) few.emplace_back(id, std::move(bound));
  }
  *bounds = std::move(few);
  bounds->shrink_to_fit();
}

std::uint64_t BytesOf(const ManifestEntry& entry) {
  const lake::DataFile& file = entry.file;
  std::uint64_t bytes = sizeof entry + file.path.capacity() + file.partition_key.capacity() +
                        8 * file.split_offsets.capacity() + 4 * file.equality_ids.capacity();
  for (const auto* bounds : {&file.lower_bounds, &file.upper_bounds}) {
    for (const auto& [id, bound] : *bounds) bytes += sizeof bound + 8 + bound.capacity();
  }
  if (file.referenced_file) bytes += file.referenced_file->capacity();
  return bytes;
}

tl::unexpected<Error> Unresolved(const Problem& problem) {
  const Code code = problem.status == 400   ? Code::kInvalidArgument
                    : problem.status == 403 ? Code::kPermissionDenied
                                            : Code::kUnavailable;
  return Fail(code, problem.message);
}

Result<std::string> ReadObject(const Resolver& locations, const std::string& uri) {
  const auto place = locations.Resolve(uri);
  if (!place) return Unresolved(place.error());
  auto bytes = place->store->Get(place->key, lake::kManifestBytesMax);
  if (bytes) return bytes;
  if (bytes.error().code() == Code::kNotFound) {
    return Fail(Code::kCorruption, "missing metadata object " + uri);
  }
  return Fail(std::move(bytes).error().With("metadata object " + uri));
}

}  // namespace

SharedManifest Pack(std::vector<ManifestEntry> entries) {
  auto content = std::make_shared<ManifestContent>();
  content->bytes = sizeof *content;
  content->bounds.reserve(entries.size());
  for (ManifestEntry& entry : entries) {
    lake::DataFile& file = entry.file;
    auto bounds = lake::ColumnBoundsOf(file);
    if (bounds) content->bytes += bounds->bytes() + sizeof *bounds;
    content->bounds.push_back(std::move(bounds));
    file.partition = {};
    file.partition_fields = {};
    file.value_counts = {};
    file.null_counts = {};
    file.nan_counts = {};
    KeepFew(&file.lower_bounds);
    KeepFew(&file.upper_bounds);
    file.split_offsets.shrink_to_fit();
    content->bytes += BytesOf(entry) + sizeof bounds;
  }
  entries.shrink_to_fit();
  content->entries = std::move(entries);
  return content;
}

Result<std::vector<ManifestFile>> ReadManifestList(const Resolver& locations,
                                                   const std::string& uri) {
  if (uri.empty()) {
    return Fail(Code::kUnimplemented, "the table's snapshots have no manifest lists");
  }
  TM_ASSIGN(const std::string bytes, ReadObject(locations, uri));
  auto manifests = lake::ReadManifestList(bytes);
  if (manifests) return manifests;
  return Fail(std::move(manifests).error().With("manifest list " + uri));
}

Result<std::vector<ManifestEntry>> ReadManifestWhole(const Resolver& locations,
                                                     const ManifestFile& manifest,
                                                     lake::avro::SchemaCache* schemas) {
  TM_ASSIGN(const std::string bytes, ReadObject(locations, manifest.path));
  auto entries = lake::ReadManifest(bytes, manifest, schemas);
  if (entries) return entries;
  return Fail(std::move(entries).error().With("manifest " + manifest.path));
}

std::string ManifestCache::KeyOf(const ManifestFile& manifest) {
  return manifest.path + "|" + std::to_string(manifest.sequence_number) + "|" +
         std::to_string(manifest.added_snapshot.value) + "|" + std::to_string(manifest.length);
}

Result<std::vector<SharedManifest>> ManifestCache::Read(
    const Resolver& locations, const std::vector<ManifestFile>& manifests) {
  const auto kept = kept_.Load();
  const std::uint64_t now = ++clock_;
  std::vector<SharedManifest> contents;
  std::vector<std::pair<std::string, SharedManifest>> fresh;
  lake::avro::SchemaCache schemas;
  for (const ManifestFile& manifest : manifests) {
    std::string key = KeyOf(manifest);
    if (const auto found = kept->find(key); found != kept->end()) {
      // Whoever it was read for: not everybody may.
      if (const auto place = locations.Resolve(manifest.path); !place) {
        return Unresolved(place.error());
      }
      found->second.used->store(now, std::memory_order_relaxed);
      contents.push_back(found->second.content);
      continue;
    }
    TM_ASSIGN(auto entries, ReadManifestWhole(locations, manifest, &schemas));
    contents.push_back(Pack(std::move(entries)));
    fresh.emplace_back(std::move(key), contents.back());
  }
  if (!fresh.empty()) Keep(std::move(fresh));
  return contents;
}

// The oldest go until all fits.
void ManifestCache::Keep(std::vector<std::pair<std::string, SharedManifest>> fresh) {
  const std::uint64_t now = clock_.load(std::memory_order_relaxed);
  kept_.Update([&](const Map& before) {
    auto after = std::make_shared<Map>(before);
    for (auto& [key, content] : fresh) {
      if (content->bytes > bytes_max_) continue;
      (*after)[key] = {content, std::make_shared<std::atomic<std::uint64_t>>(now)};
    }
    std::uint64_t bytes = 0;
    std::vector<std::pair<std::uint64_t, Map::iterator>> by_use;
    for (auto one = after->begin(); one != after->end(); ++one) {
      bytes += one->second.content->bytes;
      by_use.emplace_back(one->second.used->load(std::memory_order_relaxed), one);
    }
    std::ranges::sort(by_use, {}, [](const auto& one) { return one.first; });
    for (const auto& [used, oldest] : by_use) {
      if (bytes <= bytes_max_) break;
      bytes -= oldest->second.content->bytes;
      after->erase(oldest);
    }
    return std::shared_ptr<const Map>(std::move(after));
  });
}

std::uint64_t ManifestCache::bytes() const {
  std::uint64_t bytes = 0;
  const auto kept = kept_.Load();
  for (const auto& [key, one] : *kept) bytes += one.content->bytes;
  return bytes;
}

}  // namespace tidemark::iceberg
