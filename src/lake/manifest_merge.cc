#include "lake/manifest_merge.h"

#include <algorithm>
#include <map>
#include <utility>

#include "lake/append.h"
#include "lake/names.h"

namespace tidemark::lake {
namespace {

// Merged manifests have numbers of their own in every attempt.
constexpr std::uint32_t kNumbersPerAttempt = 100;

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

Result<ManifestFile> Merge(const MergeRequest& request,
                           const std::vector<const ManifestFile*>& manifests,
                           const std::string& key) {
  const PartitionSpec& spec = *request.metadata->FindSpec(manifests.front()->spec_id);
  std::vector<ManifestEntry> entries;
  for (const ManifestFile* manifest : manifests) {
    TM_ASSIGN(const std::string old_key, request.store->KeyOf(manifest->path));
    TM_ASSIGN(const std::string bytes, request.store->Get(old_key, kManifestBytesMax));
    // From v3 on every file takes its row ids along, which its encoding may not have.
    auto read = request.metadata->format_version >= 3
                    ? ReadManifest(bytes, *manifest)
                    : ReadManifestForMerge(bytes, *manifest, spec);
    if (!read.has_value()) return Fail(std::move(read).error().With("manifest " + old_key));
    for (ManifestEntry& entry : *read) {
      if (entry.status == EntryStatus::kDeleted) continue;
      entry.status = EntryStatus::kExisting;
      entries.push_back(std::move(entry));
    }
  }
  const std::string bytes = WriteManifest(*request.metadata, spec, entries, request.write);
  TM_TRY(request.store->Put(key, bytes));
  ManifestFile merged = SummarizeManifest(spec, entries, request.snapshot);
  merged.path = request.store->Uri(key);
  merged.length = static_cast<std::int64_t>(bytes.size());
  merged.sequence_number = request.sequence_number;
  merged.min_sequence_number = request.sequence_number;
  for (const ManifestEntry& entry : entries) {
    merged.min_sequence_number =
        std::min(merged.min_sequence_number, entry.sequence_number.value_or(0));
  }
  return merged;
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

}  // namespace tidemark::lake
