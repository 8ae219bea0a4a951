#include "app/demo_traffic.h"

#include <array>
#include <charconv>

namespace tidemark::app {
namespace {

using Names = std::array<std::string_view, 8>;
constexpr Names kTypes = {"page_view",   "page_view",   "page_view", "product_view",
                          "video_event", "add_to_cart", "search",    "purchase"};
constexpr Names kCountries = {"DE", "US", "FR", "GB", "NL", "ES", "PL", "JP"};
constexpr Names kBrowsers = {"Chrome", "Chrome", "Safari",           "Firefox",
                             "Edge",   "Chrome", "Samsung Internet", "Opera"};
constexpr Names kSystems = {"Windows", "Android", "iOS", "macOS",
                            "Linux",   "Android", "iOS", "Windows"};
constexpr Names kDevices = {"desktop", "mobile", "mobile", "desktop",
                            "tablet",  "mobile", "mobile", "desktop"};
constexpr Names kReferrers = {"https://www.google.com/", "https://news.example/",        "direct",
                              "https://social.example/", "https://mail.example/",        "direct",
                              "https://www.bing.com/",   "https://partner.example/deals"};
constexpr Names kCampaigns = {"spring", "summer", "autumn",   "winter",
                              "launch", "brand",  "retarget", "none"};
constexpr Names kCategories = {"shoes", "books", "garden", "kitchen",
                               "toys",  "audio", "bikes",  "lamps"};
constexpr std::int64_t kLateMicros = 40 * kMicrosPerDay;
constexpr std::uint64_t kPages = 5'000;
constexpr std::uint64_t kProducts = 20'000;
constexpr std::uint64_t kVideos = 2'000;

void AppendNumber(std::string* out, std::uint64_t number) {
  char text[24];
  out->append(text,
              static_cast<std::size_t>(std::to_chars(text, text + sizeof text, number).ptr - text));
}

void AppendCents(std::string* out, std::uint64_t cents) {
  AppendNumber(out, cents / 100);
  out->push_back('.');
  out->push_back(static_cast<char>('0' + cents / 10 % 10));
  out->push_back(static_cast<char>('0' + cents % 10));
}

}  // namespace

DemoTraffic::DemoTraffic(DemoShape shape) : shape_(shape), dice_(shape.seed) {}

bool DemoTraffic::Chance(double share) { return share > 0 && dice_.Unit() < share; }

void DemoTraffic::AppendHex(std::string* out, std::uint64_t word) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  char text[16];
  for (int i = 15; i >= 0; --i, word >>= 4) text[i] = kDigits[word & 15];
  out->append(text, sizeof text);
}

void DemoTraffic::Append(std::string* out) {
  ++made_;
  if (!last_.empty() && Chance(shape_.dup)) {
    out->append(last_);
    return;
  }
  const std::size_t start = out->size();
  if (Chance(shape_.bad)) {
    ++bad_count_;
    out->append(dice_.OneIn(2) ? R"({"event_type":"","user_id":"nobody"})"
                               : R"({"event_type":"page_view","timestamp":"not a time"})");
    return;
  }
  AppendEvent(out);
  if (shape_.dup > 0) last_.assign(*out, start);
}

void DemoTraffic::AppendEvent(std::string* out) {
  const std::string_view type = kTypes[dice_.Below(kTypes.size())];
  AppendCommon(out, type);
  if (type == "page_view" || type == "search") {
    AppendSite(out);
  } else if (type == "video_event") {
    AppendVideo(out);
  } else {
    AppendShop(out, type);
  }
  out->append("}}");
}

void DemoTraffic::AppendCommon(std::string* out, std::string_view type) {
  // Skewed: the square of a uniform number, so that some users are busy and most are not.
  const double unit = dice_.Unit();
  const auto user = static_cast<std::uint64_t>(unit * unit * static_cast<double>(shape_.users));
  std::int64_t age =
      shape_.span_micros > 0
          ? static_cast<std::int64_t>(dice_.Below(static_cast<std::uint64_t>(shape_.span_micros)))
          : 0;
  if (Chance(shape_.late)) age += static_cast<std::int64_t>(dice_.Below(kLateMicros));
  if (shape_.segment) return AppendTrack(out, type, user, age);
  const std::size_t kind = dice_.Below(8);
  out->append(R"({"event_id":")");
  AppendHex(out, dice_.Next());
  AppendHex(out, made_);
  out->append(R"(","event_type":")").append(type).append(R"(","user_id":"user_)");
  AppendNumber(out, user);
  out->append(R"(","session_id":"s)");
  AppendHex(out, user * 0x9E3779B97F4A7C15ULL +
                     static_cast<std::uint64_t>(shape_.now.value / kMicrosPerHour));
  out->append(R"(","timestamp":")");
  AppendTime(out, shape_.now - age);
  out->append(R"(","environment":"production","version":"1.0)");
  out->append(R"(","device_type":")").append(kDevices[kind]);
  out->append(R"(","browser":")").append(kBrowsers[kind]);
  out->append(R"(","os":")").append(kSystems[kind]);
  out->append(R"(","country":")").append(kCountries[dice_.Below(8)]);
  out->append(R"(","referrer":")").append(kReferrers[dice_.Below(8)]).append("\"");
}

