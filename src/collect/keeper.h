// Turns the invalid events of a request into items of the quarantine: each as its client sent it,
// in the client's own dialect, with what is wrong with it. The `event::InvalidEvents` of the doors.
//
// One thread; one request.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collect/dialect.h"
#include "event/batch.h"
#include "event/invalid_events.h"
#include "telemetry/metrics.h"

namespace tidemark::collect {

// Items of the quarantine by why they are there. One counter for each fault that CanBeKept.
class ReasonMetrics {
 public:
  explicit ReasonMetrics(telemetry::Registry* registry);
  void Add(std::string_view reason, std::uint64_t count);

 private:
  std::vector<std::pair<std::string_view, telemetry::Counter*>> counters_;
};

class Keeper final : public event::InvalidEvents {
 public:
  struct Request {
    std::string_view project;
    TimeMicros received_at;
    const Dialect& dialect;
    const Claim& claim;
    // As it was sent, if the dialect has rewritten it: out of compression and form, with
    // kJsonPadding bytes behind it. Must outlive the keeper.
    std::string_view original = {};
    const event::RequestKey* key = nullptr;  // The same.
    bool stores = true;                      // Else events are only counted, and get no name.
  };
  // `dice` gives random numbers for the items' names.
  Keeper(Request request, std::function<std::uint64_t()> dice);

  std::string Keep(const event::InvalidEvent& event) override;

  std::uint32_t count() const { return builder_ ? builder_->count() : 0; }
  // How many of them have a reason; in the order of their first.
  const std::vector<std::pair<std::string_view, std::uint32_t>>& reasons() const {
    return reasons_;
  }
  // The encoded batch of items; empty if there is none. The keeper is used up.
  std::string Finish() &&;

 private:
  // The text of an event in the body as it was sent; nothing if it is not there.
  std::optional<std::string_view> Original(std::uint32_t index);

  const Request request_;
  const std::function<std::uint64_t()> dice_;
  std::optional<event::BatchBuilder> builder_;
  std::vector<std::pair<std::string_view, std::uint32_t>> reasons_;
  bool looked_ = false;
  std::vector<std::string_view> originals_;  // Of all events of the body; once one is asked for.
};

// "POST /v1/events": what an item says of where it came in.
std::string DoorName(const Claim& claim);

}  // namespace tidemark::collect
