// What would become of a request, told without storing anything: `?debug=1` or X-Tidemark-Debug.
// Pure; any thread.
#pragma once

#include <string_view>

#include "base/result.h"
#include "event/json_events.h"
#include "net/http.h"

namespace tidemark::collect {

inline constexpr std::uint32_t kExplainedEventsMax = 100;

struct Explained {
  std::string_view dialect;
  std::string_view project;
  const event::ParsedEvents& parsed;
  std::string_view batch;  // Encoded.
};

// kInvalidArgument: it says neither yes (1, true, yes, on or nothing at all) nor no (0, false, no,
// off), in any case: whoever is taken for the other one loses events, or has them stored.
Result<bool> WantsExplanation(const net::Request& request);
// 200 with the counts, the refusals and the first events by column, as they would be stored.
net::Response Explanation(const Explained& explained);

}  // namespace tidemark::collect
