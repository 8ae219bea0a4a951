// `tidemark table`: what the catalog holds, asked over the REST catalog as any engine would; files
// and partitions over SQL's system tables.
#include <cstdio>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "app/actions.h"
#include "app/catalog_client.h"
#include "app/commands.h"
#include "app/table_changes.h"
#include "app/text_table.h"
#include "base/json_writer.h"
#include "base/time.h"
#include "meta/project_name.h"
#include "query/table_source.h"

namespace tidemark::app {
namespace {

JsonValue TimeOf(const JsonValue& ms) {
  return JsonValue::String(FormatTime(TimeMicros(ms.Int().value_or(0) * 1000)));
}

// Rows with the same members each, as they are printed.
class Rows {
 public:
  explicit Rows(std::vector<std::string> columns) : columns_(std::move(columns)) {}

  // As many values as columns.
  void Add(std::vector<JsonValue> values) {
    JsonValue row = JsonValue::Object();
    for (std::size_t i = 0; i < columns_.size(); ++i) row.Set(columns_[i], std::move(values[i]));
    rows_.push_back(std::move(row));
  }

  int Print(const std::string& output) const {
    const std::string shape = !output.empty()                ? output
                              : ::isatty(STDOUT_FILENO) != 0 ? "table"
                                                             : "csv";
    if (shape == "json" || shape == "ndjson") {
      PrintJson(shape == "json");
    } else if (shape == "csv") {
      PrintCsv();
    } else {
      PrintTable();
    }
    return kOk;
  }

 private:
  void PrintJson(bool array) const {
    TextPrinter out;
    if (array) out.Print("[");
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      out.Print((array && i > 0 ? ",\n" : "") + rows_[i].ToJson() + (array ? "" : "\n"));
    }
    if (array) out.Print("]\n");
  }

  static std::string CellOf(const JsonValue& value) {
    return value.is_null() ? "" : value.is_string() ? value.text() : value.ToJson();
  }

  static std::string CsvOf(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
    return quoted + "\"";
  }

  void PrintCsv() const {
    TextPrinter out;
    std::string line;
    for (const std::string& column : columns_) line += (line.empty() ? "" : ",") + column;
    out.Print(line + "\r\n");
    for (const JsonValue& row : rows_) {
      line.clear();
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        line += (i > 0 ? "," : "") + CsvOf(CellOf(row.members()[i].second));
      }
      out.Print(line + "\r\n");
    }
  }

  void PrintTable() const {
    std::vector<bool> right(columns_.size(), !rows_.empty());
    std::vector<std::vector<std::string>> cells;
    for (const JsonValue& row : rows_) {
      auto& line = cells.emplace_back();
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        const JsonValue& value = row.members()[i].second;
        right[i] = right[i] && (value.is_number() || value.is_null());
        line.push_back(CellOf(value));
      }
    }
    PrintTextTable(columns_, right, cells);
  }

  const std::vector<std::string> columns_;
  std::vector<JsonValue> rows_;
};

std::vector<std::string> LevelsOf(const JsonValue& json) {
  std::vector<std::string> levels;
  for (const JsonValue& level : json.items()) levels.push_back(level.text());
  return levels;
}

// All tables and views below a namespace, depth first.
bool List(CatalogClient* client, const std::string& parent, Rows* rows) {
  const auto below =
      client->Get(std::string(CatalogClient::kNamespaces) +
                  (parent.empty() ? "" : "?parent=" + CatalogClient::Escaped(parent)));
  if (!below) return false;
  for (const JsonValue& levels : MemberOf(*below, "namespaces").items()) {
    std::string path;
    for (const std::string& level : LevelsOf(levels)) path += (path.empty() ? "" : "\x1f") + level;
    for (const char* kind : {"tables", "views"}) {
      const auto names = client->Get(std::string(CatalogClient::kNamespaces) + "/" +
                                     CatalogClient::Escaped(path) + "/" + kind);
      if (!names) return false;
      for (const JsonValue& one : MemberOf(*names, "identifiers").items()) {
        rows->Add({JsonValue::String(query::NamespaceText(LevelsOf(levels))), MemberOf(one, "name"),
                   JsonValue::String(kind[0] == 't' ? "table" : "view")});
      }
    }
    if (!List(client, path, rows)) return false;
  }
  return true;
}

