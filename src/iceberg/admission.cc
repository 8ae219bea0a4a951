#include "iceberg/admission.h"

#include <algorithm>
#include <compare>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/hash.h"
#include "env/faults.h"
#include "event/schema.h"
#include "lake/bounds.h"
#include "lake/delete_index.h"

namespace tidemark::iceberg {
namespace {

using lake::EntryStatus;
using lake::FileContent;
using lake::ManifestEntry;
using lake::ManifestFile;

struct Live {
  const ManifestEntry* entry = nullptr;
  std::int32_t spec_id = 0;
  bool stays = false;  // Its manifest is in the new snapshot too.
};
// One spelling of a path: Spark writes `file:/x` of what is `file:///x` for others.
std::string_view Spelled(std::string_view path) {
  constexpr std::string_view kScheme = "file:";
  if (path.starts_with(kScheme)) path.remove_prefix(kScheme.size());
  while (path.starts_with("//")) path.remove_prefix(1);
  return path;
}

// By spelled path. Data and delete files have different ones; deletion vectors may share a file.
struct Key {
  std::string_view path;
  std::int64_t at = -1;  // Of a deletion vector.
  auto operator<=>(const Key&) const = default;
};
struct KeyHash {
  std::size_t operator()(const Key& key) const {
    return Hash64(key.path) ^ static_cast<std::size_t>(key.at + 1);
  }
};
using LiveMap = std::unordered_map<Key, Live, KeyHash>;

Key KeyOf(std::string_view path) { return {Spelled(path)}; }
Key KeyOf(const lake::DataFile& file) {
  return {Spelled(file.path), lake::IsVector(file) ? file.content_offset.value_or(-1) : -1};
}

std::string Upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::optional<std::int64_t> CountOf(const lake::FieldCounts& counts, std::int32_t id) {
  for (const auto& [field, count] : counts) {
    if (field == id) return count;
  }
  return std::nullopt;
}

std::optional<OffsetRange> OffsetsOf(const lake::DataFile& file) {
  const std::int32_t id = Info(event::Column::kLogOffset).field_id;
  const std::string* lower = file.Lower(id);
  const std::string* upper = file.Upper(id);
  const auto first = lower == nullptr ? std::nullopt : lake::IntFromBound(*lower);
  const auto last = upper == nullptr ? std::nullopt : lake::IntFromBound(*upper);
  if (!first || !last) return std::nullopt;
  return OffsetRange{*first, *last};
}

class Admission {
 public:
  explicit Admission(const AdmissionRequest& request) : request_(request) {
    done_.inputs = request.inputs;
  }

  Outcome<Admitted> Run() {
    for (const ManifestFile& manifest : request_.after->manifests)
      after_names_.insert(manifest.path);
    for (const ManifestFile& manifest : request_.before->manifests)
      before_names_.insert(manifest.path);
    const std::vector<ManifestFile>& manifests = request_.after->manifests;
    for (std::size_t i = 0; i < manifests.size(); ++i) {
      if (!before_names_.contains(manifests[i].path)) NoteNamed(*request_.after->entries[i]);
    }
    ICE_TRY(IndexBefore());
    for (std::size_t i = 0; i < manifests.size(); ++i) {
      if (before_names_.contains(manifests[i].path)) continue;
      ICE_TRY(IndexNew(manifests[i], *request_.after->entries[i]));
    }
    for (std::size_t i = 0; i < manifests.size(); ++i) {
      if (before_names_.contains(manifests[i].path)) continue;
      done_.manifests.push_back(manifests[i].path);
      ICE_TRY(CheckManifest(manifests[i], *request_.after->entries[i]));
    }
    ICE_TRY(CheckVectors());
    ICE_TRY(CheckGone());
    ICE_TRY(CheckOffsets());
    ICE_TRY(CheckOperation());
    return std::move(done_);
  }

 private:
  static tl::unexpected<Problem> Twice(const std::string& path) {
    return NotValid("A2: file " + path + " is in the snapshot twice: a row must not be read twice");
  }

  // By their hashes: that one of another file is the same does no harm.
  void NoteNamed(const std::vector<ManifestEntry>& entries) {
    for (const ManifestEntry& entry : entries) {
      named_.insert(KeyHash()(KeyOf(entry.file)));
      if (entry.file.content != FileContent::kPositionDeletes) continue;
      if (const auto only = lake::FileOfPositions(entry.file)) {
        named_.insert(KeyHash()(KeyOf(*only)));
      }
    }
  }

