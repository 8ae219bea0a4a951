// Segment's HTTP API and RudderStack's, which has the same events: the long paths of the server
// SDKs, the one-letter paths of Segment's browser SDK, RudderStack's beacon and pixel, and what
// both browser SDKs ask for before they send anything. Mapping: docs/reference/events.md.
// Source: Segment's public HTTP Tracking API and Spec, RudderStack's HTTP API; the requests that
// the SDKs named in docs/reference/clients.md make.

#include <array>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "collect/dialects/all.h"
#include "collect/pixel.h"
#include "collect/translate.h"

namespace tidemark::collect {
namespace {

using event::Column;

// The kind of call that a path says; the events of a batch say it themselves.
enum : std::uint8_t {
  kBatch,
  kTrack,
  kPage,
  kScreen,
  kIdentify,
  kGroup,
  kAlias,
  kMerge,
  kPixelTrack,
  kPixelPage,
  kSettings,
  kSourceConfig,
  kTelemetry,
};
constexpr std::array<std::string_view, 10> kCalls = {
    "", "track", "page", "screen", "identify", "group", "alias", "merge", "track", "page"};

constexpr Claim Post(std::string_view path, std::uint8_t what) {
  return {net::Method::kPost, path, what};
}
constexpr Claim Get(std::string_view path, std::uint8_t what) {
  return {net::Method::kGet, path, what};
}
constexpr Claim Asks(net::Method method, std::string_view path, std::uint8_t what) {
  return {.method = method, .path = path, .what = what, .is_reply = true};
}

constexpr std::array kClaims = {
    Post("/v1/batch", kBatch),
    Post("/v1/import", kBatch),
    Post("/v1/track", kTrack),
    Post("/v1/page", kPage),
    Post("/v1/screen", kScreen),
    Post("/v1/identify", kIdentify),
    Post("/v1/group", kGroup),
    Post("/v1/alias", kAlias),
    Post("/v1/merge", kMerge),
    Post("/v1/b", kBatch),
    Post("/v1/t", kTrack),
    Post("/v1/p", kPage),
    Post("/v1/s", kScreen),
    Post("/v1/i", kIdentify),
    Post("/v1/g", kGroup),
    Post("/v1/a", kAlias),
    Post("/beacon/v1/batch", kBatch),
    Get("/pixel/v1/track", kPixelTrack),
    Get("/pixel/v1/page", kPixelPage),
    Get("/v1/pixel/track", kPixelTrack),
    Get("/v1/pixel/page", kPixelPage),
    Asks(net::Method::kPost, "/v1/m", kTelemetry),
    Asks(net::Method::kGet, "/v1/projects/{writeKey}/settings", kSettings),
    Asks(net::Method::kGet, "/sourceConfig", kSourceConfig),
};

constexpr std::array kContextColumns = {
    ColumnOfName{"ip", Column::kIp},
    ColumnOfName{"userAgent", Column::kUserAgent},
    ColumnOfName{"sessionId", Column::kSessionId},
    ColumnOfName{"page.url", Column::kPageUrl},
    ColumnOfName{"page.title", Column::kPageTitle},
    ColumnOfName{"page.referrer", Column::kReferrer},
    ColumnOfName{"campaign.source", Column::kUtmSource},
    ColumnOfName{"campaign.medium", Column::kUtmMedium},
    ColumnOfName{"campaign.name", Column::kUtmCampaign},
    ColumnOfName{"app.version", Column::kVersion},
    ColumnOfName{"os.name", Column::kOs},
    ColumnOfName{"device.type", Column::kDeviceType},
    ColumnOfName{"location.country", Column::kCountry},
};
// Of page calls: what `properties` says of the page where the context does not.
constexpr std::array kPageColumns = {
    ColumnOfName{"url", Column::kPageUrl},
    ColumnOfName{"title", Column::kPageTitle},
    ColumnOfName{"referrer", Column::kReferrer},
};

constexpr std::array<std::string_view, 1> kKeyNames = {"writeKey"};
constexpr std::array<std::string_view, 3> kEnvelopeNames = {"sentAt", "sent_at", "context"};

// A member of an event.
struct Piece {
  event::JsonSpan key;
  event::JsonSpan value;
  bool there = false;
};

// What a batch says for its events that do not say it themselves.
struct Defaults {
  std::string sent_at;
  Piece context;
};

class EventTranslation {
 public:
  EventTranslation(std::string_view call, const Defaults& defaults, std::string* out)
      : call_(call), defaults_(defaults), out_(out), event_(out) {}

