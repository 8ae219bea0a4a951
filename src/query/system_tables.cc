#include "query/system_tables.h"

#include <array>
#include <charconv>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "lake/partition_values.h"
#include "lake/table_columns.h"
#include "query/as_of.h"
#include "query/memory_rows.h"
#include "query/system_columns.h"

namespace tidemark::query {
namespace {

using event::Type;
using Columns = std::vector<std::pair<std::string, Type>>;

constexpr std::string_view kEvents = "events";
// "01:02:03.000000" of a time's text.
constexpr std::size_t kClockAt = 11;
constexpr std::size_t kClockBytes = 15;

// A table of any kind while rows are made of it.
struct TableView {
  std::string schema;  // Its namespace.
  std::string name;
  const lake::TableMetadata* metadata = nullptr;  // Null: a view, or nothing is settled yet.
  const lake::TableHead* head = nullptr;          // Of a managed table.
  const CatalogTable* other = nullptr;            // Of another.
};

std::vector<TableView> TablesOf(const SystemView& view) {
  std::vector<TableView> tables;
  TableView& events = tables.emplace_back();
  events.schema = view.project;
  events.name = kEvents;
  if (view.cut->lake != nullptr) {
    events.head = view.cut->lake.get();
    events.metadata = events.head->metadata.get();
  }
  for (const CatalogTable& other : view.others) {
    TableView& one = tables.emplace_back();
    one.schema = NamespaceText(other.ns);
    one.name = other.name;
    one.metadata = other.metadata.get();
    one.other = &other;
  }
  return tables;
}

std::string MapJson(const std::map<std::string, std::string>& map) {
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  for (const auto& [key, value] : map) json.Field(key, std::string_view(value));
  json.EndObject();
  return text;
}

// Text columns of JSON become what they are: name and type, as from_json takes it.
using JsonColumns = std::vector<std::pair<std::string, std::string>>;
constexpr const char* kTextMap = R"x("MAP(VARCHAR, VARCHAR)")x";
std::string SelectList(const JsonColumns& columns) {
  std::string list;
  for (const auto& [name, type] : columns) {
    list += (list.empty() ? "* REPLACE (" : ", ") + ("from_json(" + name + ", '" + type) +
            "') AS " + name;
  }
  return list + ")";
}

TimeMicros FromMs(std::int64_t ms) { return TimeMicros(ms * 1000); }

// As ISO has them, with four digits at least.
std::string YearText(std::int64_t year) {
  constexpr std::size_t kDigits = 4;
  const std::string digits = std::to_string(year < 0 ? -year : year);
  const std::size_t zeros = kDigits - std::min(digits.size(), kDigits);
  return (year < 0 ? "-" : "") + std::string(zeros, '0') + digits;
}

// "2024-01-15-10" for an hour, as other engines write partitions.
std::string PartitionText(lake::Transform transform, std::int32_t value) {
  const auto date = [](std::int64_t days) {
    return FormatTime(TimeMicros(days * kMicrosPerDay)).substr(0, 10);
  };
  switch (transform) {
    case lake::Transform::kHour: {
      const std::int64_t days = FloorDiv(value, 24);
      const std::string hour = std::to_string(value - days * 24);
      return date(days) + (hour.size() == 1 ? "-0" : "-") + hour;
    }
    case lake::Transform::kDay:
      return date(value);
    case lake::Transform::kMonth: {
      const std::int64_t year = FloorDiv(value, 12);
      const std::string month = std::to_string(value - year * 12 + 1);
      return YearText(1970 + year) + (month.size() == 1 ? "-0" : "-") + month;
    }
    case lake::Transform::kYear:
      return YearText(std::int64_t{1970} + value);
    default:
      return std::to_string(value);
  }
}

std::string PartitionJson(const lake::TableMetadata& metadata, std::int32_t spec_id,
                          const std::vector<std::optional<std::int32_t>>& values) {
  const lake::PartitionSpec* spec = metadata.FindSpec(spec_id);
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  for (std::size_t i = 0; spec != nullptr && i < spec->fields.size() && i < values.size(); ++i) {
    if (!values[i]) continue;
    json.Field(spec->fields[i].name, PartitionText(spec->fields[i].transform, *values[i]));
  }
  json.EndObject();
  return text;
}

// Of the field below a struct that has this id; empty: none has.
std::string TypeBelow(const JsonValue& type, std::int32_t id) {
  const JsonValue* fields = type.Find("fields");
  if (fields == nullptr) return {};
  for (const JsonValue& field : fields->items()) {
    if (field.IntAt("id") == std::int64_t{id}) return field.StringAt("type").value_or("");
    const JsonValue* inner = field.Find("type");
    if (inner == nullptr || !inner->is_object()) continue;
    if (std::string found = TypeBelow(*inner, id); !found.empty()) return found;
  }
  return {};
}

// Of the column, or the field of a struct, that a partition field is made of; empty: no schema has
// it.
std::string SourceType(const lake::TableMetadata& metadata, std::int32_t source_id) {
  for (const auto& schema : metadata.schemas) {
    const lake::SchemaField* field = schema->FindField(source_id);
    if (field != nullptr) return field->type;
  }
  for (const auto& schema : metadata.schemas) {
    const auto json = JsonValue::Parse(schema->json);
    std::string found = json ? TypeBelow(*json, source_id) : std::string();
    if (!found.empty()) return found;
  }
  return {};
}

std::string NumberText(lake::Transform transform, std::string_view type, std::int64_t number) {
  if (transform == lake::Transform::kIdentity) {
    if (type == "boolean") return number != 0 ? "true" : "false";
    if (type == "date") transform = lake::Transform::kDay;
    if (type == "time") return FormatTime(TimeMicros(number)).substr(kClockAt, kClockBytes);
    if (type.starts_with("timestamp") && !type.ends_with("_ns")) {
      return FormatTime(TimeMicros(number));
    }
  }
  const auto small = static_cast<std::int32_t>(number);
  return small == number ? PartitionText(transform, small) : std::to_string(number);
}

// Texts, decimals and UUIDs as people write them; all else as hexadecimal digits of its bytes.
std::string BytesText(std::string_view type, const std::string& bytes) {
  if (type == "string" && IsUtf8(bytes)) return bytes;
  return lake::BytesText(type, bytes).value_or("0x" + ToHex(AsBytes(bytes)));
}

template <class Floating>
std::string FloatingText(const std::string& bytes) {
  Floating value = 0;
  ByteReader in(bytes);
  char text[64];
  if (!in.Fixed(&value)) return "0x" + ToHex(AsBytes(bytes));
  return std::string(text, std::to_chars(text, std::end(text), value).ptr);
}

// Of a plain table, whose partitions may be of any type. Nulls are left out.
std::string PlainPartitionJson(const lake::TableMetadata& metadata, std::int32_t spec_id,
                               std::string_view key) {
  const lake::PartitionSpec* spec = metadata.FindSpec(spec_id);
  const std::vector<lake::PartitionValue> values = lake::PartitionValuesOf(key);
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  for (std::size_t i = 0; spec != nullptr && i < spec->fields.size() && i < values.size(); ++i) {
    const lake::PartitionField& field = spec->fields[i];
    const std::string type = SourceType(metadata, field.source_id);
    if (values[i].kind == lake::PartitionValue::Kind::kNumber) {
      json.Field(field.name, NumberText(field.transform, type, values[i].number));
    } else if (values[i].kind == lake::PartitionValue::Kind::kEncoded) {
      const std::string& bytes = values[i].bytes;
      const bool narrow = bytes.size() == sizeof(float);
      json.Field(field.name, narrow ? FloatingText<float>(bytes) : FloatingText<double>(bytes));
    } else if (values[i].kind != lake::PartitionValue::Kind::kNull) {
      json.Field(field.name, BytesText(type, values[i].bytes));
    }
  }
  json.EndObject();
  return text;
}

// What system.files and system.partitions say of a file.
struct FileView {
  std::string_view content = "data";
  std::string path;
  std::string format;
  std::int32_t spec_id = 0;
  std::string partition;
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
  std::int64_t sequence_number = 0;
  std::optional<TimeMicros> time_min, time_max;
  std::optional<TimeMicros> received_min, received_max;
  std::optional<LogOffset> offset_first, offset_last;
};
using VisitFile = std::function<void(const FileView&)>;

void VisitManaged(const SystemView& view, const TableView& table, const VisitFile& visit) {
  table.head->files->ForEach([&](const lake::LiveFile& file) {
    FileView one;
    one.path = file.in_store ? view.store->Uri(file.key) : file.key;
    one.format = file.parquet ? "PARQUET" : "";
    one.spec_id = file.spec_id;
    one.partition = PartitionJson(*table.metadata, file.spec_id, {file.partition});
    one.rows = static_cast<std::int64_t>(file.rows);
    one.bytes = static_cast<std::int64_t>(file.bytes);
    one.sequence_number = file.sequence_number;
    one.time_min = file.time_min;
    one.time_max = file.time_max;
    one.received_min = file.received_min;
    one.received_max = file.received_max;
    one.offset_first = file.offset_first;
    one.offset_last = file.offset_last;
    visit(one);
  });
}

Status VisitPlain(const TableView& table, const VisitFile& visit) {
  constexpr std::array<std::string_view, 3> kContents = {"data", "position_deletes",
                                                         "equality_deletes"};
  return lake::VisitFiles(*table.other->store, *table.metadata,
                          [&](const lake::ManifestEntry& entry, std::int32_t spec_id) {
                            FileView one;
                            one.content = kContents[static_cast<std::size_t>(entry.file.content)];
                            one.path = entry.file.path;
                            one.format = entry.file.format;
                            one.spec_id = spec_id;
                            one.partition = PlainPartitionJson(*table.metadata, spec_id,
                                                               entry.file.partition_key);
                            one.rows = entry.file.rows;
                            one.bytes = entry.file.bytes;
                            one.sequence_number = entry.sequence_number.value_or(0);
                            visit(one);
                          });
}

Status VisitFilesOf(const SystemView& view, const TableView& table, const VisitFile& visit) {
  if (table.metadata == nullptr) return {};
  if (table.head == nullptr) return VisitPlain(table, visit);
  VisitManaged(view, table, visit);
  return {};
}

// A table that cannot be read is its own affair: a row tells of it, and the others are there.
bool IsTables(const Status& status) {
  if (status) return false;
  const Code code = status.error().code();
  return code == Code::kCorruption || code == Code::kInvalidArgument || code == Code::kNotFound ||
         code == Code::kPermissionDenied || code == Code::kUnimplemented;
}

std::optional<std::int64_t> Count(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || text.size() > 18) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

MemoryRows& Named(MemoryRows* rows, const TableView& table) {
  return rows->Text(table.schema).Text(table.name);
}

// `columns`: those between the table's name and `problem`.
void AddProblem(const TableView& table, int columns, const Error& error, MemoryRows* rows) {
  Named(rows, table);
  for (int i = 0; i < columns; ++i) rows->Null();
  rows->Text(error.message());
}

Status AddTables(const SystemView& view, MemoryRows* rows) {
  for (const TableView& table : TablesOf(view)) {
    const bool managed = table.other == nullptr;
    const bool is_view = !managed && table.other->is_view;
    Named(rows, table).Text(managed ? "managed" : is_view ? "view" : "table");
    const lake::TableMetadata* metadata = table.metadata;
    if (metadata == nullptr) {
      rows->Null().Null().Null();
      managed || table.other->metadata_location.empty()
          ? rows->Null()
          : rows->Text(table.other->metadata_location);
      for (int i = 0; i < 6; ++i) rows->Null();
    } else {
      const lake::Snapshot* head = metadata->current();
      rows->Text(metadata->table_uuid.ToString()).Int(std::int64_t{metadata->format_version});
      rows->Text(metadata->location);
      rows->Text(managed ? view.store->Uri(table.head->metadata_key)
                         : table.other->metadata_location);
      head == nullptr ? rows->Null() : rows->Int(head->id.value);
      rows->Time(FromMs(metadata->last_updated_ms));
      rows->Int(static_cast<std::int64_t>(metadata->snapshots.size()));
      for (const char* total : {"total-data-files", "total-records", "total-files-size"}) {
        rows->Int(head == nullptr ? std::optional<std::int64_t>(0) : Count(head->Summary(total)));
      }
    }
    if (managed) {
      rows->Int(view.cut->settled().value).Int(view.cut->end().value);
    } else {
      rows->Null().Null();
    }
    metadata == nullptr ? rows->Null() : rows->Text(MapJson(metadata->properties));
    managed || table.other->problem.empty() ? rows->Null() : rows->Text(table.other->problem);
  }
  return {};
}

Status AddSnapshots(const SystemView& view, MemoryRows* rows) {
  for (const TableView& table : TablesOf(view)) {
    if (table.metadata == nullptr) continue;
    for (const auto& snapshot : table.metadata->snapshots) {
      Named(rows, table).Time(FromMs(snapshot->timestamp_ms)).Int(snapshot->id.value);
      snapshot->parent ? rows->Int(snapshot->parent->value) : rows->Null();
      rows->Int(snapshot->sequence_number).Text(snapshot->Summary("operation"));
      rows->Text(snapshot->manifest_list);
      snapshot->schema_id ? rows->Int(std::int64_t{*snapshot->schema_id}) : rows->Null();
      rows->Flag(snapshot->id == table.metadata->current_snapshot_id);
      const auto offset = lake::ParseOffsets(snapshot->Summary(lake::kSummaryOffsets));
      offset ? rows->Int(offset->value) : rows->Null();
      rows->Text(MapJson(snapshot->summary));
    }
  }
  return {};
}

Status AddHistory(const SystemView& view, MemoryRows* rows) {
  for (const TableView& table : TablesOf(view)) {
    if (table.metadata == nullptr) continue;
    const lake::TableMetadata& metadata = *table.metadata;
    std::map<SnapshotId, const lake::Snapshot*> kept;
    for (const auto& snapshot : metadata.snapshots) kept[snapshot->id] = snapshot.get();
    const lake::Snapshot* head = metadata.current();
    const auto line = head == nullptr ? std::set<SnapshotId>() : LineOf(metadata, *head);
    for (const lake::SnapshotLogEntry& entry : metadata.snapshot_log) {
      const auto snapshot = kept.find(entry.snapshot);
      Named(rows, table).Time(FromMs(entry.timestamp_ms)).Int(entry.snapshot.value);
      snapshot != kept.end() && snapshot->second->parent
          ? rows->Int(snapshot->second->parent->value)
          : rows->Null();
      rows->Flag(line.contains(entry.snapshot));
    }
  }
  return {};
}

std::vector<ColumnFacts> FactsOf(const TableView& table) {
  if (table.head != nullptr) {
    return ColumnFactsOf(*lake::WithOthers(*table.metadata, table.head->columns));
  }
  if (table.other == nullptr) return ColumnFactsOf(*event::EventsSchema());
  return table.metadata == nullptr ? std::vector<ColumnFacts>() : ColumnFactsOf(*table.metadata);
}

Status AddColumns(const SystemView& view, MemoryRows* rows) {
  for (const TableView& table : TablesOf(view)) {
    std::int64_t ordinal = 0;
    for (const ColumnFacts& column : FactsOf(table)) {
      Named(rows, table).Int(++ordinal).Text(column.name);
      column.type.empty() ? rows->Null() : rows->Text(column.type);
      rows->Text(column.iceberg_type).Flag(column.nullable).Int(column.field_id);
    }
  }
  return {};
}

Status AddRefs(const SystemView& view, MemoryRows* rows) {
  for (const TableView& table : TablesOf(view)) {
    if (table.metadata == nullptr) continue;
    for (const auto& [name, ref] : table.metadata->refs) {
      Named(rows, table).Text(name).Text(ref.is_branch ? "BRANCH" : "TAG");
      rows->Int(ref.snapshot.value);
    }
  }
  return {};
}

Status AddFiles(const SystemView& view, MemoryRows* rows) {
  constexpr int kColumns = 14;  // Between the table's name and `problem`.
  for (const TableView& table : TablesOf(view)) {
    const Status visited = VisitFilesOf(view, table, [&](const FileView& file) {
      Named(rows, table).Text(file.content).Text(file.path).Text(file.format);
      rows->Int(std::int64_t{file.spec_id}).Text(file.partition);
      rows->Int(file.rows).Int(file.bytes).Int(file.sequence_number);
      rows->Time(file.time_min).Time(file.time_max);
      rows->Time(file.received_min).Time(file.received_max);
      file.offset_first ? rows->Int(file.offset_first->value) : rows->Null();
      file.offset_last ? rows->Int(file.offset_last->value) : rows->Null();
      rows->Null();
    });
    if (visited) continue;
    if (!IsTables(visited)) return visited;
    AddProblem(table, kColumns, visited.error(), rows);
  }
  return {};
}

Status AddPartitions(const SystemView& view, MemoryRows* rows) {
  struct Sum {
    std::int64_t files = 0;
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
    std::int64_t delete_files = 0;
    std::optional<TimeMicros> min, max;
    bool all_known = true;
  };
  constexpr int kColumns = 8;  // Between the table's name and `problem`.
  for (const TableView& table : TablesOf(view)) {
    std::map<std::pair<std::int32_t, std::string>, Sum> sums;
    const Status visited = VisitFilesOf(view, table, [&](const FileView& file) {
      Sum& sum = sums[{file.spec_id, file.partition}];
      if (file.content != "data") {
        ++sum.delete_files;
        return;
      }
      ++sum.files;
      sum.rows += file.rows;
      sum.bytes += file.bytes;
      sum.all_known &= file.time_min.has_value() && file.time_max.has_value();
      if (!sum.all_known) return;
      sum.min = sum.min ? std::min(*sum.min, *file.time_min) : *file.time_min;
      sum.max = sum.max ? std::max(*sum.max, *file.time_max) : *file.time_max;
    });
    if (!visited) {
      if (!IsTables(visited)) return visited;
      AddProblem(table, kColumns, visited.error(), rows);
      continue;
    }
    for (const auto& [partition, sum] : sums) {
      Named(rows, table).Int(std::int64_t{partition.first}).Text(partition.second);
      rows->Int(sum.rows).Int(sum.files).Int(sum.bytes).Int(sum.delete_files);
      sum.all_known ? rows->Time(sum.min).Time(sum.max) : rows->Null().Null();
      rows->Null();
    }
  }
  return {};
}

Status AddReports(const SystemView& view, MemoryRows* rows) {
  const auto text = [rows](const std::string& value) {
    value.empty() ? rows->Null() : rows->Text(value);
  };
  for (const TableView& table : TablesOf(view)) {
    if (table.metadata == nullptr || view.source == nullptr) continue;
    for (const auto& report : view.source->ReportsOf(table.metadata->table_uuid)) {
      Named(rows, table).Time(report->received).Text(report->type);
      rows->Int(report->snapshot_id).Int(report->sequence_number);
      text(report->operation);
      rows->Int(report->schema_id);
      text(report->filter);
      text(report->projected_ids);
      text(report->projected_names);
      rows->Int(report->duration_ns);
      text(report->metrics);
      text(report->metadata);
    }
  }
  return {};
}

struct SystemTable {
  std::string_view name;
  Columns columns;  // Behind table_schema and table_name.
  Status (*add)(const SystemView&, MemoryRows*);
  JsonColumns json = {};
};

Columns ReportColumns() {
  return {{"received_at", Type::kTimestamp},
          {"report_type", Type::kString},
          {"snapshot_id", Type::kInt64},
          {"sequence_number", Type::kInt64},
          {"operation", Type::kString},
          {"schema_id", Type::kInt64},
          {"filter", Type::kString},
          {"projected_field_ids", Type::kString},
          {"projected_field_names", Type::kString},
          {"total_duration_ns", Type::kInt64},
          {"metrics", Type::kString},
          {"metadata", Type::kString}};
}

Columns ColumnColumns() {
  return {{"ordinal_position", Type::kInt64}, {"column_name", Type::kString},
          {"data_type", Type::kString},       {"iceberg_type", Type::kString},
          {"is_nullable", Type::kBool},       {"field_id", Type::kInt64}};
}

Columns FileColumns() {
  return {{"content", Type::kString},
          {"file_path", Type::kString},
          {"file_format", Type::kString},
          {"spec_id", Type::kInt64},
          {"partition", Type::kString},
          {"record_count", Type::kInt64},
          {"file_size_in_bytes", Type::kInt64},
          {"sequence_number", Type::kInt64},
          {"timestamp_min", Type::kTimestamp},
          {"timestamp_max", Type::kTimestamp},
          {"received_at_min", Type::kTimestamp},
          {"received_at_max", Type::kTimestamp},
          {"log_offset_min", Type::kInt64},
          {"log_offset_max", Type::kInt64},
          {"problem", Type::kString}};
}

const std::vector<SystemTable>& All() {
  static const std::vector<SystemTable> kAll = {
      {"tables",
       {{"table_type", Type::kString},
        {"table_uuid", Type::kString},
        {"format_version", Type::kInt64},
        {"location", Type::kString},
        {"metadata_location", Type::kString},
        {"current_snapshot_id", Type::kInt64},
        {"last_updated_at", Type::kTimestamp},
        {"snapshot_count", Type::kInt64},
        {"file_count", Type::kInt64},
        {"record_count", Type::kInt64},
        {"total_file_size_in_bytes", Type::kInt64},
        {"settled_offset", Type::kInt64},
        {"end_offset", Type::kInt64},
        {"properties", Type::kString},
        {"problem", Type::kString}},
       AddTables,
       {{"properties", kTextMap}}},
      {"columns", ColumnColumns(), AddColumns},
      {"snapshots",
       {{"committed_at", Type::kTimestamp},
        {"snapshot_id", Type::kInt64},
        {"parent_id", Type::kInt64},
        {"sequence_number", Type::kInt64},
        {"operation", Type::kString},
        {"manifest_list", Type::kString},
        {"schema_id", Type::kInt64},
        {"is_current", Type::kBool},
        {"settled_offset", Type::kInt64},
        {"summary", Type::kString}},
       AddSnapshots,
       {{"summary", kTextMap}}},
      {"history",
       {{"made_current_at", Type::kTimestamp},
        {"snapshot_id", Type::kInt64},
        {"parent_id", Type::kInt64},
        {"is_current_ancestor", Type::kBool}},
       AddHistory},
      {"refs",
       {{"name", Type::kString}, {"type", Type::kString}, {"snapshot_id", Type::kInt64}},
       AddRefs},
      {"files", FileColumns(), AddFiles},
      {"partitions",
       {{"spec_id", Type::kInt64},
        {"partition", Type::kString},
        {"record_count", Type::kInt64},
        {"file_count", Type::kInt64},
        {"total_data_file_size_in_bytes", Type::kInt64},
        {"delete_file_count", Type::kInt64},
        {"timestamp_min", Type::kTimestamp},
        {"timestamp_max", Type::kTimestamp},
        {"problem", Type::kString}},
       AddPartitions},
      {"metrics_reports",
       ReportColumns(),
       AddReports,
       {{"projected_field_ids", R"(["BIGINT"])"},
        {"projected_field_names", R"(["VARCHAR"])"},
        {"metrics", R"x("MAP(VARCHAR, BIGINT)")x"},
        {"metadata", kTextMap}}},
  };
  return kAll;
}

const SystemTable* FindTable(std::string_view name) {
  for (const SystemTable& table : All()) {
    if (table.name == name) return &table;
  }
  return nullptr;
}

// What is selected of the system table of the same name.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kInformation = {{
    {"tables",
     "'tidemark' AS table_catalog, table_schema, table_name,"
     " CASE table_type WHEN 'view' THEN 'VIEW' ELSE 'BASE TABLE' END AS table_type,"
     " 'NO' AS is_insertable_into"},
    {"columns",
     "'tidemark' AS table_catalog, table_schema, table_name, column_name, ordinal_position,"
     " NULL::VARCHAR AS column_default,"
     " CASE WHEN is_nullable THEN 'YES' ELSE 'NO' END AS is_nullable, data_type"},
}};

