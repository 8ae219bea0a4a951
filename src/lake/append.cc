#include "lake/append.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/json_writer.h"
#include "env/faults.h"
#include "lake/manifest_merge.h"
#include "lake/names.h"
#include "lake/table_columns.h"

namespace tidemark::lake {
namespace {

DataFile DataFileOf(const NewFile& file, const event::TableSchema& schema,
                    const env::ObjectStore& store) {
  DataFile data;
  data.path = store.Uri(file.key);
  data.partition = {file.partition.value};
  data.rows = static_cast<std::int64_t>(file.metrics.rows);
  data.bytes = static_cast<std::int64_t>(file.bytes);
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const event::TableColumn& info = schema.columns[i];
    const ColumnMetrics& column = file.metrics.columns[i];
    data.value_counts.emplace_back(info.field_id, static_cast<std::int64_t>(column.values));
    data.null_counts.emplace_back(info.field_id, static_cast<std::int64_t>(column.nulls));
    if (info.type == event::Type::kDouble) {
      data.nan_counts.emplace_back(info.field_id, static_cast<std::int64_t>(column.nans));
    }
    if (column.lower.has_value()) data.lower_bounds.emplace_back(info.field_id, *column.lower);
    if (column.upper.has_value()) data.upper_bounds.emplace_back(info.field_id, *column.upper);
  }
  for (const engine::KeptColumn& column : file.kept) {
    data.value_counts.emplace_back(column.field_id, static_cast<std::int64_t>(column.values));
    data.null_counts.emplace_back(column.field_id, static_cast<std::int64_t>(column.nulls));
  }
  for (const auto& [id, bytes] : file.column_bytes) {
    data.column_sizes.emplace_back(id, static_cast<std::int64_t>(bytes));
  }
  data.split_offsets = file.split_offsets;
  if (file.sorted) data.sort_order_id = 1;
  return data;
}

// Totals are counted from the live files, never taken from the parent's summary, which another
// engine may have left incomplete.
void PutTotals(const LiveFiles& before, const LiveFiles& after, const DeleteTotals& deletes,
               std::size_t partitions, std::map<std::string, std::string>* summary) {
  const auto put = [&](const char* key, std::uint64_t value) {
    (*summary)[key] = std::to_string(value);
  };
  if (after.count() > before.count()) {
    put("added-data-files", after.count() - before.count());
    put("added-records", after.rows() - before.rows());
    put("added-files-size", after.bytes() - before.bytes());
  }
  if (partitions > 0) put("changed-partition-count", partitions);
  put("total-data-files", after.count());
  put("total-records", after.rows());
  put("total-files-size", after.bytes());
  put("total-delete-files", deletes.files);
  put("total-position-deletes", deletes.positions);
  put("total-equality-deletes", deletes.equalities);
}

std::string DroppedJson(const std::map<std::string, catalog::DroppedRows>& dropped) {
  std::string json;
  JsonWriter out(&json);
  out.BeginObject();
  for (const auto& [reason, rows] : dropped) {
    out.Key(reason).BeginObject().Field("rows", rows.rows);
    out.Field("hash", std::string_view(rows.hash.ToString())).EndObject();
  }
  out.EndObject();
  return json;
}

// Of the rows that the commit settles.
Hash128 RowsHash(const AppendRequest& request) {
  Hash128 hash;
  if (request.IsReplacement()) return hash;
  for (const NewFile& file : request.files) hash += file.metrics.rows_hash;
  return hash;
}

std::uint64_t RowCount(const AppendRequest& request) {
  std::uint64_t rows = 0;
  if (request.IsReplacement()) return rows;
  for (const NewFile& file : request.files) rows += file.metrics.rows;
  return rows;
}

catalog::CommitKind KindOf(const AppendRequest& request) {
  return request.IsReplacement() ? catalog::CommitKind::kCompact : catalog::CommitKind::kFlush;
}

// What came in the place of what: the totals stay.
void PutReplaced(const AppendRequest& request, const LiveFiles& before,
                 std::map<std::string, std::string>* summary) {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  for (const NewFile& file : request.files) {
    rows += file.metrics.rows;
    bytes += file.bytes;
  }
  const std::set<std::string_view> keys(request.replaced.begin(), request.replaced.end());
  std::uint64_t old_bytes = 0;
  before.ForEach([&](const LiveFile& file) {
    if (keys.contains(file.key)) old_bytes += file.bytes;
  });
  const auto put = [&](const char* key, std::uint64_t value) {
    (*summary)[key] = std::to_string(value);
  };
  (*summary)["operation"] = "replace";
  put("added-data-files", request.files.size());
  put("deleted-data-files", request.replaced.size());
  put("added-records", rows);
  put("deleted-records", rows);
  put("added-files-size", bytes);
  put("removed-files-size", old_bytes);
}

void PutTidemarkKeys(const AppendRequest& request, std::map<std::string, std::string>* summary) {
  const auto put = [&](std::string_view key, std::string value) {
    (*summary)[std::string(key)] = std::move(value);
  };
  put("engine-name", "tidemark");
  put("engine-version", "0.1");
  put(kSummaryKind, std::string(catalog::KindName(KindOf(request))));
  put(kSummaryLogId, request.log_id);
  put(kSummaryEpoch, to_string(request.epoch));
  put(kSummaryCommitId, request.flush_id.ToString());
  put(kSummaryBegin, OffsetsJson(request.begin));
  put(kSummaryOffsets, OffsetsJson(request.end));
  if (!request.files.empty()) {
    put(kSummaryWatermark, std::to_string(FloorDiv(request.watermark.value, 1000)));
  }
  put(kSummaryRowsHash, RowsHash(request).ToString());
  if (!request.dropped.empty()) put(kSummaryDropped, DroppedJson(request.dropped));
}

catalog::LedgerRow LedgerOf(const AppendRequest& request, const Snapshot& snapshot,
                            const Uuid& table) {
  catalog::LedgerRow row;
  row.table = table;
  row.snapshot = snapshot.id;
  row.parent = snapshot.parent.value_or(SnapshotId(0));
  row.sequence = snapshot.sequence_number;
  row.committed_at = TimeMicros(snapshot.timestamp_ms * 1000);
  row.kind = KindOf(request);
  row.log_id = request.log_id;
  row.epoch = request.epoch;
  row.begin = request.begin;
  row.end = request.end;
  row.commit_id = request.flush_id;
  row.rows = RowCount(request);
  row.rows_hash = RowsHash(request);
  row.dropped = request.dropped;
  return row;
}

void AddGarbage(const env::ObjectStore& store, const std::string& uri, std::string reason,
                TimeMicros not_before, catalog::TableChange* change) {
  auto key = store.KeyOf(uri);
  // A file that another engine put outside the store is not ours to delete.
  if (!key.has_value()) return;
  change->garbage.push_back({*std::move(key), change->table, std::move(reason), not_before});
}

bool SchemaFits(const TableMetadata& metadata, const AppendRequest& request) {
  return !request.columns || (metadata.last_column_id == request.last_column_id &&
                              metadata.current_schema_id == request.schema_id);
}

// Whether the files to be replaced are there, each with all of its rows.
bool HasReplaced(const LiveFiles& files, const AppendRequest& request) {
  if (!request.IsReplacement()) return true;
  const std::set<std::string_view> keys(request.replaced.begin(), request.replaced.end());
  std::size_t found = 0;
  files.ForEach([&](const LiveFile& file) {
    found += keys.contains(file.key) && file.deletes == nullptr ? 1U : 0U;
  });
  return found == keys.size();
}

Status CheckHead(const TableHead& head, const AppendRequest& request) {
  const TableMetadata& metadata = *head.metadata;
  if (metadata.format_version != 2 && metadata.format_version != 3) {
    return Fail(Code::kUnimplemented, "tables of Iceberg versions 2 and 3 alone are written");
  }
  if (metadata.Property(kPropertyLogId) != request.log_id) {
    return Fail(Code::kInvalidArgument, "the table belongs to another log");
  }
  if (head.visible() != request.begin && !env::Planted(env::Bug::kStalePlanAppended)) {
    return Fail(Code::kConflict, "stale plan: the flush begins at " + to_string(request.begin) +
                                     ", the table is settled up to " + to_string(head.visible()));
  }
  if (!SchemaFits(metadata, request)) {
    return Fail(Code::kConflict, "stale plan: the table's schema has moved on");
  }
  if (!HasReplaced(*head.files, request)) {
    return Fail(Code::kConflict, "stale plan: a file to be replaced is gone or has lost rows");
  }
  for (const NewFile& file : request.files) {
    if (metadata.FindSpec(file.partition.spec_id) == nullptr) {
      return Fail(Code::kConflict, "a partition spec of the plan is gone");
    }
  }
  if (metadata.FindSnapshot(request.snapshot_id) != nullptr) {
    return Fail(Code::kAlreadyExists, "the table has a snapshot of this id");
  }
  return {};
}

std::size_t CountPartitions(const AppendRequest& request) {
  std::set<Partition> partitions;
  for (const NewFile& file : request.files) partitions.insert(file.partition);
  return partitions.size();
}

}  // namespace

