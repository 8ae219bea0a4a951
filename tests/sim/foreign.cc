#include "sim/foreign.h"

#include <algorithm>
#include <utility>

#include "base/json_writer.h"
#include "lake/names.h"
#include "lake/snapshot_files.h"

namespace tidemark::sim {
namespace {

constexpr std::int64_t kForeignRows = 3;

void AppendUpdate(const JsonValue& update, JsonValue* request) {
  request->Find("updates")->Append(update);
}

JsonValue SetMain(std::int64_t snapshot) {
  JsonValue update = JsonValue::Object();
  update.Set("action", "set-snapshot-ref").Set("ref-name", "main").Set("type", "branch");
  update.Set("snapshot-id", snapshot);
  return update;
}

}  // namespace

struct ForeignWriter::Plan {
  const catalog::TableRecord* record = nullptr;
  lake::TableMetadata metadata;
  Uuid id;
  std::int64_t now_ms = 0;
  State state;  // After it.
  bool rollback = false;
  bool malformed = false;  // It must be refused.
  JsonValue request = JsonValue::Object();
};

std::string ForeignWriter::Key(const std::string& location, std::string_view folder,
                               std::string_view ending) {
  std::string key = location + "/" + std::string(folder) + "/foreign-" +
                    std::to_string(++numbers_) + std::string(ending);
  left_.insert(key);
  return key;
}

const ForeignWriter::State& ForeignWriter::At(const Uuid& table, std::int64_t version) const {
  static const State kNothing;
  const auto found = tables_.find(table);
  if (found == tables_.end()) return kNothing;
  const auto after = found->second.states.upper_bound(version);
  return after == found->second.states.begin() ? kNothing : std::prev(after)->second;
}

const ForeignWriter::State& ForeignWriter::Latest(const std::string& ns) const {
  static const State kNothing;
  for (const auto& [uuid, record] : catalog_->state().tables) {
    if (record.ns == ns && record.name == "events") return At(uuid, record.metadata_version);
  }
  return kNothing;
}

void ForeignWriter::Forget(const SimCatalog& catalog) {
  for (auto& [uuid, table] : tables_) {
    const auto found = catalog.state().tables.find(uuid);
    const std::int64_t version =
        found == catalog.state().tables.end() ? -1 : found->second.metadata_version;
    table.states.erase(table.states.upper_bound(version), table.states.end());
    table.snapshots.clear();
  }
}

// A new list of `manifests`, and the snapshot that names it.
bool ForeignWriter::AddSnapshot(std::string_view operation,
                                std::vector<lake::ManifestFile> manifests, Plan* plan) {
  lake::Snapshot snapshot;
  snapshot.id = SnapshotId(static_cast<std::int64_t>(dice_->Next() >> 1));
  snapshot.parent = plan->metadata.current_snapshot_id;
  snapshot.sequence_number = plan->metadata.last_sequence_number + 1;
  for (lake::ManifestFile& manifest : manifests) {
    if (manifest.sequence_number != 0) continue;
    manifest.sequence_number = snapshot.sequence_number;
    manifest.added_snapshot = snapshot.id;
  }
  const std::string key = Key(plan->record->location, "metadata", "-list.avro");
  const bool deflate = lake::DeflatesManifests(plan->metadata);
  if (!store_->Put(key, lake::WriteManifestList(snapshot, manifests, plan->id, deflate))) {
    return false;
  }
  JsonValue json = JsonValue::Object();
  JsonValue summary = JsonValue::Object();
  summary.Set("operation", operation);
  json.Set("snapshot-id", snapshot.id.value).Set("sequence-number", snapshot.sequence_number);
  if (snapshot.parent) json.Set("parent-snapshot-id", snapshot.parent->value);
  json.Set("timestamp-ms", lake::NextTimestamp(plan->metadata, TimeMicros(plan->now_ms * 1'000)));
  json.Set("manifest-list", store_->Uri(key)).Set("summary", std::move(summary));
  JsonValue update = JsonValue::Object();
  update.Set("action", "add-snapshot").Set("snapshot", std::move(json));
  AppendUpdate(update, &plan->request);
  AppendUpdate(SetMain(snapshot.id.value), &plan->request);
  return true;
}

// A file of its own, whose rows have no offset.
void ForeignWriter::PlanAppend(Plan* plan) {
  const std::string key = Key(plan->record->location, "data", ".parquet");
  if (!store_->Put(key, "rows of another engine")) return;
  AddFile(key, plan);
  plan->state.files.insert(key);
  plan->state.rows += kForeignRows;
}

// One of its files that the table has: its rows would be there twice.
bool ForeignWriter::PlanAgain(Plan* plan) {
  const auto& files = plan->state.files;
  if (files.empty()) return false;
  const auto which = static_cast<std::ptrdiff_t>(dice_->Below(files.size()));
  AddFile(*std::next(files.begin(), which), plan);
  plan->malformed = true;
  return true;
}

// Appends it by a manifest of its own.
void ForeignWriter::AddFile(const std::string& key, Plan* plan) {
  lake::ManifestEntry entry;
  entry.file.path = store_->Uri(key);
  entry.file.partition = {static_cast<std::int32_t>(500'000)};
  entry.file.rows = kForeignRows;
  entry.file.bytes = 22;
  entry.file.null_counts = {{Info(event::Column::kLogOffset).field_id, kForeignRows}};
  const lake::PartitionSpec& spec = *plan->metadata.FindSpec(lake::kSpecHour);
  const std::string bytes = lake::WriteManifest(plan->metadata, spec, {entry}, plan->id);
  const std::string manifest_key = Key(plan->record->location, "metadata", "-m.avro");
  if (!store_->Put(manifest_key, bytes)) return;
  lake::ManifestFile manifest = lake::SummarizeManifest(spec, {entry}, SnapshotId(0));
  manifest.path = store_->Uri(manifest_key);
  manifest.length = static_cast<std::int64_t>(bytes.size());
  std::vector<lake::ManifestFile> manifests = {std::move(manifest)};
  if (const lake::Snapshot* head = plan->metadata.current()) {
    const auto old = lake::ReadManifestsOf(*store_, head->manifest_list);
    if (!old) return;
    manifests.insert(manifests.end(), old->begin(), old->end());
  }
  AddSnapshot("append", std::move(manifests), plan);
}

// One data file goes, whoever wrote it.
bool ForeignWriter::PlanDelete(const OffsetsOf& offsets_of, Plan* plan) {
  const lake::Snapshot* head = plan->metadata.current();
  if (head == nullptr) return false;
  auto read = lake::ReadSnapshotFiles(*store_, head->manifest_list);
  if (!read || read->manifests.empty()) return false;
  const std::size_t which = dice_->Below(read->manifests.size());
  auto& entries = read->entries[which];
  std::erase_if(entries, [](const auto& one) { return one.status == lake::EntryStatus::kDeleted; });
  if (entries.empty()) return false;
  const std::size_t gone = dice_->Below(entries.size());
  for (lake::ManifestEntry& entry : entries) entry.status = lake::EntryStatus::kExisting;
  entries[gone].status = lake::EntryStatus::kDeleted;
  const std::string key = store_->KeyOf(entries[gone].file.path).value();
  const auto rows = static_cast<std::uint64_t>(entries[gone].file.rows);
  if (plan->state.files.erase(key) > 0) {
    plan->state.rows -= rows;
  } else if (!offsets_of(key, &plan->state.erased)) {
    return false;
  }
  // The deleting snapshot's id is written into the entry: it is chosen here.
  const std::int64_t id = static_cast<std::int64_t>(dice_->Next() >> 1);
  entries[gone].snapshot = SnapshotId(id);
  const lake::PartitionSpec& spec = *plan->metadata.FindSpec(read->manifests[which].spec_id);
  const std::string bytes = lake::WriteManifest(plan->metadata, spec, entries, plan->id);
  const std::string manifest_key = Key(plan->record->location, "metadata", "-m.avro");
  if (!store_->Put(manifest_key, bytes)) return false;
  lake::ManifestFile manifest = lake::SummarizeManifest(spec, entries, SnapshotId(0));
  manifest.path = store_->Uri(manifest_key);
  manifest.length = static_cast<std::int64_t>(bytes.size());
  read->manifests[which] = std::move(manifest);
  if (!AddSnapshot("delete", std::move(read->manifests), plan)) return false;
  plan->request.Find("updates")->items()[0].Find("snapshot")->Set("snapshot-id", id);
  plan->request.Find("updates")->items()[1].Set("snapshot-id", id);
  left_.insert(key);
  return true;
}

// Back to a head that it saw before.
bool ForeignWriter::PlanRollback(Plan* plan) {
  const Table& table = tables_[plan->record->uuid];
  std::vector<std::int64_t> there;
  for (const auto& [id, state] : table.snapshots) {
    const lake::Snapshot* at = plan->metadata.current();
    while (at != nullptr && at->id.value != id) {
      at = at->parent ? plan->metadata.FindSnapshot(*at->parent) : nullptr;
    }
    if (at != nullptr && at != plan->metadata.current()) there.push_back(id);
  }
  if (there.empty()) return false;
  const std::int64_t to = there[dice_->Below(there.size())];
  const lake::Snapshot* target = plan->metadata.FindSnapshot(SnapshotId(to));
  const auto offset = lake::ParseOffsets(target->Summary(lake::kSummaryOffsets));
  if (!offset) {
    problem_ = "a snapshot does not say which offsets it stands for";
    return false;
  }
  const auto read = lake::ReadSnapshotFiles(*store_, plan->metadata.current()->manifest_list);
  if (!read) return false;
  for (const auto& entries : read->entries) {
    for (const lake::ManifestEntry& entry : entries) {
      left_.insert(store_->KeyOf(entry.file.path).value());
    }
  }
  AppendUpdate(SetMain(to), &plan->request);
  plan->state = table.snapshots.at(to);
  for (std::int64_t at = offset->value; at < plan->record->visible().value; ++at) {
    plan->state.erased.insert(at);
  }
  plan->rollback = true;
  return true;
}

bool ForeignWriter::Commit(const std::string& ns, Epoch epoch, TimeMicros now,
                           const OffsetsOf& offsets_of) {
  Plan plan;
  for (const auto& [uuid, record] : catalog_->state().tables) {
    if (record.ns == ns && record.name == "events") plan.record = &record;
  }
  if (plan.record == nullptr) return false;
  auto metadata = lake::ParseMetadata(plan.record->metadata_bytes, known_parts_);
  if (!metadata) return false;
  plan.metadata = *std::move(metadata);
  plan.id = MakeUuidV4(dice_->Next(), dice_->Next());
  plan.now_ms = FloorDiv(now.value, 1000);
  plan.state = At(plan.record->uuid, plan.record->metadata_version);
  plan.request.Set("updates", JsonValue::Array());
  Table& table = tables_[plan.record->uuid];
  if (plan.record->head != SnapshotId(0)) table.snapshots[plan.record->head.value] = plan.state;
  const std::uint64_t what = dice_->Below(9);
  if (what < 3) {
    PlanAppend(&plan);
  } else if (what < 5) {
    if (!PlanDelete(offsets_of, &plan)) return false;
  } else if (what < 6) {
    if (!PlanRollback(&plan)) return false;
  } else if (what < 7) {
    if (!PlanAgain(&plan)) return false;
  } else {
    JsonValue update = JsonValue::Object();
    JsonValue values = JsonValue::Object();
    values.Set("owner", std::to_string(++numbers_));
    update.Set("action", "set-properties").Set("updates", std::move(values));
    AppendUpdate(update, &plan.request);
  }
  if (plan.request.Find("updates")->items().empty()) return false;
  iceberg::ManagedParts parts;
  parts.store = store_;
  parts.locations = &locations_;
  parts.manifests = &manifests_;
  parts.known_parts = known_parts_;
  parts.new_id = [this, &plan] {
    // Of a commit that the disk fails in the middle its metadata may stay, under this id.
    const Uuid id = MakeUuidV4(dice_->Next(), dice_->Next());
    for (const bool gzip : {false, true}) {
      left_.insert(
          lake::MetadataKey(plan.record->location, plan.record->metadata_version + 1, id, gzip));
    }
    return id;
  };
  parts.epoch = epoch;
  parts.now = now;
  // Nothing here keeps the files of held heads but this: the wall clock jumps.
  parts.readers_until = now + 10 * kMicrosPerDay;
  const auto prepared = iceberg::PrepareManaged(parts, *plan.record, plan.request);
  if (!prepared) {
    if (prepared.error().status < 500 && prepared.error().status != 409 && !plan.malformed) {
      problem_ = "a commit of another engine is refused: " + prepared.error().message;
    }
    return false;
  }
  if (plan.malformed) problem_ = "a file that the table has is added to it again";
  if (!prepared->changed || plan.malformed) return false;
  left_.insert(prepared->change.metadata_key);
  const std::int64_t version = prepared->change.base_version + 1;
  const Uuid uuid = plan.record->uuid;
  if (!catalog_->Commit({&prepared->change, 1})) return false;
  left_.erase(prepared->change.metadata_key);
  table.states[version] = std::move(plan.state);
  ++commits_;
  rollbacks_ += plan.rollback ? 1 : 0;
  return uuid == prepared->change.table;
}

}  // namespace tidemark::sim