// "list<string>", "map<string, long>", "struct<x: int, y: list<float>>".
std::string TypeText(const JsonValue& type) {
  if (type.is_string()) return type.text();
  const std::string& kind = MemberOf(type, "type").text();
  if (kind == "list") return "list<" + TypeText(MemberOf(type, "element")) + ">";
  if (kind == "map") {
    return "map<" + TypeText(MemberOf(type, "key")) + ", " + TypeText(MemberOf(type, "value")) +
           ">";
  }
  std::string text;
  for (const JsonValue& field : MemberOf(type, "fields").items()) {
    text += (text.empty() ? "" : ", ") + MemberOf(field, "name").text() + ": " +
            TypeText(MemberOf(field, "type"));
  }
  return "struct<" + text + ">";
}

// The name of the field of this id, behind those of the structs that it is in; empty: none has it.
std::string PathOf(const JsonValue& fields, const JsonValue& id) {
  for (const JsonValue& field : fields.items()) {
    const std::string& name = MemberOf(field, "name").text();
    if (MemberOf(field, "id") == id) return name;
    const std::string below = PathOf(MemberOf(MemberOf(field, "type"), "fields"), id);
    if (!below.empty()) return name + "." + below;
  }
  return {};
}

// The column that a field of a partition spec or sort order is made of.
std::string SourceText(const JsonValue& schema, const JsonValue& field) {
  const JsonValue& id = MemberOf(field, "source-id");
  const std::string path = PathOf(MemberOf(schema, "fields"), id);
  return MemberOf(field, "transform").text() + "(" + (path.empty() ? id.text() : path) + ")";
}

void AddSortOrder(const JsonValue& metadata, const JsonValue& schema, Rows* rows) {
  const JsonValue* order = FindById(MemberOf(metadata, "sort-orders"), "order-id",
                                    MemberOf(metadata, "default-sort-order-id"));
  if (order == nullptr) return;
  for (const JsonValue& field : MemberOf(*order, "fields").items()) {
    rows->Add({JsonValue::String("sort"), JsonValue::String(SourceText(schema, field)),
               JsonValue::String(MemberOf(field, "direction").text() + " " +
                                 MemberOf(field, "null-order").text())});
  }
}

void AddColumns(const JsonValue& schema, Rows* rows) {
  for (const JsonValue& field : MemberOf(schema, "fields").items()) {
    std::string text = TypeText(MemberOf(field, "type"));
    if (MemberOf(field, "required").Bool().value_or(false)) text += " required";
    rows->Add({JsonValue::String("column"), MemberOf(field, "name"), JsonValue::String(text)});
  }
}

void AddProperties(const JsonValue& metadata, Rows* rows) {
  for (const auto& [key, value] : MemberOf(metadata, "properties").members()) {
    rows->Add({JsonValue::String("property"), JsonValue::String(key), value});
  }
}

void AddSchema(const JsonValue& metadata, Rows* rows) {
  const JsonValue* schema =
      FindById(MemberOf(metadata, "schemas"), "schema-id", MemberOf(metadata, "current-schema-id"));
  if (schema == nullptr) return;
  AddColumns(*schema, rows);
  const JsonValue* spec = FindById(MemberOf(metadata, "partition-specs"), "spec-id",
                                   MemberOf(metadata, "default-spec-id"));
  if (spec != nullptr) {
    for (const JsonValue& field : MemberOf(*spec, "fields").items()) {
      rows->Add({JsonValue::String("partition"), MemberOf(field, "name"),
                 JsonValue::String(SourceText(*schema, field))});
    }
  }
  AddSortOrder(metadata, *schema, rows);
}

Rows Describe(const JsonValue& loaded) {
  const JsonValue& metadata = MemberOf(loaded, "metadata");
  Rows rows({"kind", "name", "value"});
  for (const char* name : {"table-uuid", "format-version", "location", "last-sequence-number",
                           "current-snapshot-id"}) {
    rows.Add({JsonValue::String("table"), JsonValue::String(name), MemberOf(metadata, name)});
  }
  rows.Add({JsonValue::String("table"), JsonValue::String("metadata-location"),
            MemberOf(loaded, "metadata-location")});
  rows.Add({JsonValue::String("table"), JsonValue::String("last-updated"),
            TimeOf(MemberOf(metadata, "last-updated-ms"))});
  AddSchema(metadata, &rows);
  AddProperties(metadata, &rows);
  for (const auto& [name, ref] : MemberOf(metadata, "refs").members()) {
    rows.Add({MemberOf(ref, "type"), JsonValue::String(name), MemberOf(ref, "snapshot-id")});
  }
  return rows;
}

