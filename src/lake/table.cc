#include "lake/table.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/json_reader.h"
#include "env/faults.h"
#include "lake/catalog_age.h"
#include "lake/known_parts.h"
#include "lake/names.h"
#include "lake/snapshot_files.h"
#include "lake/table_columns.h"

namespace tidemark::lake {
namespace {

tl::unexpected<Error> Disagree(std::string_view what) {
  return Fail(Code::kCorruption,
              "the catalog and the table's metadata disagree about " + std::string(what));
}

Status CheckOffsets(const TableMetadata& metadata, const catalog::TableRecord& record) {
  if (metadata.Property(kPropertyLogId) != record.log_id) return Disagree("the log");
  TM_ASSIGN(const LogOffset offset, ParseOffsets(metadata.Property(kPropertyOffsets)));
  if (offset != record.off_head) return Disagree("the settled offsets");
  TM_ASSIGN(const LogOffset floor, ParseOffsets(metadata.Property(kPropertyFloor)));
  if (floor != record.floor) return Disagree("the floor");
  const Snapshot* head = metadata.current();
  if (head == nullptr || head->Summary(kSummaryOffsets).empty()) return {};
  TM_ASSIGN(const LogOffset summary, ParseOffsets(head->Summary(kSummaryOffsets)));
  if (summary != record.off_head) return Disagree("the settled offsets");
  return {};
}

Status CheckRecord(const TableMetadata& metadata, const catalog::TableRecord& record) {
  if (metadata.table_uuid != record.uuid) return Disagree("the table's UUID");
  if (metadata.current_snapshot_id.value_or(SnapshotId(0)) != record.head) {
    return Disagree("the head");
  }
  return record.managed ? CheckOffsets(metadata, record) : Status();
}

// `uri` without `key` at its end.
std::string_view RootOf(std::string_view uri, std::string_view key) {
  if (uri.ends_with(key)) uri.remove_suffix(key.size());
  while (uri.ends_with('/')) uri.remove_suffix(1);
  return uri;
}

// C9. The file was durable before the catalog named it: what differs now is damage.
Result<std::string> ReadOrRestore(env::ObjectStore* store, const catalog::TableRecord& record,
                                  bool* restored) {
  *restored = false;
  if (env::Planted(env::Bug::kMetadataNotRestored))
    return store->Get(record.metadata_key, kMetadataBytesMax);
  auto bytes = store->Get(record.metadata_key, kMetadataBytesMax);
  if (bytes.has_value() && (record.metadata_bytes.empty() || *bytes == record.metadata_bytes)) {
    return bytes;
  }
  if (record.metadata_bytes.empty()) return bytes;
  if (!bytes.has_value() && bytes.error().code() != Code::kNotFound &&
      bytes.error().code() != Code::kInvalidArgument) {
    return bytes;
  }
  const Status removed = store->Remove(record.metadata_key);
  if (!removed.has_value() && removed.error().code() != Code::kNotFound) {
    return Fail(removed.error());
  }
  TM_TRY(store->Put(record.metadata_key, record.metadata_bytes));
  *restored = true;
  return record.metadata_bytes;
}

struct Loaded {
  std::vector<ManifestFile> manifests;
  std::vector<LiveFile> files;
  DeleteTotals deletes;
};

tl::unexpected<Error> Mixed(const ManifestEntry& entry) {
  return Fail(Code::kCorruption, "a manifest mixes data and delete files: " + entry.file.path);
}

// Of a head with delete files, whose entries are needed to tell whom they delete from.
Status LoadWithDeletes(const env::ObjectStore& store, const TableMetadata& metadata,
                       Loaded* loaded) {
  avro::SchemaCache schemas;
  DeleteIndex deletes(&store);
  for (const ManifestFile& manifest : loaded->manifests) {
    if (!manifest.is_deletes) continue;
    const PartitionSpec* spec = metadata.FindSpec(manifest.spec_id);
    if (spec == nullptr) return Fail(Code::kCorruption, "a manifest of an unknown partition spec");
    TM_ASSIGN(const auto entries, ReadEntriesOf(store, manifest, &schemas));
    for (const ManifestEntry& entry : entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      if (entry.file.content == FileContent::kData) return Mixed(entry);
      TM_TRY(deletes.Add(entry, *spec));
    }
  }
  for (auto manifest = loaded->manifests.rbegin(); manifest != loaded->manifests.rend();
       ++manifest) {
    if (manifest->is_deletes) continue;
    const PartitionSpec* spec = metadata.FindSpec(manifest->spec_id);
    TM_ASSIGN(const auto entries, ReadEntriesOf(store, *manifest, &schemas));
    for (const ManifestEntry& entry : entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      if (entry.file.content != FileContent::kData) return Mixed(entry);
      TM_TRY(CheckSpec(spec, entry));
      loaded->files.push_back(LiveFileOf(entry, manifest->spec_id, store));
      LiveFile& file = loaded->files.back();
      if (spec != nullptr) file.constants = ConstantsOf(entry.file, *spec);
      file.deletes = deletes.Of(entry, manifest->spec_id);
    }
  }
  loaded->deletes = deletes.totals();
  return {};
}

// Files oldest first, so that those of later commits go to the end of the index.
Result<Loaded> LoadFiles(const env::ObjectStore& store, const TableMetadata& metadata,
                         KnownParts* known = nullptr) {
  Loaded loaded;
  const Snapshot* head = metadata.current();
  if (head == nullptr) return loaded;
  TM_ASSIGN(loaded.manifests, ReadManifestsOf(store, *head, known));
  if (std::ranges::any_of(loaded.manifests, &ManifestFile::is_deletes)) {
    TM_TRY(LoadWithDeletes(store, metadata, &loaded));
    return loaded;
  }
  avro::SchemaCache schemas;
  for (auto manifest = loaded.manifests.rbegin(); manifest != loaded.manifests.rend(); ++manifest) {
    TM_ASSIGN(const auto files, ReadLiveFilesOf(store, *manifest, metadata, &schemas, known));
    loaded.files.insert(loaded.files.end(), files->begin(), files->end());
  }
  return loaded;
}

// The files of a head whose manifests are all those of `known` and others of data files alone that
// later commits added: no delete of `known` counts for those. Nothing: they are not.
Result<std::optional<Loaded>> LoadAdded(const env::ObjectStore& store,
                                        const TableMetadata& metadata, const TableHead& known) {
  const Snapshot* head = metadata.current();
  if (head == nullptr || known.files == nullptr) return std::optional<Loaded>();
  Loaded loaded;
  TM_ASSIGN(loaded.manifests, ReadManifestsOf(store, head->manifest_list));
  std::set<std::string_view> old;
  for (const ManifestFile& manifest : known.manifests) old.insert(manifest.path);
  std::size_t kept = 0;
  avro::SchemaCache schemas;
  for (auto manifest = loaded.manifests.rbegin(); manifest != loaded.manifests.rend(); ++manifest) {
    if (old.contains(manifest->path)) {
      ++kept;
      continue;
    }
    if (manifest->is_deletes) return std::optional<Loaded>();
    TM_ASSIGN(const auto entries, ReadEntriesOf(store, *manifest, &schemas));
    for (const ManifestEntry& entry : entries) {
      const bool later = entry.sequence_number > known.metadata->last_sequence_number;
      if (!later && env::Planted(env::Bug::kGoneFilesStay)) continue;
      if (entry.status != EntryStatus::kAdded || !later) return std::optional<Loaded>();
      loaded.files.push_back(LiveFileOf(entry, manifest->spec_id, store));
    }
  }
  const bool all = kept == known.manifests.size() || env::Planted(env::Bug::kGoneFilesStay);
  if (!all) return std::optional<Loaded>();
  loaded.deletes = known.deletes;
  return std::optional(std::move(loaded));
}

void Put(Loaded loaded, TableHead* head) {
  head->manifests = std::move(loaded.manifests);
  head->files = std::make_shared<const LiveFiles>(std::move(loaded.files));
  head->deletes = loaded.deletes;
}

Result<std::shared_ptr<const TableMetadata>> FindMetadata(std::string_view bytes,
                                                          KnownParts* known) {
  if (known != nullptr) {
    if (auto metadata = known->documents.Find(bytes)) return metadata;
  }
  TM_ASSIGN(TableMetadata metadata, ParseMetadata(bytes, known));
  if (known != nullptr) return known->documents.Keep(bytes, std::move(metadata));
  return std::make_shared<const TableMetadata>(std::move(metadata));
}

// Those of a schema that was seen before are known.
std::shared_ptr<const event::TableSchema> FindColumns(
    const TableMetadata& metadata, const std::shared_ptr<const event::TableSchema>& fixed,
    KnownParts* known) {
  if (known == nullptr) return ColumnsOf(metadata, fixed);
  std::string key = metadata.FindSchema(metadata.current_schema_id)->json;
  key += metadata.Property(kPropertyPromoted);
  key += std::to_string(fixed->fixed_count);
  if (auto columns = known->columns.Find(key)) return columns;
  return known->columns.Keep(key, *ColumnsOf(metadata, fixed));
}

Status RemoveIfThere(env::ObjectStore* store, const std::string& key) {
  Status status = store->Remove(key);
  if (!status.has_value() && status.error().code() == Code::kNotFound) return {};
  return status;
}

// The namespace and name that a location was made from.
struct TableName {
  std::string ns;
  std::string name;
};
std::optional<TableName> NameOf(std::string_view location) {
  const std::size_t slash = location.find('/');
  const std::size_t dash = location.rfind('-');
  if (slash == std::string_view::npos || dash == std::string_view::npos || dash < slash) {
    return std::nullopt;
  }
  return TableName{std::string(location.substr(0, slash)),
                   std::string(location.substr(slash + 1, dash - slash - 1))};
}

std::optional<std::map<std::string, catalog::DroppedRows>> ParseDropped(std::string_view text) {
  std::map<std::string, catalog::DroppedRows> dropped;
  if (text.empty()) return dropped;
  const auto json = JsonValue::Parse(text);
  if (!json.has_value()) return std::nullopt;
  for (const auto& [reason, value] : json->members()) {
    const auto rows = value.IntAt("rows");
    const auto hash = value.StringAt("hash");
    catalog::DroppedRows& one = dropped[reason];
    if (!rows.has_value() || !hash.has_value() || !Hash128::Parse(*hash, &one.hash)) {
      return std::nullopt;
    }
    one.rows = static_cast<std::uint64_t>(*rows);
  }
  return dropped;
}

std::optional<std::int64_t> ParseNumber(std::string_view text) {
  const auto json = JsonValue::Parse(text);
  return json.has_value() ? json->Int() : std::nullopt;
}

// Nothing if the snapshot is not one of ours.
std::optional<catalog::LedgerRow> LedgerOf(const Snapshot& snapshot, const Uuid& table) {
  catalog::LedgerRow row;
  row.table = table;
  row.snapshot = snapshot.id;
  row.parent = snapshot.parent.value_or(SnapshotId(0));
  row.sequence = snapshot.sequence_number;
  row.committed_at = TimeMicros(snapshot.timestamp_ms * 1000);
  const auto kind = catalog::FindKind(snapshot.Summary(kSummaryKind));
  const auto commit_id = Uuid::Parse(snapshot.Summary(kSummaryCommitId));
  const auto begin = ParseOffsets(snapshot.Summary(kSummaryBegin));
  const auto end = ParseOffsets(snapshot.Summary(kSummaryOffsets));
  const auto epoch = ParseNumber(snapshot.Summary(kSummaryEpoch));
  auto dropped = ParseDropped(snapshot.Summary(kSummaryDropped));
  if (!kind || *kind == catalog::CommitKind::kForgotten) return std::nullopt;
  if (!commit_id || !begin || !end || !epoch || !dropped ||
      !Hash128::Parse(snapshot.Summary(kSummaryRowsHash), &row.rows_hash)) {
    return std::nullopt;
  }
  row.kind = *kind;
  row.log_id = snapshot.Summary(kSummaryLogId);
  row.epoch = Epoch(*epoch);
  row.begin = *begin;
  row.end = *end;
  row.commit_id = *commit_id;
  // Those of a replacement were settled before.
  const auto rows = ParseNumber(snapshot.Summary("added-records"));
  const bool replaces = *kind == catalog::CommitKind::kCompact;
  row.rows = replaces ? 0 : static_cast<std::uint64_t>(rows.value_or(0));
  row.dropped = *std::move(dropped);
  return row;
}

// Stands for the commits before number `sequence`, up to offset `end`. Ids of snapshots are random
// and positive, so that no commit has its id.
catalog::LedgerRow Forgotten(const catalog::TableRecord& record, std::int64_t sequence,
                             LogOffset begin, LogOffset end, Epoch epoch, TimeMicros at) {
  catalog::LedgerRow row;
  row.table = record.uuid;
  row.snapshot = SnapshotId(-sequence);
  row.sequence = sequence - 1;
  row.committed_at = at;
  row.kind = catalog::CommitKind::kForgotten;
  row.log_id = record.log_id;
  row.epoch = epoch;
  row.begin = begin;
  row.end = end;
  row.commit_id =
      MakeUuidV4(static_cast<std::uint64_t>(sequence), static_cast<std::uint64_t>(begin.value));
  return row;
}

// A commit that is missing is told by its number, for those of other engines have no offsets.
void FillGaps(const TableMetadata& metadata, FoundTable* found) {
  std::ranges::stable_sort(found->ledger, {}, &catalog::LedgerRow::sequence);
  std::vector<catalog::LedgerRow> dense;
  std::int64_t last = 0;
  LogOffset at;
  Epoch epoch;
  const auto fill = [&](std::int64_t sequence, LogOffset begin, TimeMicros committed_at) {
    if (sequence == last + 1 && begin <= at) return;
    dense.push_back(
        Forgotten(found->record, sequence, at, std::max(at, begin), epoch, committed_at));
  };
  for (catalog::LedgerRow& row : found->ledger) {
    fill(row.sequence, row.begin, row.committed_at);
    last = row.sequence;
    at = std::max(at, row.end);
    epoch = row.epoch;
    dense.push_back(std::move(row));
  }
  fill(metadata.last_sequence_number + 1, found->record.visible(),
       TimeMicros(metadata.last_updated_ms * 1000));
  found->ledger = std::move(dense);
}

Result<FoundTable> Verify(const env::ObjectStore& store, std::string_view location,
                          const std::string& key, std::int64_t version, KnownParts* known) {
  FoundTable found;
  catalog::TableRecord& record = found.record;
  TM_ASSIGN(record.metadata_bytes, store.Get(key, kMetadataBytesMax));
  TM_ASSIGN(const TableMetadata metadata, ParseMetadata(record.metadata_bytes, known));
  const auto name = NameOf(location);
  if (!name.has_value()) return Fail(Code::kCorruption, "no location of a table of ours");
  record.uuid = metadata.table_uuid;
  record.ns = name->ns;
  record.name = name->name;
  record.location = location;
  record.metadata_key = key;
  record.metadata_version = version;
  record.managed = metadata.Property(kPropertyManaged) == "true";
  record.log_id = metadata.Property(kPropertyLogId);
  record.head = metadata.current_snapshot_id.value_or(SnapshotId(0));
  if (record.managed) {
    TM_ASSIGN(record.off_head, ParseOffsets(metadata.Property(kPropertyOffsets)));
    TM_ASSIGN(record.floor, ParseOffsets(metadata.Property(kPropertyFloor)));
    TM_TRY(CheckRecord(metadata, record));
  }
  TM_TRY(CheckLiveFiles(store, metadata));
  for (const auto& snapshot : metadata.snapshots) {
    auto row = LedgerOf(*snapshot, record.uuid);
    if (!row.has_value()) continue;
    record.epoch = std::max(record.epoch, row->epoch);
    found.ledger.push_back(*std::move(row));
  }
  if (record.managed) FillGaps(metadata, &found);
  return found;
}

}  // namespace

std::string TableLocation(std::string_view ns, std::string_view name, const Uuid& table) {
  // The last digits: the first ones of a version 7 UUID are its time.
  const std::string id = table.ToString();
  return std::string(ns) + "/" + std::string(name) + "-" + id.substr(id.size() - 8);
}

Result<catalog::TableRecord> CreateTable(env::ObjectStore* store, const NewManagedTable& table) {
  catalog::TableRecord record;
  record.uuid = table.uuid;
  record.ns = table.ns;
  record.name = table.name;
  record.location = TableLocation(table.ns, table.name, table.uuid);
  record.log_id = table.log_id;
  record.epoch = table.epoch;
  TableMetadata metadata = MakeTableMetadata({.uuid = table.uuid,
                                              .location_uri = store->Uri(record.location),
                                              .log_id = table.log_id,
                                              .floor = LogOffset(0),
                                              .now = table.now,
                                              .schema = table.schema,
                                              .properties = table.properties});
  metadata.format_version = table.format_version;
  record.metadata_key = MetadataKey(record.location, 0, table.uuid, GzipsMetadata(metadata));
  record.metadata_bytes = WriteMetadataFile(metadata);
  TM_TRY(store->Put(record.metadata_key, record.metadata_bytes));
  return record;
}

Status CheckPlace(const env::ObjectStore& store, const TableMetadata& metadata,
                  const catalog::TableRecord& record) {
  if (store.KeyOf(metadata.location)) return {};
  const std::string here = store.Uri(record.location);
  return Fail(Code::kInvalidArgument,
              "table " + record.ns + "." + record.name + " was made below " +
                  std::string(RootOf(metadata.location, record.location)) +
                  " and its metadata names files by that path, but the data directory was moved: "
                  "below " +
                  std::string(RootOf(here, record.location)) +
                  " it cannot be read; move it back, or put a link to it where it was, and start "
                  "it by that path");
}

Result<std::shared_ptr<const TableHead>> OpenTable(
    env::ObjectStore* store, const catalog::TableRecord& record,
    const std::shared_ptr<const event::TableSchema>& schema, bool* restored, const TableHead* known,
    KnownParts* parts) {
  TM_ASSIGN(const std::string bytes, ReadOrRestore(store, record, restored));
  auto head = std::make_shared<TableHead>();
  TM_ASSIGN(auto metadata, FindMetadata(bytes, parts));
  TM_TRY(CheckRecord(*metadata, record));
  TM_TRY(CheckPlace(*store, *metadata, record));
  std::optional<Loaded> added;
  if (known != nullptr && known->table == record.uuid) {
    TM_ASSIGN(added, LoadAdded(*store, *metadata, *known));
  }
  if (added) {
    head->files = known->files->With(std::move(added->files));
    head->manifests = std::move(added->manifests);
    head->deletes = added->deletes;
  } else {
    TM_ASSIGN(Loaded loaded, LoadFiles(*store, *metadata, parts));
    Put(std::move(loaded), head.get());
  }
  head->table = record.uuid;
  head->location = record.location;
  head->metadata_version = record.metadata_version;
  head->metadata_key = record.metadata_key;
  head->columns = FindColumns(*metadata, schema, parts);
  head->metadata = std::move(metadata);
  head->off_head = record.off_head;
  head->floor = record.floor;
  return std::shared_ptr<const TableHead>(std::move(head));
}

Result<std::shared_ptr<const TableHead>> HeadAt(const env::ObjectStore& store, const TableHead& now,
                                                SnapshotId snapshot) {
  auto metadata = std::make_shared<TableMetadata>(*now.metadata);
  if (metadata->FindSnapshot(snapshot) == nullptr) {
    return Fail(Code::kNotFound, "the table has no snapshot " + std::to_string(snapshot.value));
  }
  metadata->current_snapshot_id = snapshot;
  auto head = std::make_shared<TableHead>(now);
  TM_ASSIGN(Loaded loaded, LoadFiles(store, *metadata));
  head->metadata = std::move(metadata);
  Put(std::move(loaded), head.get());
  return std::shared_ptr<const TableHead>(std::move(head));
}

Result<std::shared_ptr<const TableHead>> OpenPlain(const env::ObjectStore& store,
                                                   std::shared_ptr<const TableMetadata> metadata) {
  auto head = std::make_shared<TableHead>();
  TM_ASSIGN(Loaded loaded, LoadFiles(store, *metadata));
  TM_TRY(CheckOnce(loaded.files));
  head->table = metadata->table_uuid;
  head->metadata = std::move(metadata);
  Put(std::move(loaded), head.get());
  return std::shared_ptr<const TableHead>(std::move(head));
}

Result<std::shared_ptr<const LiveFiles>> FilesAppended(
    const env::ObjectStore& store, const std::vector<const Snapshot*>& snapshots) {
  TM_ASSIGN(auto files, ReadAppended(store, snapshots, nullptr));
  return std::make_shared<const LiveFiles>(std::move(files));
}

Status VisitFiles(const env::ObjectStore& store, const TableMetadata& metadata,
                  const std::function<void(const ManifestEntry&, std::int32_t spec_id)>& visit) {
  const Snapshot* head = metadata.current();
  if (head == nullptr) return {};
  TM_ASSIGN(const auto manifests, ReadManifestsOf(store, *head));
  avro::SchemaCache schemas;
  for (const ManifestFile& manifest : manifests) {
    TM_ASSIGN(const auto entries, ReadEntriesOf(store, manifest, &schemas));
    for (const ManifestEntry& entry : entries) {
      if (entry.status != EntryStatus::kDeleted) visit(entry, manifest.spec_id);
    }
  }
  return {};
}

Status RemoveLeftovers(env::ObjectStore* store, const catalog::Inflight& inflight,
                       const TableHead& head) {
  std::set<std::string> named = {head.metadata_key};
  head.files->ForEach([&](const LiveFile& file) { named.insert(file.key); });
  for (const ManifestFile& manifest : head.manifests) {
    TM_ASSIGN(std::string key, store->KeyOf(manifest.path));
    named.insert(std::move(key));
  }
  for (const auto& snapshot : head.metadata->snapshots) {
    auto key = store->KeyOf(snapshot->manifest_list);
    if (key.has_value()) named.insert(*std::move(key));
  }
  for (const MetadataLogEntry& entry : head.metadata->metadata_log) {
    auto key = store->KeyOf(entry.metadata_file);
    if (key.has_value()) named.insert(*std::move(key));
  }
  if (env::Planted(env::Bug::kCommittedLeftoversDeleted)) named.clear();
  for (const std::string& key : inflight.keys) {
    if (!named.contains(key)) TM_TRY(RemoveIfThere(store, key));
  }
  // Even if it is gone: what an earlier try removed, and a listing no longer shows, may come back
  // unless the removal of something beside it is durable.
  const std::string first = ManifestKey(head.location, inflight.id, 0);
  if (!named.contains(first)) TM_TRY(RemoveIfThere(store, first));
  TM_ASSIGN(const auto keys, store->List(head.location + "/metadata/"));
  for (const std::string& key : keys) {
    const std::string_view name = std::string_view(key).substr(key.rfind('/') + 1);
    if (!IsNameOf(name, inflight.id) || named.contains(key)) continue;
    TM_TRY(RemoveIfThere(store, key));
  }
  return {};
}

Status CheckLiveFiles(const env::ObjectStore& store, const TableMetadata& metadata) {
  TM_ASSIGN(const Loaded loaded, LoadFiles(store, metadata));
  for (const LiveFile& file : loaded.files) {
    if (file.deletes) {
      for (const LiveDelete& one : *file.deletes) {
        if (!one.in_store) continue;
        TM_ASSIGN(const bool exists, store.Exists(one.key));
        if (!exists) return Fail(Code::kCorruption, "missing delete file " + one.key);
      }
    }
    if (!file.in_store) continue;
    TM_ASSIGN(const bool exists, store.Exists(file.key));
    if (!exists) return Fail(Code::kCorruption, "missing data file " + file.key);
  }
  return {};
}

Status RemoveUnborn(env::ObjectStore* store, std::string_view location) {
  TM_ASSIGN(const auto keys, store->List(std::string(location) + "/"));
  for (const std::string& key : keys) {
    if (VersionOf(key).value_or(0) == 0) continue;
    return Fail(Code::kCorruption, std::string(location) +
                                       " has commits that the catalog does not"
                                       " know; run `tidemark doctor` to register the table");
  }
  // In the order of keys: what tells that a table was begun here goes last.
  for (const std::string& key : keys) TM_TRY(RemoveIfThere(store, key));
  return {};
}

namespace {

// What says which of two states of a table is the later one. Versions do not: after an older
// catalog was put back they are counted from there again, beside the files of before.
struct Age {
  std::size_t logs = 0;  // That fed the table.
  LogOffset settled;
  std::int64_t updated_ms = 0;
  std::int64_t version = 0;

