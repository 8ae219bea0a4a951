// `tidemark key`: over HTTP where a server owns the data directory or --url names one, else in the
// stopped directory itself, whose lock it holds meanwhile. Both ways give the same JSON.

#include <cstdio>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "app/catalog_client.h"
#include "app/commands.h"
#include "app/remote.h"
#include "app/text_table.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "collect/dialects/all.h"
#include "config/values.h"
#include "env/posix/posix_clock.h"
#include "env/posix/posix_disk.h"
#include "meta/key_text.h"
#include "meta/projects.h"

namespace tidemark::app {
namespace {

// What a server answered, or what it would have.
struct Outcome {
  int exit = kOk;
  std::string body;
};

int FailKey(const Error& error) {
  std::fprintf(stderr, "tidemark key: %s\n", error.message().c_str());
  switch (error.code()) {
    case Code::kNotFound:
      return kNotFound;
    case Code::kConflict:
      return kConflict;
    case Code::kInvalidArgument:
      return kUsage;
    default:
      return kFailed;
  }
}

// "read,write:shop.orders"; "shop.*" is the whole namespace.
void AppendGrant(JsonWriter* json, const std::string& text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string what = text.substr(std::min(colon + 1, text.size()));
  const TableName name = TableName::Parse(what);
  json->BeginObject().Key("namespace").BeginArray();
  for (const std::string& level : name.Levels()) json->String(level);
  json->EndArray();
  if (name.table != "*") json->Field("table", name.table);
  json->Key("rights").BeginArray();
  for (const std::string& right : meta::SplitWords(text.substr(0, colon))) json->String(right);
  json->EndArray().EndObject();
}

std::string SpecJson(const Remote& remote, const KeyOptions& options) {
  std::string body;
  JsonWriter json(&body);
  const auto text = [&json](std::string_view name, const std::string& value) {
    if (!value.empty()) json.Field(name, value);
  };
  const auto list = [&json](std::string_view name, const std::vector<std::string>& values) {
    if (!values.empty()) json.Field(name, meta::JoinWords(values));
  };
  json.BeginObject();
  text("name", options.name);
  text("project", remote.project);
  list("scopes", options.scopes);
  text("dialect", options.dialect);
  list("origins", options.origins);
  list("addresses", options.addresses);
  if (!options.grants.empty()) {
    json.Key("grants").BeginArray();
    for (const std::string& grant : options.grants) AppendGrant(&json, grant);
    json.EndArray();
  }
  json.Key("limits").BeginObject();
  text("requests", options.requests);
  text("events", options.events);
  text("bytes", options.bytes);
  json.EndObject();
  text("expires", options.expires);
  json.EndObject();
  return body;
}

Outcome AskServer(const Remote& remote, const KeyOptions& options) {
  const auto ask = [&]() -> Result<net::ClientResponse> {
    TM_ASSIGN(auto client, Connect(remote));
    Remote any = remote;
    if (options.action == "create") any.project.clear();  // It is in the body.
    const auto headers = HeadersOf(any);
    const std::string one = "/v1/keys/" + options.id;
    if (options.action == "create") {
      return client.Send("POST", "/v1/keys", headers, SpecJson(remote, options));
    }
    if (options.action == "list") return client.Send("GET", "/v1/keys", headers, "");
    if (options.action == "show") return client.Send("GET", one, headers, "");
    if (options.action == "revoke") return client.Send("DELETE", one, headers, "");
    std::string body;
    JsonWriter(&body).BeginObject().Field("overlap", options.overlap).EndObject();
    return client.Send("POST", one + "/rotate", headers, body);
  };
  auto response = ask();
  if (!response) return {PrintError("key", response.error()), ""};
  if (response->status >= 300) return {PrintRefusal("key", *response), ""};
  return {kOk, std::move(response->body)};
}

Result<std::string> WorkOffline(meta::Database* database, const Remote& remote,
                                const KeyOptions& options) {
  const TimeMicros now = env::PosixClock().WallNow();
  TM_ASSIGN(auto projects, meta::Projects::Open(database));
  TM_ASSIGN(auto keys, meta::Keys::Open(database));
  if (options.action == "list") {
    auto list = keys->List();
    std::erase_if(list, [&remote](const auto& key) {
      return !remote.project.empty() && key->project != remote.project;
    });
    return meta::KeyListJson(list, now);
  }
  if (options.action == "create") {
    TM_ASSIGN(const JsonValue body, JsonValue::Parse(SpecJson(remote, options)));
    TM_ASSIGN(meta::KeySpec spec, meta::ReadKeySpec(body, now));
    if (spec.project.empty()) spec.project = "default";
    TM_TRY(spec.Check(now));
    TM_TRY(spec.CheckDialect(collect::DialectNames()));
    if (const Status there = projects.Create(spec.project, now);
        !there && there.error().code() != Code::kAlreadyExists) {
      return Fail(there.error());
    }
    TM_ASSIGN(const auto made, keys->Create(spec, now, env::EntropySeed));
    return meta::MadeKeyJson(made, now);
  }
  if (options.action == "rotate") {
    const auto seconds = config::ReadSeconds(options.overlap);
    if (!seconds || *seconds < 0) {
      return Fail(Code::kInvalidArgument, "--overlap is written like 24h or 0s");
    }
    const auto overlap =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*seconds));
    TM_ASSIGN(const auto made, keys->Rotate(options.id, overlap, now, env::EntropySeed));
    return meta::MadeKeyJson(made, now);
  }
  if (options.action == "revoke") TM_TRY(keys->Revoke(options.id, now));
  const auto key = keys->FindById(options.id);
  if (!key) return Fail(Code::kNotFound, "no key " + options.id);
  return meta::KeyJson(*key, now);
}

