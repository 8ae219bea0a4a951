// `tidemark table`: what the catalog holds, asked over the REST catalog as any engine would.
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "app/commands.h"
#include "app/remote.h"
#include "base/json_reader.h"
#include "base/time.h"

namespace tidemark::app {
namespace {

constexpr std::string_view kBase = "/iceberg/v1/namespaces";

std::string Escaped(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
    if (plain) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

// "a.b.t": the namespace's levels joined as URLs have them, and the table.
struct TableName {
  std::string ns;
  std::string table;
};
TableName ParseName(std::string_view text) {
  const std::size_t dot = text.rfind('.');
  TableName name{"default", std::string(text)};
  if (dot == std::string_view::npos) return name;
  name.ns = text.substr(0, dot);
  for (char& c : name.ns) {
    if (c == '.') c = '\x1f';
  }
  name.table = text.substr(dot + 1);
  return name;
}

const JsonValue& Member(const JsonValue& json, std::string_view name) {
  static const JsonValue kNull;
  const JsonValue* value = json.Find(name);
  return value == nullptr ? kNull : *value;
}

std::string TimeText(const JsonValue& ms) {
  return FormatTime(TimeMicros(ms.Int().value_or(0) * 1000));
}

// One command's talk with the server; prints what goes wrong itself.
class Asker {
 public:
  explicit Asker(const Remote& remote) : remote_(remote) {}

  // Nothing if it failed: exit() says how.
  std::optional<JsonValue> Get(const std::string& path) {
    auto client = net::HttpClient::Make(UrlOf(remote_));
    if (!client) return Failed(PrintError("table", client.error()));
    const auto response = client->Send("GET", path, HeadersOf(remote_), "");
    if (!response) return Failed(PrintError("table", response.error()));
    auto body = JsonValue::Parse(response->body);
    if (response->status == 200 && body) return *std::move(body);
    net::ClientResponse plain = *response;
    if (body) {  // The catalog's error has another shape than the server's.
      std::string text = "{\"message\":";
      text += Member(Member(*body, "error"), "message").ToJson() + "}";
      plain.body = text;
    }
    return Failed(PrintRefusal("table", plain));
  }
  int exit() const { return exit_; }

 private:
  std::optional<JsonValue> Failed(int code) {
    exit_ = code;
    return std::nullopt;
  }

  const Remote& remote_;
  int exit_ = kOk;
};

std::string Levels(const JsonValue& levels, char separator) {
  std::string text;
  for (const JsonValue& level : levels.items()) {
    if (!text.empty()) text.push_back(separator);
    text += level.text();
  }
  return text;
}

// All tables and views below a namespace, depth first.
int List(Asker* asker, const std::string& parent) {
  const auto below =
      asker->Get(std::string(kBase) + (parent.empty() ? "" : "?parent=" + Escaped(parent)));
  if (!below) return asker->exit();
  for (const JsonValue& levels : Member(*below, "namespaces").items()) {
    const std::string path = Levels(levels, '\x1f');
    for (const char* kind : {"tables", "views"}) {
      const auto names = asker->Get(std::string(kBase) + "/" + Escaped(path) + "/" + kind);
      if (!names) return asker->exit();
      for (const JsonValue& one : Member(*names, "identifiers").items()) {
        std::printf("%s.%s\t%.*s\n", Levels(levels, '.').c_str(),
                    Member(one, "name").text().c_str(), kind[0] == 't' ? 5 : 4, kind);
      }
    }
    if (const int code = List(asker, path); code != kOk) return code;
  }
  return kOk;
}

const JsonValue* FindById(const JsonValue& list, std::string_view name, const JsonValue& id) {
  for (const JsonValue& one : list.items()) {
    if (Member(one, name) == id) return &one;
  }
  return nullptr;
}

void PrintSchema(const JsonValue& metadata) {
  const JsonValue* schema =
      FindById(Member(metadata, "schemas"), "schema-id", Member(metadata, "current-schema-id"));
  if (schema == nullptr) return;
  for (const JsonValue& field : Member(*schema, "fields").items()) {
    const JsonValue& type = Member(field, "type");
    std::printf("column\t%s\t%s\t%s\n", Member(field, "name").text().c_str(),
                (type.is_string() ? type.text() : type.ToJson()).c_str(),
                Member(field, "required").Bool().value_or(false) ? "required" : "");
  }
  const JsonValue* spec =
      FindById(Member(metadata, "partition-specs"), "spec-id", Member(metadata, "default-spec-id"));
  if (spec == nullptr) return;
  for (const JsonValue& field : Member(*spec, "fields").items()) {
    const JsonValue* source = FindById(Member(*schema, "fields"), "id", Member(field, "source-id"));
    std::printf("partition\t%s\t%s(%s)\n", Member(field, "name").text().c_str(),
                Member(field, "transform").text().c_str(),
                source == nullptr ? Member(field, "source-id").text().c_str()
                                  : Member(*source, "name").text().c_str());
  }
}

int Describe(const JsonValue& loaded) {
  const JsonValue& metadata = Member(loaded, "metadata");
  for (const char* name : {"table-uuid", "format-version", "location", "last-sequence-number",
                           "current-snapshot-id"}) {
    std::printf("%s\t%s\n", name, Member(metadata, name).text().c_str());
  }
  std::printf("metadata-location\t%s\n", Member(loaded, "metadata-location").text().c_str());
  std::printf("last-updated\t%s\n", TimeText(Member(metadata, "last-updated-ms")).c_str());
  PrintSchema(metadata);
  for (const auto& [key, value] : Member(metadata, "properties").members()) {
    std::printf("property\t%s\t%s\n", key.c_str(), value.text().c_str());
  }
  for (const auto& [name, ref] : Member(metadata, "refs").members()) {
    std::printf("%s\t%s\t%s\n", Member(ref, "type").text().c_str(), name.c_str(),
                Member(ref, "snapshot-id").text().c_str());
  }
  return kOk;
}

int Snapshots(const JsonValue& metadata) {
  std::puts(
      "committed_at\tsnapshot_id\tparent_id\tsequence_number\toperation\tadded_records\t"
      "total_records\ttotal_data_files");
  for (const JsonValue& snapshot : Member(metadata, "snapshots").items()) {
    const JsonValue& summary = Member(snapshot, "summary");
    std::printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
                TimeText(Member(snapshot, "timestamp-ms")).c_str(),
                Member(snapshot, "snapshot-id").text().c_str(),
                Member(snapshot, "parent-snapshot-id").text().c_str(),
                Member(snapshot, "sequence-number").text().c_str(),
                Member(summary, "operation").text().c_str(),
                Member(summary, "added-records").text().c_str(),
                Member(summary, "total-records").text().c_str(),
                Member(summary, "total-data-files").text().c_str());
  }
  return kOk;
}

int History(const JsonValue& metadata) {
  std::puts("made_current_at\tsnapshot_id\tis_there");
  for (const JsonValue& entry : Member(metadata, "snapshot-log").items()) {
    const JsonValue& id = Member(entry, "snapshot-id");
    const bool there = FindById(Member(metadata, "snapshots"), "snapshot-id", id) != nullptr;
    std::printf("%s\t%s\t%s\n", TimeText(Member(entry, "timestamp-ms")).c_str(), id.text().c_str(),
                there ? "true" : "false");
  }
  return kOk;
}

}  // namespace

int RunTable(const Remote& remote, const std::string& action, const std::string& name) {
  Asker asker(remote);
  if (action == "list") return List(&asker, "");
  const TableName table = ParseName(name);
  const auto loaded =
      asker.Get(std::string(kBase) + "/" + Escaped(table.ns) + "/tables/" + Escaped(table.table));
  if (!loaded) return asker.exit();
  if (action == "describe") return Describe(*loaded);
  const JsonValue& metadata = Member(*loaded, "metadata");
  return action == "snapshots" ? Snapshots(metadata) : History(metadata);
}

}  // namespace tidemark::app
