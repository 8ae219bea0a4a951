#include "collect/doors.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/json_writer.h"
#include "collect/cloud_event.h"
#include "env/random.h"
#include "event/batch.h"
#include "meta/projects.h"

namespace tidemark::collect {
namespace {

constexpr std::string_view kDefaultProject = "default";
constexpr std::string_view kReceiptHeader = "X-Tidemark-Receipt";
constexpr std::string_view kEventHint =
    R"(send an event as {"event_type":"page_view","user_id":"u1","properties":{}}, a list )"
    R"(of them, {"events":[...]} or one a line)";
constexpr std::string_view kKeyHint = "send the key as X-API-Key or Authorization: Bearer";
constexpr std::string_view kProjectHint =
    "use a key of that project that may send events, or name the key's own project or none";

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// The text after `scheme` and a blank, in any case.
std::optional<std::string_view> AfterScheme(std::string_view value, std::string_view scheme) {
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ') return std::nullopt;
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    if (Lower(value[i]) != scheme[i]) return std::nullopt;
  }
  return value.substr(scheme.size() + 1);
}

// Nothing, or ":" and digits.
bool IsPort(std::string_view text) {
  if (text.empty()) return true;
  return text.front() == ':' &&
         std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// 127.0.0.0/8 in four plain numbers: "127.evil.example" is a name that anybody can own.
bool IsLoopbackIpv4(std::string_view host) {
  if (!host.starts_with("127.")) return false;
  int dots = 0;
  std::size_t digits = 0;
  for (const char c : host) {
    if (c == '.') {
      if (digits == 0) return false;
      ++dots;
      digits = 0;
    } else if (c < '0' || c > '9' || ++digits > 3) {
      return false;
    }
  }
  return dots == 3 && digits > 0;
}

// "localhost:8080", "127.0.0.1", "[::1]:80".
bool IsLoopbackHost(std::string_view host) {
  constexpr std::string_view kIpv6 = "[::1]";
  if (host.starts_with(kIpv6)) return IsPort(host.substr(kIpv6.size()));
  const std::size_t colon = std::min(host.find(':'), host.size());
  if (!IsPort(host.substr(colon))) return false;
  std::string name(host.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), Lower);
  return name == "localhost" || IsLoopbackIpv4(name);
}

bool IsLoopbackOrigin(std::string_view origin) {
  const std::size_t slashes = origin.find("://");
  return slashes != std::string_view::npos && IsLoopbackHost(origin.substr(slashes + 3));
}

// Which coding it really is is told by the body's first bytes.
bool IsKnownCoding(std::string_view coding) {
  std::string name(coding);
  std::transform(name.begin(), name.end(), name.begin(), Lower);
  return name.empty() || name == "identity" || name == "gzip" || name == "x-gzip" ||
         name == "deflate" || name == "zstd";
}

void AppendRefused(JsonWriter* json, const event::ParsedEvents& parsed) {
  json->Key("refused").BeginArray();
  for (const event::RefusedEvent& refused : parsed.listed) {
    json->BeginObject().Field("index", refused.index).Field("error", refused.code);
    json->Field("message", refused.message).EndObject();
  }
  json->EndArray();
}

net::Response AcceptedResponse(const event::ParsedEvents& parsed) {
  net::Response response;
  response.status = 202;
  JsonWriter json(&response.body);
  json.BeginObject().Field("status", "accepted");
  if (parsed.single) {
    json.Field("eventId", parsed.first_event_id);
  } else {
    json.Field("received", parsed.received).Field("accepted", parsed.accepted);
    AppendRefused(&json, parsed);
  }
  json.EndObject();
  return response;
}

net::Response NothingAccepted(const event::ParsedEvents& parsed) {
  if (parsed.received == 0) return net::ErrorResponse(400, "there is no event in it", kEventHint);
  const auto all_are = [&parsed](std::string_view code) {
    return std::all_of(parsed.listed.begin(), parsed.listed.end(),
                       [code](const event::RefusedEvent& one) { return one.code == code; });
  };
  const int status = all_are("event_too_large") ? 413 : all_are("wrong_project") ? 403 : 400;
  const std::string_view hint = status == 413   ? "send smaller events"
                                : status == 403 ? "send it with the key of its own project"
                                                : kEventHint;
  net::Response response = net::ErrorResponse(status, parsed.listed.front().message, hint);
  if (!parsed.single) {
    response.body.pop_back();
    response.body.push_back(',');
    std::string counts;
    JsonWriter json(&counts);
    json.BeginObject().Field("received", parsed.received).Field("accepted", 0U);
    AppendRefused(&json, parsed);
    json.EndObject();
    response.body.append(counts.substr(1));
  }
  return response;
}

}  // namespace

