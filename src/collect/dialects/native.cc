#include "collect/dialects/native.h"

#include <array>

#include "base/json_writer.h"
#include "collect/dialects/all.h"
#include "collect/dialects/cloud_event.h"
#include "collect/refusals.h"

namespace tidemark::collect {
namespace {

enum : std::uint8_t { kOpenDoor, kStrictDoor };

constexpr std::array kClaims = {
    Claim{net::Method::kPost, "/v1/events", kOpenDoor},
    Claim{net::Method::kPost, "/events", kOpenDoor},
    Claim{net::Method::kPost, "/ingest", kStrictDoor},
    Claim{net::Method::kPost, "/ingest/batch", kStrictDoor},
};

constexpr std::size_t kAnswerBytes = 128;  // Of one event, as a rule.
constexpr std::array<std::string_view, 2> kEnvelopeNames = {"sentAt", "sent_at"};

class NativeDialect final : public Dialect {
 public:
  std::string_view name() const override { return kNativeName; }
  std::span<const Claim> claims() const override { return kClaims; }
  event::JsonRules RulesOf(const Claim& claim) const override {
    return claim.what == kStrictDoor ? event::JsonRules::kStrict : event::JsonRules::kOpen;
  }
  bool IsOpaque(const net::Request& request) const override { return IsBinaryCloudEvent(request); }
  Envelope EnvelopeOf() const override { return {"events", kEnvelopeNames}; }
  Status Translate(const Claim& /*claim*/, const Tools& /*tools*/,
                   net::Request* request) const override {
    return IsBinaryCloudEvent(*request) ? AssembleCloudEvent(request) : Status();
  }
  net::Response Accepted(const Claim& /*claim*/, const Reception& reception) const override {
    return NativeAnswer(reception);
  }
};

void AppendStatus(event::Outcome outcome, JsonWriter* json) {
  switch (outcome) {
    case event::Outcome::kAccepted:
      json->Field("status", "accepted");
      break;
    case event::Outcome::kDuplicate:
      json->Field("status", "duplicate");
      break;
    case event::Outcome::kConflict:
      json->Field("status", "duplicate").Field("conflict", true);
      break;
  }
}

// What came before with the same request key is neither written nor kept again.
std::uint32_t KeptNow(const event::BatchAnswer& answer, const event::ParsedEvents& parsed) {
  return answer.replayed ? 0 : parsed.quarantined;
}

void AppendCounts(const event::BatchAnswer& answer, const event::ParsedEvents& parsed,
                  JsonWriter* json) {
  const std::uint32_t accepted = answer.Count(event::Outcome::kAccepted, parsed.accepted);
  json->Field("accepted", accepted);
  if (answer.AllAccepted() && parsed.quarantined == 0) return;
  const std::uint32_t kept = KeptNow(answer, parsed);
  json->Field("duplicate", parsed.accepted - accepted + parsed.quarantined - kept);
  json->Field("quarantined", kept);
}

// The answer to one event that is kept.
void AppendOneKept(const event::BatchAnswer& answer, const event::RefusedEvent& kept,
                   JsonWriter* json) {
  if (answer.replayed) {
    json->Field("status", "duplicate");
    return;
  }
  json->Field("status", "quarantined").Field("quarantineId", kept.quarantine_id);
  json->Field("error", kept.code);
  if (!kept.rule.empty()) json->Field("rule", kept.rule);
  json->Field("message", kept.message);
}

std::string_view ResultOf(event::Outcome outcome) {
  switch (outcome) {
    case event::Outcome::kAccepted:
      return "ok";
    case event::Outcome::kDuplicate:
      return "duplicate";
    case event::Outcome::kConflict:
      return "conflict";
  }
  return "ok";
}

// One word for every event of the body, in its order. Left out where more were refused or kept than
// are told one by one: nobody knows then which event is which.
void AppendResults(const event::BatchAnswer& answer, const event::ParsedEvents& parsed,
                   JsonWriter* json) {
  if (parsed.listed.size() != parsed.refused || parsed.kept.size() != parsed.quarantined) return;
  json->Key("results").BeginArray();
  auto refused = parsed.listed.begin();
  auto kept = parsed.kept.begin();
  std::uint32_t taken = 0;
  for (std::uint32_t i = 0; i < parsed.received; ++i) {
    if (refused != parsed.listed.end() && refused->index == i) {
      json->String("refused");
      ++refused;
    } else if (kept != parsed.kept.end() && kept->index == i) {
      json->String(answer.replayed ? "duplicate" : "quarantined");
      ++kept;
    } else {
      json->String(ResultOf(answer.At(taken++)));
    }
  }
  json->EndArray();
}

}  // namespace

std::unique_ptr<Dialect> MakeNativeDialect() { return std::make_unique<NativeDialect>(); }

net::Response NativeAnswer(const Reception& reception) {
  const event::ParsedEvents& parsed = reception.parsed;
  const event::BatchAnswer everything;
  const event::BatchAnswer& answer = reception.answer == nullptr ? everything : *reception.answer;
  net::Response response;
  response.status = 202;
  response.body.reserve(kAnswerBytes);
  JsonWriter json(&response.body);
  json.BeginObject();
  if (parsed.single && parsed.quarantined > 0) {
    AppendOneKept(answer, parsed.kept.front(), &json);
  } else if (parsed.single) {
    AppendStatus(answer.At(0), &json);
    // Of a request that came again an id that was made now is no event's.
    if (!answer.replayed) json.Field("eventId", parsed.first_event_id);
  } else {
    const bool none = parsed.accepted == 0 && KeptNow(answer, parsed) > 0;
    json.Field("status", none ? "quarantined" : "accepted").Field("received", parsed.received);
    AppendCounts(answer, parsed, &json);
    AppendRefused(&json, parsed);
    if (!answer.replayed) AppendKept(&json, parsed);
    if (!answer.AllAccepted() || parsed.quarantined > 0) AppendResults(answer, parsed, &json);
  }
  AppendWarnings(&json, parsed);
  json.EndObject();
  return response;
}

}  // namespace tidemark::collect
