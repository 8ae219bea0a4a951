// PostHog's capture API, version 0, as its server SDKs and posthog-js speak it: every path with and
// without a slash at its end, by POST and by GET with `?data=`, plain, gzip or base64 in a form;
// and what posthog-js asks for before it sends. Mapping: docs/reference/events.md. Source:
// PostHog's public API documentation; the requests that the SDKs named in docs/reference/clients.md
// make.

#include <array>
#include <charconv>

#include "base/json_writer.h"
#include "base/time.h"
#include "base/utf8.h"
#include "collect/dialects/all.h"
#include "collect/translate.h"

namespace tidemark::collect {
namespace {

using event::Column;

enum : std::uint8_t { kCapture, kConfig, kConfigScript, kFlags };

constexpr Claim Asks(net::Method method, std::string_view path, std::uint8_t what) {
  return {.method = method, .path = path, .what = what, .is_reply = true};
}

constexpr std::array kClaims = {
    Claim{net::Method::kPost, "/batch", kCapture},
    Claim{net::Method::kPost, "/capture", kCapture},
    Claim{net::Method::kPost, "/e", kCapture},
    Claim{net::Method::kPost, "/i/v0/e", kCapture},
    Claim{net::Method::kGet, "/batch", kCapture},
    Claim{net::Method::kGet, "/capture", kCapture},
    Claim{net::Method::kGet, "/e", kCapture},
    Claim{net::Method::kGet, "/i/v0/e", kCapture},
    // Others send to the path of its first years, too.
    Claim{.method = net::Method::kPost, .path = "/track", .only_pinned = true},
    Asks(net::Method::kGet, "/array/{key}/config", kConfig),
    Asks(net::Method::kGet, "/array/{key}/config.js", kConfigScript),
    Asks(net::Method::kPost, "/flags", kFlags),
    Asks(net::Method::kPost, "/decide", kFlags),
};

constexpr std::array<std::string_view, 3> kKeyNames = {"api_key", "token", "$token"};
constexpr std::array<std::string_view, 2> kEnvelopeNames = {"sent_at", "sentAt"};

constexpr std::array kPropertyColumns = {
    ColumnOfName{"distinct_id", Column::kUserId},
    ColumnOfName{"$anon_distinct_id", Column::kAnonymousId},
    ColumnOfName{"$device_id", Column::kAnonymousId},
    ColumnOfName{"$session_id", Column::kSessionId},
    ColumnOfName{"$current_url", Column::kPageUrl},
    ColumnOfName{"$referrer", Column::kReferrer},
    ColumnOfName{"$browser", Column::kBrowser},
    ColumnOfName{"$os", Column::kOs},
    ColumnOfName{"$device_type", Column::kDeviceType},
    ColumnOfName{"$ip", Column::kIp},
    ColumnOfName{"$raw_user_agent", Column::kUserAgent},
    ColumnOfName{"$geoip_country_code", Column::kCountry},
    ColumnOfName{"$app_version", Column::kVersion},
    ColumnOfName{"utm_source", Column::kUtmSource},
    ColumnOfName{"utm_medium", Column::kUtmMedium},
    ColumnOfName{"utm_campaign", Column::kUtmCampaign},
};

bool IsKeyName(std::string_view name) {
  return name == kKeyNames[0] || name == kKeyNames[1] || name == kKeyNames[2];
}

class EventTranslation {
 public:
  EventTranslation(std::string_view sent_at, TimeMicros received_at, std::string* out)
      : sent_at_(sent_at), received_at_(received_at), out_(out), event_(out) {}

  void Add(const event::JsonCursor& cursor, const event::JsonSpan& element) {
    if (element.kind != '{') {  // The parser refuses it, by its index.
      if (out_->back() != '[') out_->push_back(',');
      out_->append(cursor.Raw(element));
      return;
    }
    offset_ = {};
    properties_ = {};
    event_.Begin();
    event::ForEachMember(cursor, element,
                         [this](const event::JsonCursor& in, const event::JsonSpan& key,
                                const event::JsonSpan& value) { Place(in, key, value); });
    if (!event_.Has(Column::kTimestamp)) SetTimeByOffset();
    if (!sent_at_.empty()) event_.AddNamed("sent_at", sent_at_);
    if (properties_.kind == '{') PlaceProperties(cursor);
    event_.End();
  }

 private:
  void Place(const event::JsonCursor& in, const event::JsonSpan& key,
             const event::JsonSpan& value) {
    const std::string_view name = in.Inside(key);
    const std::string_view json = in.Raw(value);
    if (name == "event" && json != "\"\"" && event_.Set(Column::kEventType, json)) return;
    if (name == "uuid" && event_.Set(Column::kEventId, json)) return;
    if (name == "timestamp" && event_.Set(Column::kTimestamp, json)) return;
    if ((name == "distinct_id" || name == "$distinct_id") && event_.Set(Column::kUserId, json)) {
      return;
    }
    if (IsKeyName(name)) return;  // A secret, and no part of the event.
    if (name == "offset" && value.kind == '0') {
      offset_ = json;
    } else if (name == "properties" && (value.kind == '{' || value.kind == 'n')) {
      properties_ = value;
      return;
    }
    event_.AddProperty(in.Raw(key), json);
  }

