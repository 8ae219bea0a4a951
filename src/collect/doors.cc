#include "collect/doors.h"

#include <algorithm>
#include <map>
#include <utility>

#include "collect/body.h"
#include "collect/caller.h"
#include "collect/dialects/all.h"
#include "collect/explain.h"
#include "collect/peer.h"
#include "collect/refusals.h"
#include "collect/request_key.h"
#include "collect/sent_at.h"
#include "env/random.h"
#include "event/batch.h"
#include "meta/projects.h"
#include "net/query_names.h"

namespace tidemark::collect {
namespace {

constexpr std::string_view kDefaultProject = "default";
constexpr std::string_view kStages =
    "Stages of an acknowledgement at the door: read, from the whole request to its batch for the "
    "log; answer, from the durable and visible group to the answer.";
constexpr std::string_view kReceiptHeader = "X-Tidemark-Receipt";
constexpr std::string_view kConflictHint =
    "send the same body under its Idempotency-Key, other events under a new one; a producer that "
    "was replaced takes a newer epoch";
constexpr std::string_view kRequestKeyHint =
    "send a retry with the same Idempotency-Key (or X-Tidemark-Producer, -Epoch and -Sequence) as "
    "the request that it repeats";
constexpr std::string_view kProjectHint =
    "use a key of that project that may send events, or name the key's own project or none";

// What the query says that cannot be meant so, where the dialect knows what it may say.
std::optional<net::Response> RefuseQuery(const Dialect& dialect, const net::Request& request) {
  const auto known = dialect.Parameters();
  if (request.query().empty() || known.empty()) return std::nullopt;
  const std::string ack = request.QueryParameter("ack").value_or("durable");
  if (ack != "memory" && ack != "durable") {
    return net::ErrorResponse(400, "ack must be memory or durable, and is `" + ack + "`",
                              "leave it out: what is answered is durable then");
  }
  return net::RefuseUnknownParameters(request, known, net::Strangers::kPassed);
}

}  // namespace

// One request, until its answer is sent.
struct Doors::Outcome final : net::Continuation, std::enable_shared_from_this<Doors::Outcome> {
  explicit Outcome(Doors* all) : doors(all) {}
  void Run() override { doors->Answered(this); }

  Doors* const doors;
  Door door{};
  event::ParsedEvents parsed;
  std::vector<std::pair<std::string_view, std::uint32_t>> reasons;  // Of those that are kept.
  ResponderPointer responder;
  Duration since{};
  std::atomic<bool> answered{false};
  std::shared_ptr<meta::KeyLimits> limits;    // Of the key; may be nullptr.
  std::unique_ptr<Admission::Ticket> ticket;  // The same. While it is under way to the log.
  Duration delay{};                           // Of the answer.
  Duration stored{};                          // When the sink answered.
  Result<event::BatchAnswer> answer;          // Of the sink, once it has come.
};

struct Doors::Workbench {
  Workbench(const DoorOptions& options, std::uint64_t seed, std::unique_ptr<enrich::Chain> all,
            SchemaMetrics* metrics)
      : dice(seed), parser(options.json, [this] { return dice.Next(); }), chain(std::move(all)) {
    if (options.schemas != nullptr) schema_check.emplace(options.schemas, metrics);
  }