// Nothing: a server owns the directory, or there is none.
std::optional<Outcome> TryOffline(const Remote& remote, const KeyOptions& options) {
  if (!remote.url.empty()) return std::nullopt;
  if (!std::filesystem::exists(remote.data_dir + "/meta.db")) return std::nullopt;
  const auto work = [&]() -> Result<std::optional<std::string>> {
    TM_ASSIGN(const auto disk, env::OpenPosixDisk(remote.data_dir));
    const auto lock = disk->Lock("lock", std::to_string(::getpid()) + "\n");
    if (!lock && lock.error().code() == Code::kConflict) return std::optional<std::string>();
    if (!lock) return Fail(lock.error());
    TM_ASSIGN(const auto database, meta::Database::Open(disk->NativePath("meta.db")));
    TM_ASSIGN(std::string body, WorkOffline(database.get(), remote, options));
    return std::optional<std::string>(std::move(body));
  };
  auto body = work();
  if (!body) return Outcome{FailKey(body.error()), ""};
  std::optional<std::string>& made = *body;
  if (!made) return std::nullopt;  // A server is on the folder.
  return Outcome{kOk, *std::move(made)};
}

// On one line, without what moves a terminal's cursor.
std::string Cell(const JsonValue& key, std::string_view name) {
  const JsonValue* value = key.Find(name);
  if (value == nullptr || value->is_null()) return "-";
  std::string text = value->text();
  for (const JsonValue& item : value->items()) {
    text.append(text.empty() ? "" : ",").append(item.text());
  }
  return text.empty() ? "-" : WithoutControls(text);
}

void PrintKeyTable(const std::vector<JsonValue>& keys) {
  std::printf("%-12s  %-12s  %-24s  %-8s  %-20s  %s\n", "id", "project", "scopes", "state",
              "expires", "name");
  for (const JsonValue& key : keys) {
    std::printf("%-12s  %-12s  %-24s  %-8s  %-20s  %s\n", Cell(key, "id").c_str(),
                Cell(key, "project").c_str(), Cell(key, "scopes").c_str(),
                Cell(key, "state").c_str(), Cell(key, "expires").substr(0, 19).c_str(),
                Cell(key, "name").c_str());
  }
}

