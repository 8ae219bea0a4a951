#include "iceberg/fsck.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/json_writer.h"
#include "engine/deletion_vector.h"
#include "iceberg/fsck_metadata.h"
#include "iceberg/schema.h"
#include "lake/deflate.h"
#include "lake/delete_index.h"
#include "lake/puffin.h"
#include "lake/snapshot_files.h"

namespace tidemark::iceberg {
namespace {

using lake::EntryStatus;
using lake::FileContent;
using lake::ManifestEntry;
using lake::ManifestFile;
using lake::Snapshot;
using lake::TableMetadata;

// A manifest is read once, however many snapshots name it.
struct Manifest {
  ManifestFile listed;
  std::vector<ManifestEntry> entries;
};

// What is live in one snapshot.
struct Live {
  std::map<std::string, const ManifestEntry*, std::less<>> data;
  std::map<std::string, const ManifestEntry*, std::less<>> deletes;  // By file, and place in it.
  std::map<std::string, std::string, std::less<>> vectors;           // By data file.
};

std::optional<std::int64_t> NumberIn(const Snapshot& snapshot, std::string_view key) {
  const auto json = JsonValue::Parse(snapshot.Summary(key));
  return json ? json->Int() : std::nullopt;
}

class Walk {
 public:
  Walk(const env::ObjectStore& store, const TableMetadata& metadata, const FsckOptions& options,
       FsckReport* report)
      : store_(store), metadata_(metadata), options_(options), report_(*report) {}

  void Tell(std::string rule, std::string where, std::string what) {
    ++report_.errors;
    Note({std::move(rule), std::move(where), std::move(what), false});
  }
  void Warn(std::string rule, std::string where, std::string what) {
    ++report_.warnings;
    Note({std::move(rule), std::move(where), std::move(what), true});
  }
  void Note(FsckProblem problem) {
    if (report_.problems.size() < kFsckProblemsMax) report_.problems.push_back(std::move(problem));
  }

  void Run(const std::string& metadata_key) {
    named_.insert(metadata_key);
    for (const auto& snapshot : metadata_.snapshots) {
      const bool is_head = metadata_.current_snapshot_id == snapshot->id;
      if (options_.head_only && !is_head) continue;
      ++report_.snapshots;
      OneSnapshot(*snapshot, is_head);
    }
    if (!options_.head_only) Orphans(metadata_key);
  }

 private:
  // The object's key, noted as one that the table names; nothing: it lies elsewhere.
  std::optional<std::string> Note(const std::string& uri) {
    auto key = store_.KeyOf(uri);
    if (!key) {
      if (outside_.insert(uri).second) Tell("place", uri, key.error().message());
      return std::nullopt;
    }
    named_.insert(*key);
    return *std::move(key);
  }

  // Whether it is there with `bytes` bytes (below 0: any). Each object is asked for once. False: it
  // was told just now that it is missing.
  bool CheckObject(const std::string& uri, std::int64_t bytes) {
    const auto missing = [&](const std::string& what) {
      Tell("missing", uri, what);
      return false;
    };
    const auto key = Note(uri);
    if (!key || !looked_.insert(*key).second) return true;
    const auto exists = store_.Exists(*key);
    if (!exists) return missing(exists.error().message());
    if (!*exists) return missing("the file is not there");
    if (!options_.size_of || bytes < 0) return true;
    const auto size = options_.size_of(*key);
    if (!size) return missing(size.error().message());
    if (*size == static_cast<std::uint64_t>(bytes)) return true;
    Tell("count", uri,
         "the file has " + std::to_string(*size) + " bytes, the metadata says " +
             std::to_string(bytes));
    return true;
  }

  // Of a manifest or a list of them.
  void CannotRead(const std::string& uri, bool is_there, const Error& error) {
    unread_ = true;
    if (is_there) Tell("corrupt", uri, error.message());
  }

  void OneSnapshot(const Snapshot& snapshot, bool is_head) {
    const std::string list = snapshot.manifest_list.empty() ? "snapshot " + to_string(snapshot.id)
                                                            : snapshot.manifest_list;
    const bool is_there = snapshot.manifest_list.empty() || CheckObject(snapshot.manifest_list, -1);
    const auto manifests = lake::ReadManifestsOf(store_, snapshot);
    if (!manifests) return CannotRead(list, is_there, manifests.error());
    Live live;
    std::set<std::string> paths;
    bool whole = true;
    for (const ManifestFile& manifest : *manifests) {
      if (!paths.insert(manifest.path).second) {
        Tell("duplicate", list, "it names manifest " + manifest.path + " twice");
        continue;
      }
      const Manifest* read = Read(manifest);
      whole = whole && read != nullptr;
      if (read == nullptr) continue;
      if (manifest.sequence_number > snapshot.sequence_number) {
        Tell("sequence-number", list, "manifest " + manifest.path + " is of a later commit");
      }
      AddLive(*read, snapshot, &live);
    }
    if (!whole) return;
    CheckDeletes(live);
    CheckTotals(snapshot, live, is_head);
    if (metadata_.format_version >= 3) CheckRowIds(*manifests, snapshot);
  }

