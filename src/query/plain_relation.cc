#include "query/plain_relation.h"

#include <array>
#include <utility>

#include "base/json_reader.h"

namespace tidemark::query {
namespace {

using engine::FileColumn;

constexpr std::string_view kNameMapping = "schema.name-mapping.default";
constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kTypes = {{
    {"boolean", "BOOLEAN"},
    {"int", "INTEGER"},
    {"long", "BIGINT"},
    {"float", "FLOAT"},
    {"double", "DOUBLE"},
    {"date", "DATE"},
    {"time", "TIME"},
    {"timestamp", "TIMESTAMP"},
    {"timestamptz", "TIMESTAMP WITH TIME ZONE"},
    {"timestamp_ns", "TIMESTAMP_NS"},
    {"string", "VARCHAR"},
    {"uuid", "UUID"},
    {"binary", "BLOB"},
}};

std::string Quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

tl::unexpected<Error> NotRead(std::string_view what) {
  return Fail(Code::kUnimplemented, "SQL does not read " + std::string(what));
}

Result<FileColumn> ColumnOf(const JsonValue& id, std::string_view name, const JsonValue& type,
                            int depth);

Result<std::string> PrimitiveOf(std::string_view type) {
  for (const auto& [iceberg, engine] : kTypes) {
    if (iceberg == type) return std::string(engine);
  }
  if (type.starts_with("fixed[")) return std::string("BLOB");
  if (type.starts_with("decimal(")) return "DECIMAL" + std::string(type.substr(7));
  return NotRead("columns of type " + std::string(type));
}

const JsonValue& Member(const JsonValue& json, std::string_view name) {
  static const JsonValue kNull;
  const JsonValue* value = json.Find(name);
  return value == nullptr ? kNull : *value;
}

Status AddChild(FileColumn* column, const JsonValue& of, std::string_view id, std::string_view name,
                std::string_view type, int depth) {
  TM_ASSIGN(FileColumn child, ColumnOf(Member(of, id), name, Member(of, type), depth));
  column->children.push_back(std::move(child));
  return {};
}

Status ReadNested(const JsonValue& type, int depth, FileColumn* column) {
  const std::string& kind = Member(type, "type").text();
  if (kind == "list") {
    TM_TRY(AddChild(column, type, "element-id", "list", "element", depth));
    column->type = column->children[0].type + "[]";
    return {};
  }
  if (kind == "map") {
    TM_TRY(AddChild(column, type, "key-id", "key", "key", depth));
    TM_TRY(AddChild(column, type, "value-id", "value", "value", depth));
    column->type = "MAP(" + column->children[0].type + ", " + column->children[1].type + ")";
    return {};
  }
  if (kind != "struct") return NotRead("columns of type " + type.ToJson());
  column->type = "STRUCT(";
  for (const JsonValue& field : Member(type, "fields").items()) {
    const std::string& name = Member(field, "name").text();
    if (!column->children.empty()) column->type += ", ";
    TM_TRY(AddChild(column, field, "id", name, "type", depth));
    column->type += Quoted(name) + " " + column->children.back().type;
  }
  column->type += ")";
  return {};
}

Result<FileColumn> ColumnOf(const JsonValue& id, std::string_view name, const JsonValue& type,
                            int depth) {
  constexpr int kDepthMax = 32;
  FileColumn column;
  column.name = name;
  column.field_id = static_cast<std::int32_t>(id.Int().value_or(-1));
  if (column.field_id < 0 || depth > kDepthMax) return NotRead("the table's schema");
  if (type.is_string()) {
    TM_ASSIGN(column.type, PrimitiveOf(type.text()));
  } else {
    TM_TRY(ReadNested(type, depth + 1, &column));
  }
  return column;
}

// One data file of a plain table; what takes rows from it is added to `named`.
Result<engine::LakeFile> FileOf(const CatalogTable& table, const lake::LiveFile& file,
                                std::vector<engine::DeletesOfFile>* named) {
  if (!file.in_store) return NotRead("a data file outside the catalog's locations");
  if (!file.parquet) return NotRead("data files of another format than Parquet");
  engine::LakeFile read{.native_path = table.store->NativePath(file.key),
                        .rows = file.rows,
                        .bytes = file.bytes,
                        .bounds = file.bounds};
  engine::DeletesOfFile& deletes =
      named->emplace_back(engine::DeletesOfFile{read.native_path, file.rows, {}});
  if (!file.deletes) return read;
  for (const lake::LiveDelete& one : *file.deletes) {
    if (!one.in_store) return NotRead("a delete file outside the catalog's locations");
    deletes.deletes.push_back({table.store->NativePath(one.key), one.equality_ids});
  }
  return read;
}

// A table without a file is a statement of no rows.
std::string NoRows(const std::vector<FileColumn>& columns) {
  std::string sql = "SELECT ";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    sql += (i == 0 ? "" : ", ") + ("CAST(NULL AS " + columns[i].type) + ") AS " +
           Quoted(columns[i].name);
  }
  return sql + " WHERE false";
}

}  // namespace

