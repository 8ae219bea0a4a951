#include "collect/dialects/native.h"

#include <array>

#include "base/json_writer.h"
#include "collect/dialects/all.h"
#include "collect/dialects/cloud_event.h"
#include "collect/refusals.h"

namespace tidemark::collect {
namespace {

enum : std::uint8_t { kOpenDoor, kStrictDoor, kStrictListDoor };

constexpr std::array kClaims = {
    Claim{net::Method::kPost, "/v1/events", kOpenDoor},
    Claim{net::Method::kPost, "/events", kOpenDoor},
    Claim{net::Method::kPost, "/ingest", kStrictDoor},
    Claim{net::Method::kPost, "/ingest/batch", kStrictListDoor},
};

constexpr std::string_view kStrictHint =
    "send timestamp (a number of epoch ms), event_type, user_id and value (a number); this event "
    "is "
    "kept: tidemark event quarantine show ID, and replay ID once it is put right";
constexpr std::size_t kAnswerBytes = 128;  // Of one event, as a rule.
constexpr std::array<std::string_view, 2> kEnvelopeNames = {"sentAt", "sent_at"};

class NativeDialect final : public Dialect {
 public:
  std::string_view name() const override { return kNativeName; }
  std::string_view EventHint() const override { return kEventHint; }
  std::span<const Claim> claims() const override { return kClaims; }
  event::JsonRules RulesOf(const Claim& claim) const override {
    return claim.what == kOpenDoor ? event::JsonRules::kOpen : event::JsonRules::kStrict;
  }
  std::span<const std::string_view> Parameters() const override { return kNativeParameters; }
  bool IsOpaque(const net::Request& request) const override { return IsBinaryCloudEvent(request); }
  Envelope EnvelopeOf() const override { return {"events", kEnvelopeNames}; }
  Status Translate(const Claim& /*claim*/, const Tools& /*tools*/,
                   net::Request* request) const override {
    return IsBinaryCloudEvent(*request) ? AssembleCloudEvent(request) : Status();
  }
  net::Response Accepted(const Claim& claim, const Reception& reception) const override;
};

// What the client did not wait for counts as taken.
const event::BatchAnswer& AnswerOf(const Reception& reception) {
  static const event::BatchAnswer everything;
  return reception.answer == nullptr ? everything : *reception.answer;
}

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

// What `/ingest` says of one event that is not as its fields are required to be: an error to its
// client, though the event is kept.
net::Response NotAsRequired(const event::BatchAnswer& answer, const event::RefusedEvent& kept) {
  std::string outcome;
  JsonWriter json(&outcome);
  json.BeginObject();
  if (answer.replayed) {
    json.Field("status", "duplicate");
  } else {
    json.Field("status", "quarantined").Field("quarantineId", kept.quarantine_id);
  }
  json.Field("reason", kept.code);
  if (!kept.rule.empty()) json.Field("rule", kept.rule);
  json.EndObject();
  net::Response response = net::ErrorResponse(400, kept.message, kStrictHint);
  AddMembers(outcome, &response);
  return response;
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

net::Response NativeDialect::Accepted(const Claim& claim, const Reception& reception) const {
  const event::ParsedEvents& parsed = reception.parsed;
  if (claim.what != kStrictDoor || !parsed.single || parsed.quarantined == 0) {
    return NativeAnswer(reception);
  }
  return NotAsRequired(AnswerOf(reception), parsed.kept.front());
}

std::unique_ptr<Dialect> MakeNativeDialect() { return std::make_unique<NativeDialect>(); }

net::Response NativeAnswer(const Reception& reception) {
  const event::ParsedEvents& parsed = reception.parsed;
  const event::BatchAnswer& answer = AnswerOf(reception);
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