  // Of manifests that stay, only the files that new ones name: a table has many, a commit few.
  Done IndexBefore() {
    for (std::size_t i = 0; i < request_.before->manifests.size(); ++i) {
      const ManifestFile& manifest = request_.before->manifests[i];
      const bool stays = after_names_.contains(manifest.path);
      for (const ManifestEntry& entry : *request_.before->entries[i]) {
        if (entry.status == EntryStatus::kDeleted) continue;
        const Key key = KeyOf(entry.file);
        if (stays && !named_.contains(KeyHash()(key))) continue;
        const Live one{&entry, manifest.spec_id, stays};
        if (!before_.emplace(key, one).second) return Twice(entry.file.path);
      }
    }
    return {};
  }

  // A2.
  Done IndexNew(const ManifestFile& manifest, const std::vector<ManifestEntry>& entries) {
    for (const ManifestEntry& entry : entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      const auto old = before_.find(KeyOf(entry.file));
      const bool there = old != before_.end() && old->second.stays;
      const Live one{&entry, manifest.spec_id};
      // CheckEntry has its own words for what this snapshot adds again.
      const bool adds = entry.status == EntryStatus::kAdded && IsByThis(entry);
      if (!fresh_.emplace(KeyOf(entry.file), one).second || (there && !adds)) {
        return Twice(entry.file.path);
      }
    }
    return {};
  }

  bool IsByThis(const ManifestEntry& entry) const {
    return entry.snapshot == SnapshotId(request_.snapshot);
  }

  // In the new snapshot, by whichever manifest.
  const Live* FindAfter(const Key& key) const {
    if (const auto found = fresh_.find(key); found != fresh_.end()) return &found->second;
    const auto old = before_.find(key);
    return old != before_.end() && old->second.stays ? &old->second : nullptr;
  }

  Done CheckManifest(const ManifestFile& manifest, const std::vector<ManifestEntry>& entries) {
    const lake::PartitionSpec* spec = request_.metadata->FindSpec(manifest.spec_id);
    if (spec == nullptr) {
      return NotValid("A1: manifest " + manifest.path + " is of partition spec " +
                      std::to_string(manifest.spec_id) + ", which the table does not have");
    }
    std::int64_t added = 0;
    for (const ManifestEntry& entry : entries) {
      ICE_TRY(CheckPartition(*spec, entry.file));
      if ((entry.file.content != FileContent::kData) != manifest.is_deletes) {
        return NotValid("A3: manifest " + manifest.path + " mixes data and delete files");
      }
      if (entry.status == EntryStatus::kAdded) ++added;
      ICE_TRY(CheckEntry(manifest, entry));
    }
    if (manifest.added_files > 0 && added != manifest.added_files) {
      return NotValid("A3: the manifest list says that " + manifest.path + " adds " +
                      std::to_string(manifest.added_files) + " files, it adds " +
                      std::to_string(added));
    }
    return {};
  }

  // A1.
  Done CheckPartition(const lake::PartitionSpec& spec, const lake::DataFile& file) const {
    bool same = file.partition_fields.size() == spec.fields.size();
    for (std::size_t i = 0; same && i < spec.fields.size(); ++i) {
      const std::int32_t id = file.partition_fields[i];
      same = id == spec.fields[i].field_id || id == -1;
    }
    if (same) return {};
    return NotValid("A1: the partition of " + file.path + " has not the fields of spec " +
                    std::to_string(spec.spec_id) +
                    ": the engine mixes partition specs, and every reader would see other rows "
                    "(DuckDB up to 1.5.5 does so for DELETE and UPDATE: duckdb-iceberg#1274); "
                    "use a newer one, or another engine for this statement");
  }

  Done CheckEntry(const ManifestFile& manifest, const ManifestEntry& entry) {
    const bool by_this = IsByThis(entry);
    const auto old = before_.find(KeyOf(entry.file));
    const bool was_live = old != before_.end();
    if (entry.status == EntryStatus::kAdded && by_this) {
      if (was_live && !env::Planted(env::Bug::kFileTakenTwice)) {
        return NotValid("A2: file " + entry.file.path +
                        " is in the table already: its rows would be read twice");
      }
      return CheckAdded(manifest, entry);
    }
    if (entry.status == EntryStatus::kDeleted) {
      if (!by_this) return {};
      if (!was_live) {
        return CommitFailed("A5: file " + entry.file.path +
                            " is not in the table any more: load it and commit again");
      }
      deleted_.insert(old->first);
      if (entry.file.content == FileContent::kData) {
        done_.removed_rows += static_cast<std::uint64_t>(old->second.entry->file.rows);
        AddInput(old->second.entry->file);
      }
      return {};
    }
    if (!was_live) {
      return NotValid("A5: file " + entry.file.path +
                      " is named as if it had been in the table before, where it was not");
    }
    const ManifestEntry& before = *old->second.entry;
    if (entry.sequence_number != before.sequence_number) {
      return NotValid("A5: the sequence number of " + entry.file.path + " must stay");
    }
    if (entry.file.rows != before.file.rows) {
      return NotValid("A5: the number of rows of " + entry.file.path + " must stay");
    }
    return {};
  }

