// How refused events are told. Pure; any thread.
#pragma once

#include <string_view>

#include "base/json_writer.h"
#include "event/json_events.h"
#include "net/http.h"

namespace tidemark::collect {

// What a native event looks like; the hint of most refusals.
inline constexpr std::string_view kEventHint =
    R"(send an event as {"event_type":"page_view","user_id":"u1","properties":{}}, a list )"
    R"(of them, {"events":[...]} or one a line)";

// The member `"refused":[{"index","error","message"}]` of the object that `json` is in.
void AppendRefused(JsonWriter* json, const event::ParsedEvents& parsed);
// The member `"quarantine":[{"index","error","message","quarantineId"}]` of the object that `json`
// is in, if any event was kept.
void AppendKept(JsonWriter* json, const event::ParsedEvents& parsed);
// The members `"warned"` and `"warnings":[{"index","warning","rule","message"}]`, if a check was
// asked to tell what it only observes and had something to tell.
void AppendWarnings(JsonWriter* json, const event::ParsedEvents& parsed);
// Adds the members of the JSON object `object`, at least one, to those of an error's body.
void AddMembers(std::string_view object, net::Response* error);
// 413 if every event is too large, 403 if all are another project's, else 400. `usual`: the hint
// where nothing better is known.
net::Response NothingAccepted(const event::ParsedEvents& parsed, std::string_view usual);

}  // namespace tidemark::collect