  auto operator<=>(const Age&) const = default;
};

Age AgeOf(const TableMetadata& metadata, std::int64_t version) {
  Age age;
  age.updated_ms = metadata.last_updated_ms;
  age.version = version;
  const auto lost = JsonValue::Parse(metadata.Property(kPropertyLostLogs));
  if (lost && lost->is_array()) age.logs = lost->items().size();
  age.settled = SettledBy(metadata).value_or(LogOffset(0));
  return age;
}

}  // namespace

Result<FoundTable> FindNewestMetadata(const env::ObjectStore& store, std::string_view location) {
  TM_ASSIGN(const auto keys, store.List(std::string(location) + "/metadata/"));
  std::vector<std::pair<Age, std::string>> ages;
  std::string last_problem;
  KnownParts known;  // Most of a version is that of the one before.
  for (const std::string& key : keys) {
    const auto version = VersionOf(key);
    if (!version) continue;
    const auto bytes = store.Get(key, kMetadataBytesMax);
    const auto metadata = bytes ? ParseMetadata(*bytes, &known) : Fail(bytes.error());
    if (metadata) {
      ages.emplace_back(AgeOf(*metadata, *version), key);
    } else {
      last_problem = ": " + metadata.error().message();
    }
  }
  std::ranges::sort(ages, std::greater<>());
  if (env::Planted(env::Bug::kHighestVersionTaken)) {
    std::ranges::stable_sort(ages, std::greater<>(),
                             [](const auto& one) { return one.first.version; });
  }
  for (const auto& [age, key] : ages) {
    auto found = Verify(store, location, key, age.version, &known);
    if (found.has_value()) return found;
    last_problem = ": " + found.error().message();
  }
  return Fail(Code::kNotFound,
              "no metadata file of " + std::string(location) + " verifies" + last_problem);
}

Result<std::vector<std::string>> FindTableLocations(const env::ObjectStore& store,
                                                    std::string_view ns) {
  TM_ASSIGN(const auto keys, store.List(std::string(ns) + "/"));
  std::set<std::string> locations;
  for (const std::string& key : keys) {
    const std::size_t folder = key.find("/metadata/");
    if (folder == std::string::npos || !VersionOf(key).has_value()) continue;
    locations.insert(key.substr(0, folder));
  }
  return std::vector<std::string>(locations.begin(), locations.end());
}

}  // namespace tidemark::lake
