#include "lake/metadata.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/json_reader.h"
#include "base/json_writer.h"

namespace tidemark::lake {

const SchemaField* Schema::FindField(std::int32_t id) const {
  for (const SchemaField& field : fields) {
    if (field.id == id) return &field;
  }
  return nullptr;
}

std::string_view Snapshot::Summary(std::string_view key) const {
  const auto found = summary.find(std::string(key));
  return found == summary.end() ? std::string_view() : std::string_view(found->second);
}

void Snapshot::Seal() {
  json.clear();
  JsonWriter out(&json);
  out.BeginObject();
  out.Field("sequence-number", sequence_number).Field("snapshot-id", id.value);
  if (parent.has_value()) out.Field("parent-snapshot-id", parent->value);
  out.Field("timestamp-ms", timestamp_ms);
  out.Key("summary").BeginObject();
  for (const auto& [key, value] : summary) out.Field(key, std::string_view(value));
  out.EndObject();
  out.Field("manifest-list", std::string_view(manifest_list));
  if (schema_id.has_value()) out.Field("schema-id", *schema_id);
  if (first_row_id.has_value()) out.Field("first-row-id", *first_row_id);
  if (added_rows.has_value()) out.Field("added-rows", *added_rows);
  out.EndObject();
}

const Schema* TableMetadata::FindSchema(std::int32_t id) const {
  for (const auto& schema : schemas) {
    if (schema->schema_id == id) return schema.get();
  }
  return nullptr;
}

const PartitionSpec* TableMetadata::FindSpec(std::int32_t id) const {
  for (const PartitionSpec& spec : specs) {
    if (spec.spec_id == id) return &spec;
  }
  return nullptr;
}

const Snapshot* TableMetadata::FindSnapshot(SnapshotId id) const {
  // From the newest: that is what is asked for.
  for (auto at = snapshots.rbegin(); at != snapshots.rend(); ++at) {
    if ((*at)->id == id) return at->get();
  }
  return nullptr;
}

const Snapshot* TableMetadata::current() const {
  return current_snapshot_id.has_value() ? FindSnapshot(*current_snapshot_id) : nullptr;
}

std::string_view TableMetadata::Property(std::string_view key) const {
  const auto found = properties.find(std::string(key));
  return found == properties.end() ? std::string_view() : std::string_view(found->second);
}

std::size_t TableMetadata::Count(std::string_view key, std::size_t otherwise) const {
  constexpr std::size_t kCountMax = 10'000;
  const std::string_view text = Property(key);
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && count >= 1 && count <= kCountMax ? count : otherwise;
}

namespace {

// To the end of the year 9999: beyond it there are no microseconds.
constexpr std::int64_t kTimeMsMax = 253'402'300'799'999;

tl::unexpected<Error> Ambiguous(const std::string& what) {
  return Fail(Code::kCorruption, "table metadata: " + what);
}

bool IsTime(std::int64_t ms) { return ms >= -kTimeMsMax && ms <= kTimeMsMax; }

// What has an id twice has to be the same both times.
template <class Part>
Status CheckOnce(const std::string& what, std::int32_t id, const Part& part,
                 std::map<std::int32_t, std::string_view>* seen) {
  const auto [found, fresh] = seen->emplace(id, part.json);
  if (fresh || found->second == part.json) return {};
  return Ambiguous(what + " " + std::to_string(id) + " is there twice, and not the same");
}

Status CheckSchemas(const TableMetadata& metadata) {
  std::map<std::int32_t, std::string_view> schemas;
  for (const auto& schema : metadata.schemas) {
    TM_TRY(CheckOnce("schema", schema->schema_id, *schema, &schemas));
    std::set<std::int32_t> fields;
    for (const SchemaField& field : schema->fields) {
      if (fields.insert(field.id).second) continue;
      return Ambiguous("schema " + std::to_string(schema->schema_id) + " has two columns with id " +
                       std::to_string(field.id));
    }
  }
  std::map<std::int32_t, std::string_view> specs;
  for (const PartitionSpec& spec : metadata.specs) {
    TM_TRY(CheckOnce("partition spec", spec.spec_id, spec, &specs));
  }
  return {};
}

}  // namespace

Status CheckUnambiguous(const TableMetadata& metadata) {
  TM_TRY(CheckSchemas(metadata));
  std::set<SnapshotId> ids;
  for (const auto& snapshot : metadata.snapshots) {
    const std::string name = "snapshot " + to_string(snapshot->id);
    if (!ids.insert(snapshot->id).second) return Ambiguous(name + " is there twice");
    if (!IsTime(snapshot->timestamp_ms)) return Ambiguous(name + " is of no time");
    if (snapshot->sequence_number < 0) return Ambiguous(name + " has a negative sequence number");
  }
  for (const SnapshotLogEntry& entry : metadata.snapshot_log) {
    if (!IsTime(entry.timestamp_ms)) return Ambiguous("an entry of the snapshot log is of no time");
  }
  if (!IsTime(metadata.last_updated_ms)) return Ambiguous("last-updated-ms is no time");
  const auto main = metadata.refs.find("main");
  if (main != metadata.refs.end() && metadata.current_snapshot_id != main->second.snapshot) {
    return Ambiguous("branch main is at snapshot " + to_string(main->second.snapshot) +
                     ", which is not the current one");
  }
  return {};
}

bool GzipsMetadata(const TableMetadata& metadata) {
  return metadata.Property(kPropertyMetadataCodec) != "none";
}

bool DeflatesManifests(const TableMetadata& metadata) {
  return metadata.Property(kPropertyAvroCodec) != "uncompressed";
}

engine::DataCodec DataCodecOf(const TableMetadata& metadata) {
  std::string name(metadata.Property(kPropertyDataCodec));
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c;
  });
  if (name == "snappy") return engine::DataCodec::kSnappy;
  if (name == "uncompressed" || name == "none") return engine::DataCodec::kUncompressed;
  return engine::DataCodec::kZstd;
}

