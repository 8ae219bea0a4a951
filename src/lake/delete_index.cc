#include "lake/delete_index.h"

#include <algorithm>
#include <utility>

namespace tidemark::lake {

bool IsVector(const DataFile& file) { return file.format == "PUFFIN" || file.format == "puffin"; }

std::optional<std::string> FileOfPositions(const DataFile& file) {
  if (file.referenced_file) return file.referenced_file;
  const std::string* lower = file.Lower(kDeletePathId);
  const std::string* upper = file.Upper(kDeletePathId);
  if (lower == nullptr || upper == nullptr || *lower != *upper) return std::nullopt;
  return *lower;
}

namespace {

// Fields that were dropped stay in a spec of format v1 as void ones.
bool IsUnpartitioned(const PartitionSpec& spec) {
  return std::ranges::all_of(
      spec.fields, [](const PartitionField& field) { return field.transform == Transform::kVoid; });
}

}  // namespace

Status DeleteIndex::Add(const ManifestEntry& entry, const PartitionSpec& spec) {
  const DataFile& file = entry.file;
  Delete one;
  auto key = store_->KeyOf(file.path);
  one.file.in_store = key.has_value();
  one.file.key = one.file.in_store ? *std::move(key) : file.path;
  one.sequence_number = entry.sequence_number.value_or(0);
  ++totals_.files;
  const auto rows = static_cast<std::uint64_t>(file.rows);
  if (file.content == FileContent::kEqualityDeletes) {
    if (file.equality_ids.empty()) {
      return Fail(Code::kCorruption, "an equality delete file without columns: " + file.path);
    }
    totals_.equalities += rows;
    one.file.equality_ids = file.equality_ids;
    Deletes& deletes =
        IsUnpartitioned(spec) ? everywhere_ : by_partition_[{spec.spec_id, file.partition_key}];
    deletes.push_back(std::move(one));
    return {};
  }
  totals_.positions += rows;
  if (IsVector(file)) return AddVector(file, std::move(one));
  const auto only = FileOfPositions(file);
  Deletes& deletes = only ? by_path_[*only] : by_partition_[{spec.spec_id, file.partition_key}];
  deletes.push_back(std::move(one));
  return {};
}

Status DeleteIndex::AddVector(const DataFile& file, Delete one) {
  const std::int64_t offset = file.content_offset.value_or(-1);
  const std::int64_t bytes = file.content_bytes.value_or(-1);
  if (!file.referenced_file || offset < 0 || bytes < 0) {
    return Fail(Code::kCorruption,
                "a deletion vector without its data file or its place: " + file.path);
  }
  ++totals_.vectors;
  one.file.vector =
      engine::VectorPlace{static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(bytes),
                          static_cast<std::uint64_t>(file.rows)};
  if (vectors_.emplace(*file.referenced_file, std::move(one)).second) return {};
  return Fail(Code::kCorruption, "two deletion vectors of one file: " + *file.referenced_file);
}

std::shared_ptr<const std::vector<LiveDelete>> DeleteIndex::Of(const ManifestEntry& data,
                                                               std::int32_t spec_id) const {
  if (totals_.files == 0) return nullptr;
  auto found = std::make_shared<std::vector<LiveDelete>>();
  const std::int64_t sequence = data.sequence_number.value_or(0);
  const auto vector = vectors_.find(data.file.path);
  const bool has_vector = vector != vectors_.end() && vector->second.sequence_number >= sequence;
  if (has_vector) found->push_back(vector->second.file);
  const auto take = [&](const Deletes& deletes) {
    for (const Delete& one : deletes) {
      const bool positions = one.file.equality_ids.empty();
      if (positions && has_vector) continue;
      if (positions ? one.sequence_number >= sequence : one.sequence_number > sequence) {
        found->push_back(one.file);
      }
    }
  };
  if (const auto at = by_path_.find(data.file.path); at != by_path_.end()) take(at->second);
  const auto partition = by_partition_.find({spec_id, data.file.partition_key});
  if (partition != by_partition_.end()) take(partition->second);
  take(everywhere_);
  if (found->empty()) return nullptr;
  std::ranges::sort(*found, {}, &LiveDelete::key);
  return found;
}

}  // namespace tidemark::lake