  void Add(const event::JsonCursor& cursor, const event::JsonSpan& element) {
    if (element.kind != '{') {  // The parser refuses it, by its index.
      if (out_->back() != '[') out_->push_back(',');
      out_->append(cursor.Raw(element));
      return;
    }
    type_ = name_ = time_ = original_time_ = sent_at_ = context_ = properties_ = {};
    event_.Begin();
    event::ForEachMember(cursor, element,
                         [this](const event::JsonCursor& in, const event::JsonSpan& key,
                                const event::JsonSpan& value) { Place(in, key, value); });
    FinishType(cursor);
    FinishTime(cursor);
    if (const Piece& context = context_.there ? context_ : defaults_.context; context.there) {
      MoveColumns(cursor, context.key, context.value, kContextColumns, &event_);
    }
    if (properties_.there) {
      const bool is_page = TypeText(cursor) == "page" || TypeText(cursor) == "screen";
      const auto table =
          is_page ? std::span<const ColumnOfName>(kPageColumns) : std::span<const ColumnOfName>();
      event::ForEachMember(
          cursor, properties_.value,
          [&](const event::JsonCursor& in, const event::JsonSpan& key,
              const event::JsonSpan& value) { PlaceMember(in, key, value, table, &event_); });
    }
    event_.End();
  }

 private:
  void Place(const event::JsonCursor& in, const event::JsonSpan& key,
             const event::JsonSpan& value) {
    const std::string_view name = in.Inside(key);
    const Piece piece{key, value, value.kind != 'n'};
    if (name == "messageId") return MoveOrKeep(in, Column::kEventId, piece);
    if (name == "userId") return MoveOrKeep(in, Column::kUserId, piece);
    if (name == "anonymousId") return MoveOrKeep(in, Column::kAnonymousId, piece);
    if (name == "writeKey") return;  // A secret, and no part of the event.
    if (name == "type") return Note(piece, &type_);
    if (name == "event") return Note(piece, &name_);
    if (name == "timestamp") return Note(piece, &time_);
    if (name == "originalTimestamp") return Note(piece, &original_time_);
    if (name == "sentAt") return Note(piece, &sent_at_);
    if (name == "context" && value.kind == '{') return Note(piece, &context_);
    if (name == "properties" && value.kind == '{') return Note(piece, &properties_);
    if (name == "properties" && value.kind == 'n') return;
    if (name == "integrations" && in.Raw(value) == "{}") return;  // Says nothing.
    event_.AddProperty(in.Raw(key), in.Raw(value));
  }

  static void Note(const Piece& piece, Piece* to) { *to = piece; }

  void MoveOrKeep(const event::JsonCursor& in, Column column, const Piece& piece) {
    if (!event_.Set(column, in.Raw(piece.value))) Keep(in, piece);
  }
  void Keep(const event::JsonCursor& in, const Piece& piece) {
    if (piece.there) event_.AddProperty(in.Raw(piece.key), in.Raw(piece.value));
  }

  std::string_view TypeText(const event::JsonCursor& cursor) const {
    if (!type_.there || type_.value.kind != '"') return call_;
    return cursor.Inside(type_.value);
  }

  // A track call is called by its event, any other by its type. What was not used is kept.
  void FinishType(const event::JsonCursor& cursor) {
    const std::string_view type = TypeText(cursor);
    if (type == "track" || (type.empty() && name_.there)) {
      if (name_.there && cursor.Raw(name_.value) != "\"\"") {
        event_.Set(Column::kEventType, cursor.Raw(name_.value));
      }
      event_.AddNamed("type", "\"track\"");
      return;
    }
    if (type_.there) {
      event_.Set(Column::kEventType, cursor.Raw(type_.value));
    } else if (!type.empty()) {
      event_.Set(Column::kEventType, "\"" + std::string(type) + "\"");
    }
    Keep(cursor, name_);
  }

  // As the client's clock had it. When it sent is kept, so that a wrong clock can be told.
  void FinishTime(const event::JsonCursor& cursor) {
    if (time_.there) MoveOrKeep(cursor, Column::kTimestamp, time_);
    if (original_time_.there) MoveOrKeep(cursor, Column::kTimestamp, original_time_);
    if (sent_at_.there) {
      event_.AddNamed("sentAt", cursor.Raw(sent_at_.value));
    } else if (!defaults_.sent_at.empty()) {
      event_.AddNamed("sentAt", defaults_.sent_at);
    }
  }

