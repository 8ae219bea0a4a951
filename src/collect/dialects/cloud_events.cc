#include <array>

#include "collect/dialects/all.h"
#include "collect/dialects/cloud_event.h"
#include "collect/dialects/native.h"

namespace tidemark::collect {
namespace {

constexpr std::array kClaims = {
    Claim{net::Method::kPost, "/v1/cloudevents"},
    Claim{.method = net::Method::kPost, .path = "/events", .only_pinned = true},
    Claim{.method = net::Method::kPost, .path = "/v1/events", .only_pinned = true},
};

// CloudEvents 1.0 by HTTP: binary, structured, batched; nothing else is taken, and the attributes
// that the specification requires are (see cloud_event.h).
class CloudEventsDialect final : public Dialect {
 public:
  std::string_view name() const override { return "cloudevents"; }
  std::string_view EventHint() const override {
    return R"(send {"specversion":"1.0","id":"1","source":"/shop","type":"order","data":{}}, a )"
           R"(list of them, or the data with headers `ce-specversion`, `ce-id`, `ce-source` and )"
           R"(`ce-type`)";
  }
  std::span<const Claim> claims() const override { return kClaims; }
  event::JsonRules RulesOf(const Claim& /*claim*/) const override {
    return event::JsonRules::kCloudEvent;
  }
  std::span<const std::string_view> Parameters() const override { return kNativeParameters; }
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

std::unique_ptr<Dialect> MakeCloudEventsDialect() { return std::make_unique<CloudEventsDialect>(); }

}  // namespace tidemark::collect