  env::Random dice;
  event::JsonIndexer indexer;
  event::JsonEventParser parser;
  std::unique_ptr<enrich::Chain> chain;  // nullptr: events stay as they were sent.
  std::optional<SchemaCheck> schema_check;
};

DoorMetrics::DoorMetrics(telemetry::Registry* registry)
    : received(registry->AddCounter("tidemark_collect_received_events_total",
                                    "Events in bodies that could be read.")),
      accepted(registry->AddCounter("tidemark_collect_events_total{outcome=\"accepted\"}",
                                    "Events by what became of them.")),
      duplicate(registry->AddCounter("tidemark_collect_events_total{outcome=\"duplicate\"}",
                                     "Events by what became of them.")),
      quarantined(registry->AddCounter("tidemark_collect_events_total{outcome=\"quarantined\"}",
                                       "Events by what became of them.")),
      refused(registry->AddCounter("tidemark_collect_events_total{outcome=\"refused\"}",
                                   "Events by what became of them.")),
      unreadable_bodies(registry->AddCounter("tidemark_collect_unreadable_bodies_total",
                                             "Bodies of which no event could be read.")),
      ack_seconds(registry->AddHistogram("tidemark_collect_ack_seconds",
                                         "From the whole request to its acknowledgement.")),
      read_seconds(
          registry->AddHistogram("tidemark_collect_stage_seconds{stage=\"read\"}", kStages)),
      answer_seconds(
          registry->AddHistogram("tidemark_collect_stage_seconds{stage=\"answer\"}", kStages)),
      reasons(registry) {}

Doors::Doors(EventSink* sink, Authenticator* authenticator, Admission* admission,
             enrich::Enrichment* enrichment, const env::Clock* clock, telemetry::Registry* registry,
             DoorOptions options, std::uint64_t seed)
    : sink_(sink),
      authenticator_(authenticator),
      admission_(admission),
      enrichment_(enrichment),
      clock_(clock),
      options_(std::move(options)),
      dialects_(MakeDialects()),
      metrics_(registry),
      schema_metrics_(registry),
      seed_(seed) {}

Doors::~Doors() {
  for (auto& slot : workbenches_) WorkbenchPointer(slot.exchange(nullptr)).reset();
}

void Doors::AddTo(net::Router* router) {
  std::map<std::pair<std::string_view, net::Method>, std::vector<Door>> by_path;
  for (const auto& dialect : dialects_) {
    for (const Claim& claim : dialect->claims()) {
      by_path[{claim.path, claim.method}].push_back({dialect.get(), &claim});
    }
  }
  for (auto& [where, doors] : by_path) {
    const auto list = std::make_shared<const std::vector<Door>>(std::move(doors));
    router->Add(where.second, where.first,
                [this, list](net::Request request, const ResponderPointer& responder) {
                  Handle(*list, std::move(request), responder);
                });
  }
}

Doors::WorkbenchPointer Doors::TakeWorkbench() {
  for (auto& slot : workbenches_) {
    if (auto* workbench = slot.exchange(nullptr, std::memory_order_acquire)) {
      return WorkbenchPointer(workbench);
    }
  }
  return std::make_unique<Workbench>(options_, seed_.fetch_add(1),
                                     enrichment_ != nullptr ? enrichment_->MakeChain() : nullptr,
                                     &schema_metrics_);
}

enrich::RequestFacts Doors::FactsOf(const net::Request& request, TimeMicros now,
                                    event::JsonIndexer& indexer) const {
  enrich::RequestFacts facts{.received_at = now};
  if (enrichment_ == nullptr) return facts;
  const enrich::EnrichOptions& options = enrichment_->options();
  if (options.clock_skew) facts.sent_at = FindSentAt(request.body, &indexer);
  facts.from_page = request.Header("Origin") || request.Header("Sec-Fetch-Site");
  if (!facts.from_page) return facts;
  facts.user_agent = request.Header("User-Agent").value_or("");
  facts.address = ClientAddress(request, options_.trusted_proxies);
  if (!options.country_header.empty() && IsIn(request.peer, options_.trusted_proxies)) {
    facts.country = request.Header(options.country_header).value_or("");
  }
  return facts;
}

void Doors::GiveBack(WorkbenchPointer workbench) {
  workbench->indexer.Trim();
  for (auto& slot : workbenches_) {
    Workbench* free = nullptr;
    if (slot.compare_exchange_strong(free, workbench.get(), std::memory_order_release)) {
      static_cast<void>(workbench.release());
      return;
    }
  }
}

// The body is native: its first event may name the project.
Result<std::string> Doors::ProjectOf(const net::Request& request, const Identity& identity) {
  if (!identity.May(Scope::kWrite)) {
    return Fail(Code::kPermissionDenied, "the API key may not send events");
  }
  TM_ASSIGN(std::string named, ProjectNamedBy(request));
  if (!identity.any_project) {
    if (named.empty() || named == identity.project) return identity.project;
    return Fail(Code::kPermissionDenied, "the API key belongs to another project");
  }
  if (named.empty()) named = event::FindProject(request.body);
  if (named.empty()) named = identity.project.empty() ? kDefaultProject : identity.project;
  if (!meta::IsProjectName(named)) {
    return Fail(Code::kInvalidArgument,
                "a project is named by a-z, 0-9, - and _ only, and at most 64 of them");
  }
  return named;
}

std::optional<net::Response> Doors::Unwrap(const Dialect& dialect, net::Request* request) {
  auto refusal = UnwrapBody(options_.body, dialect.IsOpaque(*request), request);
  if (refusal) metrics_.unreadable_bodies.Add();
  return refusal;
}

tl::expected<Identity, net::Response> Doors::Identify(const std::vector<Door>& doors,
                                                      net::Request* request, bool* unwrapped) {
  std::string key = KeyOf(*request);
  for (auto door = doors.begin(); key.empty() && door != doors.end(); ++door) {
    if (!door->dialect->HasKeyInBody()) continue;
    if (!*unwrapped) {
      if (auto refusal = Unwrap(*door->dialect, request)) {
        return tl::unexpected(*std::move(refusal));
      }
      *unwrapped = true;
    }
    WorkbenchPointer workbench = TakeWorkbench();
    key = door->dialect->KeyIn(*request, workbench->indexer);
    GiveBack(std::move(workbench));
  }
  auto identity = authenticator_->Identify(CallerOf(*request, key, options_.trusted_proxies));
  if (!identity) return tl::unexpected(RefusalResponse(identity.error()));
  if (!identity->limits) return *std::move(identity);
  const meta::LimitState state = identity->limits->Admit(clock_->Now());
  if (state.retry_after == Duration::zero()) return *std::move(identity);
  if (admission_ != nullptr) admission_->metrics().limited.Add();
  return tl::unexpected(LimitedResponse(state));
}

net::Response Doors::WrongDialect(const std::vector<Door>& doors, const Identity& identity) {
  std::string spoken;
  for (const Door& door : doors) {
    spoken.append(spoken.empty() ? "" : " or ").append(door.dialect->name());
  }
  if (identity.dialect.empty()) {
    return net::ErrorResponse(403, "several kinds of clients send to this path",
                              "use a key that is pinned to the dialect " + spoken);
  }
  return net::ErrorResponse(403,
                            "the key is pinned to the dialect `" + identity.dialect +
                                "`, and this path is one of " + spoken,
                            "use a key without a dialect, or one of " + spoken);
}

void Doors::Handle(const std::vector<Door>& doors, net::Request&& request,
                   const ResponderPointer& responder) {
  const Door& first = doors.front();
  if (first.claim->is_reply) return responder->Send(first.dialect->Reply(*first.claim, request));
  const std::uint64_t sent_bytes = request.body.size();
  bool unwrapped = false;
  const auto identity = Identify(doors, &request, &unwrapped);
  const auto refuse = [&](const Door& door, net::Response error) {
    if (identity) TellLimits(identity->limits, &error);
    responder->Send(door.dialect->Refused(*door.claim, std::move(error)));
  };
  if (!identity) return refuse(first, identity.error());
  if (identity->limits) identity->limits->Charge(0, sent_bytes, clock_->Now());
  const auto door = std::find_if(doors.begin(), doors.end(), [&identity](const Door& one) {
    return identity->dialect.empty() ? !one.claim->only_pinned
                                     : one.dialect->name() == identity->dialect;
  });
  if (door == doors.end()) return refuse(first, WrongDialect(doors, *identity));
  if (!unwrapped) {
    if (auto refusal = Unwrap(*door->dialect, &request)) return refuse(*door, *std::move(refusal));
  }
  if (auto refusal = Receive(*door, *identity, std::move(request), responder)) {
    refuse(*door, *std::move(refusal));
  }
}

// The refusal, if nothing goes to the sink.
std::optional<net::Response> Doors::Receive(const Door& door, const Identity& identity,
                                            net::Request&& request,
                                            const ResponderPointer& responder) {
  const Duration since = clock_->Now();
  const TimeMicros now = clock_->WallNow();
  if (auto refusal = RefuseQuery(*door.dialect, request)) return refusal;
  const auto asked = WantsExplanation(request);
  if (!asked) return net::ErrorResponse(asked.error());
  const bool explain = *asked;
  const auto key = RequestKeyOf(request, request.body);
  if (!key) return net::ErrorResponse(key.error(), kRequestKeyHint);
  WorkbenchPointer workbench = TakeWorkbench();
  const auto unreadable = [&](const Error& error) {
    metrics_.unreadable_bodies.Add();
    GiveBack(std::move(workbench));
    return net::ErrorResponse(error, door.dialect->EventHint());
  };
  const enrich::RequestFacts facts =
      FactsOf(request, now, workbench->indexer);  // Of the body as it was sent.
  std::string original;  // An item of the quarantine is kept as it was sent.
  const Dialect::Tools tools{now, workbench->indexer, &original};
  if (const Status native = door.dialect->Translate(*door.claim, tools, &request); !native) {
    return unreadable(native.error());
  }
  auto project = ProjectOf(request, identity);
  if (!project) {
    GiveBack(std::move(workbench));
    return net::ErrorResponse(project.error(), kProjectHint);
  }
  auto outcome = std::make_shared<Outcome>(this);
  if (auto full = Enter(identity, *project, request.body.size(), outcome.get())) {
    GiveBack(std::move(workbench));
    return full;
  }
  const event::RequestKey* const request_key = *key ? &**key : nullptr;
  const bool rewritten = !door.dialect->ListName().empty();
  Keeper keeper({*project, now, *door.dialect, *door.claim, rewritten ? original : request.body,
                 request_key, !explain},
                [&workbench] { return workbench->dice.Next(); });
  event::BatchBuilder builder(*project, now);
  if (request_key != nullptr) builder.SetKey(*request_key);
  builder.Reserve(request.body.size());
  auto parsed = Parse(door, *project, facts, request, explain, &keeper, workbench.get(), &builder);
  if (!parsed) return unreadable(parsed.error());
  GiveBack(std::move(workbench));
  if (explain) {
    const std::string batch = std::move(builder).Finish();
    return Explanation({door.dialect->name(), *project, *parsed, batch});
  }
  outcome->door = door;
  outcome->parsed = *std::move(parsed);
  outcome->reasons = keeper.reasons();
  outcome->responder = responder;
  outcome->since = since;
  if (identity.limits) identity.limits->Charge(outcome->parsed.received, 0, clock_->Now());
  if (outcome->parsed.accepted == 0 && outcome->parsed.quarantined == 0) {
    Count(*outcome, nullptr);
    return NothingAccepted(outcome->parsed, door.dialect->EventHint());
  }
  const bool wait = request.query().empty() || request.QueryParameter("ack") != "memory";
  event::Request taken{*std::move(project),
                       {std::move(builder).Finish(), outcome->parsed.accepted},
                       {std::move(keeper).Finish(), outcome->parsed.quarantined}};
  Submit(std::move(taken), outcome, wait);
  return std::nullopt;
}

Result<event::ParsedEvents> Doors::Parse(const Door& door, std::string_view project,
                                         const enrich::RequestFacts& facts,
                                         const net::Request& request, bool explain, Keeper* keeper,
                                         Workbench* workbench, event::BatchBuilder* builder) {
  if (workbench->chain) workbench->chain->Begin(facts);
  SchemaCheck* const check = workbench->schema_check ? &*workbench->schema_check : nullptr;
  // What is only observed is told where it is asked for, and then nothing is counted.
  if (check != nullptr) check->Begin(project, explain);
  auto parsed = workbench->parser.Parse(request.body,
                                        {.project = project,
                                         .received_at = facts.received_at,
                                         .rules = door.dialect->RulesOf(*door.claim),
                                         .check = check,
                                         .enricher = workbench->chain.get(),
                                         .invalid = keeper},
                                        builder);
  if (check != nullptr) check->End();
  return parsed;
}

Result<event::ReadAgain> Doors::Read(const event::KeptEvent& kept) {
  Door door{};
  for (const auto& dialect : dialects_) {
    if (dialect->name() != kept.dialect) continue;
    for (const Claim& claim : dialect->claims()) {
      if (!claim.is_reply && DoorName(claim) == kept.door) door = {dialect.get(), &claim};
    }
  }
  if (door.dialect == nullptr) {
    return Fail(Code::kNotFound, "this server has no door `" + kept.door + "` of the dialect `" +
                                     kept.dialect + "`");
  }
  net::Request request;
  request.method = door.claim->method;
  request.body.reserve(kept.body.size() + net::kBodyPadding);
  request.body = kept.body;
  // As if it were read when it came: what is told from the time of arrival is told from that one.
  enrich::RequestFacts facts{.received_at = kept.received_at};
  WorkbenchPointer workbench = TakeWorkbench();
  if (enrichment_ != nullptr && enrichment_->options().clock_skew) {
    facts.sent_at = FindSentAt(request.body, &workbench->indexer);
  }
  Status native =
      door.dialect->Translate(*door.claim, {facts.received_at, workbench->indexer}, &request);
  event::BatchBuilder builder(kept.project, clock_->WallNow());
  builder.SetKey(kept.key);
  auto parsed =
      native ? Parse(door, kept.project, facts, request, false, nullptr, workbench.get(), &builder)
             : Result<event::ParsedEvents>(tl::unexpected(native.error()));
  GiveBack(std::move(workbench));
  if (!parsed) return Fail(std::move(parsed).error());
  if (parsed->received != 1) {
    return Fail(Code::kInvalidArgument,
                "an item is one event, and the body has " + std::to_string(parsed->received));
  }
  if (parsed->accepted != 1) return Fail(Code::kInvalidArgument, parsed->listed.front().message);
  return event::ReadAgain{{std::move(builder).Finish(), 1}, std::move(parsed->first_event_id)};
}

std::optional<net::Response> Doors::Enter(const Identity& identity, std::string_view project,
                                          std::uint64_t bytes, Outcome* outcome) {
  outcome->limits = identity.limits;
  if (admission_ == nullptr) return std::nullopt;
  Admission::Full full;
  outcome->ticket = admission_->Enter(project, bytes, &full);
  if (outcome->ticket) {
    outcome->delay = outcome->ticket->delay();
    return std::nullopt;
  }
  net::Response response = net::ErrorResponse(
      503, full.message, "send it again after the seconds of Retry-After, and slower");
  for (auto& [name, value] : response.headers) {
    if (name == "Retry-After") value = std::to_string(full.retry_after_seconds);
  }
  return response;
}

void Doors::TellLimits(const std::shared_ptr<meta::KeyLimits>& limits,
                       net::Response* response) const {
  if (limits) AddLimitHeaders(limits->State(clock_->Now()), response);
}

// Holds the answer back as long as the ladder says.
void Doors::Acknowledge(Outcome* outcome, net::Response response) {
  TellLimits(outcome->limits, &response);
  if (outcome->delay == Duration::zero()) return outcome->responder->Send(std::move(response));
  admission_->Hold(outcome->delay, [held = outcome->shared_from_this(),
                                    shared = std::make_shared<net::Response>(std::move(response))] {
    held->responder->Send(std::move(*shared));
  });
}

net::Response Doors::AcceptedBy(const Outcome& outcome, const event::BatchAnswer* answer) {
  return outcome.door.dialect->Accepted(*outcome.door.claim, {outcome.parsed, answer});
}

void Doors::Submit(event::Request request, const std::shared_ptr<Outcome>& outcome, bool wait) {
  // All that is done with an answer is done where the request was read: there its memory is from,
  // and the log's thread goes on with its next group.
  metrics_.read_seconds.Record(clock_->Now() - outcome->since);
  sink_->Submit(std::move(request), [own = outcome](Result<event::BatchAnswer> answer) mutable {
    own->stored = own->doors->clock_->Now();
    own->answer = std::move(answer);
    net::Responder& responder = *own->responder;
    responder.Continue(std::move(own));
  });
  // What the sink refused at once was answered above.
  if (wait || outcome->answered.exchange(true)) return;
  Acknowledge(outcome.get(), AcceptedBy(*outcome, nullptr));
}

void Doors::Answered(Outcome* outcome) {
  Count(*outcome, outcome->answer ? &*outcome->answer : nullptr);
  outcome->ticket.reset();  // An answer that waits is no load of the log.
  if (!outcome->answered.exchange(true)) Finish(outcome);
}

void Doors::Finish(Outcome* outcome) {
  const Duration now = clock_->Now();
  metrics_.ack_seconds.Record(now - outcome->since);
  metrics_.answer_seconds.Record(now - outcome->stored);
  const Result<event::BatchAnswer>& answer = outcome->answer;
  if (!answer) {
    const Door& door = outcome->door;
    const bool conflict = answer.error().code() == Code::kConflict;
    auto refusal = net::ErrorResponse(answer.error(), conflict ? kConflictHint : "");
    TellLimits(outcome->limits, &refusal);
    return outcome->responder->Send(door.dialect->Refused(*door.claim, std::move(refusal)));
  }
  net::Response response = AcceptedBy(*outcome, &*answer);
  response.headers.emplace_back(kReceiptHeader, event::EncodeReceipt(answer->receipt));
  Acknowledge(outcome, std::move(response));
}

void Doors::Count(const Outcome& outcome, const event::BatchAnswer* answer) {
  const event::ParsedEvents& parsed = outcome.parsed;
  metrics_.received.Add(parsed.received);
  metrics_.refused.Add(answer != nullptr ? parsed.refused : parsed.received);
  if (answer == nullptr) return;
  const std::uint32_t sent = parsed.accepted;
  metrics_.accepted.Add(answer->Count(event::Outcome::kAccepted, sent));
  metrics_.duplicate.Add(answer->Count(event::Outcome::kDuplicate, sent) +
                         answer->Count(event::Outcome::kConflict, sent));
  // With a request key that came before they are there already.
  if (answer->replayed) return metrics_.duplicate.Add(parsed.quarantined);
  metrics_.quarantined.Add(parsed.quarantined);
  for (const auto& [reason, count] : outcome.reasons) metrics_.reasons.Add(reason, count);
}

}  // namespace tidemark::collect