  Done CheckAdded(const ManifestFile& manifest, const ManifestEntry& entry) {
    const lake::DataFile& file = entry.file;
    if (file.rows < 0 || file.bytes <= 0) {
      return NotValid("A3: file " + file.path + " has no size or a negative number of rows");
    }
    const std::int64_t sequence = entry.sequence_number.value_or(0);
    const bool rewrites = request_.operation == "replace" || request_.operation == "overwrite";
    if (sequence > request_.sequence_number || (sequence < request_.sequence_number && !rewrites)) {
      return NotValid("A7: file " + file.path + " has sequence number " + std::to_string(sequence) +
                      " in a snapshot of " + std::to_string(request_.sequence_number));
    }
    const bool is_v3 = request_.metadata->format_version >= 3;
    if (lake::IsVector(file) && is_v3) {
      done_.added_files.push_back(file.path);
      done_.deleted_rows += static_cast<std::uint64_t>(file.rows);
      return CheckVector(manifest, file);
    }
    if (Upper(file.format) != "PARQUET") {
      return NotValid("G11: " + file.path + " is " + file.format +
                      ": the server reads Parquet alone (deletion vectors are of v3 tables)");
    }
    if (is_v3 && file.content == FileContent::kPositionDeletes) {
      return NotValid("G11: position delete file " + file.path +
                      " in a table of format v3, which has deletion vectors instead");
    }
    done_.added_files.push_back(file.path);
    if (file.content == FileContent::kData) {
      done_.added_rows += static_cast<std::uint64_t>(file.rows);
      return CheckAddedData(file);
    }
    done_.deleted_rows += static_cast<std::uint64_t>(file.rows);
    if (file.content == FileContent::kPositionDeletes) return CheckPositions(manifest, file);
    if (file.equality_ids.empty()) {
      return NotValid("A3: equality delete file " + file.path + " does not say by which columns");
    }
    if (request_.equality_deletes) {
      all_are_inputs_ = true;
      return {};
    }
    return NotValid(
        "G11: equality deletes are refused: PyIceberg cannot read them and DuckDB 1.5.5 reads them "
        "wrong; delete by rewriting files or by positions, or set table property "
        "tidemark.equality-deletes to allow");
  }

  // A4, of a deletion vector.
  Done CheckVector(const ManifestFile& manifest, const lake::DataFile& file) {
    if (file.content != FileContent::kPositionDeletes || !file.referenced_file ||
        file.content_offset.value_or(-1) < 0 || file.content_bytes.value_or(-1) < 0) {
      return NotValid("A4: deletion vector " + file.path + " lacks its data file or its place");
    }
    if (!vectors_.insert(std::string(Spelled(*file.referenced_file))).second) {
      return NotValid("A4: two deletion vectors of " + *file.referenced_file);
    }
    ICE_TRY(CheckPositions(manifest, file));
    const Live* const now = FindAfter(KeyOf(*file.referenced_file));
    if (now != nullptr && file.rows > now->entry->file.rows) {
      return NotValid("A4: deletion vector " + file.path + " deletes more rows than " +
                      *file.referenced_file + " has");
    }
    return {};
  }

  // A4. Every file has one vector, whoever added it.
  Done CheckVectors() const {
    if (vectors_.empty()) return {};
    std::set<std::string_view> of;
    for (const SnapshotEntries::Shared& entries : request_.after->entries) {
      for (const ManifestEntry& entry : *entries) {
        const lake::DataFile& file = entry.file;
        if (entry.status == EntryStatus::kDeleted) continue;
        if (!lake::IsVector(file) || !file.referenced_file) continue;
        if (of.insert(Spelled(*file.referenced_file)).second) continue;
        return NotValid("A4: two deletion vectors of " + *file.referenced_file +
                        ": a new one takes the place of the old one");
      }
    }
    return {};
  }

  // A4.
  Done CheckPositions(const ManifestFile& manifest, const lake::DataFile& file) {
    const auto only = lake::FileOfPositions(file);
    if (!only) {
      AddInputsOf(manifest.spec_id, file.partition_key);
      return {};
    }
    const auto old = before_.find(KeyOf(*only));
    const Live* target = old != before_.end() ? &old->second : FindAfter(KeyOf(*only));
    if (target == nullptr) {
      return CommitFailed("A4: " + file.path + " deletes rows of " + *only +
                          ", which is not in the table any more: load it and commit again");
    }
    if (target->spec_id != manifest.spec_id ||
        target->entry->file.partition_key != file.partition_key) {
      return NotValid("A4: " + file.path + " deletes rows of " + *only +
                      " but is of another partition or spec: readers would not agree on what is "
                      "deleted (duckdb-iceberg#1274); use a newer engine for this statement");
    }
    AddInput(target->entry->file);
    return {};
  }