std::int64_t NextTimestamp(const TableMetadata& metadata, TimeMicros now) {
  std::int64_t next = std::max(FloorDiv(now.value, 1000), metadata.last_updated_ms);
  if (!metadata.snapshot_log.empty()) {
    next = std::max(next, metadata.snapshot_log.back().timestamp_ms);
  }
  if (!metadata.metadata_log.empty()) {
    next = std::max(next, metadata.metadata_log.back().timestamp_ms);
  }
  return next;
}

namespace {

// Drops what is beyond the window, oldest first, but nothing that a ref names.
std::vector<std::shared_ptr<const Snapshot>> Shrink(TableMetadata* metadata) {
  std::vector<std::shared_ptr<const Snapshot>> dropped;
  const std::size_t window = metadata->Count(kPropertySnapshotsMax, kSnapshotsMax);
  if (metadata->snapshots.size() <= window) return dropped;
  std::set<SnapshotId> referenced;
  for (const auto& [name, ref] : metadata->refs) referenced.insert(ref.snapshot);
  const std::size_t excess = metadata->snapshots.size() - window;
  std::vector<std::shared_ptr<const Snapshot>> kept;
  kept.reserve(window);
  std::set<SnapshotId> gone;
  for (auto& snapshot : metadata->snapshots) {
    if (dropped.size() < excess && !referenced.contains(snapshot->id)) {
      gone.insert(snapshot->id);
      dropped.push_back(std::move(snapshot));
    } else {
      kept.push_back(std::move(snapshot));
    }
  }
  metadata->snapshots = std::move(kept);
  // An entry whose snapshot is gone takes all entries before it with it: the log has no holes.
  auto& log = metadata->snapshot_log;
  const auto last_gone = std::find_if(log.rbegin(), log.rend(), [&](const SnapshotLogEntry& entry) {
    return gone.contains(entry.snapshot);
  });
  log.erase(log.begin(), last_gone.base());
  return dropped;
}

}  // namespace

std::vector<std::shared_ptr<const Snapshot>> AddSnapshot(TableMetadata* metadata,
                                                         Snapshot snapshot) {
  metadata->last_sequence_number =
      std::max(metadata->last_sequence_number, snapshot.sequence_number);
  metadata->last_updated_ms = snapshot.timestamp_ms;
  if (snapshot.first_row_id) {
    metadata->next_row_id = *snapshot.first_row_id + snapshot.added_rows.value_or(0);
  }
  metadata->current_snapshot_id = snapshot.id;
  metadata->snapshot_log.push_back({snapshot.id, snapshot.timestamp_ms});
  SnapshotRef& main = metadata->refs["main"];
  main.snapshot = snapshot.id;
  main.json.clear();
  JsonWriter(&main.json)
      .BeginObject()
      .Field("snapshot-id", snapshot.id.value)
      .Field("type", "branch")
      .EndObject();
  snapshot.Seal();
  metadata->snapshots.push_back(std::make_shared<const Snapshot>(std::move(snapshot)));
  return Shrink(metadata);
}

std::vector<std::string> PushMetadataLog(TableMetadata* metadata, std::string previous_file) {
  auto& log = metadata->metadata_log;
  log.push_back({std::move(previous_file), metadata->last_updated_ms});
  std::vector<std::string> dropped;
  const std::size_t previous = metadata->Count(kPropertyMetadataLogMax, kMetadataLogMax);
  while (log.size() > previous) {
    dropped.push_back(std::move(log.front().metadata_file));
    log.erase(log.begin());
  }
  return dropped;
}

std::string OffsetsJson(LogOffset offset) {
  return R"({"v":1,"p":{"0":)" + to_string(offset) + "}}";
}

Result<LogOffset> ParseOffsets(std::string_view json) {
  const auto parsed = JsonValue::Parse(json);
  if (!parsed.has_value()) return Fail(Code::kCorruption, "offsets that are no JSON");
  const JsonValue* version = parsed->Find("v");
  const JsonValue* partitions = parsed->Find("p");
  if (version == nullptr || version->Int() != 1 || partitions == nullptr ||
      !partitions->is_object() || partitions->members().size() != 1) {
    return Fail(Code::kCorruption, "offsets of an unknown form");
  }
  const JsonValue* first = partitions->Find("0");
  const auto offset = first == nullptr ? std::nullopt : first->Int();
  if (!offset.has_value() || *offset < 0)
    return Fail(Code::kCorruption, "offsets with a bad number");
  return LogOffset(*offset);
}

}  // namespace tidemark::lake