  // nullptr: it cannot be read, which was told.
  const Manifest* Read(const ManifestFile& listed) {
    const auto found = manifests_.find(listed.path);
    if (found != manifests_.end()) return found->second.get();
    auto& kept = manifests_[listed.path];
    ++report_.manifests;
    const bool is_there = CheckObject(listed.path, listed.length);
    auto entries = lake::ReadEntriesOf(store_, listed, &schemas_);
    if (!entries) {
      CannotRead(listed.path, is_there, entries.error());
      return nullptr;
    }
    kept = std::make_unique<Manifest>(Manifest{listed, *std::move(entries)});
    CheckManifest(*kept);
    return kept.get();
  }

  void CheckManifest(const Manifest& manifest) {
    const ManifestFile& listed = manifest.listed;
    const lake::PartitionSpec* spec = metadata_.FindSpec(listed.spec_id);
    if (spec == nullptr) {
      Tell("partition", listed.path,
           "it is of partition spec " + std::to_string(listed.spec_id) +
               ", which the table does not have");
    }
    const ManifestFile counted =
        lake::SummarizeManifest({}, manifest.entries, listed.added_snapshot);
    const auto compare = [&](const char* what, std::int64_t said, std::int64_t is) {
      // Version 1 lets writers leave counts out.
      if (said == is || (said == 0 && metadata_.format_version == 1)) return;
      Tell("count", listed.path,
           "it has " + std::to_string(is) + " " + what + ", its list says " + std::to_string(said));
    };
    compare("added files", listed.added_files, counted.added_files);
    compare("existing files", listed.existing_files, counted.existing_files);
    compare("deleted files", listed.deleted_files, counted.deleted_files);
    for (const ManifestEntry& entry : manifest.entries) CheckEntry(manifest, entry, spec);
  }

  void CheckEntry(const Manifest& manifest, const ManifestEntry& entry,
                  const lake::PartitionSpec* spec) {
    const std::string& path = entry.file.path;
    if ((entry.file.content != FileContent::kData) != manifest.listed.is_deletes) {
      Tell("count", manifest.listed.path, "it mixes data and delete files: " + path);
    }
    if (entry.sequence_number.value_or(0) > manifest.listed.sequence_number) {
      Tell("sequence-number", manifest.listed.path, "file " + path + " is of a later commit");
    }
    if (spec == nullptr) return;
    const auto& fields = entry.file.partition_fields;
    bool same = fields.size() == spec->fields.size() || fields.empty();
    for (std::size_t i = 0; same && i < fields.size(); ++i) {
      same = fields[i] == spec->fields[i].field_id || fields[i] == -1;
    }
    if (!same) {
      Tell("partition", manifest.listed.path,
           "the partition of " + path + " has not the fields of spec " +
               std::to_string(spec->spec_id));
    }
  }

  void AddLive(const Manifest& manifest, const Snapshot& snapshot, Live* live) {
    for (const ManifestEntry& entry : manifest.entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      const bool is_vector = lake::IsVector(entry.file);
      CheckObject(entry.file.path, entry.file.bytes);
      const bool is_data = entry.file.content == FileContent::kData;
      const std::string key =
          is_vector ? entry.file.path + "@" + std::to_string(entry.file.content_offset.value_or(-1))
                    : entry.file.path;
      if (!(is_data ? live->data : live->deletes).emplace(key, &entry).second) {
        Tell("duplicate", key, "it is twice in snapshot " + to_string(snapshot.id));
      }
      if (!is_vector) continue;
      const std::string of = entry.file.referenced_file.value_or("");
      if (of.empty() || !entry.file.content_offset || !entry.file.content_bytes) {
        Tell("delete", key, "a deletion vector without its data file or its place");
      } else if (!live->vectors.emplace(of, key).second) {
        Tell("delete", of, "it has two deletion vectors in snapshot " + to_string(snapshot.id));
      }
    }
  }