// One request, until its answer is sent.
struct Doors::Outcome {
  event::ParsedEvents parsed;
  ResponderPointer responder;
  Duration since{};
  std::atomic<bool> answered{false};
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
                                         "From the whole request to its acknowledgement.")) {}

Doors::Doors(EventSink* sink, Authenticator* authenticator, const env::Clock* clock,
             telemetry::Registry* registry, DoorOptions options, std::uint64_t seed)
    : sink_(sink),
      authenticator_(authenticator),
      clock_(clock),
      options_(options),
      metrics_(registry),
      seed_(seed) {}

Doors::~Doors() {
  for (auto& slot : parsers_) ParserPointer(slot.exchange(nullptr)).reset();
}

void Doors::AddTo(net::Router* router) {
  const auto add = [this, router](std::string_view path, event::JsonRules rules) {
    router->Add(net::Method::kPost, path,
                [this, rules](net::Request request, const ResponderPointer& responder) {
                  Handle(rules, std::move(request), responder);
                });
  };
  add("/v1/events", event::JsonRules::kOpen);
  add("/events", event::JsonRules::kOpen);
  add("/ingest", event::JsonRules::kStrict);
  add("/ingest/batch", event::JsonRules::kStrict);
}

Doors::ParserPointer Doors::TakeParser() {
  for (auto& slot : parsers_) {
    if (auto* parser = slot.exchange(nullptr, std::memory_order_acquire)) {
      return ParserPointer(parser);
    }
  }
  auto dice = std::make_shared<env::Random>(seed_.fetch_add(1));
  return std::make_unique<event::JsonEventParser>(options_.json, [dice] { return dice->Next(); });
}

void Doors::GiveBack(ParserPointer parser) {
  for (auto& slot : parsers_) {
    event::JsonEventParser* free = nullptr;
    if (slot.compare_exchange_strong(free, parser.get(), std::memory_order_release)) {
      static_cast<void>(parser.release());
      return;
    }
  }
}