// Its current version.
Rows DescribeView(const JsonValue& loaded) {
  const JsonValue& metadata = MemberOf(loaded, "metadata");
  Rows rows({"kind", "name", "value"});
  for (const char* name : {"view-uuid", "format-version", "location", "current-version-id"}) {
    rows.Add({JsonValue::String("view"), JsonValue::String(name), MemberOf(metadata, name)});
  }
  rows.Add({JsonValue::String("view"), JsonValue::String("metadata-location"),
            MemberOf(loaded, "metadata-location")});
  const JsonValue* version = FindById(MemberOf(metadata, "versions"), "version-id",
                                      MemberOf(metadata, "current-version-id"));
  if (version != nullptr) {
    rows.Add({JsonValue::String("view"), JsonValue::String("default-namespace"),
              JsonValue::String(
                  query::NamespaceText(LevelsOf(MemberOf(*version, "default-namespace"))))});
    const JsonValue* schema =
        FindById(MemberOf(metadata, "schemas"), "schema-id", MemberOf(*version, "schema-id"));
    if (schema != nullptr) AddColumns(*schema, &rows);
    for (const JsonValue& one : MemberOf(*version, "representations").items()) {
      rows.Add({MemberOf(one, "type"), MemberOf(one, "dialect"), MemberOf(one, "sql")});
    }
  }
  AddProperties(metadata, &rows);
  return rows;
}

Rows Snapshots(const JsonValue& metadata) {
  Rows rows({"committed_at", "snapshot_id", "parent_id", "sequence_number", "operation",
             "added_records", "total_records", "total_data_files"});
  for (const JsonValue& snapshot : MemberOf(metadata, "snapshots").items()) {
    const JsonValue& summary = MemberOf(snapshot, "summary");
    rows.Add({TimeOf(MemberOf(snapshot, "timestamp-ms")), MemberOf(snapshot, "snapshot-id"),
              MemberOf(snapshot, "parent-snapshot-id"), MemberOf(snapshot, "sequence-number"),
              MemberOf(summary, "operation"), MemberOf(summary, "added-records"),
              MemberOf(summary, "total-records"), MemberOf(summary, "total-data-files")});
  }
  return rows;
}

Rows History(const JsonValue& metadata) {
  Rows rows({"made_current_at", "snapshot_id", "is_kept"});
  for (const JsonValue& entry : MemberOf(metadata, "snapshot-log").items()) {
    const JsonValue& id = MemberOf(entry, "snapshot-id");
    const bool kept = FindById(MemberOf(metadata, "snapshots"), "snapshot-id", id) != nullptr;
    rows.Add({TimeOf(MemberOf(entry, "timestamp-ms")), id, JsonValue::Flag(kept)});
  }
  return rows;
}

Rows Refs(const JsonValue& metadata) {
  Rows rows({"name", "type", "snapshot_id"});
  for (const auto& [name, ref] : MemberOf(metadata, "refs").members()) {
    rows.Add({JsonValue::String(name), MemberOf(ref, "type"), MemberOf(ref, "snapshot-id")});
  }
  return rows;
}

// What SQL knows of a table: for its project alone.
int AskSystem(const Remote& remote, const TableOptions& options) {
  const TableName name = TableName::Parse(options.table);
  const std::string top = name.Levels().front();
  CatalogClient client(remote, "table");
  if (client.IsMissing(name)) return client.exit();
  if (!meta::IsProjectName(top)) {
    std::fprintf(stderr,
                 "tidemark table: the %s of %s cannot be listed: SQL lists them, which has the "
                 "tables of projects alone, and no project can be called \"%s\" (a-z, 0-9, - and "
                 "_)\nhint: `tidemark iceberg verify` and `dump` read any table's files\n",
                 options.action.c_str(), options.table.c_str(), WithoutControls(top).c_str());
    return kRefused;
  }
  SqlOptions sql;
  sql.statement = "SELECT * EXCLUDE (table_schema, table_name) FROM system." + options.action +
                  " WHERE table_schema = $schema AND table_name = $table ORDER BY " +
                  (options.action == "files" ? "file_path" : "spec_id, partition");
  std::string schema;
  std::string table;
  JsonWriter(&schema).String(name.NamespaceText());
  JsonWriter(&table).String(name.table);
  sql.parameters = {"schema=" + schema, "table=" + table};
  sql.output = options.output;
  sql.rows_only = true;
  Remote project = remote;
  if (project.project.empty()) project.project = top;
  return RunSql(project, sql);
}

}  // namespace

