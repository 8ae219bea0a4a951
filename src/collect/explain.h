// What would become of a request, told without storing anything: `?debug=1` or X-Tidemark-Debug.
// Pure; any thread.
#pragma once

#include <string_view>

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

bool WantsExplanation(const net::Request& request);
// 200 with the counts, the refusals and the first events by column, as they would be stored.
net::Response Explanation(const Explained& explained);

}  // namespace tidemark::collect