SnapshotId SnapshotIdOf(const Uuid& flush_id) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    // The last 8 bytes are random but for 2 bits of variant; those of the middle make up for them.
    bits = (bits << 8) |
           static_cast<std::uint8_t>(flush_id.bytes[8 + i] ^ (i == 0 ? flush_id.bytes[7] : 0));
  }
  bits &= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return SnapshotId(static_cast<std::int64_t>(bits == 0 ? 1 : bits));
}

bool Append::Fits(const TableHead& head) const {
  return SchemaFits(*head.metadata, request_) && HasReplaced(*head.files, request_);
}

const std::shared_ptr<const TableMetadata>& Append::EvolvedOf(const TableHead& head) {
  if (!request_.columns) return head.metadata;
  if (evolved_from_ != head.metadata) {
    auto evolved = std::make_shared<TableMetadata>(*head.metadata);
    Evolve(evolved.get(), *request_.columns);
    evolved_from_ = head.metadata;
    evolved_ = std::move(evolved);
  }
  return evolved_;
}

Result<Append> Append::Prepare(env::ObjectStore* store, const TableHead& head,
                               AppendRequest request) {
  TM_CHECK_LE(request.begin, request.end);
  TM_TRY(CheckHead(head, request));
  Append append(store, std::move(request));
  const auto metadata = append.EvolvedOf(head);
  std::map<std::int32_t, std::vector<ManifestEntry>> by_spec;
  for (const NewFile& file : append.request_.files) {
    ManifestEntry entry;
    entry.file = DataFileOf(file, *head.columns, *store);
    if (append.request_.IsReplacement()) {
      entry.sequence_number = append.request_.replaced_sequence;
    }
    append.added_.push_back(LiveFileOf(entry, file.partition.spec_id, *store));
    by_spec[file.partition.spec_id].push_back(std::move(entry));
  }
  for (const auto& [spec_id, entries] : by_spec) {
    const PartitionSpec& spec = *head.metadata->FindSpec(spec_id);
    const auto number = static_cast<std::uint32_t>(append.manifests_.size());
    const std::string key = ManifestKey(head.location, append.request_.flush_id, number);
    const std::string bytes = WriteManifest(*metadata, spec, entries, append.request_.flush_id);
    append.manifest_keys_.push_back(key);
    TM_TRY(store->Put(key, bytes));
    ManifestFile manifest = SummarizeManifest(spec, entries, append.request_.snapshot_id);
    manifest.path = store->Uri(key);
    manifest.length = static_cast<std::int64_t>(bytes.size());
    append.manifests_.push_back(std::move(manifest));
  }
  return append;
}

