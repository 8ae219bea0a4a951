// The HTTP doors for events: what all dialects (dialect.h) have in common.
// docs/reference/events.md.
//
// A body becomes one request of the sink: its good events, and of the others those that can be kept
// in quarantine; all of it or nothing. 2xx means that it is durable and visible (with
// `?ack=memory`: taken, not yet durable); which events are kept or refused is told by index. 400
// only if nothing was accepted or kept.
//
// The key is looked up before the body is decompressed, but for the clients that put it into the
// body. Handlers run on the reactors' threads and never block. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collect/admission.h"
#include "collect/authenticator.h"
#include "collect/dialect.h"
#include "collect/event_sink.h"
#include "collect/keeper.h"
#include "collect/schema_check.h"
#include "enrich/enrichment.h"
#include "env/clock.h"
#include "env/posix/posix_clock.h"
#include "event/json_events.h"
#include "event/json_tokens.h"
#include "event/kept_event.h"
#include "net/decompress.h"
#include "net/router.h"
#include "telemetry/metrics.h"

namespace tidemark::collect {

inline constexpr std::size_t kWorkbenchesMax = 16;  // Kept with their memory between requests.

struct DoorOptions {
  event::JsonLimits json;
  net::DecompressLimits body;
  std::vector<IpRange> trusted_proxies;  // Whose X-Forwarded-For is believed.
  meta::Schemas* schemas = nullptr;      // That events are held against; null: none.
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
  telemetry::Histogram& read_seconds;  // Stages of it; between them is that of the sink.
  telemetry::Histogram& answer_seconds;
  ReasonMetrics reasons;  // Of `quarantined`.
};

class Doors {
 public:
  // All pointers must outlive it, and it every answer of the sink. `seed`: for ids that are made.
  // `admission` may be nullptr: then only the sink refuses; `enrichment` too: then events stay as
  // they were sent.
  Doors(EventSink* sink, Authenticator* authenticator, Admission* admission,
        enrich::Enrichment* enrichment, const env::Clock* clock, telemetry::Registry* registry,
        DoorOptions options = {}, std::uint64_t seed = env::EntropySeed());
  Doors(const Doors&) = delete;
  Doors& operator=(const Doors&) = delete;
  ~Doors();

  // Adds the paths of every dialect. The router must not outlive the doors.
  void AddTo(net::Router* router);

  // Reads an event of the quarantine again: an event::ReadKeptEvent.
  Result<event::ReadAgain> Read(const event::KeptEvent& kept);

 private:
  struct Outcome;
  // What reading a body needs, kept with its memory between requests.
  struct Workbench;
  // A dialect where it may be spoken.
  struct Door {
    const Dialect* dialect;
    const Claim* claim;
  };
  using ResponderPointer = std::shared_ptr<net::Responder>;
  using WorkbenchPointer = std::unique_ptr<Workbench>;

  void Handle(const std::vector<Door>& doors, net::Request&& request,
              const ResponderPointer& responder);
  // Either who sends, or the answer that refuses. May unwrap the body.
  tl::expected<Identity, net::Response> Identify(const std::vector<Door>& doors,
                                                 net::Request* request, bool* unwrapped);
  static net::Response WrongDialect(const std::vector<Door>& doors, const Identity& identity);
  std::optional<net::Response> Receive(const Door& door, const Identity& identity,
                                       net::Request&& request, const ResponderPointer& responder);
  Result<event::ParsedEvents> Parse(const Door& door, std::string_view project,
                                    const enrich::RequestFacts& facts, const net::Request& request,
                                    bool explain, Keeper* keeper, Workbench* workbench,
                                    event::BatchBuilder* builder);
  static net::Response AcceptedBy(const Outcome& outcome, const event::BatchAnswer* answer);
  std::optional<net::Response> Unwrap(const Dialect& dialect, net::Request* request);
  static Result<std::string> ProjectOf(const net::Request& request, const Identity& identity);
  void Submit(event::Request request, const std::shared_ptr<Outcome>& outcome, bool wait);
  // The sink has answered.
  void Answered(Outcome* outcome);
  void Finish(Outcome* outcome);
  void Acknowledge(Outcome* outcome, net::Response response);
  // What is left of the key's limits, if it has some; `limits` may be nullptr.
  void TellLimits(const std::shared_ptr<meta::KeyLimits>& limits, net::Response* response) const;
  // A ticket for the sink, or the answer that there is no room.
  std::optional<net::Response> Enter(const Identity& identity, std::string_view project,
                                     std::uint64_t bytes, Outcome* outcome);
  // `answer` is null if nothing was taken.
  void Count(const Outcome& outcome, const event::BatchAnswer* answer);
  // What the request says around its events; views into it.
  enrich::RequestFacts FactsOf(const net::Request& request, TimeMicros now,
                               event::JsonIndexer& indexer) const;
  WorkbenchPointer TakeWorkbench();
  void GiveBack(WorkbenchPointer workbench);

  EventSink* const sink_;
  Authenticator* const authenticator_;
  Admission* const admission_;
  enrich::Enrichment* const enrichment_;
  const env::Clock* const clock_;
  const DoorOptions options_;
  const std::vector<std::unique_ptr<Dialect>> dialects_;
  DoorMetrics metrics_;
  SchemaMetrics schema_metrics_;
  std::atomic<std::uint64_t> seed_;
  std::array<std::atomic<Workbench*>, kWorkbenchesMax> workbenches_{};
};

}  // namespace tidemark::collect
