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

class NativeDialect final : public Dialect {
 public:
  std::string_view name() const override { return "native"; }
  std::span<const Claim> claims() const override { return kClaims; }
  event::JsonRules RulesOf(const Claim& claim) const override {
    return claim.what == kStrictDoor ? event::JsonRules::kStrict : event::JsonRules::kOpen;
  }
  bool IsOpaque(const net::Request& request) const override { return IsBinaryCloudEvent(request); }
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
    case event::Outcome::kQuarantined:
      json->Field("status", "quarantined");
      break;
  }
}

void AppendCounts(const event::BatchAnswer& answer, std::uint32_t events, JsonWriter* json) {
  json->Field("accepted", answer.Count(event::Outcome::kAccepted, events));
  if (answer.AllAccepted()) return;
  json->Field("duplicate", answer.Count(event::Outcome::kDuplicate, events) +
                               answer.Count(event::Outcome::kConflict, events));
  json->Field("quarantined", answer.Count(event::Outcome::kQuarantined, events));
}

std::string_view ResultOf(event::Outcome outcome) {
  switch (outcome) {
    case event::Outcome::kAccepted:
      return "ok";
    case event::Outcome::kDuplicate:
      return "duplicate";
    case event::Outcome::kConflict:
      return "conflict";
    case event::Outcome::kQuarantined:
      return "quarantined";
  }
  return "ok";
}

// One word for every event of the body, in its order. Left out where more were refused than are
// told one by one: nobody knows then which event is which.
void AppendResults(const event::BatchAnswer& answer, const event::ParsedEvents& parsed,
                   JsonWriter* json) {
  if (parsed.listed.size() != parsed.refused) return;
  json->Key("results").BeginArray();
  auto refused = parsed.listed.begin();
  std::uint32_t taken = 0;
  for (std::uint32_t i = 0; i < parsed.received; ++i) {
    if (refused != parsed.listed.end() && refused->index == i) {
      json->String("refused");
      ++refused;
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
  JsonWriter json(&response.body);
  json.BeginObject();
  if (parsed.single) {
    AppendStatus(answer.At(0), &json);
    json.Field("eventId", parsed.first_event_id);
  } else {
    json.Field("status", "accepted").Field("received", parsed.received);
    AppendCounts(answer, parsed.accepted, &json);
    AppendRefused(&json, parsed);
    if (!answer.AllAccepted()) AppendResults(answer, parsed, &json);
  }
  AppendWarnings(&json, parsed);
  json.EndObject();
  return response;
}

}  // namespace tidemark::collect