  // Positions in files of a partition: in any of those that were there.
  void AddInputsOf(std::int32_t spec_id, const std::string& partition_key) {
    for (std::size_t i = 0; i < request_.before->manifests.size(); ++i) {
      if (request_.before->manifests[i].spec_id != spec_id) continue;
      for (const ManifestEntry& entry : *request_.before->entries[i]) {
        const bool live = entry.status != EntryStatus::kDeleted;
        if (live && entry.file.partition_key == partition_key) AddInput(entry.file);
      }
    }
  }

  // G10.
  Done CheckAddedData(const lake::DataFile& file) {
    const lake::TableMetadata& metadata = *request_.metadata;
    for (const lake::SchemaField& field : metadata.FindSchema(metadata.current_schema_id)->fields) {
      if (!field.required || CountOf(file.null_counts, field.id).value_or(0) == 0) continue;
      return NotValid("G10: column " + field.name + " is required, but " + file.path +
                      " has rows without it");
    }
    const std::int32_t id = Info(event::Column::kLogOffset).field_id;
    const auto nulls = CountOf(file.null_counts, id);
    if (nulls && *nulls >= file.rows) return {};
    if (const auto offsets = OffsetsOf(file)) {
      offsets_.emplace_back(file.path, *offsets);
      return {};
    }
    // Metrics of other columns but none of this one: the file lacks it.
    const bool measured = !file.value_counts.empty() || !file.null_counts.empty();
    if (measured && !nulls && !CountOf(file.value_counts, id)) return {};
    if (file.rows == 0) return {};
    return NotValid("G10: nothing tells whether rows of " + file.path +
                    " have a log_offset: write column metrics (counts and bounds)");
  }

  void AddInput(const lake::DataFile& file) {
    if (const auto offsets = OffsetsOf(file)) done_.inputs.push_back(*offsets);
  }

  // Rows of others have no offset; those that have one are the server's, read from files that the
  // same commit takes them out of.
  Done CheckOffsets() const {
    if (all_are_inputs_) return {};
    for (const auto& [path, offsets] : offsets_) {
      const bool covered = std::ranges::any_of(done_.inputs, [&](const OffsetRange& input) {
        return input.first <= offsets.last && offsets.first <= input.last;
      });
      OffsetRange hull{offsets.last, offsets.first};
      for (const OffsetRange& input : done_.inputs) {
        hull.first = std::min(hull.first, input.first);
        hull.last = std::max(hull.last, input.last);
      }
      if (covered && hull.first <= offsets.first && offsets.last <= hull.last) continue;
      return NotValid("G10: rows of " + path +
                      " have a log_offset that no file they replace has: an event would be there "
                      "twice; leave log_offset and log_partition null in rows of your own");
    }
    return {};
  }

  // A6.
  Done CheckGone() const {
    for (std::size_t i = 0; i < request_.before->manifests.size(); ++i) {
      if (after_names_.contains(request_.before->manifests[i].path)) continue;
      for (const ManifestEntry& entry : *request_.before->entries[i]) {
        const Key key = KeyOf(entry.file);
        if (entry.status == EntryStatus::kDeleted || deleted_.contains(key)) continue;
        if (FindAfter(key) != nullptr) continue;
        return NotValid("A6: file " + entry.file.path +
                        " is missing from the snapshot without having been deleted");
      }
    }
    for (const Key& key : deleted_) {
      if (FindAfter(key) == nullptr) continue;
      return NotValid("A6: file " + std::string(key.path) + " is deleted and yet in the snapshot");
    }
    return {};
  }

  Done CheckOperation() const {
    if (request_.operation == "append" && !done_.only_adds()) {
      return NotValid("A6: an append must not remove anything");
    }
    if (request_.operation == "replace" && done_.added_rows > done_.removed_rows) {
      return NotValid("A6: a replace of " + std::to_string(done_.removed_rows) + " rows adds " +
                      std::to_string(done_.added_rows) + ": it must not add rows");
    }
    return {};
  }

  const AdmissionRequest& request_;
  std::set<std::string_view> before_names_, after_names_;  // Of manifests.
  std::unordered_set<std::size_t> named_;                  // Hashes of keys, by new manifests.
  LiveMap before_;                                         // Of those, and of manifests that go.
  LiveMap fresh_;                                          // Of manifests that are new.
  std::set<Key> deleted_;
  std::vector<std::pair<std::string, OffsetRange>> offsets_;  // Of added files that have some.
  std::set<std::string> vectors_;                             // Data files that have got one.
  bool all_are_inputs_ = false;
  Admitted done_;
};

}  // namespace

Outcome<Admitted> Admit(const AdmissionRequest& request) { return Admission(request).Run(); }

}  // namespace tidemark::iceberg
