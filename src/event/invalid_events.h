// Where the parser puts events that are not valid but can be kept as they were sent: the
// quarantine. Plugged in by collect/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "event/batch.h"

namespace tidemark::event {

// All views are good for the call.
struct InvalidEvent {
  std::uint32_t index = 0;   // In the body, from 0.
  std::string_view code;     // Why: a fixed word, CanBeKept.
  std::string_view message;  // For people.
  std::string_view rule;     // Of a check; else empty.
  std::string_view raw;      // Its text in the body that was parsed.
  // What of it could be read: texts of the ids and the type, and the time, which is that of the
  // arrival if it has none that can be read.
  const EventView& read;
};

class InvalidEvents {
 public:
  InvalidEvents() = default;
  InvalidEvents(const InvalidEvents&) = delete;
  InvalidEvents& operator=(const InvalidEvents&) = delete;
  virtual ~InvalidEvents() = default;

  // The name that it can be found by from now on. On the thread of the parser; never blocks.
  virtual std::string Keep(const InvalidEvent& event) = 0;
};

}  // namespace tidemark::event