Result<std::vector<FileColumn>> ColumnsOf(const lake::Schema& schema) {
  TM_ASSIGN(const JsonValue json, JsonValue::Parse(schema.json));
  std::vector<FileColumn> columns;
  for (const JsonValue& field : Member(json, "fields").items()) {
    const std::string& name = Member(field, "name").text();
    if (!Member(field, "initial-default").is_null()) {
      return NotRead("column \"" + name + "\": it has an initial default");
    }
    TM_ASSIGN(FileColumn column, ColumnOf(Member(field, "id"), name, Member(field, "type"), 0));
    columns.push_back(std::move(column));
  }
  if (columns.empty()) return NotRead("a table without columns");
  return columns;
}

Result<std::shared_ptr<const engine::Relation>> PlainRelation(const CatalogTable& table,
                                                              const lake::Snapshot* snapshot,
                                                              engine::DeleteFiles* deletes) {
  const lake::TableMetadata& metadata = *table.metadata;
  if (!metadata.Property(kNameMapping).empty()) {
    return NotRead("tables that find columns by name (" + std::string(kNameMapping) + ")");
  }
  const lake::Schema* schema = nullptr;
  const bool past = snapshot != nullptr && snapshot != metadata.current();
  if (past && snapshot->schema_id) schema = metadata.FindSchema(*snapshot->schema_id);
  if (schema == nullptr) schema = metadata.FindSchema(metadata.current_schema_id);
  auto relation = std::make_shared<engine::Relation>();
  TM_ASSIGN(relation->file_columns, ColumnsOf(*schema));
  auto files = std::make_shared<std::vector<engine::LakeFile>>();
  if (snapshot != nullptr) {
    auto at = std::make_shared<lake::TableMetadata>(metadata);
    at->current_snapshot_id = snapshot->id;
    TM_ASSIGN(const auto head, lake::OpenPlain(*table.store, std::move(at)));
    Status readable;
    std::vector<engine::DeletesOfFile> named;
    head->files->ForEach([&](const lake::LiveFile& file) {
      if (!readable) return;
      auto one = FileOf(table, file, &named);
      if (one) {
        files->push_back(*std::move(one));
      } else {
        readable = Fail(std::move(one).error());
      }
    });
    TM_TRY(std::move(readable));
    TM_ASSIGN(const auto deleted, deletes->Of(named));
    for (std::size_t i = 0; i < deleted.size(); ++i) (*files)[i].deleted = deleted[i];
  }
  if (files->empty()) {
    relation->statement = NoRows(relation->file_columns);
    return std::shared_ptr<const engine::Relation>(std::move(relation));
  }
  relation->files = std::move(files);
  return std::shared_ptr<const engine::Relation>(std::move(relation));
}

}  // namespace tidemark::query