// The body is decompressed: its first event may name the project.
Result<std::string> Doors::ProjectOf(const net::Request& request, const Identity& identity) {
  if (!identity.May(Scope::kWrite)) {
    return Fail(Code::kPermissionDenied, "the API key may not send events");
  }
  std::string named(request.Header("X-Tidemark-Project").value_or(""));
  if (named.empty()) named = request.QueryParameter("project").value_or("");
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

// Decompressed, and a CloudEvent of the binary mode in one piece. Nothing, or the refusal.
std::optional<net::Response> Doors::ReadBody(net::Request* request) const {
  if (const auto coding = request->Header("Content-Encoding"); coding && !IsKnownCoding(*coding)) {
    net::Response refusal = net::ErrorResponse(
        415, "the Content-Encoding `" + std::string(*coding) + "` is not understood");
    refusal.headers.emplace_back("Accept-Encoding", "gzip, deflate, zstd");
    return refusal;
  }
  bool too_large = false;
  auto body = net::Decompress(std::move(request->body), options_.body, &too_large);
  if (!body) {
    return too_large ? net::ErrorResponse(413, body.error().message(), "send smaller batches")
                     : net::ErrorResponse(body.error());
  }
  request->body = *std::move(body);
  if (!IsBinaryCloudEvent(*request)) return std::nullopt;
  if (const Status assembled = AssembleCloudEvent(request); !assembled) {
    return net::ErrorResponse(
        assembled.error(),
        "send the data as its Content-Type says and the attributes as ce-* headers");
  }
  return std::nullopt;
}

void Doors::Handle(event::JsonRules rules, net::Request request,
                   const ResponderPointer& responder) {
  const Duration since = clock_->Now();
  const auto identity = authenticator_->Identify(KeyOf(request), IsTrustedPeer(request));
  if (!identity) {
    return responder->Send(net::ErrorResponse(401, identity.error().message(), kKeyHint));
  }
  if (auto refusal = ReadBody(&request)) {
    metrics_.unreadable_bodies.Add();
    return responder->Send(*std::move(refusal));
  }
  auto project = ProjectOf(request, *identity);
  if (!project) return responder->Send(net::ErrorResponse(project.error(), kProjectHint));
  const TimeMicros now = clock_->WallNow();
  event::BatchBuilder builder(*project, now);
  builder.Reserve(request.body.size());
  ParserPointer parser = TakeParser();
  auto parsed = parser->Parse(request.body,
                              {.project = *project, .received_at = now, .rules = rules}, &builder);
  GiveBack(std::move(parser));
  if (!parsed) {
    metrics_.unreadable_bodies.Add();
    return responder->Send(net::ErrorResponse(parsed.error(), kEventHint));
  }
  auto outcome = std::make_shared<Outcome>();
  outcome->parsed = *std::move(parsed);
  outcome->responder = responder;
  outcome->since = since;
  if (outcome->parsed.accepted == 0) {
    Count(*outcome, false);
    return responder->Send(NothingAccepted(outcome->parsed));
  }
  const bool wait = request.query().empty() || request.QueryParameter("ack") != "memory";
  Submit(*std::move(project), std::move(builder).Finish(), std::move(outcome), wait);
}

void Doors::Submit(std::string project, std::string batch, std::shared_ptr<Outcome> outcome,
                   bool wait) {
  const std::uint32_t count = outcome->parsed.accepted;
  sink_->Submit(std::move(project), std::move(batch), count,
                [this, outcome](const Result<event::Receipt>& receipt) {
                  Count(*outcome, receipt.has_value());
                  if (!outcome->answered.exchange(true)) Finish(*outcome, receipt);
                });
  // What the sink refused at once was answered above.
  if (wait || outcome->answered.exchange(true)) return;
  outcome->responder->Send(AcceptedResponse(outcome->parsed));
}

void Doors::Finish(const Outcome& outcome, const Result<event::Receipt>& receipt) {
  metrics_.ack_seconds.Record(clock_->Now() - outcome.since);
  if (!receipt) return outcome.responder->Send(net::ErrorResponse(receipt.error()));
  net::Response response = AcceptedResponse(outcome.parsed);
  response.headers.emplace_back(kReceiptHeader, event::EncodeReceipt(*receipt));
  outcome.responder->Send(std::move(response));
}

void Doors::Count(const Outcome& outcome, bool taken) {
  const event::ParsedEvents& parsed = outcome.parsed;
  metrics_.received.Add(parsed.received);
  metrics_.accepted.Add(taken ? parsed.accepted : 0);
  metrics_.refused.Add(taken ? parsed.refused : parsed.received);
}

std::string KeyOf(const net::Request& request) {
  if (const auto key = request.Header("X-API-Key")) return std::string(*key);
  const auto value = request.Header("Authorization");
  if (!value) return {};
  if (const auto key = AfterScheme(*value, "bearer")) return std::string(*key);
  if (const auto basic = AfterScheme(*value, "basic")) {
    const std::string pair = FromBase64(*basic).value_or("");
    return pair.substr(0, pair.find(':'));
  }
  return {};
}

bool IsTrustedPeer(const net::Request& request) {
  if (!request.peer_is_loopback) return false;
  for (const char* of_a_proxy : {"X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "X-Real-IP",
                                 "CF-Connecting-IP", "Via"}) {
    if (request.Header(of_a_proxy)) return false;
  }
  // A browser says itself that a page of elsewhere asks, also where it sends no Origin.
  if (request.Header("Sec-Fetch-Site") == "cross-site") return false;
  const auto host = request.Header("Host");
  if (host && !IsLoopbackHost(*host)) return false;  // A name that was bent to point here.
  const auto origin = request.Header("Origin");
  return !origin || IsLoopbackOrigin(*origin);
}

}  // namespace tidemark::collect
