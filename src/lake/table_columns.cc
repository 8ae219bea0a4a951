#include "lake/table_columns.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "engine/json_path.h"
#include "event/type_name.h"

namespace tidemark::lake {
namespace {

constexpr std::int64_t kPromotionsMax = std::numeric_limits<std::uint32_t>::max();

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

void WriteKept(const event::KeptPaths& kept, JsonWriter* out, std::vector<SchemaField>* fields) {
  const SchemaField field{kept.field_id, std::string(event::kKeptColumn), false, StructType(kept)};
  out->BeginObject().Field("id", field.id).Field("name", std::string_view(field.name));
  out->Field("required", false).Key("type").Raw(field.type);
  out->Field("doc", "typed copies of frequent paths of properties").EndObject();
  fields->push_back(field);
}

bool Same(const event::KeptPaths& a, const event::KeptPaths& b) {
  return std::equal(a.paths.begin(), a.paths.end(), b.paths.begin(), b.paths.end(),
                    [](const auto& x, const auto& y) { return x.field_id == y.field_id; });
}

std::optional<event::Promotion> ParsePromotion(const JsonValue& json) {
  const auto id = json.IntAt("field-id");
  const auto key = json.StringAt("property");
  const auto number = json.IntAt("number");
  if (!id || !key || !number || *number < 1 || *number > kPromotionsMax) return std::nullopt;
  event::Promotion promotion{
      *key, static_cast<std::int32_t>(*id), static_cast<std::uint32_t>(*number), {}};
  if (const auto since = json.IntAt("since")) promotion.since = LogOffset(*since);
  return promotion;
}

// Appends the columns that are promoted properties.
void AddPromoted(const TableMetadata& metadata, const Schema& schema, event::TableSchema* columns) {
  const auto json = JsonValue::Parse(metadata.Property(kPropertyPromoted));
  if (!json) return;
  const auto last = json->IntAt("last").value_or(0);
  columns->promotions =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(last, 0, kPromotionsMax));
  const JsonValue* list = json->Find("columns");
  if (list == nullptr) return;
  for (const JsonValue& one : list->items()) {
    auto promotion = ParsePromotion(one);
    const SchemaField* field = promotion ? schema.FindField(promotion->field_id) : nullptr;
    const auto type = field != nullptr ? TypeOf(field->type) : std::nullopt;
    if (!type || promotion->number > columns->promotions) continue;
    columns->columns.push_back({field->name, *type, false, field->id});
    columns->promoted.push_back(*std::move(promotion));
  }
}

std::string PromotedJson(const event::TableSchema& columns) {
  std::string text;
  JsonWriter out(&text);
  out.BeginObject().Field("last", columns.promotions).Key("columns").BeginArray();
  for (const event::Promotion& one : columns.promoted) {
    out.BeginObject().Field("field-id", one.field_id).Field("property", std::string_view(one.key));
    out.Field("number", one.number);
    if (one.since) out.Field("since", one.since->value);
    out.EndObject();
  }
  out.EndArray().EndObject();
  return text;
}

// The promoted columns that `schema` does not have yet, as fields and as JSON.
std::vector<std::pair<SchemaField, std::string>> NewPromoted(const Schema& schema,
                                                             const event::TableSchema& columns) {
  std::vector<std::pair<SchemaField, std::string>> fields;
  for (std::size_t i = 0; i < columns.promoted.size(); ++i) {
    const event::TableColumn& column = columns.columns[columns.fixed_count + i];
    if (schema.FindField(column.field_id) != nullptr) continue;
    const SchemaField field{column.field_id, column.name, false,
                            std::string(TypeName(column.type))};
    std::string json;
    JsonWriter out(&json);
    out.BeginObject().Field("id", field.id).Field("name", std::string_view(field.name));
    out.Field("required", false).Field("type", std::string_view(field.type));
    out.Field("doc",
              "typed copy of " + event::PathText({columns.promoted[i].key}) + " of properties");
    out.EndObject();
    fields.emplace_back(field, std::move(json));
  }
  return fields;
}

}  // namespace

std::shared_ptr<const event::TableSchema> ColumnsOf(
    const TableMetadata& metadata, const std::shared_ptr<const event::TableSchema>& fixed) {
  const Schema& schema = *metadata.FindSchema(metadata.current_schema_id);
  auto columns = std::make_shared<event::TableSchema>(*fixed);
  columns->kept = KeptOf(schema);
  if (fixed->properties) AddPromoted(metadata, schema, columns.get());
  if (columns->kept.field_id == 0 && columns->promotions == 0) return fixed;
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
  if (columns.promotions > 0) {
    metadata->properties[std::string(kPropertyPromoted)] = PromotedJson(columns);
  }
  const Schema& current = *metadata->FindSchema(metadata->current_schema_id);
  const bool kept_moves = columns.kept.field_id != 0 && !Same(KeptOf(current), columns.kept);
  const auto promoted = NewPromoted(current, columns);
  if (!kept_moves && promoted.empty()) return;
  Schema next;
  for (const auto& schema : metadata->schemas) {
    next.schema_id = std::max(next.schema_id, schema->schema_id + 1);
  }
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
      if (kept_moves && current.fields[i].id == columns.kept.field_id) continue;
      out.Raw(value.items()[i].ToJson());
      next.fields.push_back(current.fields[i]);
    }
    for (const auto& [field, text] : promoted) {
      out.Raw(text);
      next.fields.push_back(field);
    }
    if (kept_moves) WriteKept(columns.kept, &out, &next.fields);
    out.EndArray();
  }
  out.EndObject();
  for (const SchemaField& field : next.fields) {
    metadata->last_column_id = std::max(metadata->last_column_id, field.id);
  }
  for (const event::KeptPath& path : columns.kept.paths) {
    metadata->last_column_id = std::max(metadata->last_column_id, path.field_id);
  }
  metadata->current_schema_id = next.schema_id;
  metadata->schemas.push_back(std::make_shared<const Schema>(std::move(next)));
}

}  // namespace tidemark::lake