  void CheckDeletes(const Live& live) {
    for (const auto& [key, entry] : live.deletes) {
      const lake::DataFile& file = entry->file;
      if (file.content == FileContent::kEqualityDeletes) {
        if (file.equality_ids.empty()) Tell("delete", key, "it does not say by which columns");
        continue;
      }
      const auto only = lake::FileOfPositions(file);
      if (!only) continue;
      const auto data = live.data.find(*only);
      if (data == live.data.end()) {
        // Dangling: the file was rewritten; readers pass over it.
        Warn("delete", key, "it deletes rows of " + *only + ", which is not in the snapshot");
        continue;
      }
      if (lake::IsVector(file)) CheckVector(key, file, *data->second);
    }
  }

  void CheckVector(const std::string& key, const lake::DataFile& vector,
                   const ManifestEntry& data) {
    if (!checked_vectors_.insert(key).second) return;
    const auto at = store_.KeyOf(vector.path);
    if (!at) return;
    const auto file = store_.Get(*at, kPuffinBytesMax);
    if (!file) return;  // Missing: told before.
    const auto offset = static_cast<std::uint64_t>(vector.content_offset.value_or(0));
    const auto bytes = static_cast<std::uint64_t>(vector.content_bytes.value_or(0));
    if (offset > file->size() || bytes > file->size() - offset) {
      return Tell("corrupt", key, "its place is outside the file");
    }
    const auto rows = static_cast<std::uint64_t>(std::max<std::int64_t>(0, data.file.rows));
    if (rows > kVectorRowsMax) return Tell("count", data.file.path, "it has too many rows");
    engine::DeletedRows deleted(rows);
    const Status decoded = engine::AddVector(std::string_view(*file).substr(offset, bytes),
                                             static_cast<std::uint64_t>(vector.rows), &deleted);
    if (!decoded) Tell("corrupt", key, decoded.error().message());
    const auto puffin = lake::ParsePuffin(*file);
    if (!puffin) return Warn("corrupt", vector.path, puffin.error().message());
    const bool named = std::ranges::any_of(puffin->blobs, [&](const lake::PuffinBlob& blob) {
      return blob.type == lake::kDeletionVectorBlob && blob.offset == offset &&
             blob.length == bytes;
    });
    if (!named) Warn("delete", key, "the file's footer names no deletion vector there");
  }

  void CheckTotals(const Snapshot& snapshot, const Live& live, bool is_head) {
    FsckReport sum;
    for (const auto& [path, entry] : live.data) {
      sum.records += static_cast<std::uint64_t>(std::max<std::int64_t>(0, entry->file.rows));
    }
    for (const auto& [path, entry] : live.deletes) {
      const bool equality = entry->file.content == FileContent::kEqualityDeletes;
      (equality ? sum.equality_deletes : sum.position_deletes) +=
          static_cast<std::uint64_t>(std::max<std::int64_t>(0, entry->file.rows));
    }
    const auto compare = [&](std::string_view key, std::uint64_t is) {
      const auto said = NumberIn(snapshot, key);
      if (!said || *said == static_cast<std::int64_t>(is)) return;
      // No reader answers from summaries.
      Warn("total", "snapshot " + to_string(snapshot.id),
           "its summary says " + std::string(key) + " " + std::to_string(*said) +
               ", its manifests " + std::to_string(is));
    };
    compare("total-data-files", live.data.size());
    compare("total-delete-files", live.deletes.size());
    compare("total-records", sum.records);
    compare("total-position-deletes", sum.position_deletes);
    compare("total-equality-deletes", sum.equality_deletes);
    if (!is_head) return;
    report_.data_files = live.data.size();
    report_.delete_files = live.deletes.size();
    report_.deletion_vectors = live.vectors.size();
    report_.records = sum.records;
    report_.position_deletes = sum.position_deletes;
    report_.equality_deletes = sum.equality_deletes;
  }

  // v3: the row ids of data manifests lie apart, and below the commit's own end.
  void CheckRowIds(const std::vector<ManifestFile>& manifests, const Snapshot& snapshot) {
    if (!snapshot.first_row_id) return;
    const std::int64_t end = *snapshot.first_row_id + snapshot.added_rows.value_or(0);
    std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
    for (const ManifestFile& manifest : manifests) {
      if (manifest.is_deletes) continue;
      if (!manifest.first_row_id) {
        Tell("row-id", manifest.path, "no first_row_id in snapshot " + to_string(snapshot.id));
        continue;
      }
      const std::int64_t rows = manifest.added_rows + manifest.existing_rows;
      ranges.emplace_back(*manifest.first_row_id, *manifest.first_row_id + rows);
      if (manifest.added_snapshot == snapshot.id && ranges.back().second > end) {
        Tell("row-id", manifest.path, "its rows have ids beyond those of its snapshot");
      }
    }
    std::ranges::sort(ranges);
    for (std::size_t i = 1; i < ranges.size(); ++i) {
      if (ranges[i].first >= ranges[i - 1].second) continue;
      Warn("row-id", "snapshot " + to_string(snapshot.id), "two manifests give one row id");
    }
  }

