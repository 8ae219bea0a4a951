// The JSON of table metadata, both ways.
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "base/json_elements.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "lake/deflate.h"
#include "lake/known_parts.h"
#include "lake/metadata.h"

namespace tidemark::lake {
namespace {

// Fast: the text is long and repeats itself, and it is written with every commit.
constexpr int kGzipLevel = 1;
constexpr std::size_t kSnapshotJsonBytes = 1200;  // About; saves growing the text.

tl::unexpected<Error> Bad(std::string_view what) {
  return Fail(Code::kCorruption, "table metadata: " + std::string(what));
}

std::int64_t IntOr(const JsonValue& json, std::string_view name, std::int64_t otherwise) {
  const JsonValue* value = json.Find(name);
  return value == nullptr ? otherwise : value->Int().value_or(otherwise);
}

// Beyond 32 bits: a number that nothing has, so that it is not taken for another one.
std::int32_t Int32Or(const JsonValue& json, std::string_view name, std::int32_t otherwise) {
  const std::int64_t value = IntOr(json, name, otherwise);
  if (std::in_range<std::int32_t>(value)) return static_cast<std::int32_t>(value);
  return std::numeric_limits<std::int32_t>::min();
}

std::string TextOr(const JsonValue& json, std::string_view name) {
  const JsonValue* value = json.Find(name);
  return value == nullptr ? std::string() : value->text();
}

// A snapshot's id. The specification's are signed; one writer had some above those, which it wrote
// into its manifests by their bits.
std::optional<std::int64_t> SnapshotNumber(const JsonValue* value) {
  if (value == nullptr || !value->is_number()) return std::nullopt;
  if (const auto id = value->Int()) return id;
  std::uint64_t bits = 0;
  const std::string& text = value->text();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<std::int64_t>(bits);
}

Result<Schema> ParseSchema(const JsonValue& json) {
  Schema schema;
  schema.schema_id = Int32Or(json, "schema-id", 0);
  if (TextOr(json, "type") != "struct") return Bad("a schema that is no struct");
  const JsonValue* fields = json.Find("fields");
  if (fields == nullptr || !fields->is_array()) return Bad("a schema without fields");
  for (const JsonValue& field : fields->items()) {
    SchemaField& one = schema.fields.emplace_back();
    one.id = Int32Or(field, "id", -1);
    one.name = TextOr(field, "name");
    const JsonValue* type = field.Find("type");
    if (one.id < 0 || type == nullptr) return Bad("a schema's field without id or type");
    one.type = type->is_string() ? type->text() : type->ToJson();
    const JsonValue* required = field.Find("required");
    one.required = required != nullptr && required->Bool().value_or(false);
  }
  schema.json = json.ToJson();
  return schema;
}

void ParseSpecFields(const JsonValue& fields, PartitionSpec* spec) {
  std::int32_t next_id = 1000;  // Old writers leave field ids out.
  for (const JsonValue& field : fields.items()) {
    PartitionField& one = spec->fields.emplace_back();
    one.source_id = Int32Or(field, "source-id", -1);
    one.field_id = Int32Or(field, "field-id", next_id);
    next_id = one.field_id + 1;
    one.name = TextOr(field, "name");
    one.transform = FindTransform(TextOr(field, "transform"));
  }
}

Result<PartitionSpec> ParseSpec(const JsonValue& json) {
  PartitionSpec spec;
  spec.spec_id = Int32Or(json, "spec-id", 0);
  const JsonValue* fields = json.Find("fields");
  if (fields == nullptr || !fields->is_array()) return Bad("a partition spec without fields");
  ParseSpecFields(*fields, &spec);
  spec.json = json.ToJson();
  return spec;
}

Result<Snapshot> ParseSnapshot(const JsonValue& json) {
  Snapshot snapshot;
  const auto id = SnapshotNumber(json.Find("snapshot-id"));
  if (!id) return Bad("a snapshot without id");
  snapshot.id = SnapshotId(*id);
  if (const JsonValue* parent = json.Find("parent-snapshot-id")) {
    const auto value = parent->Int();
    if (value.has_value() && *value >= 0) snapshot.parent = SnapshotId(*value);
  }
  snapshot.sequence_number = IntOr(json, "sequence-number", 0);
  snapshot.timestamp_ms = IntOr(json, "timestamp-ms", 0);
  snapshot.manifest_list = TextOr(json, "manifest-list");
  if (const JsonValue* manifests = json.Find("manifests")) {
    for (const JsonValue& path : manifests->items()) snapshot.manifests.push_back(path.text());
  }
  if (const JsonValue* first = json.Find("first-row-id")) snapshot.first_row_id = first->Int();
  if (const JsonValue* added = json.Find("added-rows")) snapshot.added_rows = added->Int();
  if (const JsonValue* schema = json.Find("schema-id")) {
    if (schema->Int()) snapshot.schema_id = Int32Or(json, "schema-id", 0);
  }
  if (const JsonValue* summary = json.Find("summary")) {
    for (const auto& [key, value] : summary->members()) snapshot.summary[key] = value.text();
  }
  snapshot.json = json.ToJson();
  return snapshot;
}

Status ParseRefs(const JsonValue& json, TableMetadata* metadata) {
  for (const auto& [name, value] : json.members()) {
    SnapshotRef& ref = metadata->refs[name];
    const auto id = SnapshotNumber(value.Find("snapshot-id"));
    if (!id) return Bad("a ref without snapshot");
    ref.snapshot = SnapshotId(*id);
    ref.is_branch = TextOr(value, "type") != "tag";
    ref.json = value.ToJson();
  }
  return {};
}

Status ParseList(const std::string& key, const JsonValue& value, TableMetadata* metadata) {
  if (key == "schemas") {
    for (const JsonValue& item : value.items()) {
      TM_ASSIGN(auto schema, ParseSchema(item));
      metadata->schemas.push_back(std::make_shared<const Schema>(std::move(schema)));
    }
  } else if (key == "partition-specs") {
    for (const JsonValue& item : value.items()) {
      TM_ASSIGN(metadata->specs.emplace_back(), ParseSpec(item));
    }
  } else if (key == "snapshots") {
    for (const JsonValue& item : value.items()) {
      TM_ASSIGN(auto snapshot, ParseSnapshot(item));
      metadata->snapshots.push_back(std::make_shared<const Snapshot>(std::move(snapshot)));
    }
  } else if (key == "snapshot-log") {
    for (const JsonValue& item : value.items()) {
      metadata->snapshot_log.push_back(
          {SnapshotId(SnapshotNumber(item.Find("snapshot-id")).value_or(0)),
           IntOr(item, "timestamp-ms", 0)});
    }
  } else if (key == "metadata-log") {
    for (const JsonValue& item : value.items()) {
      metadata->metadata_log.push_back(
          {TextOr(item, "metadata-file"), IntOr(item, "timestamp-ms", 0)});
    }
  } else if (key == "refs") {
    return ParseRefs(value, metadata);
  } else if (key == "properties") {
    for (const auto& [name, text] : value.members()) metadata->properties[name] = text.text();
  }
  return {};
}

constexpr std::array<std::string_view, 7> kLists = {"schemas",      "partition-specs", "snapshots",
                                                    "snapshot-log", "metadata-log",    "refs",
                                                    "properties"};
constexpr std::array<std::string_view, 15> kScalars = {"format-version",
                                                       "table-uuid",
                                                       "location",
                                                       "last-updated-ms",
                                                       "last-column-id",
                                                       "last-sequence-number",
                                                       "schema",
                                                       "partition-spec",
                                                       "current-schema-id",
                                                       "default-spec-id",
                                                       "last-partition-id",
                                                       "sort-orders",
                                                       "default-sort-order-id",
                                                       "current-snapshot-id",
                                                       "next-row-id"};

Status ParseScalars(const JsonValue& json, TableMetadata* metadata) {
  metadata->format_version = Int32Or(json, "format-version", 0);
  if (metadata->format_version < 1 || metadata->format_version > 3) {
    return Bad("format version " + std::to_string(metadata->format_version));
  }
  const std::string uuid = TextOr(json, "table-uuid");
  const auto parsed = Uuid::Parse(uuid);
  if (parsed.has_value()) {
    metadata->table_uuid = *parsed;
  } else if (metadata->format_version > 1) {
    return Bad("no table-uuid");
  }
  metadata->location = TextOr(json, "location");
  if (metadata->location.empty()) return Bad("no location");
  while (metadata->location.size() > 1 && metadata->location.back() == '/') {
    metadata->location.pop_back();
  }
  metadata->last_updated_ms = IntOr(json, "last-updated-ms", 0);
  metadata->last_column_id = Int32Or(json, "last-column-id", 0);
  metadata->last_sequence_number = IntOr(json, "last-sequence-number", 0);
  metadata->current_schema_id = Int32Or(json, "current-schema-id", 0);
  metadata->default_spec_id = Int32Or(json, "default-spec-id", 0);
  metadata->last_partition_id = Int32Or(json, "last-partition-id", 999);
  metadata->default_sort_order_id = Int32Or(json, "default-sort-order-id", 0);
  metadata->next_row_id = std::max<std::int64_t>(0, IntOr(json, "next-row-id", 0));
  const JsonValue* orders = json.Find("sort-orders");
  metadata->sort_orders_json =
      orders == nullptr ? R"([{"order-id":0,"fields":[]}])" : orders->ToJson();
  const std::int64_t current = SnapshotNumber(json.Find("current-snapshot-id")).value_or(-1);
  if (current != -1) metadata->current_snapshot_id = SnapshotId(current);
  return {};
}

// What version 1 says in its own way.
Status ParseVersion1(const JsonValue& json, TableMetadata* metadata) {
  const JsonValue* schema = json.Find("schema");
  if (json.Find("current-schema-id") == nullptr || metadata->schemas.empty()) {
    if (schema == nullptr) return Bad("no schema, and no list of them that says which");
    TM_ASSIGN(Schema current, ParseSchema(*schema));
    metadata->current_schema_id = current.schema_id;
    if (metadata->FindSchema(current.schema_id) == nullptr) {
      metadata->schemas.push_back(std::make_shared<const Schema>(std::move(current)));
    }
  }
  const JsonValue* fields = json.Find("partition-spec");
  if (metadata->specs.empty() && fields != nullptr) {
    PartitionSpec& spec = metadata->specs.emplace_back();
    ParseSpecFields(*fields, &spec);
    spec.json = R"({"spec-id":0,"fields":)" + fields->ToJson() + "}";
  }
  if (json.Find("default-spec-id") == nullptr && !metadata->specs.empty()) {
    metadata->default_spec_id = metadata->specs.back().spec_id;
  }
  return {};
}

// What version 2 and later must say; readers that guess would guess apart.
Status CheckRequired(const JsonValue& json) {
  for (const std::string_view key : {"schemas", "current-schema-id", "partition-specs",
                                     "default-spec-id", "last-partition-id", "sort-orders"}) {
    if (json.Find(key) == nullptr) return Bad("no " + std::string(key));
  }
  return {};
}

Status CheckParsed(const TableMetadata& metadata) {
  if (metadata.FindSchema(metadata.current_schema_id) == nullptr) {
    return Bad("the current schema is missing");
  }
  if (metadata.FindSpec(metadata.default_spec_id) == nullptr) {
    return Bad("the default partition spec is missing");
  }
  if (metadata.current_snapshot_id.has_value() && metadata.current() == nullptr) {
    return Bad("the current snapshot is missing");
  }
  return {};
}

template <class List>
bool Contains(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

template <class List>
void WriteRaw(JsonWriter* out, std::string_view key, const List& list) {
  out->Key(key).BeginArray();
  for (const auto& item : list) {
    if constexpr (requires { item.json; }) {
      out->Raw(item.json);
    } else {
      out->Raw(item->json);
    }
  }
  out->EndArray();
}

void WriteHistory(JsonWriter* out, const TableMetadata& metadata) {
  WriteRaw(out, "snapshots", metadata.snapshots);
  out->Key("snapshot-log").BeginArray();
  for (const SnapshotLogEntry& entry : metadata.snapshot_log) {
    out->BeginObject();
    out->Field("timestamp-ms", entry.timestamp_ms).Field("snapshot-id", entry.snapshot.value);
    out->EndObject();
  }
  out->EndArray();
  out->Key("metadata-log").BeginArray();
  for (const MetadataLogEntry& entry : metadata.metadata_log) {
    out->BeginObject();
    out->Field("timestamp-ms", entry.timestamp_ms);
    out->Field("metadata-file", std::string_view(entry.metadata_file));
    out->EndObject();
  }
  out->EndArray();
}

constexpr std::array<std::string_view, 2> kLongLists = {"schemas", "snapshots"};

// One of them by its text: known, or parsed and known from now on.
template <class Part>
Result<std::shared_ptr<const Part>> FindPart(std::string_view text, ByContent<Part>* known,
                                             Result<Part> (*parse)(const JsonValue& json)) {
  if (auto part = known->Find(text)) return part;
  const auto json = JsonValue::Parse(text);
  if (!json) return Bad(json.error().message());
  TM_ASSIGN(auto part, parse(*json));
  return known->Keep(text, std::move(part));
}

// The document without its long lists, which are put into `metadata`.
Result<JsonValue> ParseDocument(std::string_view bytes, KnownParts* known,
                                TableMetadata* metadata) {
  if (known == nullptr) return JsonValue::Parse(bytes);
  const auto is_schema = [](std::string_view member) { return member == kLongLists[0]; };
  const auto begin = [&](std::string_view member) {
    is_schema(member) ? metadata->schemas.clear() : metadata->snapshots.clear();
  };
  const auto take = [&](std::string_view member, std::string_view text) -> Status {
    if (is_schema(member)) {
      TM_ASSIGN(metadata->schemas.emplace_back(), FindPart(text, &known->schemas, ParseSchema));
    } else {
      TM_ASSIGN(metadata->snapshots.emplace_back(),
                FindPart(text, &known->snapshots, ParseSnapshot));
    }
    return {};
  };
  return ParseJsonElements(bytes, {kLongLists, begin, take});
}

}  // namespace

Result<TableMetadata> ParseMetadata(std::string_view bytes, KnownParts* known) {
  std::string inflated;
  if (bytes.starts_with("\x1f\x8b")) {
    TM_ASSIGN(inflated, Inflate(bytes, DeflateForm::kGzip, kMetadataBytesMax));
    bytes = inflated;
  }
  TableMetadata metadata;
  const auto json = ParseDocument(bytes, known, &metadata);
  if (!json.has_value()) {
    if (json.error().code() == Code::kCorruption) return Fail(json.error());
    return Bad(json.error().message());
  }
  if (!json->is_object()) return Bad("no object");
  TM_TRY(ParseScalars(*json, &metadata));
  for (const auto& [key, value] : json->members()) {
    if (Contains(kLists, key)) {
      TM_TRY(ParseList(key, value, &metadata));
    } else if (!Contains(kScalars, key)) {
      metadata.unknown.emplace_back(key, value.ToJson());
    }
  }
  TM_TRY(metadata.format_version == 1 ? ParseVersion1(*json, &metadata) : CheckRequired(*json));
  TM_TRY(CheckParsed(metadata));
  return metadata;
}

std::string WriteMetadataJson(const TableMetadata& metadata) {
  std::string text;
  text.reserve(16'384 + metadata.snapshots.size() * kSnapshotJsonBytes);
  JsonWriter out(&text);
  out.BeginObject();
  out.Field("format-version", metadata.format_version);
  out.Field("table-uuid", std::string_view(metadata.table_uuid.ToString()));
  out.Field("location", std::string_view(metadata.location));
  out.Field("last-sequence-number", metadata.last_sequence_number);
  out.Field("last-updated-ms", metadata.last_updated_ms);
  if (metadata.format_version >= 3 || metadata.next_row_id > 0) {
    out.Field("next-row-id", metadata.next_row_id);
  }
  out.Field("last-column-id", metadata.last_column_id);
  out.Field("current-schema-id", metadata.current_schema_id);
  WriteRaw(&out, "schemas", metadata.schemas);
  out.Field("default-spec-id", metadata.default_spec_id);
  WriteRaw(&out, "partition-specs", metadata.specs);
  out.Field("last-partition-id", metadata.last_partition_id);
  out.Field("default-sort-order-id", metadata.default_sort_order_id);
  out.Key("sort-orders").Raw(metadata.sort_orders_json);
  out.Key("properties").BeginObject();
  for (const auto& [key, value] : metadata.properties) out.Field(key, std::string_view(value));
  out.EndObject();
  if (metadata.current_snapshot_id.has_value()) {
    out.Field("current-snapshot-id", metadata.current_snapshot_id->value);
  }
  out.Key("refs").BeginObject();
  for (const auto& [name, ref] : metadata.refs) out.Key(name).Raw(ref.json);
  out.EndObject();
  WriteHistory(&out, metadata);
  for (const auto& [key, json] : metadata.unknown) out.Key(key).Raw(json);
  out.EndObject();
  return text;
}

std::string WriteMetadataFile(const TableMetadata& metadata) {
  std::string json = WriteMetadataJson(metadata);
  return GzipsMetadata(metadata) ? Deflate(json, DeflateForm::kGzip, kGzipLevel) : json;
}

}  // namespace tidemark::lake