// Up to the first of its properties: those that have columns are among them.
void DemoTraffic::AppendTrack(std::string* out, std::string_view type, std::uint64_t user,
                              std::int64_t age) {
  const std::size_t kind = dice_.Below(8);
  out->append(R"({"userId":"user_)");
  AppendNumber(out, user);
  out->append(R"(","event":")").append(type);
  out->append(R"(","type":"track","integrations":{},"timestamp":")");
  AppendTime(out, shape_.now - age);
  out->append(R"(","messageId":"node-next-)");
  AppendHex(out, dice_.Next());
  AppendHex(out, made_);
  out->append(R"(","context":{"library":{"name":"@segment/analytics-node","version":"2.2.1"})");
  out->append(R"(,"sessionId":"s)");
  AppendHex(out, user * 0x9E3779B97F4A7C15ULL +
                     static_cast<std::uint64_t>(shape_.now.value / kMicrosPerHour));
  out->append(R"(","device":{"type":")").append(kDevices[kind]);
  out->append(R"("},"os":{"name":")").append(kSystems[kind]);
  out->append(R"("},"location":{"country":")").append(kCountries[dice_.Below(8)]);
  out->append(R"("},"page":{"referrer":")").append(kReferrers[dice_.Below(8)]);
  out->append(R"("}},"properties":{"browser":")").append(kBrowsers[kind]).append("\"");
}

// Behind the members that have columns, before the first of the others.
void DemoTraffic::BeginProperties(std::string* out) const {
  out->append(shape_.segment ? "," : R"(,"properties":{)");
}

void DemoTraffic::AppendSite(std::string* out) {
  const std::uint64_t page = dice_.Below(kPages);
  out->append(R"(,"page_url":"https://site.example/articles/)");
  AppendNumber(out, page);
  out->append(R"(","page_title":"Article )");
  AppendNumber(out, page);
  out->append(R"(","utm_campaign":")").append(kCampaigns[dice_.Below(8)]);
  out->push_back('"');
  BeginProperties(out);
  out->append(R"("page":)");
  AppendNumber(out, page);
  out->append(R"(,"section":")").append(kCategories[page % 8]);
  out->append(R"(","scroll":)");
  AppendNumber(out, dice_.Below(101));
  out->append(R"(,"load_ms":)");
  AppendNumber(out, 80 + dice_.Below(2'000));
  out->append(R"(,"viewport":"1440x900","logged_in":)").append(dice_.OneIn(3) ? "true" : "false");
  out->append(R"(,"variant":"b","depth":)");
  AppendNumber(out, dice_.Below(12));
  out->append(R"(,"trace":")");
  AppendHex(out, dice_.Next());
  out->append(R"(","words":)");
  AppendNumber(out, page * 7 % 3'000);
  out->append(R"(,"lang":"en","tags":["news","daily"])");
}

void DemoTraffic::AppendShop(std::string* out, std::string_view type) {
  const std::uint64_t product = dice_.Below(kProducts);
  const std::uint64_t cents = 199 + product * 37 % 50'000;
  const std::uint64_t quantity = 1 + dice_.Below(4);
  out->append(R"(,"product_id":"p)");
  AppendNumber(out, product);
  out->append("\"");
  if (type == "purchase") {
    out->append(R"(,"transaction_id":"t)");
    AppendHex(out, dice_.Next());
    out->append("\"");
  }
  out->append(R"(,"value":)");
  AppendCents(out, cents * quantity);
  BeginProperties(out);
  out->append(R"("category":")").append(kCategories[product % 8]);
  out->append(R"(","price":)");
  AppendCents(out, cents);
  out->append(R"(,"quantity":)");
  AppendNumber(out, quantity);
  out->append(R"(,"amount":)");
  AppendCents(out, cents * quantity);
  out->append(R"(,"currency":"EUR","stock":)");
  AppendNumber(out, product % 97);
  out->append(R"(,"position":)");
  AppendNumber(out, dice_.Below(40));
  out->append(R"(,"list":"recommended","coupon":null,"basket":{"items":)");
  AppendNumber(out, quantity);
  out->append(R"(,"id":")");
  AppendHex(out, dice_.Next());
  out->append(R"("},"gift":false,"rating":)");
  AppendNumber(out, product % 5 + 1);
}

void DemoTraffic::AppendVideo(std::string* out) {
  const std::uint64_t video = dice_.Below(kVideos);
  out->append(R"(,"value":)");
  AppendNumber(out, dice_.Below(600));
  BeginProperties(out);
  out->append(R"("video_id":"v)");
  AppendNumber(out, video);
  out->append(R"(","action":")").append(dice_.OneIn(2) ? "play" : "pause");
  out->append(R"(","position":)");
  AppendNumber(out, dice_.Below(3'600));
  out->append(R"(,"duration":)");
  AppendNumber(out, 600 + video % 3'000);
  out->append(R"(,"quality":"1080p","bitrate":)");
  AppendNumber(out, 800 + dice_.Below(6'000));
  out->append(R"(,"buffered":)");
  AppendNumber(out, dice_.Below(60));
  out->append(R"(,"muted":false,"playback_rate":1.25,"playlist":")").append(kCampaigns[video % 8]);
  out->append(R"(","player":"html5","session":")");
  AppendHex(out, dice_.Next());
  out->append(R"(","chapter":)");
  AppendNumber(out, video % 12);
}

}  // namespace tidemark::app
