#include "query/plain_columns.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "engine/sql_quote.h"

namespace tidemark::query {
namespace {

using engine::FileColumn;

constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kTypes = {{
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
    {"unknown", "INTEGER"},  // Always null.
}};

tl::unexpected<Error> NotRead(std::string_view what) {
  return Fail(Code::kUnimplemented, "SQL does not read " + std::string(what));
}

Result<FileColumn> ColumnOf(const JsonValue& id, std::string_view name, const JsonValue& type,
                            int depth);
Result<FileColumn> FieldOf(const JsonValue& field, int depth);

const JsonValue& Member(const JsonValue& json, std::string_view name) {
  static const JsonValue kNull;
  const JsonValue* value = json.Find(name);
  return value == nullptr ? kNull : *value;
}

// To SQL names that differ by case alone are one: the later ones get a number, as results have it.
// An empty one is none to SQL.
void TellApart(std::vector<FileColumn>* columns) {
  std::set<std::string> taken;
  for (FileColumn& column : *columns) {
    if (column.name.empty()) column.name = "unnamed";
    const std::string name = column.name;
    for (int number = 1; !taken.insert(LowerCase(column.name)).second; ++number) {
      column.name = name + "_" + std::to_string(number);
    }
  }
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
  for (const JsonValue& field : Member(type, "fields").items()) {
    TM_ASSIGN(column->children.emplace_back(), FieldOf(field, depth));
  }
  TellApart(&column->children);
  column->type = "STRUCT(";
  for (const FileColumn& child : column->children) {
    if (&child != &column->children.front()) column->type += ", ";
    column->type += engine::QuotedName(child.name) + " " + child.type;
  }
  column->type += ")";
  return {};
}

Result<FileColumn> ColumnOf(const JsonValue& id, std::string_view name, const JsonValue& type,
                            int depth) {
  constexpr int kDepthMax = 32;
  FileColumn column;
  column.name = name;
  column.names = {column.name};
  const std::int64_t number = id.Int().value_or(-1);
  if (number < 0 || !std::in_range<std::int32_t>(number)) {
    return NotRead("the table's schema: column \"" + std::string(name) + "\" has no field id");
  }
  column.field_id = static_cast<std::int32_t>(number);
  if (depth > kDepthMax) {
    return NotRead("columns within more than " + std::to_string(kDepthMax) + " others");
  }
  if (type.is_string()) {
    TM_ASSIGN(column.type, PrimitiveOf(type.text()));
  } else {
    TM_TRY(ReadNested(type, depth + 1, &column));
  }
  return column;
}

// An initial default as text that the engine casts to the column's type.
Result<std::string> DefaultOf(const JsonValue& value, const FileColumn& column) {
  if (value.Bool()) return std::string(*value.Bool() ? "true" : "false");
  const bool is_text = value.is_string() || value.is_number();
  if (!is_text || !column.children.empty()) {
    return NotRead("column \"" + column.name + "\": it has an initial default that is no scalar");
  }
  if (column.type != "BLOB") return value.text();
  const auto bytes = FromHex(value.text());
  if (!bytes) return NotRead("column \"" + column.name + "\": its initial default is no hex text");
  std::string text;
  for (const char c : *bytes) text += "\\x" + ToHex(AsBytes(std::string_view(&c, 1)));
  return text;
}

// A field of the schema or of a struct.
Result<FileColumn> FieldOf(const JsonValue& field, int depth) {
  const std::string& name = Member(field, "name").text();
  auto read = ColumnOf(Member(field, "id"), name, Member(field, "type"), depth);
  // Of many columns, and fields of theirs, it is this one.
  if (!read) return Fail(std::move(read).error().With("column \"" + name + "\""));
  FileColumn column = *std::move(read);
  column.required = Member(field, "required").Bool().value_or(false);
  const JsonValue& value = Member(field, "initial-default");
  if (value.is_null()) return column;
  TM_ASSIGN(column.otherwise, DefaultOf(value, column));
  return column;
}

// A column that is not read leaves the others, as long as it is known which one it is.
Result<FileColumn> ColumnOfTable(const JsonValue& field) {
  auto read = FieldOf(field, 0);
  const auto id = Member(field, "id").Int();
  if (read || !id || !std::in_range<std::int32_t>(*id)) return read;
  FileColumn column;
  column.name = Member(field, "name").text();
  column.field_id = static_cast<std::int32_t>(*id);
  column.not_read = read.error().message();
  return column;
}

using Names = std::map<std::int32_t, std::vector<std::string>>;

void ReadNames(const JsonValue& mapping, Names* names) {
  for (const JsonValue& field : mapping.items()) {
    const auto id = Member(field, "field-id").Int();
    if (id) {
      auto& all = (*names)[static_cast<std::int32_t>(*id)];
      for (const JsonValue& name : Member(field, "names").items()) all.push_back(name.text());
    }
    ReadNames(Member(field, "fields"), names);
  }
}

// In the place of their own.
void GiveNames(const Names& names, std::vector<FileColumn>* columns) {
  for (FileColumn& column : *columns) {
    const auto found = names.find(column.field_id);
    column.names = found == names.end() ? std::vector<std::string>() : found->second;
    GiveNames(names, &column.children);
  }
}

// An id means one column.
Status CheckIds(const std::vector<FileColumn>& columns, std::set<std::int32_t>* ids) {
  for (const FileColumn& column : columns) {
    if (!ids->insert(column.field_id).second) {
      return NotRead("the table's schema: two columns have id " + std::to_string(column.field_id));
    }
    TM_TRY(CheckIds(column.children, ids));
  }
  return {};
}

}  // namespace

Result<std::string> PrimitiveOf(std::string_view type) {
  for (const auto& [iceberg, engine] : kTypes) {
    if (iceberg == type) return std::string(engine);
  }
  if (type.starts_with("fixed[")) return std::string("BLOB");
  if (type.starts_with("decimal(")) {
    std::string text = "DECIMAL" + std::string(type.substr(7));
    std::erase(text, ' ');  // The engine writes none.
    return text;
  }
  return NotRead("columns of type " + std::string(type));
}

Result<std::vector<FileColumn>> ColumnsOf(const lake::Schema& schema,
                                          std::string_view name_mapping) {
  TM_ASSIGN(const JsonValue json, JsonValue::Parse(schema.json));
  std::vector<FileColumn> columns;
  for (const JsonValue& field : Member(json, "fields").items()) {
    TM_ASSIGN(columns.emplace_back(), ColumnOfTable(field));
  }
  if (columns.empty()) return NotRead("a table without columns");
  const auto is_read = [](const FileColumn& column) { return column.not_read.empty(); };
  if (std::ranges::none_of(columns, is_read)) {
    return Fail(Code::kUnimplemented, columns.front().not_read);
  }
  std::set<std::int32_t> ids;
  TM_TRY(CheckIds(columns, &ids));
  TellApart(&columns);
  if (name_mapping.empty()) return columns;
  const auto mapping = JsonValue::Parse(name_mapping);
  if (!mapping || !mapping->is_array()) {
    return NotRead("tables whose " + std::string(kPropertyNameMapping) + " is no list");
  }
  Names names;
  ReadNames(*mapping, &names);
  GiveNames(names, &columns);
  return columns;
}

}  // namespace tidemark::query
