#include "collect/refusals.h"

#include <algorithm>
#include <string>

namespace tidemark::collect {

namespace {

void AppendList(const std::vector<event::RefusedEvent>& list, JsonWriter* json) {
  json->BeginArray();
  for (const event::RefusedEvent& one : list) {
    json->BeginObject().Field("index", one.index).Field("error", one.code);
    if (!one.rule.empty()) json->Field("rule", one.rule);
    json->Field("message", one.message);
    if (!one.quarantine_id.empty()) json->Field("quarantineId", one.quarantine_id);
    json->EndObject();
  }
  json->EndArray();
}

}  // namespace

void AppendRefused(JsonWriter* json, const event::ParsedEvents& parsed) {
  json->Key("refused");
  AppendList(parsed.listed, json);
}

void AppendKept(JsonWriter* json, const event::ParsedEvents& parsed) {
  if (parsed.quarantined == 0) return;
  json->Key("quarantine");
  AppendList(parsed.kept, json);
}

void AppendWarnings(JsonWriter* json, const event::ParsedEvents& parsed) {
  if (parsed.warned == 0 || parsed.warnings.front().message.empty()) return;
  json->Field("warned", parsed.warned).Key("warnings").BeginArray();
  for (const event::RefusedEvent& warning : parsed.warnings) {
    json->BeginObject().Field("index", warning.index).Field("warning", warning.code);
    json->Field("rule", warning.rule).Field("message", warning.message).EndObject();
  }
  json->EndArray();
}

void AddMembers(std::string_view object, net::Response* error) {
  error->body.back() = ',';
  error->body.append(object.substr(1));
}

net::Response NothingAccepted(const event::ParsedEvents& parsed, std::string_view usual) {
  if (parsed.received == 0) return net::ErrorResponse(400, "there is no event in it", usual);
  const auto all_are = [&parsed](std::string_view code) {
    return std::all_of(parsed.listed.begin(), parsed.listed.end(),
                       [code](const event::RefusedEvent& one) { return one.code == code; });
  };
  const int status = all_are("event_too_large") ? 413 : all_are("wrong_project") ? 403 : 400;
  const std::string_view hint = status == 413   ? "send smaller events"
                                : status == 403 ? "send it with the key of its own project"
                                : all_are("schema")
                                    ? "send it as its schema says: GET /v1/schemas/{subject}"
                                    : usual;
  net::Response response = net::ErrorResponse(status, parsed.listed.front().message, hint);
  if (!parsed.single) {
    std::string counts;
    JsonWriter json(&counts);
    json.BeginObject().Field("received", parsed.received).Field("accepted", 0U);
    AppendRefused(&json, parsed);
    json.EndObject();
    AddMembers(counts, &response);
  }
  return response;
}

}  // namespace tidemark::collect
