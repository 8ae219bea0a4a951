// What became of one request: where its events are, and each one's outcome. A value type.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "event/receipt.h"

namespace tidemark::event {

enum class Outcome : std::uint8_t {
  kAccepted,   // In `events`, at an offset of its own.
  kDuplicate,  // Its id is known within the window: the first one is durable and visible.
  kConflict,   // The same, but the first one had another body.
};

struct BatchAnswer {
  // Of what this request wrote. With `count` 0 no event was written: each was a duplicate, and the
  // receipt ends where the log ended when the firsts were visible; or there was none, and it ends
  // at 0. With `replayed` it is the receipt of the request that brought the request key first.
  Receipt receipt;
  // By place in the batch of events. Empty: every event was accepted.
  std::vector<Outcome> outcomes;
  bool replayed = false;
  // The events as they were encoded, which nobody needs any more: their memory may be given back
  // by the thread that it is from. Maybe empty.
  std::string spent;

  bool AllAccepted() const { return outcomes.empty(); }
  // Of the event at `index` of the batch.
  Outcome At(std::size_t index) const {
    return outcomes.empty() ? Outcome::kAccepted : outcomes[index];
  }
  // How many events of a batch of `events` had this outcome.
  std::uint32_t Count(Outcome outcome, std::uint32_t events) const {
    if (outcomes.empty()) return outcome == Outcome::kAccepted ? events : 0;
    return static_cast<std::uint32_t>(std::count(outcomes.begin(), outcomes.end(), outcome));
  }
};

}  // namespace tidemark::event