  // `offset`: how many milliseconds before it was sent the event happened.
  void SetTimeByOffset() {
    double millis = 0;
    const auto read = std::from_chars(offset_.data(), offset_.data() + offset_.size(), millis);
    if (offset_.empty() || read.ec != std::errc() || !(millis > 0) || millis > 1e12) return;
    const TimeMicros time(received_at_.value - static_cast<std::int64_t>(millis * 1e3));
    event_.Set(Column::kTimestamp, "\"" + FormatTime(time) + "\"");
  }

  void PlaceProperties(const event::JsonCursor& cursor) {
    event::ForEachMember(cursor, properties_,
                         [this](const event::JsonCursor& in, const event::JsonSpan& key,
                                const event::JsonSpan& value) {
                           if (in.Inside(key) == "token") return;
                           PlaceMember(in, key, value, kPropertyColumns, &event_);
                         });
  }

  const std::string_view sent_at_;
  const TimeMicros received_at_;
  std::string* const out_;
  NativeEvent event_;
  std::string_view offset_;
  event::JsonSpan properties_;
};

// Nothing is switched on; beacons stay without a preflight because gzip may stand in plain text.
void WriteConfig(JsonWriter* json, std::string_view key) {
  json->BeginObject().Field("token", key);
  json->Key("supportedCompression").BeginArray().String("gzip").String("gzip-js").EndArray();
  json->Key("analytics").BeginObject().Field("endpoint", "/i/v0/e/").EndObject();
  json->Field("hasFeatureFlags", false).Field("elementsChainAsString", true);
  for (const char* off : {"captureDeadClicks", "capturePerformance", "autocaptureExceptions",
                          "sessionRecording", "heatmaps", "surveys", "isAuthenticated"}) {
    json->Field(off, false);
  }
  json->Field("defaultIdentifiedOnly", true);
  json->Key("toolbarParams").BeginObject().EndObject();
  json->Key("siteApps").BeginArray().EndArray().EndObject();
}

net::Response Config(std::string_view key, bool script) {
  net::Response response;
  std::string config;
  JsonWriter json(&config);
  WriteConfig(&json, key);
  if (!script) {
    response.body = std::move(config);
    return response;
  }
  std::string name;
  AppendJsonString(&name, key);
  response.content_type = "application/javascript; charset=utf-8";
  response.body =
      "(function(){var c=window._POSTHOG_REMOTE_CONFIG=window._POSTHOG_REMOTE_CONFIG||{};"
      "c[" +
      name + "]={config:" + config + ",siteApps:[]}})();\n";
  return response;
}

net::Response Flags() {
  net::Response response;
  JsonWriter json(&response.body);
  json.BeginObject().Key("flags").BeginObject().EndObject();
  json.Key("featureFlags").BeginObject().EndObject();
  json.Key("featureFlagPayloads").BeginObject().EndObject();
  json.Field("errorsWhileComputingFlags", false);
  json.Key("supportedCompression").BeginArray().String("gzip").String("gzip-js").EndArray();
  json.Key("quotaLimited").BeginArray().EndArray().EndObject();
  return response;
}

class PostHogDialect final : public Dialect {
 public:
  std::string_view name() const override { return "posthog"; }
  std::string_view EventHint() const override {
    return R"(send an event as {"event":"signed up","distinct_id":"u1","properties":{}}, a list )"
           R"(of them, or {"api_key":"KEY","batch":[...]})";
  }
  std::span<const Claim> claims() const override { return kClaims; }

  bool HasKeyInBody() const override { return true; }
  std::string KeyIn(const net::Request& request, event::JsonIndexer& indexer) const override {
    if (!request.body.empty()) {
      std::string key = FindKey(request.body, "batch", kKeyNames, "properties", &indexer);
      if (!key.empty()) return key;
    }
    return request.QueryParameter("api_key").value_or("");
  }

  std::string_view ListName() const override { return "batch"; }
  Envelope EnvelopeOf() const override { return {"batch", kEnvelopeNames}; }
  Status Translate(const Claim& /*claim*/, const Tools& tools,
                   net::Request* request) const override {
    BodyReader reader(request->body, &tools.indexer);
    TM_TRY(reader.Open("batch"));
    std::string sent_at;
    reader.ForEachOuter([&sent_at](const event::JsonCursor& in, const event::JsonSpan& key,
                                   const event::JsonSpan& value) {
      if (in.Inside(key) == "sent_at" && value.kind != 'n') sent_at = in.Raw(value);
    });
    std::string native;
    native.reserve(request->body.size() + request->body.size() / 4 + 1'024);
    native.push_back('[');
    EventTranslation translation(sent_at, tools.received_at, &native);
    reader.ForEachEvent([&](const event::JsonCursor& in, const event::JsonSpan& one) {
      if (native.size() <= kNativeBytesMax) translation.Add(in, one);
    });
    native.push_back(']');
    if (native.size() > kNativeBytesMax) return Fail(TooLarge());
    Rewrite(std::move(native), tools, request);
    return {};
  }

  net::Response Accepted(const Claim& /*claim*/, const Reception& /*reception*/) const override {
    net::Response response;
    response.body = R"({"status":1})";
    return response;
  }

  net::Response Reply(const Claim& claim, const net::Request& request) const override {
    if (claim.what == kFlags) return Flags();
    return Config(ToUtf8(request.PathParameter("key")), claim.what == kConfigScript);
  }
};

}  // namespace

std::unique_ptr<Dialect> MakePostHogDialect() { return std::make_unique<PostHogDialect>(); }

}  // namespace tidemark::collect
