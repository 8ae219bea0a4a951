#include "app/table_changes.h"

#include <algorithm>
#include <cstdio>

#include "base/time.h"
#include "iceberg/schema.h"

namespace tidemark::app {
namespace {

constexpr std::string_view kMain = "main";

// A commit while it is put together.
struct Commit {
  JsonValue requirements = JsonValue::Array();
  JsonValue updates = JsonValue::Array();
  std::string says;  // What it does.

  JsonValue& Require(std::string_view type) { return Entry(&requirements, "type", type); }
  JsonValue& Update(std::string_view action) { return Entry(&updates, "action", action); }

 private:
  static JsonValue& Entry(JsonValue* list, std::string_view key, std::string_view value) {
    list->Append(JsonValue::Object());
    list->items().back().Set(key, value);
    return list->items().back();
  }
};

int FailTable(int code, const std::string& message) {
  std::fprintf(stderr, "tidemark table: %s\n", message.c_str());
  return code;
}

std::optional<TimeMicros> TimeOf(const std::string& text) {
  return text.size() < 10 ? std::nullopt : ParseTime(text);
}

// The snapshot that a name, an id or a time means; empty: the newest.
std::optional<JsonValue> Resolve(const JsonValue& metadata, const std::string& target) {
  if (target.empty()) {
    const JsonValue& current = MemberOf(metadata, "current-snapshot-id");
    return current.Int().value_or(-1) < 0 ? std::nullopt : std::optional(current);
  }
  if (const JsonValue* ref = MemberOf(metadata, "refs").Find(target)) {
    return MemberOf(*ref, "snapshot-id");
  }
  for (const JsonValue& snapshot : MemberOf(metadata, "snapshots").items()) {
    const JsonValue& id = MemberOf(snapshot, "snapshot-id");
    if (id.text() == target) return id;
  }
  std::optional<JsonValue> found;
  if (const auto time = TimeOf(target)) {
    for (const JsonValue& entry : MemberOf(metadata, "snapshot-log").items()) {
      if (MemberOf(entry, "timestamp-ms").Int().value_or(0) * 1000 > time->value) break;
      found = MemberOf(entry, "snapshot-id");
    }
  }
  return found;
}

void RequireRef(const JsonValue& metadata, std::string_view name, Commit* commit) {
  const JsonValue* ref = MemberOf(metadata, "refs").Find(name);
  JsonValue& require = commit->Require("assert-ref-snapshot-id");
  require.Set("ref", name);
  require.Set("snapshot-id", ref == nullptr ? JsonValue::Null() : MemberOf(*ref, "snapshot-id"));
}

int PointRef(const JsonValue& metadata, const TableOptions& options, std::string_view name,
             std::string_view type, Commit* commit) {
  const auto snapshot = Resolve(metadata, options.target);
  if (!snapshot) {
    return FailTable(kNotFound, options.target.empty()
                                    ? "the table has no snapshot yet"
                                    : "the table keeps no snapshot that `" + options.target +
                                          "` means; `tidemark table snapshots` and `refs` list "
                                          "what it keeps");
  }
  const JsonValue* ref = MemberOf(metadata, "refs").Find(name);
  const std::string other = ref == nullptr ? "" : MemberOf(*ref, "type").text();
  if (!other.empty() && other != type) {
    const std::string forgets =
        " already; `tidemark table " + other + " T " + std::string(name) + " --delete` forgets it";
    return FailTable(kConflict,
                     std::string(name) + " is a " + other + (name == kMain ? "" : forgets));
  }
  RequireRef(metadata, name, commit);
  JsonValue& update = commit->Update("set-snapshot-ref");
  // How long it is kept stays as it was.
  if (ref != nullptr) {
    for (const auto& [key, value] : ref->members()) update.Set(key, value);
  }
  update.Set("ref-name", name);
  update.Set("type", type);
  update.Set("snapshot-id", *snapshot);
  commit->says = std::string(type) + " " + std::string(name) + " is snapshot " + snapshot->text();
  return kOk;
}

int ForgetRef(const JsonValue& metadata, const TableOptions& options, Commit* commit) {
  const JsonValue* ref = MemberOf(metadata, "refs").Find(options.ref);
  if (ref == nullptr || MemberOf(*ref, "type").text() != options.action) {
    return FailTable(kNotFound, "the table has no " + options.action + " " + options.ref +
                                    "; `tidemark table refs` lists those that it has");
  }
  RequireRef(metadata, options.ref, commit);
  commit->Update("remove-snapshot-ref").Set("ref-name", options.ref);
  commit->says = options.action + " " + options.ref + " is gone";
  return kOk;
}

// Readers see main: moving it is a rollback, which asks, and without it the table is empty.
int ChangeRef(const JsonValue& metadata, const TableOptions& options, Commit* commit) {
  if (options.action == "branch" && options.ref == kMain) {
    return FailTable(kUsage,
                     "main is what readers see; `tidemark table rollback` makes it another "
                     "snapshot, and it cannot be forgotten");
  }
  return options.remove ? ForgetRef(metadata, options, commit)
                        : PointRef(metadata, options, options.ref, options.action, commit);
}

// "a=b" in two.
std::optional<std::pair<std::string, std::string>> Halves(const std::string& text) {
  const std::size_t split = text.find('=');
  if (split == 0 || split == std::string::npos || split + 1 == text.size()) return std::nullopt;
  return std::pair(text.substr(0, split), text.substr(split + 1));
}

struct NewColumn {
  std::string name;
  std::string type;
};

// `name type` or `"na me" type`.
std::optional<NewColumn> ReadColumn(const std::string& text) {
  NewColumn column;
  std::size_t at = 0;
  if (text.starts_with('"')) {
    for (at = 1; at < text.size() && (text[at] != '"' || text.substr(at, 2) == "\"\""); ++at) {
      if (text[at] == '"') ++at;
      column.name += text[at];
    }
    ++at;
  } else {
    at = std::min(text.find(' '), text.size());
    column.name = text.substr(0, at);
  }
  const std::size_t begin = text.find_first_not_of(' ', at);
  if (column.name.empty() || begin == std::string::npos || begin == at) return std::nullopt;
  column.type = text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
  return column;
}

// The field of a spec or sort order that is made of this column; empty: none is.
std::string UsedBy(const JsonValue& metadata, const JsonValue& id) {
  const JsonValue* spec = FindById(MemberOf(metadata, "partition-specs"), "spec-id",
                                   MemberOf(metadata, "default-spec-id"));
  const JsonValue* order = FindById(MemberOf(metadata, "sort-orders"), "order-id",
                                    MemberOf(metadata, "default-sort-order-id"));
  for (const auto& [list, what] : {std::pair{spec, "is partitioned"}, {order, "is sorted"}}) {
    if (list == nullptr) continue;
    if (FindById(MemberOf(*list, "fields"), "source-id", id) != nullptr) return what;
  }
  return {};
}

class Altered {
 public:
  Altered(const JsonValue& metadata, const JsonValue& schema)
      : metadata_(metadata),
        schema_(schema),
        last_id_(MemberOf(metadata, "last-column-id").Int().value_or(0)) {
    schema_.Remove("schema-id");
  }

