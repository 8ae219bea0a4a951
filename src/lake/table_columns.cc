#include "lake/table_columns.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "engine/json_path.h"

namespace tidemark::lake {
namespace {

std::optional<event::Type> KeptTypeOf(std::string_view name) {
  for (const event::Type type :
       {event::Type::kString, event::Type::kInt64, event::Type::kDouble, event::Type::kBool}) {
    if (TypeName(type) == name) return type;
  }
  return std::nullopt;
}

std::optional<event::Type> TypeOf(std::string_view name) {
  for (const event::Type type : {event::Type::kTimestamp, event::Type::kInt32}) {
    if (TypeName(type) == name) return type;
  }
  return KeptTypeOf(name);
}

std::optional<event::KeptPath> ParseKept(const JsonValue& field) {
  const auto id = field.IntAt("id");
  const auto name = field.StringAt("name");
  const auto type = field.StringAt("type");
  const auto doc = field.StringAt("doc");
  if (!id || !name || !type || !doc) return std::nullopt;
  const auto known = KeptTypeOf(*type);
  const auto path = engine::JsonPath::Parse(*doc);
  auto keys = path ? path->Keys() : std::nullopt;
  if (!known || !keys) return std::nullopt;
  return event::KeptPath{*std::move(keys), *known, static_cast<std::int32_t>(*id), *name};
}

const SchemaField* FindKept(const Schema& schema) {
  const auto found =
      std::find_if(schema.fields.begin(), schema.fields.end(), [](const SchemaField& field) {
        return field.name == event::kKeptColumn && field.type.starts_with('{');
      });
  return found == schema.fields.end() ? nullptr : &*found;
}

event::KeptPaths KeptOf(const Schema& schema) {
  event::KeptPaths kept;
  const SchemaField* column = FindKept(schema);
  if (column == nullptr) return kept;
  const auto type = JsonValue::Parse(column->type);
  const JsonValue* fields = type ? type->Find("fields") : nullptr;
  if (fields == nullptr) return kept;
  kept.field_id = column->id;
  for (const JsonValue& field : fields->items()) {
    auto path = ParseKept(field);
    if (path) kept.paths.push_back(*std::move(path));
  }
  return kept;
}

std::string StructType(const event::KeptPaths& kept) {
  std::string json;
  JsonWriter out(&json);
  out.BeginObject().Field("type", "struct").Key("fields").BeginArray();
  for (const event::KeptPath& path : kept.paths) {
    out.BeginObject().Field("id", path.field_id).Field("name", std::string_view(path.name));
    out.Field("required", false).Field("type", TypeName(path.type));
    out.Field("doc", std::string_view(event::PathText(path.keys))).EndObject();
  }
  out.EndArray().EndObject();
  return json;
}

bool Same(const event::KeptPaths& a, const event::KeptPaths& b) {
  return std::equal(a.paths.begin(), a.paths.end(), b.paths.begin(), b.paths.end(),
                    [](const auto& x, const auto& y) { return x.field_id == y.field_id; });
}

}  // namespace

std::shared_ptr<const event::TableSchema> ColumnsOf(
    const TableMetadata& metadata, const std::shared_ptr<const event::TableSchema>& fixed) {
  event::KeptPaths kept = KeptOf(*metadata.FindSchema(metadata.current_schema_id));
  if (kept.field_id == 0) return fixed;
  auto columns = std::make_shared<event::TableSchema>(*fixed);
  columns->kept = std::move(kept);
  return columns;
}

std::shared_ptr<const event::TableSchema> WithOthers(
    const TableMetadata& metadata, const std::shared_ptr<const event::TableSchema>& columns) {
  std::shared_ptr<event::TableSchema> more;
  for (const SchemaField& field : metadata.FindSchema(metadata.current_schema_id)->fields) {
    const auto type = TypeOf(field.type);
    const bool ours = std::ranges::any_of(columns->columns, [&](const event::TableColumn& column) {
      return column.field_id == field.id;
    });
    if (ours || !type) continue;
    if (!more) more = std::make_shared<event::TableSchema>(*columns);
    more->columns.push_back({field.name, *type, false, field.id});
  }
  return more ? more : columns;
}

void Evolve(TableMetadata* metadata, const event::TableSchema& columns) {
  const Schema& current = *metadata->FindSchema(metadata->current_schema_id);
  if (columns.kept.field_id == 0 || Same(KeptOf(current), columns.kept)) return;
  Schema next;
  for (const Schema& schema : metadata->schemas) {
    next.schema_id = std::max(next.schema_id, schema.schema_id + 1);
  }
  const SchemaField kept{columns.kept.field_id, std::string(event::kKeptColumn), false,
                         StructType(columns.kept)};
  // Everything else is written back as it is, what we do not know included.
  const auto json = JsonValue::Parse(current.json);
  JsonWriter out(&next.json);
  out.BeginObject();
  for (const auto& [key, value] : json->members()) {
    if (key == "schema-id") {
      out.Field("schema-id", next.schema_id);
      continue;
    }
    out.Key(key);
    if (key != "fields") {
      out.Raw(value.ToJson());
      continue;
    }
    out.BeginArray();
    for (std::size_t i = 0; i < value.items().size(); ++i) {
      if (current.fields[i].id == kept.id) continue;
      out.Raw(value.items()[i].ToJson());
      next.fields.push_back(current.fields[i]);
    }
    out.BeginObject().Field("id", kept.id).Field("name", std::string_view(kept.name));
    out.Field("required", false).Key("type").Raw(kept.type);
    out.Field("doc", "typed copies of frequent paths of properties").EndObject();
    next.fields.push_back(kept);
    out.EndArray();
  }
  out.EndObject();
  metadata->last_column_id = std::max(metadata->last_column_id, kept.id);
  for (const event::KeptPath& path : columns.kept.paths) {
    metadata->last_column_id = std::max(metadata->last_column_id, path.field_id);
  }
  metadata->current_schema_id = next.schema_id;
  metadata->schemas.push_back(std::move(next));
}

}  // namespace tidemark::lake