void AddTableOptions(CLI::App* app, TableOptions* options,
                     const std::function<void(CLI::App*)>& add_remote) {
  app->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, bool of_table) {
    CLI::App* one = AddAction(app, &options->action, name, what, add_remote);
    if (of_table) {
      one->add_option("table", options->table, "namespace.table")
          ->required()
          ->check(TableName::Problem);
    }
    return one;
  };
  for (const auto& [name, what] : {std::pair{"list", "Every table and view"},
                                   std::pair{"describe", "Columns, partitions, properties, refs"},
                                   std::pair{"files", "The data files of the newest snapshot"},
                                   std::pair{"partitions", "The same, summed by partition"},
                                   std::pair{"snapshots", "Every snapshot that is kept"},
                                   std::pair{"history", "When which snapshot became current"},
                                   std::pair{"refs", "Branches and tags"}}) {
    CLI::App* one = add(name, what, std::string_view(name) != "list");
    one->add_option("-o,--output,--format", options->output, "table, json, ndjson or csv")
        ->check(CLI::IsMember({"table", "json", "ndjson", "csv"}));
    one->add_flag_callback("--json", [options] { options->output = "json"; }, "-o json");
  }
  CLI::App* rollback = add("rollback", "Make an earlier snapshot the current one", true);
  rollback->add_option("--to", options->target, "A snapshot's id, a tag, a branch or a time")
      ->required();
  for (const char* kind : {"tag", "branch"}) {
    CLI::App* one = add(kind, "Name a snapshot, or forget the name", true);
    one->add_option("name", options->ref, "Of the ref")->required();
    one->add_option("--at", options->target,
                    "A snapshot's id, a tag, a branch or a time; default: the newest");
    one->add_flag("--delete", options->remove, "Forget it");
  }
  CLI::App* alter = add("alter", "Add, rename, drop and widen columns", true);
  alter->add_option("--add", options->add,
                    "\"name type\": an optional column, of a type as Iceberg writes it");
  alter->add_option("--rename", options->rename, "old=new");
  alter->add_option("--drop", options->drop, "A column");
  alter->add_option("--widen", options->widen,
                    "name=type: int to long, float to double, a decimal");
  for (CLI::App* one : {rollback, alter}) {
    one->add_flag("-y,--yes", options->yes, "Do not ask");
  }
  for (const char* name : {"rollback", "tag", "branch", "alter"}) {
    app->get_subcommand(name)->add_flag("--dry-run", options->dry_run,
                                        "Only print what would be committed");
  }
}

int RunTable(const Remote& remote, const TableOptions& options) {
  if (options.action == "files" || options.action == "partitions") {
    return AskSystem(remote, options);
  }
  CatalogClient client(remote, "table");
  if (options.action == "list") {
    Rows rows({"namespace", "name", "type"});
    return List(&client, "", &rows) ? rows.Print(options.output) : client.exit();
  }
  const TableName name = TableName::Parse(options.table);
  if (options.action == "describe") {
    if (const auto view = client.FindView(name)) return DescribeView(*view).Print(options.output);
  }
  const auto loaded = client.LoadTable(name);
  if (!loaded) return client.exit();
  const JsonValue& metadata = MemberOf(*loaded, "metadata");
  if (options.action == "describe") return Describe(*loaded).Print(options.output);
  if (options.action == "snapshots") return Snapshots(metadata).Print(options.output);
  if (options.action == "history") return History(metadata).Print(options.output);
  if (options.action == "refs") return Refs(metadata).Print(options.output);
  return ChangeTable(&client, metadata, options);
}

}  // namespace tidemark::app