std::string_view InformationList(std::string_view name) {
  for (const auto& [known, list] : kInformation) {
    if (known == name) return list;
  }
  return {};
}

}  // namespace

bool IsInformationTable(std::string_view name) { return !InformationList(name).empty(); }

Result<std::shared_ptr<const engine::Relation>> InformationRelation(std::string_view name,
                                                                    const SystemView& view) {
  TM_ASSIGN(const auto table, SystemRelation(name, view));
  auto relation = std::make_shared<engine::Relation>(*table);
  relation->select_list = InformationList(name);
  return std::shared_ptr<const engine::Relation>(std::move(relation));
}

bool IsSystemTable(std::string_view name) { return FindTable(name) != nullptr; }

Result<std::shared_ptr<const engine::Relation>> SystemRelation(std::string_view name,
                                                               const SystemView& view) {
  const SystemTable& table = *FindTable(name);
  Columns columns = {{"table_schema", Type::kString}, {"table_name", Type::kString}};
  columns.insert(columns.end(), table.columns.begin(), table.columns.end());
  auto rows = std::make_shared<MemoryRows>(MakeColumns(std::move(columns)));
  TM_TRY(table.add(view, rows.get()));
  auto relation = std::make_shared<engine::Relation>();
  relation->schema = std::shared_ptr<const event::TableSchema>(rows, &rows->schema());
  if (!table.json.empty()) relation->select_list = SelectList(table.json);
  relation->hot.push_back(std::move(rows));
  return std::shared_ptr<const engine::Relation>(std::move(relation));
}

}  // namespace tidemark::query
