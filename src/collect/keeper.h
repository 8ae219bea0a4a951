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

// A text of an envelope that is longer says no time.
inline constexpr std::size_t kEnvelopeTextBytesMax = 256;
// Of one request, all together. Only a body that is made to be a bomb has more: its further events
// are kept without what was said of all.
inline constexpr std::size_t kEnvelopesBytesMax = 16U << 20;

class Keeper final : public event::InvalidEvents {
 public:
  struct Request {
    std::string_view project;
    TimeMicros received_at;
    const Dialect& dialect;
    const Claim& claim;
    // As it was sent: out of compression and form, with kJsonPadding bytes behind it. Empty: it
    // came otherwise than in a body. Must outlive the keeper.
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
  // Reads the body as it was sent, for its events' texts and its envelope.
  void Look();
  // The event as a body of its own, with what the envelope of its body said of it: read again, it
  // means the same. `raw` itself where there is no such thing.
  std::string_view InEnvelope(std::string_view raw);

  const Request request_;
  const std::function<std::uint64_t()> dice_;
  std::optional<event::BatchBuilder> builder_;
  std::vector<std::pair<std::string_view, std::uint32_t>> reasons_;
  bool looked_ = false;
  std::vector<std::string_view> originals_;  // Of all events of a body that was rewritten.
  bool is_list_ = false;                     // The body is one of events, not one event.
  std::size_t enveloped_bytes_ = 0;
  std::string envelope_;  // Its members, each with a comma behind it.
  std::string wrapped_;
};

// "POST /v1/events": what an item says of where it came in.
std::string DoorName(const Claim& claim);

}  // namespace tidemark::collect