  // Nothing, or what is wrong.
  std::optional<std::string> Apply(const TableOptions& options) {
    for (const std::string& name : options.drop) {
      const JsonValue* dropped = Find(name);
      if (dropped == nullptr) return NoColumn(name);
      const std::string used = UsedBy(metadata_, MemberOf(*dropped, "id"));
      if (!used.empty()) {
        return "the table " + used + " by " + name +
               ", which only a spec or sort order without it makes a column to drop";
      }
      std::erase_if(schema_.Find("fields")->items(),
                    [&](const JsonValue& field) { return MemberOf(field, "name").text() == name; });
    }
    for (const std::string& one : options.rename) {
      const auto halves = Halves(one);
      if (!halves) return "--rename is written old=new";
      JsonValue* field = Find(halves->first);
      if (field == nullptr) return NoColumn(halves->first);
      field->Set("name", halves->second);
    }
    for (const std::string& one : options.widen) {
      const auto halves = Halves(one);
      if (!halves) return "--widen is written name=type";
      JsonValue* field = Find(halves->first);
      if (field == nullptr) return NoColumn(halves->first);
      field->Set("type", halves->second);
    }
    for (const std::string& one : options.add) {
      const auto column = ReadColumn(one);
      if (!column) return "--add is written \"name type\"";
      if (!iceberg::IsPrimitiveType(column->type)) return NoType(column->type);
      JsonValue field = JsonValue::Object();
      field.Set("id", ++last_id_);
      field.Set("name", column->name);
      field.Set("required", JsonValue::Flag(false));
      field.Set("type", column->type);
      schema_.Find("fields")->Append(std::move(field));
    }
    return std::nullopt;
  }

