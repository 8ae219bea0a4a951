// JSON bodies to events: one object, an array, {"events":[...]}, one object a line (NDJSON), and
// structured CloudEvents (told by `specversion`), into a batch. docs/reference/events.md.
//
// - Names: snake_case and camelCase of every column of the events table; fields that are no column
//   go into `properties` with their types.
// - `properties` is compact JSON text that alone gives the event's properties back: numbers keep
//   the digits that were sent, of repeated keys the last counts, escapes are written one way.
// - `timestamp`: ISO 8601 text or a number of s, ms, us or ns since 1970. One that cannot be read
//   refuses the event: it never becomes the time of arrival. A missing one is the time of arrival.
// - `event_id` is made (UUIDv7) when missing.
// - One bad event does not harm the others: it is kept (invalid_events.h) or, if it is no event at
//   all, refused. JSON that cannot be read at all refuses the body (of NDJSON only that line).
//
// A parser keeps its memory from body to body. One thread at a time. Depends on nothing but its
// arguments, so that a body always gives the same batch.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "event/batch.h"
#include "event/event_check.h"
#include "event/event_enricher.h"
#include "event/invalid_events.h"

namespace tidemark::event {

struct JsonLimits {
  std::uint32_t event_bytes_max = kEventBytesMax;  // Of one event's JSON text.
  std::uint32_t depth_max = 64;                    // Objects and arrays inside one another.
  std::uint32_t events_max = 200'000;              // In one body.
  std::uint32_t refused_listed_max = 1'000;  // Refused and kept events told one by one, each; all
                                             // are counted.
  std::uint32_t warnings_listed_max = 100;   // Warnings told one by one; all are counted.
};

enum class JsonRules : std::uint8_t {
  kOpen,    // Only event_type is required.
  kStrict,  // `timestamp` (a number: epoch ms), `event_type`, `user_id`, `value` (a number) are.
  kCloudEvent,  // `specversion` "1.0" and the texts `id`, `source` and `type` are.
};

struct RefusedEvent {
  std::uint32_t index = 0;  // In the body, from 0.
  std::string_view code;    // A fixed word: "missing_field", "wrong_type", "event_too_large", ...
  std::string message;      // For people; names the field.
  std::string rule;         // Of a check (event_check.h); else empty.
  std::string quarantine_id = {};  // Of one that was kept.
};

// Whether an event with this fault is kept where there is a place for it. What is too large, of
// another project or no object is no event that could be put right.
bool CanBeKept(std::string_view code);

struct ParsedEvents {
  bool single = false;  // The body was one object, not a list of them.
  std::uint32_t received = 0;
  std::uint32_t accepted = 0;  // Those in the batch. received = accepted + quarantined + refused.
  std::uint32_t quarantined = 0;
  std::uint32_t refused = 0;
  std::vector<RefusedEvent> listed;    // The first refusals, by index.
  std::vector<RefusedEvent> kept;      // The first that were kept, by index.
  std::uint32_t warned = 0;            // Of the accepted: those that a check has found fault with.
  std::vector<RefusedEvent> warnings;  // The first of them, by index.
  std::string first_event_id;          // Of the first accepted event; empty if there is none.
};

class JsonEventParser {
 public:
  // `dice` gives random numbers for ids that are made.
  JsonEventParser(JsonLimits limits, std::function<std::uint64_t()> dice);
  JsonEventParser(const JsonEventParser&) = delete;
  JsonEventParser& operator=(const JsonEventParser&) = delete;
  ~JsonEventParser();

  struct Context {
    std::string_view project;  // An event that names another one is refused.
    TimeMicros received_at;    // Fills a missing timestamp.
    JsonRules rules = JsonRules::kOpen;
    EventCheck* check = nullptr;        // Sees every event that could be read; may refuse it.
    EventEnricher* enricher = nullptr;  // Completes every event that is accepted.
    InvalidEvents* invalid = nullptr;   // Keeps what is not valid; without it all is refused.
  };
  // Adds the good events of `body` to `batch`. The body is read beyond its end, up to its capacity,
  // and copied if that leaves fewer than 64 bytes. kInvalidArgument: nothing in it can be read (the
  // message says why and where); what `batch` holds is then without meaning.
  Result<ParsedEvents> Parse(const std::string& body, const Context& context, BatchBuilder* batch);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The project that the first event of `body` names in `project_id`, or nothing: for a server that
// serves any project without a key. Bodies that cannot be read name none.
std::string FindProject(const std::string& body);

}  // namespace tidemark::event