Result<PreparedCommit> Append::Build(const TableHead& head, std::uint32_t attempt, TimeMicros now,
                                     TimeMicros readers_until) {
  TM_CHECK_GE(attempt, 1U);
  attempt_keys_.clear();
  TM_TRY(CheckHead(head, request_));
  const Uuid attempt_id = AttemptId(request_.flush_id, attempt);
  auto metadata = std::make_shared<TableMetadata>(*EvolvedOf(head));
  auto next = std::make_shared<TableHead>();
  PreparedCommit commit;
  Snapshot snapshot;
  snapshot.id = request_.snapshot_id;
  snapshot.parent = metadata->current_snapshot_id;
  snapshot.sequence_number = metadata->last_sequence_number + 1;
  snapshot.timestamp_ms = NextTimestamp(*metadata, now);
  snapshot.schema_id = metadata->current_schema_id;
  const std::int64_t data_sequence =
      request_.IsReplacement() ? request_.replaced_sequence : snapshot.sequence_number;
  for (ManifestFile manifest : manifests_) {
    manifest.sequence_number = snapshot.sequence_number;
    manifest.min_sequence_number = data_sequence;
    next->manifests.push_back(std::move(manifest));
  }
  MergeRequest merge{.store = store_,
                     .metadata = metadata.get(),
                     .location = head.location,
                     .write = request_.flush_id,
                     .attempt = attempt,
                     .snapshot = snapshot.id,
                     .sequence_number = snapshot.sequence_number,
                     .written = &attempt_keys_};
  TM_ASSIGN(MergedManifests kept, request_.IsReplacement()
                                      ? DropFromManifests(merge, request_.replaced, head.manifests)
                                      : KeepManifests(merge, manifests_.size(), head.manifests));
  const std::size_t merged = attempt_keys_.size();
  std::ranges::move(kept.manifests, std::back_inserter(next->manifests));
  if (metadata->format_version >= 3) {
    AssignRowIds(metadata->next_row_id, &next->manifests, &snapshot);
  }

  std::vector<LiveFile> added = added_;
  for (LiveFile& file : added) file.sequence_number = data_sequence;
  snapshot.summary["operation"] = "append";
  if (request_.IsReplacement()) {
    next->files = head.files->Replace(request_.replaced, std::move(added));
    PutReplaced(request_, *head.files, &snapshot.summary);
  } else {
    next->files = head.files->With(std::move(added));
  }
  PutTotals(*head.files, *next->files, head.deletes, CountPartitions(request_), &snapshot.summary);
  snapshot.summary["manifests-created"] = std::to_string(manifests_.size() + merged);
  snapshot.summary["manifests-kept"] =
      std::to_string(next->manifests.size() - manifests_.size() - merged);
  snapshot.summary["manifests-replaced"] = std::to_string(kept.replaced);
  PutTidemarkKeys(request_, &snapshot.summary);
  const std::string list_key = ManifestListKey(head.location, snapshot.id, attempt, attempt_id);
  snapshot.manifest_list = store_->Uri(list_key);
  attempt_keys_.push_back(list_key);
  TM_TRY(store_->Put(list_key, WriteManifestList(snapshot, next->manifests, attempt_id,
                                                 DeflatesManifests(*metadata))));

  catalog::TableChange& change = commit.change;
  change.table = head.table;
  change.base_version = head.metadata_version;
  change.epoch = request_.epoch;
  change.head = snapshot.id;
  change.floor = head.floor;
  change.ledger = LedgerOf(request_, snapshot, head.table);
  change.inflight = request_.flush_id;
  return Finish(head, std::move(snapshot), std::move(metadata), std::move(next), attempt_id,
                readers_until, std::move(commit));
}

