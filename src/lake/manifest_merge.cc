#include "lake/manifest_merge.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/check.h"
#include "env/faults.h"
#include "lake/append.h"
#include "lake/names.h"

namespace tidemark::lake {
namespace {

// Merged manifests have numbers of their own in every attempt.
constexpr std::uint32_t kNumbersPerAttempt = 100;
// So have those that a replacement writes again, of which there may be more.
constexpr std::uint32_t kNumbersPerDrop = 1'000'000;

// Partition values are modelled for time transforms alone: others cannot be written again.
bool IsMergeable(const TableMetadata& metadata, const ManifestFile& manifest) {
  const PartitionSpec* spec = metadata.FindSpec(manifest.spec_id);
  if (spec == nullptr || manifest.is_deletes) return false;
  return std::ranges::all_of(spec->fields, [](const PartitionField& field) {
    return field.transform == Transform::kHour || field.transform == Transform::kDay ||
           field.transform == Transform::kMonth || field.transform == Transform::kYear;
  });
}

// How many of a spec's manifests, newest first, are merged.
std::size_t ChooseCount(const std::vector<const ManifestFile*>& manifests) {
  std::int64_t bytes = 0;
  std::int64_t files = 0;
  std::size_t count = 0;
  for (const ManifestFile* manifest : manifests) {
    if (manifest->live_files() > std::max(kSmallManifestFiles, files)) break;
    if (bytes + manifest->length > kManifestBytesTarget) break;
    bytes += manifest->length;
    files += manifest->live_files();
    ++count;
  }
  return count < 2 ? 0 : count;
}

// Writes entries that were read from other manifests as one.
Result<ManifestFile> WriteAgain(const MergeRequest& request, const PartitionSpec& spec,
                                const std::vector<ManifestEntry>& entries, const std::string& key) {
  const std::string bytes = WriteManifest(*request.metadata, spec, entries, request.write);
  TM_TRY(request.store->Put(key, bytes));
  ManifestFile manifest = SummarizeManifest(spec, entries, request.snapshot);
  manifest.path = request.store->Uri(key);
  manifest.length = static_cast<std::int64_t>(bytes.size());
  manifest.sequence_number = request.sequence_number;
  manifest.min_sequence_number = request.sequence_number;
  for (const ManifestEntry& entry : entries) {
    if (entry.status == EntryStatus::kDeleted) continue;
    manifest.min_sequence_number =
        std::min(manifest.min_sequence_number, entry.sequence_number.value_or(0));
  }
  return manifest;
}

// From v3 on every file takes its row ids along, which its encoding may not have: one of v2 has no
// place for them.
Result<std::vector<ManifestEntry>> ReadToWrite(const MergeRequest& request,
                                               const ManifestFile& manifest,
                                               const PartitionSpec& spec, std::string_view bytes) {
  return request.metadata->format_version >= 3 ? ReadManifest(bytes, manifest)
                                               : ReadManifestForMerge(bytes, manifest, spec);
}

Result<ManifestFile> Merge(const MergeRequest& request,
                           const std::vector<const ManifestFile*>& manifests,
                           const std::string& key) {
  const PartitionSpec& spec = *request.metadata->FindSpec(manifests.front()->spec_id);
  std::vector<ManifestEntry> entries;
  for (const ManifestFile* manifest : manifests) {
    TM_ASSIGN(const std::string old_key, request.store->KeyOf(manifest->path));
    TM_ASSIGN(const std::string bytes, request.store->Get(old_key, kManifestBytesMax));
    auto read = ReadToWrite(request, *manifest, spec, bytes);
    if (!read.has_value()) return Fail(std::move(read).error().With("manifest " + old_key));
    for (ManifestEntry& entry : *read) {
      const bool revives = env::Planted(env::Bug::kGoneFilesMergedIn);
      if (entry.status == EntryStatus::kDeleted && !revives) continue;
      entry.status = EntryStatus::kExisting;
      entries.push_back(std::move(entry));
    }
  }
  return WriteAgain(request, spec, entries, key);
}

// The entries of a manifest with those of `uris` as deleted; nothing if it has none of them.
Result<std::optional<std::vector<ManifestEntry>>> WithoutFiles(const MergeRequest& request,
                                                               const ManifestFile& manifest,
                                                               const PartitionSpec& spec,
                                                               const std::set<std::string>& uris,
                                                               std::size_t* found) {
  TM_ASSIGN(const std::string key, request.store->KeyOf(manifest.path));
  TM_ASSIGN(const std::string bytes, request.store->Get(key, kManifestBytesMax));
  auto named = ReadManifest(bytes, manifest);
  if (!named.has_value()) return Fail(std::move(named).error().With("manifest " + key));
  const auto is_gone = [&](const ManifestEntry& entry) {
    return entry.status != EntryStatus::kDeleted && uris.contains(entry.file.path);
  };
  const auto gone = static_cast<std::size_t>(std::ranges::count_if(*named, is_gone));
  if (gone == 0) return std::nullopt;
  *found += gone;
  // As they are encoded: what other engines said of their files stays.
  auto encoded = ReadToWrite(request, manifest, spec, bytes);
  if (!encoded.has_value()) return Fail(std::move(encoded).error().With("manifest " + key));
  TM_CHECK_EQ(named->size(), encoded->size());
  std::vector<ManifestEntry> entries;
  for (std::size_t i = 0; i < named->size(); ++i) {
    ManifestEntry& entry = (*encoded)[i];
    if (entry.status == EntryStatus::kDeleted) continue;
    const bool drops = is_gone((*named)[i]);
    entry.status = drops ? EntryStatus::kDeleted : EntryStatus::kExisting;
    if (drops) entry.snapshot = request.snapshot;
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

Result<MergedManifests> KeepManifests(const MergeRequest& request, std::size_t new_count,
                                      const std::vector<ManifestFile>& parent) {
  MergedManifests kept;
  std::uint32_t merged_count = 0;
  const std::size_t merge_at =
      request.metadata->Count(kPropertyManifestsBeforeMerge, kManifestsBeforeMerge);
  if (new_count + parent.size() < merge_at) {
    kept.manifests = parent;
    return kept;
  }
  std::map<std::int32_t, std::vector<const ManifestFile*>> by_spec;
  for (const ManifestFile& manifest : parent) {
    if (IsMergeable(*request.metadata, manifest)) by_spec[manifest.spec_id].push_back(&manifest);
  }
  std::vector<const ManifestFile*> gone;
  for (auto& [spec_id, manifests] : by_spec) {
    manifests.resize(ChooseCount(manifests));
    if (manifests.empty()) continue;
    const auto number = request.attempt * kNumbersPerAttempt + merged_count++;
    const std::string key = ManifestKey(request.location, request.write, number);
    request.written->push_back(key);
    TM_ASSIGN(ManifestFile merged, Merge(request, manifests, key));
    kept.manifests.push_back(std::move(merged));
    gone.insert(gone.end(), manifests.begin(), manifests.end());
  }
  kept.replaced = gone.size();
  std::ranges::sort(gone);
  for (const ManifestFile& manifest : parent) {
    if (!std::ranges::binary_search(gone, &manifest)) kept.manifests.push_back(manifest);
  }
  return kept;
}

Result<MergedManifests> DropFromManifests(const MergeRequest& request,
                                          const std::vector<std::string>& keys,
                                          const std::vector<ManifestFile>& parent) {
  std::set<std::string> uris;
  for (const std::string& key : keys) uris.insert(request.store->Uri(key));
  MergedManifests kept;
  std::size_t found = 0;
  std::uint32_t number = request.attempt * kNumbersPerDrop;
  for (const ManifestFile& manifest : parent) {
    std::optional<std::vector<ManifestEntry>> entries;
    if (IsMergeable(*request.metadata, manifest)) {
      const PartitionSpec& spec = *request.metadata->FindSpec(manifest.spec_id);
      TM_ASSIGN(entries, WithoutFiles(request, manifest, spec, uris, &found));
    }
    if (!entries) {
      kept.manifests.push_back(manifest);
      continue;
    }
    const std::string key = ManifestKey(request.location, request.write, number++);
    request.written->push_back(key);
    const PartitionSpec& spec = *request.metadata->FindSpec(manifest.spec_id);
    TM_ASSIGN(ManifestFile again, WriteAgain(request, spec, *entries, key));
    kept.manifests.push_back(std::move(again));
    ++kept.replaced;
  }
  if (found != uris.size())
    return Fail(Code::kCorruption, "a file to be replaced is in no manifest");
  return kept;
}

}  // namespace tidemark::lake
