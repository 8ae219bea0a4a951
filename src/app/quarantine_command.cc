// `tidemark event quarantine ...`: the events that were not valid, from the command line.

#include <cstdio>
#include <tuple>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "app/actions.h"
#include "app/commands.h"
#include "app/remote.h"
#include "app/text_table.h"
#include "base/bytes.h"
#include "base/json_reader.h"
#include "event/quarantine.h"

namespace tidemark::app {
namespace {

constexpr const char* kCommand = "event quarantine";

std::string ListQuery(const QuarantineOptions& options) {
  std::string query;
  const auto add = [&query](const char* name, const std::string& value) {
    if (value.empty()) return;
    query += (query.empty() ? "?" : "&") + std::string(name) + "=" + PathSegment(value);
  };
  add("status", options.status);
  add("reason", options.reason);
  add("event_type", options.event_type);
  if (options.limit > 0) add("limit", std::to_string(options.limit));
  return query;
}

void PrintItems(const JsonValue& answer) {
  const JsonValue* items = answer.Find("items");
  if (items == nullptr) return;
  const std::vector<std::string> names = {"quarantine_id", "status", "reason", "event_type",
                                          "message"};
  std::vector<std::vector<std::string>> rows;
  for (const JsonValue& item : items->items()) {
    auto& row = rows.emplace_back();
    for (const std::string& name : names) {
      const JsonValue* value = item.Find(name);
      row.push_back(value == nullptr ? std::string() : value->text());
    }
  }
  PrintTextTable(names, std::vector<bool>(names.size(), false), rows);
}

int List(const Remote& remote, net::HttpClient* client, const QuarantineOptions& options) {
  const auto response =
      client->Send("GET", "/v1/quarantine" + ListQuery(options), HeadersOf(remote), "");
  if (!response) return PrintError(kCommand, response.error());
  if (response->status >= 300) return PrintRefusal(kCommand, *response);
  const auto answer = JsonValue::Parse(response->body);
  const bool table =
      options.output == "table" || (options.output.empty() && ::isatty(STDOUT_FILENO) == 1);
  if (table && answer) {
    PrintItems(*answer);
  } else {
    std::fputs(response->body.c_str(), stdout);
  }
  return kOk;
}

// The names of all pending items that the filters choose, the oldest first.
Result<std::vector<std::string>> FindAll(const Remote& remote, net::HttpClient* client,
                                         QuarantineOptions options) {
  constexpr std::uint64_t kPage = 1'000;
  std::vector<std::string> ids;
  options.status = "pending";
  options.limit = kPage;
  for (std::string before;;) {
    const std::string path = "/v1/quarantine" + ListQuery(options) + before;
    TM_ASSIGN(const auto response, client->Send("GET", path, HeadersOf(remote), ""));
    TM_ASSIGN(const JsonValue answer, JsonValue::Parse(response.body));
    const JsonValue* items = answer.Find("items");
    if (items == nullptr) {
      return Fail(Code::kUnavailable, answer.StringAt("message").value_or(response.body));
    }
    for (const JsonValue& item : items->items()) {
      TM_ASSIGN(ids.emplace_back(), item.StringAt("quarantine_id"));
    }
    if (items->items().size() < kPage) break;
    TM_ASSIGN(const std::int64_t offset, items->items().back().IntAt("log_offset"));
    before = "&before=" + std::to_string(offset);
  }
  return std::vector<std::string>(ids.rbegin(), ids.rend());
}

// The bytes of the event, as they were sent: to be put right in a file.
int PrintRaw(const std::string& body) {
  const auto item = JsonValue::Parse(body);
  const auto raw = item ? item->StringAt("raw") : Result<std::string>(tl::unexpected(item.error()));
  if (!raw) return PrintError(kCommand, raw.error());
  std::string bytes = *raw;
  if (item->StringAt("raw_encoding").value_or("") == event::kBase64Raw) {
    bytes = FromBase64(bytes).value_or("");
  }
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  return kOk;
}

int One(const Remote& remote, net::HttpClient* client, const QuarantineOptions& options,
        const std::string& id, const std::string& body) {
  const std::string at = "/v1/quarantine/" + PathSegment(id);
  const bool shows = options.action == "show";
  const auto response =
      shows ? client->Send("GET", at, HeadersOf(remote), "")
            : client->Send("POST", at + "/" + options.action, HeadersOf(remote), body);
  if (!response) return PrintError(kCommand, response.error());
  if (response->status >= 300) {
    const int exit =
        PrintRefusal(std::string(kCommand) + " " + options.action + " " + id, *response);
    return options.action == "replay" && response->status == 400 ? kCheckFailed : exit;
  }
  if (shows && options.output == "raw") return PrintRaw(response->body);
  std::fputs(response->body.c_str(), stdout);
  return kOk;
}

}  // namespace

void AddQuarantineOptions(CLI::App* app, QuarantineOptions* options,
                          const std::function<void(CLI::App*)>& add_remote) {
  app->require_subcommand(1);
  const auto add = [&](const char* name, const char* what) {
    return AddAction(app, &options->action, name, what, add_remote);
  };
  CLI::App* lists = add("list", "The newest items, pending ones unless it is said otherwise");
  lists->add_option("--status", options->status, "pending, replayed, dropped or all")
      ->check(CLI::IsMember({"pending", "replayed", "dropped", "all"}));
  lists->add_option("--reason", options->reason, "Only those: missing_field, schema, ...");
  lists->add_option("--event-type", options->event_type, "Only those of the type");
  lists->add_option("--limit", options->limit, "At most so many")->check(CLI::Range(1, 1'000));
  lists->add_option("-o,--output", options->output, "table or json")
      ->check(CLI::IsMember({"table", "json"}));
  CLI::App* shows = add("show", "An item with the event as it was sent");
  shows->add_option("id", options->ids, "Its quarantine_id")->required()->expected(1);
  shows->add_option("-o,--output", options->output, "json, or raw: only the event's bytes")
      ->check(CLI::IsMember({"json", "raw"}));
  CLI::App* replays = add("replay", "Take the event, as it was sent or put right; once");
  CLI::App* drops = add("drop", "The event is not wanted; it stays in the table");
  for (CLI::App* command : {replays, drops}) {
    CLI::Option* ids = command->add_option("ids", options->ids, "The items' quarantine_ids");
    CLI::Option* all = command->add_flag("--all", options->all, "Every pending item instead");
    all->excludes(ids);
    for (const auto& [flag, to, what] :
         {std::tuple{"--reason", &options->reason, "With --all: only those"},
          std::tuple{"--event-type", &options->event_type, "With --all: only those of the type"}}) {
      command->add_option(flag, *to, what)->needs(all);
    }
  }
  replays->add_option("--event", options->file,
                      "The event put right, in a file; - is stdin. With one id only");
}

int RunQuarantine(const Remote& remote, const QuarantineOptions& options) {
  std::string body;
  if (!options.file.empty()) {
    if (options.ids.size() != 1) {
      return PrintError(kCommand, {Code::kInvalidArgument, "--event goes with one id"});
    }
    auto read = ReadAll(options.file);
    if (!read) return PrintError(kCommand, read.error());
    body = *std::move(read);
  }
  auto client = Connect(remote);
  if (!client) return PrintError(kCommand, client.error());
  if (options.action == "list") return List(remote, &*client, options);
  if (options.ids.empty() && !options.all) {
    return PrintError(kCommand, {Code::kInvalidArgument, "name the items, or say --all"});
  }
  auto ids = options.all ? FindAll(remote, &*client, options)
                         : Result<std::vector<std::string>>(options.ids);
  if (!ids) return PrintError(kCommand, ids.error());
  int exit = kOk;
  for (const std::string& id : *ids) {
    const int one = One(remote, &*client, options, id, body);
    if (exit == kOk) exit = one;
  }
  return exit;
}

}  // namespace tidemark::app