Result<PreparedCommit> Append::Finish(const TableHead& head, Snapshot snapshot,
                                      std::shared_ptr<TableMetadata> metadata,
                                      std::shared_ptr<TableHead> next, const Uuid& attempt_id,
                                      TimeMicros readers_until, PreparedCommit commit) {
  catalog::TableChange& change = commit.change;
  for (const std::string& uri : PushMetadataLog(metadata.get(), store_->Uri(head.metadata_key))) {
    AddGarbage(*store_, uri, "metadata", readers_until, &change);
  }
  for (const auto& expired : AddSnapshot(metadata.get(), std::move(snapshot))) {
    AddGarbage(*store_, expired->manifest_list, "expired", readers_until, &change);
  }
  metadata->properties[std::string(kPropertyOffsets)] = OffsetsJson(request_.end);
  change.metadata_key =
      MetadataKey(head.location, head.metadata_version + 1, attempt_id, GzipsMetadata(*metadata));
  change.metadata_bytes = WriteMetadataFile(*metadata);
  attempt_keys_.push_back(change.metadata_key);
  TM_TRY(store_->Put(change.metadata_key, change.metadata_bytes));

  next->table = head.table;
  next->location = head.location;
  next->metadata_version = head.metadata_version + 1;
  next->metadata_key = change.metadata_key;
  next->metadata = std::move(metadata);
  next->columns = request_.columns ? request_.columns : head.columns;
  next->deletes = head.deletes;
  next->off_head = request_.end;
  next->floor = head.floor;
  commit.next = std::move(next);
  commit.attempt_keys = attempt_keys_;
  return commit;
}

}  // namespace tidemark::lake