  const JsonValue& schema() const { return schema_; }
  std::int64_t last_id() const { return last_id_; }

 private:
  static std::string NoType(const std::string& type) {
    return "`" + type +
           "` is no type that a column can be added with: boolean, int, long, float, double, "
           "decimal(P,S), date, time, timestamp, timestamptz, string, uuid, fixed[N], binary, and "
           "with format v3 timestamp_ns, timestamptz_ns, variant; nested ones are added over the "
           "REST catalog";
  }
  static std::string NoColumn(const std::string& name) { return "the table has no column " + name; }
  JsonValue* Find(const std::string& name) {
    for (JsonValue& field : schema_.Find("fields")->items()) {
      if (MemberOf(field, "name").text() == name) return &field;
    }
    return nullptr;
  }

  const JsonValue& metadata_;
  JsonValue schema_;
  std::int64_t last_id_;
};

int Alter(const JsonValue& metadata, const TableOptions& options, Commit* commit) {
  if (options.add.empty() && options.rename.empty() && options.drop.empty() &&
      options.widen.empty()) {
    return FailTable(kUsage, "alter needs --add, --rename, --drop or --widen");
  }
  const JsonValue& id = MemberOf(metadata, "current-schema-id");
  const JsonValue* schema = FindById(MemberOf(metadata, "schemas"), "schema-id", id);
  if (schema == nullptr || schema->Find("fields") == nullptr) {
    return FailTable(kServer, "the table has no current schema");
  }
  Altered altered(metadata, *schema);
  if (const auto wrong = altered.Apply(options)) return FailTable(kUsage, *wrong);
  commit->Require("assert-current-schema-id").Set("current-schema-id", id);
  commit->Require("assert-last-assigned-field-id")
      .Set("last-assigned-field-id", MemberOf(metadata, "last-column-id"));
  JsonValue& update = commit->Update("add-schema");
  update.Set("schema", altered.schema());
  update.Set("last-column-id", altered.last_id());
  commit->Update("set-current-schema").Set("schema-id", -1);
  commit->says = "the schema is changed";
  return kOk;
}

int Prepare(const JsonValue& metadata, const TableOptions& options, Commit* commit) {
  commit->Require("assert-table-uuid").Set("uuid", MemberOf(metadata, "table-uuid"));
  if (options.action == "alter") return Alter(metadata, options, commit);
  if (options.action == "rollback") return PointRef(metadata, options, kMain, "branch", commit);
  return ChangeRef(metadata, options, commit);
}

// Whether it takes data out of sight, and nobody wants that.
bool IsUnwanted(const TableOptions& options, const std::string& says) {
  const bool asks = options.action == "rollback" || !options.drop.empty();
  return asks && !options.yes && !Agrees("table", options.table + ": " + says);
}

}  // namespace

int ChangeTable(CatalogClient* client, const JsonValue& metadata, const TableOptions& options) {
  Commit commit;
  if (const int code = Prepare(metadata, options, &commit); code != kOk) return code;
  JsonValue body = JsonValue::Object();
  body.Set("requirements", commit.requirements);
  body.Set("updates", commit.updates);
  if (options.dry_run) {
    std::printf("%s\n", body.ToJson().c_str());
    return kOk;
  }
  if (IsUnwanted(options, commit.says)) return kUsage;
  if (!client->Post(CatalogClient::PathOf(TableName::Parse(options.table)), body.ToJson())) {
    return client->exit();
  }
  std::printf("%s: %s\n", options.table.c_str(), commit.says.c_str());
  return kOk;
}

}  // namespace tidemark::app