  // Files in the table's folder that nothing names. Whoever removes them must not lose what only a
  // damaged manifest names.
  void Orphans(const std::string& metadata_key) {
    if (unread_) {
      return Warn("unread", metadata_.location,
                  "orphans are not looked for: what the manifests name that cannot be read is not "
                  "known");
    }
    for (const lake::MetadataLogEntry& entry : metadata_.metadata_log) Note(entry.metadata_file);
    for (const auto& [name, json] : metadata_.unknown) {
      if (name != "statistics" && name != "partition-statistics") continue;
      const auto list = JsonValue::Parse(json);
      if (!list) continue;
      for (const JsonValue& one : list->items()) {
        if (const JsonValue* path = one.Find("statistics-path")) CheckObject(path->text(), -1);
      }
    }
    const std::size_t folder = metadata_key.rfind("/metadata/");
    if (folder == std::string::npos) return;
    const auto keys = store_.List(metadata_key.substr(0, folder) + "/");
    if (!keys) return Warn("place", metadata_.location, keys.error().message());
    for (const std::string& key : *keys) {
      const std::string_view name = std::string_view(key).substr(key.rfind('/') + 1);
      if (named_.contains(key) || name == "version-hint.text" || name.starts_with('.')) continue;
      ++report_.orphans;
      Warn("orphan", key, "nothing in the table's metadata names it");
    }
  }

  static constexpr std::uint64_t kVectorRowsMax = 1ULL << 32;

  const env::ObjectStore& store_;
  const TableMetadata& metadata_;
  const FsckOptions& options_;
  FsckReport& report_;
  lake::avro::SchemaCache schemas_;
  std::map<std::string, std::unique_ptr<Manifest>, std::less<>> manifests_;
  std::set<std::string, std::less<>> named_;   // Keys.
  std::set<std::string, std::less<>> looked_;  // Keys.
  std::set<std::string, std::less<>> outside_;
  std::set<std::string, std::less<>> checked_vectors_;
  bool unread_ = false;  // A manifest or a list.
};

}  // namespace

Result<FsckReport> Fsck(const env::ObjectStore& store, const std::string& metadata_key,
                        std::string_view bytes, const FsckOptions& options) {
  std::string inflated;
  if (bytes.starts_with("\x1f\x8b")) {
    TM_ASSIGN(inflated, lake::Inflate(bytes, lake::DeflateForm::kGzip, lake::kMetadataBytesMax));
    bytes = inflated;
  }
  TM_ASSIGN(const TableMetadata metadata, lake::ParseMetadata(bytes));
  TM_ASSIGN(const JsonValue json, JsonValue::Parse(bytes));
  FsckReport report;
  report.table_uuid = metadata.table_uuid.ToString();
  report.format_version = metadata.format_version;
  if (metadata.current_snapshot_id) report.current_snapshot = metadata.current_snapshot_id->value;
  Walk walk(store, metadata, options, &report);
  CheckMetadata(metadata, json, [&](std::string rule, std::string what) {
    walk.Tell(std::move(rule), "metadata", std::move(what));
  });
  walk.Run(metadata_key);
  return report;
}

std::string FsckJson(const FsckReport& report) {
  std::string text;
  JsonWriter json(&text);
  json.BeginObject().Field("ok", report.errors == 0);
  json.Field("table-uuid", std::string_view(report.table_uuid));
  json.Field("format-version", report.format_version).Key("current-snapshot-id");
  report.current_snapshot < 0 ? json.Null() : json.Int(report.current_snapshot);
  json.Field("snapshots", report.snapshots).Field("manifests", report.manifests);
  json.Field("data-files", report.data_files).Field("delete-files", report.delete_files);
  json.Field("deletion-vectors", report.deletion_vectors).Field("records", report.records);
  json.Field("position-deletes", report.position_deletes);
  json.Field("equality-deletes", report.equality_deletes).Field("orphans", report.orphans);
  json.Field("errors", report.errors).Field("warnings", report.warnings);
  json.Key("problems").BeginArray();
  for (const FsckProblem& problem : report.problems) {
    json.BeginObject().Field("level", problem.warning ? "warning" : "error");
    json.Field("rule", std::string_view(problem.rule));
    json.Field("where", std::string_view(problem.where));
    json.Field("what", std::string_view(problem.what)).EndObject();
  }
  json.EndArray().EndObject();
  return text + "\n";
}

}  // namespace tidemark::iceberg
