// The HTTP doors for events: /v1/events, /events, /ingest and /ingest/batch.
// docs/reference/events.md.
//
// A body becomes one batch, and the batch one record of the log: all of its good events or none.
// 202 means that they are durable and visible (with `?ack=memory`: taken, not yet durable); bad
// events are told by index beside it. 400 only if nothing was accepted.
//
// Handlers run on the reactors' threads and never block. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "collect/authenticator.h"
#include "collect/event_sink.h"
#include "env/clock.h"
#include "env/posix/posix_clock.h"
#include "event/json_events.h"
#include "net/decompress.h"
#include "net/router.h"
#include "telemetry/metrics.h"

namespace tidemark::collect {

inline constexpr std::size_t kParsersMax = 16;  // Kept with their memory between requests.

struct DoorOptions {
  event::JsonLimits json;
  net::DecompressLimits body;
};

// received = accepted + duplicate + quarantined + refused, at all times.
struct DoorMetrics {
  explicit DoorMetrics(telemetry::Registry* registry);

  telemetry::Counter& received;
  telemetry::Counter& accepted;
  telemetry::Counter& duplicate;
  telemetry::Counter& quarantined;
  telemetry::Counter& refused;
  telemetry::Counter& unreadable_bodies;  // Nobody knows how many events they had.
  telemetry::Histogram& ack_seconds;
};

class Doors {
 public:
  // All pointers must outlive it, and it every answer of the sink. `seed`: for ids that are made.
  Doors(EventSink* sink, Authenticator* authenticator, const env::Clock* clock,
        telemetry::Registry* registry, DoorOptions options = {},
        std::uint64_t seed = env::EntropySeed());
  Doors(const Doors&) = delete;
  Doors& operator=(const Doors&) = delete;
  ~Doors();

  // Adds the paths. The router must not outlive the doors.
  void AddTo(net::Router* router);

 private:
  struct Outcome;
  using ResponderPointer = std::shared_ptr<net::Responder>;
  using ParserPointer = std::unique_ptr<event::JsonEventParser>;

  void Handle(event::JsonRules rules, net::Request request, const ResponderPointer& responder);
  std::optional<net::Response> ReadBody(net::Request* request) const;
  static Result<std::string> ProjectOf(const net::Request& request, const Identity& identity);
  void Submit(std::string project, std::string batch, std::shared_ptr<Outcome> outcome, bool wait);
  void Finish(const Outcome& outcome, const Result<event::Receipt>& receipt);
  void Count(const Outcome& outcome, bool taken);
  ParserPointer TakeParser();
  void GiveBack(ParserPointer parser);

  EventSink* const sink_;
  Authenticator* const authenticator_;
  const env::Clock* const clock_;
  const DoorOptions options_;
  DoorMetrics metrics_;
  std::atomic<std::uint64_t> seed_;
  std::array<std::atomic<event::JsonEventParser*>, kParsersMax> parsers_{};
};

// The key of a request: X-API-Key, or Authorization as `Bearer key` or `Basic base64(key:)`.
std::string KeyOf(const net::Request& request);
// The request comes from a program on this machine: not through a proxy, and not from a web page of
// elsewhere that a browser here shows.
bool IsTrustedPeer(const net::Request& request);

}  // namespace tidemark::collect