void PrintKey(const JsonValue& key) {
  for (const char* name :
       {"id", "name", "project", "scopes", "state", "dialect", "origins", "addresses", "created",
        "expires", "rotated", "old_secret_until", "revoked"}) {
    if (const std::string cell = Cell(key, name); cell != "-") {
      std::printf("%-17s %s\n", name, cell.c_str());
    }
  }
  for (const JsonValue& grant : MemberOf(key, "grants").items()) {
    std::string place;
    for (const JsonValue& level : MemberOf(grant, "namespace").items()) place += level.text() + ".";
    const std::string table = Cell(grant, "table");
    std::printf("%-17s %s:%s%s\n", "grant", Cell(grant, "rights").c_str(), place.c_str(),
                table == "-" ? "*" : table.c_str());
  }
  if (const JsonValue* limits = key.Find("limits")) {
    for (const auto& [name, rate] : limits->members()) {
      if (!rate.is_null())
        std::printf("%-17s %s\n", ("limit " + name).c_str(), rate.text().c_str());
    }
  }
  if (key.Find("key") == nullptr) return;
  std::printf("%-17s %s\n", "key", Cell(key, "key").c_str());
  std::fprintf(stderr, "the key is shown only now; it is stored hashed\n");
}

int Print(const std::string& body, const std::string& output) {
  const bool table = output == "table" || (output.empty() && ::isatty(STDOUT_FILENO) != 0);
  const auto answer = JsonValue::Parse(body);
  if (!answer || (!table && output != "ndjson")) {
    std::fputs(body.c_str(), stdout);
    return kOk;
  }
  const JsonValue* keys = answer->Find("keys");
  if (output == "ndjson") {
    if (keys == nullptr) std::printf("%s\n", answer->ToJson().c_str());
    for (const JsonValue& key : keys == nullptr ? std::vector<JsonValue>() : keys->items()) {
      std::printf("%s\n", key.ToJson().c_str());
    }
    return kOk;
  }
  keys == nullptr ? PrintKey(*answer) : PrintKeyTable(keys->items());
  return kOk;
}

CLI::App* AddAction(CLI::App* app, KeyOptions* options, const char* action, const char* what) {
  CLI::App* one = app->add_subcommand(action, what);
  one->callback([options, action] { options->action = action; });
  one->add_option("-o,--output", options->output, "table, json or ndjson")
      ->check(CLI::IsMember({"table", "json", "ndjson"}));
  return one;
}

}  // namespace

void AddKeyOptions(CLI::App* app, KeyOptions* options,
                   const std::function<void(CLI::App*)>& add_remote) {
  app->require_subcommand(1);
  CLI::App* create = AddAction(app, options, "create", "Make a key; it is shown this once");
  create
      ->add_option("--scope", options->scopes,
                   "ingest, query, live, catalog, privacy, admin; may be repeated")
      ->required()
      ->delimiter(',');
  create->add_option("--grant", options->grants,
                     "Of the scope catalog only this: read,write,maintain:ns.table, or "
                     "create,read:ns.*; may be repeated");
  create->add_option("--name", options->name, "For people");
  create->add_option("--dialect", options->dialect, "The only dialect that it may send");
  create->add_option("--origin", options->origins, "Web pages that may use it; may be repeated")
      ->delimiter(',');
  create->add_option("--address", options->addresses, "Address or CIDR range; may be repeated")
      ->delimiter(',');
  create->add_option("--requests", options->requests, "At most, as \"1000 a minute\"");
  create->add_option("--events", options->events, "At most, as \"50000 a second\"");
  create->add_option("--bytes", options->bytes, "At most, as \"64MiB a second\"");
  create->add_option("--expires", options->expires, "As 90d or 2027-01-01T00:00:00Z");
  CLI::App* list = AddAction(app, options, "list", "All keys, without their secrets");
  CLI::App* show = AddAction(app, options, "show", "One key");
  CLI::App* revoke = AddAction(app, options, "revoke", "End a key at once");
  revoke->add_flag("-y,--yes", options->yes, "Do not ask");
  CLI::App* rotate = AddAction(app, options, "rotate", "Give a key a new secret");
  rotate->add_option("--overlap", options->overlap, "The old secret works so long")
      ->capture_default_str();
  for (CLI::App* one : {show, revoke, rotate}) {
    one->add_option("id", options->id, "Of the key")->required();
  }
  for (CLI::App* one : {create, list, show, revoke, rotate}) add_remote(one);
}

int RunKey(const Remote& remote, const KeyOptions& options) {
  const bool ends = options.action == "revoke";
  if (ends && !options.yes && !Agrees("key", "revoke " + options.id + " for good")) return kUsage;
  const auto offline = TryOffline(remote, options);
  const Outcome outcome = offline ? *offline : AskServer(remote, options);
  return outcome.exit == kOk ? Print(outcome.body, options.output) : outcome.exit;
}

}  // namespace tidemark::app
