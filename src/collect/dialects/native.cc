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

}  // namespace

std::unique_ptr<Dialect> MakeNativeDialect() { return std::make_unique<NativeDialect>(); }

net::Response NativeAnswer(const Reception& reception) {
  const event::ParsedEvents& parsed = reception.parsed;
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

}  // namespace tidemark::collect
