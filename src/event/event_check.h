// A look at every event that could be read, before it is encoded: what a schema says of it. The
// parser calls it; collect/ plugs the implementation in.
#pragma once

#include <string>
#include <string_view>

#include "event/batch.h"

namespace tidemark::event {

// What is wrong with an event. An empty `code` says: nothing.
struct CheckFinding {
  std::string_view code;  // A fixed word: "schema".
  std::string rule;       // Which rule: "purchase/3: /amount: minimum". Names no value.
  std::string message;    // For people.
  bool refuse = false;    // Else the event is taken, and this is a warning.
};

class EventCheck {
 public:
  EventCheck() = default;
  EventCheck(const EventCheck&) = delete;
  EventCheck& operator=(const EventCheck&) = delete;
  virtual ~EventCheck() = default;

  // From memory and never blocks. One thread; the event's views are good for the call. `event` is
  // what would be encoded: columns by their names, whatever the client called them, and
  // `properties` as compact JSON.
  virtual CheckFinding Check(const EventView& event) = 0;
};

}  // namespace tidemark::event