  const std::string_view call_;
  const Defaults& defaults_;
  std::string* const out_;
  NativeEvent event_;
  Piece type_;
  Piece name_;
  Piece time_;
  Piece original_time_;
  Piece sent_at_;
  Piece context_;
  Piece properties_;
};

// What Segment's browser SDK asks its CDN for: send to here.
net::Response Settings(const net::Request& request) {
  const std::string host(request.Header("Host").value_or("localhost"));
  const bool tls = request.Header("X-Forwarded-Proto").value_or("http") == "https";
  net::Response response;
  JsonWriter json(&response.body);
  json.BeginObject().Key("integrations").BeginObject().Key("Segment.io").BeginObject();
  json.Field("apiKey", ToUtf8(request.PathParameter("writeKey")));
  json.Field("apiHost", ToUtf8(host) + "/v1");
  json.Field("protocol", tls ? "https" : "http");
  json.Field("unbundledIntegrations", "").EndObject().EndObject();
  json.Key("plan").BeginObject().Key("track").BeginObject().Key("__default").BeginObject();
  json.Field("enabled", true).Key("integrations").BeginObject().EndObject().EndObject();
  json.EndObject().EndObject();
  json.Key("edgeFunction").BeginObject().EndObject();
  json.Key("analyticsNextEnabled").Bool(true);
  json.Key("middlewareSettings").BeginObject().EndObject();
  json.Key("enabledMiddleware").BeginObject().EndObject();
  json.Key("metrics").BeginObject().Field("sampleRate", 0).EndObject();
  json.Key("legacyVideoPluginsEnabled").Bool(false);
  json.Key("remotePlugins").BeginArray().EndArray().EndObject();
  return response;
}

// What RudderStack's browser SDK asks its control plane for: no destinations but this one.
net::Response SourceConfig() {
  net::Response response;
  JsonWriter json(&response.body);
  json.BeginObject().Key("source").BeginObject();
  json.Field("id", "tidemark").Field("name", "tidemark").Field("writeKey", "");
  json.Field("enabled", true).Field("workspaceId", "tidemark");
  json.Key("config").BeginObject().Key("statsCollection").BeginObject();
  json.Key("errors").BeginObject().Field("enabled", false).EndObject();
  json.Key("metrics").BeginObject().Field("enabled", false).EndObject();
  json.EndObject().EndObject();
  json.Key("connections").BeginArray().EndArray();
  json.Key("destinations").BeginArray().EndArray();
  json.Key("dataplanes").BeginObject().EndObject();
  json.EndObject().EndObject();
  return response;
}

class SegmentDialect final : public Dialect {
 public:
  std::string_view name() const override { return "segment"; }
  std::string_view EventHint() const override {
    return R"(send a call as {"event":"Signed up","userId":"u1","properties":{}}, or a batch as )"
           R"({"batch":[{"type":"track","event":"Signed up","userId":"u1"}]})";
  }
  std::span<const Claim> claims() const override { return kClaims; }

  bool HasKeyInBody() const override { return true; }
  std::string KeyIn(const net::Request& request, event::JsonIndexer& indexer) const override {
    if (auto key = request.QueryParameter("writeKey"); key && !key->empty()) return *std::move(key);
    if (request.body.empty()) return {};
    return FindKey(request.body, "batch", kKeyNames, {}, &indexer);
  }

  std::string_view ListName() const override { return "batch"; }
  Envelope EnvelopeOf() const override { return {"batch", kEnvelopeNames}; }
  Status Translate(const Claim& claim, const Tools& tools, net::Request* request) const override {
    const bool is_pixel = claim.method == net::Method::kGet && request->body.empty();
    if (is_pixel) {
      TM_TRY(AssemblePixel(request, {"writeKey", "project", "debug", "ack"}));
    }
    BodyReader reader(request->body, &tools.indexer);
    TM_TRY(reader.Open("batch"));
    Defaults defaults;
    reader.ForEachOuter([&defaults](const event::JsonCursor& in, const event::JsonSpan& key,
                                    const event::JsonSpan& value) {
      if (in.Inside(key) == "sentAt" && value.kind != 'n') defaults.sent_at = in.Raw(value);
      if (in.Inside(key) == "context" && value.kind == '{') defaults.context = {key, value, true};
    });
    std::string native;
    native.reserve(request->body.size() + request->body.size() / 4 + 1'024);
    native.push_back('[');
    EventTranslation translation(kCalls.at(claim.what), defaults, &native);
    reader.ForEachEvent([&](const event::JsonCursor& in, const event::JsonSpan& one) {
      if (native.size() <= kNativeBytesMax) translation.Add(in, one);
    });
    native.push_back(']');
    if (native.size() > kNativeBytesMax) return Fail(TooLarge());
    if (is_pixel) {  // What was sent is its query.
      native.reserve(native.size() + net::kBodyPadding);
      request->body = std::move(native);
    } else {
      Rewrite(std::move(native), tools, request);
    }
    return {};
  }

  net::Response Accepted(const Claim& claim, const Reception& /*reception*/) const override {
    if (claim.method == net::Method::kGet) return PixelAnswer();
    net::Response response;
    response.body = R"({"success":true})";
    return response;
  }

  net::Response Reply(const Claim& claim, const net::Request& request) const override {
    if (claim.what == kSettings) return Settings(request);
    if (claim.what == kSourceConfig) return SourceConfig();
    net::Response response;
    response.body = R"({"success":true})";
    return response;
  }
};

}  // namespace

std::unique_ptr<Dialect> MakeSegmentDialect() { return std::make_unique<SegmentDialect>(); }

}  // namespace tidemark::collect
