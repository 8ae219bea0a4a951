#include "collect/explain.h"

#include <algorithm>
#include <string>

#include "base/json_writer.h"
#include "base/text.h"
#include "collect/refusals.h"
#include "event/batch.h"

namespace tidemark::collect {
namespace {

Result<bool> IsYes(std::string_view text) {
  const std::string word = LowerCase(text);
  for (const std::string_view yes : {"", "1", "true", "yes", "on"}) {
    if (word == yes) return true;
  }
  for (const std::string_view no : {"0", "false", "no", "off"}) {
    if (word == no) return false;
  }
  return Fail(Code::kInvalidArgument,
              "debug (or X-Tidemark-Debug) must be 1 or 0, and is `" + std::string(text) + "`");
}

void AppendEvent(const event::EventView& event, JsonWriter* json) {
  json->BeginObject();
  for (const event::ColumnInfo& info : event::kColumns) {
    if (!event.Has(info.column)) continue;
    json->Key(info.name);
    if (info.column == event::Column::kTimestamp) {
      json->String(FormatTime(event.timestamp));
    } else if (info.column == event::Column::kValue) {
      json->Double(event.value);
    } else if (info.column == event::Column::kProperties) {
      json->Raw(event.Text(info.column));
    } else {
      json->String(event.Text(info.column));
    }
  }
  json->EndObject();
}

}  // namespace

Result<bool> WantsExplanation(const net::Request& request) {
  if (const auto header = request.Header("X-Tidemark-Debug")) return IsYes(*header);
  if (request.query().find("debug") == std::string_view::npos) return false;
  const auto debug = request.QueryParameter("debug");
  return debug ? IsYes(*debug) : Result<bool>(false);
}

net::Response Explanation(const Explained& explained) {
  net::Response response;
  JsonWriter json(&response.body);
  json.BeginObject().Field("status", "debug").Field("stored", false);
  json.Field("dialect", explained.dialect).Field("project", explained.project);
  json.Field("received", explained.parsed.received).Field("accepted", explained.parsed.accepted);
  if (explained.parsed.quarantined > 0) json.Field("quarantined", explained.parsed.quarantined);
  AppendRefused(&json, explained.parsed);
  AppendKept(&json, explained.parsed);
  AppendWarnings(&json, explained.parsed);
  json.Key("events").BeginArray();
  auto reader = event::BatchReader::Open(explained.batch);
  event::EventView event;
  for (std::uint32_t i = 0; reader && i < kExplainedEventsMax; ++i) {
    if (!reader->Next(&event).value_or(false)) break;
    AppendEvent(event, &json);
  }
  json.EndArray().EndObject();
  return response;
}

}  // namespace tidemark::collect
