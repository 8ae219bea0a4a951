// The metadata of a new table.
#include <array>
#include <utility>

#include "base/json_writer.h"
#include "event/schema.h"
#include "event/type_name.h"
#include "lake/metadata.h"

namespace tidemark::lake {

namespace {

Schema SchemaOf(const event::TableSchema& table) {
  Schema schema;
  JsonWriter out(&schema.json);
  out.BeginObject().Field("type", "struct").Field("schema-id", 0).Key("fields").BeginArray();
  for (const event::TableColumn& info : table.columns) {
    schema.fields.push_back(
        {info.field_id, info.name, info.required, std::string(TypeName(info.type))});
    out.BeginObject();
    out.Field("id", info.field_id)
        .Field("name", std::string_view(info.name))
        .Field("required", info.required);
    out.Field("type", TypeName(info.type)).EndObject();
  }
  out.EndArray().EndObject();
  return schema;
}

PartitionSpec EventsSpec(std::int32_t spec_id) {
  const Transform transform = SpecTransform(spec_id);
  PartitionSpec spec;
  spec.spec_id = spec_id;
  PartitionField& field = spec.fields.emplace_back();
  field.source_id = event::Info(event::Column::kTimestamp).field_id;
  field.field_id = 1000 + spec_id;
  field.name = "timestamp_" + std::string(TransformName(transform));
  field.transform = transform;
  JsonWriter out(&spec.json);
  out.BeginObject().Field("spec-id", spec_id).Key("fields").BeginArray().BeginObject();
  out.Field("source-id", field.source_id).Field("field-id", field.field_id);
  out.Field("name", std::string_view(field.name)).Field("transform", TransformName(transform));
  out.EndObject().EndArray().EndObject();
  return spec;
}

std::string EventsSortOrders() {
  std::string json;
  JsonWriter out(&json);
  out.BeginArray();
  out.BeginObject().Field("order-id", 0).Key("fields").BeginArray().EndArray().EndObject();
  out.BeginObject().Field("order-id", 1).Key("fields").BeginArray();
  for (const event::Column column : {event::Column::kEventType, event::Column::kTimestamp}) {
    out.BeginObject().Field("transform", "identity");
    out.Field("source-id", event::Info(column).field_id);
    out.Field("direction", "asc").Field("null-order", "nulls-first").EndObject();
  }
  out.EndArray().EndObject().EndArray();
  return json;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 18> kDefaultProperties = {{
    {"commit.manifest-merge.enabled", "true"},
    {kPropertyManifestsBeforeMerge, "100"},
    {"commit.manifest.target-size-bytes", "8388608"},
    {"commit.retry.max-wait-ms", "60000"},
    {"commit.retry.min-wait-ms", "100"},
    {"commit.retry.num-retries", "10"},
    {"gc.enabled", "false"},
    {"history.expire.max-snapshot-age-ms", "21600000"},
    {"history.expire.min-snapshots-to-keep", "100"},
    {"write.delete.mode", "copy-on-write"},
    {"write.distribution-mode", "hash"},
    {"write.format.default", "parquet"},
    {"write.merge.mode", "copy-on-write"},
    {kPropertyMetadataCodec, "gzip"},
    {"write.metadata.delete-after-commit.enabled", "true"},
    {kPropertyMetadataLogMax, "20"},
    {kPropertyDataCodec, "zstd"},
    {"write.update.mode", "copy-on-write"},
}};

}  // namespace

TableMetadata MakeTableMetadata(const NewTable& table) {
  TableMetadata metadata;
  metadata.table_uuid = table.uuid;
  metadata.location = table.location_uri;
  metadata.last_updated_ms = FloorDiv(table.now.value, 1000);
  metadata.schemas.push_back(std::make_shared<const Schema>(SchemaOf(*table.schema)));
  for (const SchemaField& field : metadata.schemas.front()->fields) {
    metadata.last_column_id = std::max(metadata.last_column_id, field.id);
  }
  for (std::int32_t id = 0; id < kSpecCount; ++id) metadata.specs.push_back(EventsSpec(id));
  metadata.last_partition_id = metadata.specs.back().fields.back().field_id;
  metadata.sort_orders_json = EventsSortOrders();
  metadata.properties = table.properties;
  for (const auto& [key, value] : kDefaultProperties) metadata.properties.emplace(key, value);
  metadata.properties[std::string(kPropertyManaged)] = "true";
  metadata.properties[std::string(kPropertyLogId)] = table.log_id;
  metadata.properties[std::string(kPropertyOffsets)] = OffsetsJson(LogOffset(0));
  metadata.properties[std::string(kPropertyFloor)] = OffsetsJson(table.floor);
  return metadata;
}

}  // namespace tidemark::lake
