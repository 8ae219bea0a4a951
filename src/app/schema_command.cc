// `tidemark schema ...`: the registry from the command line.

#include <cstdio>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "app/actions.h"
#include "app/commands.h"
#include "app/remote.h"
#include "app/text_table.h"
#include "base/json_reader.h"
#include "base/json_writer.h"

namespace tidemark::app {
namespace {

struct Call {
  std::string method;
  std::string path;
  std::string body = {};
};

std::string Query(const SchemaOptions& options) {
  std::string query;
  const auto add = [&query](const char* name, const std::string& value) {
    if (value.empty()) return;
    query += query.empty() ? "?" : "&";
    query += std::string(name) + "=" + PathSegment(value);
  };
  add("mode", options.mode);
  add("compatibility", options.compatibility);
  add("version", options.version);
  add("promote", options.promote);
  if (options.limit > 0) add("limit", std::to_string(options.limit));
  if (options.document) add("as", "document");
  return query;
}

Result<Call> ToCall(const SchemaOptions& options) {
  const std::string at = "/v1/schemas/" + PathSegment(options.subject);
  const std::string& action = options.action;
  if (action == "list") return Call{"GET", "/v1/schemas"};
  if (action == "backfill") return Call{"POST", "/v1/backfill"};
  if (action == "show" && options.version.empty()) return Call{"GET", at};
  if (action == "show") return Call{"GET", at + "/versions/" + PathSegment(options.version)};
  if (action == "infer") return Call{"POST", at + "/infer" + Query(options)};
  if (action == "delete" && options.version.empty()) return Call{"DELETE", at};
  if (action == "delete") return Call{"DELETE", at + "/versions/" + PathSegment(options.version)};
  if (action == "mode") {
    std::string body;
    JsonWriter json(&body);
    json.BeginObject();
    if (!options.mode.empty()) json.Field("mode", options.mode);
    if (!options.compatibility.empty()) json.Field("compatibility", options.compatibility);
    json.EndObject();
    return Call{"PUT", at, body};
  }
  TM_ASSIGN(std::string body, ReadAll(options.file));
  const char* door = action == "check" ? "/compatibility" : action == "validate" ? "/validate" : "";
  return Call{"POST", at + door + Query(options), std::move(body)};
}

// Whether the answer of a check says that something is wrong.
bool SaysNo(const std::string& body, const char* word) {
  const auto answer = JsonValue::Parse(body);
  const JsonValue* value = answer ? answer->Find(word) : nullptr;
  return value != nullptr && value->Bool() == false;
}

// Subjects for people: what `GET /v1/schemas` says of each.
void PrintSubjects(const JsonValue& answer) {
  const std::vector<std::string> names = {"subject", "version",  "mode",        "event_types",
                                          "checked", "observed", "quarantined", "undecided"};
  constexpr std::size_t kTexts = 4;  // Of the names; the others are counts.
  std::vector<bool> right(names.size(), true);
  right[0] = right[2] = right[3] = false;
  std::vector<std::vector<std::string>> rows;
  const JsonValue* subjects = answer.Find("subjects");
  for (const JsonValue& one : subjects == nullptr ? std::vector<JsonValue>() : subjects->items()) {
    auto& row = rows.emplace_back();
    const JsonValue* counts = one.Find("counts");
    for (std::size_t i = 0; i < names.size(); ++i) {
      const JsonValue* value = i < kTexts          ? one.Find(names[i])
                               : counts == nullptr ? nullptr
                                                   : counts->Find(names[i]);
      std::string text = value == nullptr || value->is_array() ? "" : value->text();
      if (value != nullptr && value->is_array()) {
        for (const JsonValue& type : value->items())
          text += (text.empty() ? "" : ",") + type.text();
      }
      row.push_back(std::move(text));
    }
  }
  PrintTextTable(names, right, rows);
}

void PrintNotes(const std::string& body) {
  const auto answer = JsonValue::Parse(body);
  const JsonValue* notes = answer ? answer->Find("notes") : nullptr;
  if (notes == nullptr) return;
  for (const JsonValue& note : notes->items()) {
    std::fprintf(stderr, "note: %s\n", note.text().c_str());
  }
}

}  // namespace

void AddSchemaOptions(CLI::App* app, SchemaOptions* options,
                      const std::function<void(CLI::App*)>& add_remote) {
  app->require_subcommand(1);
  const auto add = [&](const char* name, const char* what) {
    return AddAction(app, &options->action, name, what, add_remote);
  };
  add("list", "Every subject of the project")
      ->add_option("-o,--output", options->output, "table or json")
      ->check(CLI::IsMember({"table", "json"}));
  add("backfill", "Give the rows that were taken before a promotion its columns");
  CLI::App* registers = add("register", "A new version of a subject");
  CLI::App* shows = add("show", "A subject or one version, and which rules were broken");
  CLI::App* checks = add("check", "Whether a schema could be the next version");
  CLI::App* modes = add("mode", "What happens to events that are not as the schema says");
  CLI::App* infers = add("infer", "Propose a schema from events that have arrived");
  CLI::App* validates = add("validate", "Hold events against a schema without sending them");
  CLI::App* deletes = add("delete", "A version, or all of a subject");
  for (CLI::App* command : {registers, shows, checks, modes, validates, deletes}) {
    command->add_option("subject", options->subject, "As a rule the event type")->required();
  }
  infers->add_option("event_type", options->subject, "Whose events are looked at")->required();
  infers->add_option("--limit", options->limit, "Newest events to look at")
      ->check(CLI::Range(1, 10'000));
  for (CLI::App* command : {registers, checks, validates}) {
    command->add_option("file", options->file, "- is stdin")->required();
  }
  modes->add_option("mode", options->mode, "What happens to events")
      ->check(CLI::IsMember({"off", "observe", "enforce"}));
  registers->add_option("--mode", options->mode, "What happens to events")
      ->check(CLI::IsMember({"off", "observe", "enforce"}));
  registers->add_option("--promote", options->promote,
                        "Properties that become columns: all, or names with commas between them");
  for (CLI::App* command : {registers, checks, modes}) {
    command->add_option("--compatibility", options->compatibility,
                        "NONE, BACKWARD, FORWARD or FULL, also with _TRANSITIVE");
  }
  for (CLI::App* command : {shows, checks, validates}) {
    command->add_option("--version", options->version, "Instead of the newest");
  }
  deletes->add_option("--version", options->version, "Only this one; else all");
  deletes->add_flag("-y,--yes", options->yes, "Do not ask");
  validates->add_flag("--document", options->document, "The file is one JSON value, no events");
}

int RunSchema(const Remote& remote, const SchemaOptions& options) {
  if (options.action == "delete" && !options.yes) {
    const std::string what =
        options.version.empty() ? "every version" : "version " + options.version;
    if (!Agrees("schema", "delete " + what + " of " + options.subject + " for good")) return kUsage;
  }
  const auto call = ToCall(options);
  if (!call) return PrintError("schema", call.error());
  auto client = Connect(remote);
  if (!client) return PrintError("schema", client.error());
  auto headers = HeadersOf(remote);
  headers.emplace_back("Content-Type", "application/json");
  const auto response = client->Send(call->method, call->path, headers, call->body);
  if (!response) return PrintError("schema", response.error());
  if (response->status >= 300) return PrintRefusal("schema", *response);
  const bool table =
      options.action == "list" &&
      (options.output == "table" || (options.output.empty() && ::isatty(STDOUT_FILENO) != 0));
  const auto answer = table ? JsonValue::Parse(response->body) : JsonValue();
  answer&& table ? PrintSubjects(*answer) : (void)std::fputs(response->body.c_str(), stdout);
  PrintNotes(response->body);
  if (options.action == "check" && SaysNo(response->body, "compatible")) return kCheckFailed;
  if (options.action == "validate" && SaysNo(response->body, "valid")) return kCheckFailed;
  return kOk;
}

}  // namespace tidemark::app
