#include "fuzz/texts.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "collect/pixel.h"
#include "collect/sent_at.h"
#include "config/settings.h"
#include "engine/json_path.h"
#include "enrich/agent_rules.h"
#include "enrich/user_agent.h"
#include "event/receipt.h"
#include "meta/key_text.h"
#include "net/jwt.h"

namespace tidemark::fuzz {
namespace {

constexpr TimeMicros kNow(1'300'819'000'000'000);  // Before the standard's examples expire.
constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";

// The keys and signed tokens of RFC 7515, appendix A.2 and A.3.
constexpr std::string_view kSet =
    R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},{"kty":"RSA","use":"sig",)"
    R"("alg":"RS256","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPdd)"
    R"(xHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47s)"
    R"(oMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtd)"
    R"(VMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kz)"
    R"(k2PAcDTW9gb54h4FRWyuXpoQ"}]})";
constexpr std::string_view kEsText =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"
    "NvbS9pc19yb290Ijp0cnVlfQ";
constexpr std::string_view kEsSignature =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

constexpr std::string_view kSeedClaims = R"({"exp":1300819380})";

std::string_view TakeLine(std::string_view* bytes) {
  const std::string_view line = bytes->substr(0, bytes->find('\n'));
  bytes->remove_prefix(std::min(bytes->size(), line.size() + 1));
  return line;
}

std::string Encode(std::string_view text) {
  std::string encoded = ToBase64(AsBytes(text), /*url_safe=*/true);
  while (encoded.ends_with('=')) encoded.pop_back();
  return encoded;
}

std::string Signed(std::string_view claims) {
  const std::string text = Encode(R"({"alg":"HS256"})") + "." + Encode(claims);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), kSecret.data(), static_cast<int>(kSecret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  return text + "." + Encode({reinterpret_cast<const char*>(digest.data()), size});
}

std::string Shown(const meta::KeySpec& spec) {
  meta::ApiKey key;
  static_cast<meta::KeySpec&>(key) = spec;
  return meta::KeyJson(key, kNow);
}

// Rules of each list, with and without replacements.
constexpr std::string_view kRules =
    "user_agent_parsers:\n  - regex: '(Firefox|Chrome)/(\\d+)\\.(\\d+)'\n"
    "  - regex: '([^/]+)/(\\S*)'\n    family_replacement: '$1 app'\n    v1_replacement: '$2'\n"
    "os_parsers:\n  - regex: '(Windows NT) (\\d+)'\n    os_replacement: 'Windows'\n"
    "  - regex: 'Android ([^;]*)'\n    os_v1_replacement: '$1'\n"
    "device_parsers:\n  - regex: '; *([^;/]+) Build'\n    device_replacement: '$1'\n"
    "    brand_replacement: 'B'\n    model_replacement: '$1 $2'\n"
    "  - regex: 'bot'\n    regex_flag: 'i'\n    device_replacement: 'Spider'\n";

void CheckAgent(const enrich::AgentRules& rules, std::string_view text) {
  const enrich::Agent agent = rules.Match(text);
  constexpr std::array kTypes = {"", "bot", "tablet", "mobile", "tv", "console", "desktop"};
  TM_CHECK(std::find(kTypes.begin(), kTypes.end(), agent.DeviceType(text)) != kTypes.end());
  if (!IsUtf8(text)) return;  // RE2 takes surrogates and long forms of letters for letters.
  TM_CHECK(IsUtf8(agent.browser.family) && IsUtf8(agent.os.family) && IsUtf8(agent.device.family));
}

}  // namespace

bool IsUtf8(std::string_view text) {
  std::string quoted;
  AppendJsonString(&quoted, text);
  return JsonValue::Parse(quoted).has_value();
}

// There is one way to write a receipt.
void RunReceipt(std::string_view bytes) {
  const auto receipt = event::DecodeReceipt(bytes);
  if (!receipt) return;
  TM_CHECK(event::EncodeReceipt(*receipt) == bytes);
  TM_CHECK(receipt->first <= receipt->end());
}

// Whatever the set: it is read or refused. Of tokens only those are accepted that were signed.
void RunJwt(std::string_view bytes) {
  static const auto known =
      *net::JwtVerifier::Make({.secret = std::string(kSecret), .jwks = std::string(kSet)});
  const std::string_view set = TakeLine(&bytes);
  const std::string_view token = TakeLine(&bytes);
  if (!set.empty()) {
    const auto verifier = net::JwtVerifier::Make({.jwks = std::string(set)});
    if (verifier) static_cast<void>((*verifier)->Verify(token, kNow));
    TM_CHECK(verifier || !verifier.error().message().empty());
  }
  static_cast<void>(net::LooksLikeJwt(token));
  const bool has_key = known->HasKeyFor(token);
  if (known->Verify(token, kNow)) {
    const std::string_view text = token.substr(0, token.rfind('.'));
    TM_CHECK(has_key && (text == kEsText || Signed(kSeedClaims).starts_with(text)));
  }
  const auto claims = known->Verify(Signed(bytes), kNow);
  if (!claims) return;
  const auto json = JsonValue::Parse(bytes);
  TM_CHECK(json && json->is_object() && json->Find("exp") != nullptr);
  TM_CHECK(claims->expires > kNow && json->Find("aud") == nullptr);
}

// What is accepted as a key reads the same when it is shown and sent again.
void RunKeySpec(std::string_view bytes) {
  if (const auto rate = ParseRate(bytes)) TM_CHECK(ParseRate(FormatRate(*rate)) == rate);
  if (const auto time = meta::ReadExpiry(bytes, kNow)) {
    if (!ParseTime(bytes)) TM_CHECK(*time >= kNow);
  }
  if (const auto ranges = meta::ReadAddresses(bytes)) {
    const std::string text = meta::AddressesText(*ranges);
    const auto again = meta::ReadAddresses(text);
    TM_CHECK(again && meta::AddressesText(*again) == text);
  }
  static_cast<void>(meta::MatchesOrigin("https://*.shop.example", bytes));
  if (meta::IsOriginPattern(bytes)) static_cast<void>(meta::MatchesOrigin(bytes, "https://a.b"));
  const auto json = JsonValue::Parse(bytes);
  if (!json) return;
  const auto spec = meta::ReadKeySpec(*json, kNow);
  if (!spec || !spec->Check(kNow)) return;
  const std::string shown = Shown(*spec);
  const auto read = JsonValue::Parse(shown);
  TM_CHECK(read.has_value());
  JsonValue sent = JsonValue::Object();
  for (const char* name : {"name", "project", "scopes", "grants", "dialect", "origins", "addresses",
                           "limits", "expires"}) {
    const JsonValue* value = read->Find(name);
    TM_CHECK(value != nullptr);
    sent.Set(name, *value);
  }
  const auto again = meta::ReadKeySpec(sent, kNow);
  TM_CHECK(again && again->Check(kNow) && Shown(*again) == shown);
}

// What is accepted is printed, and what is printed gives the same settings.
void RunConfig(std::string_view bytes) {
  config::Settings settings;
  const Status read = settings.ReadToml(bytes, "f");
  if (!read) {
    TM_CHECK(!read.error().message().empty());
    return;
  }
  config::Settings again;
  TM_CHECK(again.ReadToml(settings.Print(), "f").has_value());
  for (const config::Option& option : config::Options()) {
    switch (option.kind) {
      case config::Kind::kText:
        TM_CHECK(settings.Text(option.key) == again.Text(option.key));
        break;
      case config::Kind::kFlag:
        TM_CHECK(settings.Flag(option.key) == again.Flag(option.key));
        break;
      case config::Kind::kSeconds:
        TM_CHECK(settings.Time(option.key) == again.Time(option.key));
        break;
      default:
        TM_CHECK(settings.Number(option.key) == again.Number(option.key));
        break;
    }
  }
}

// What a pixel becomes is a JSON object, unless a value is one that is too deep already.
void RunPixel(std::string_view bytes) {
  net::Request request;
  request.SetTarget(TakeLine(&bytes));
  if (collect::AssemblePixel(&request, {"writeKey"})) {
    const auto json = JsonValue::Parse(request.body);
    TM_CHECK(json ? json->is_object()
                  : json.error().message().find("too deeply") != std::string::npos);
  }
  event::JsonIndexer indexer;
  static_cast<void>(collect::FindSentAt(std::string(bytes), &indexer));
}

// Whatever a page's browser calls itself: what is stored of it is text.
void RunUserAgent(std::string_view bytes) {
  static const auto known = *enrich::AgentRules::Parse(kRules);
  static telemetry::Registry registry;
  static enrich::EnrichMetrics metrics(&registry);
  static enrich::UserAgent enricher(std::make_shared<Published<enrich::AgentRules>>(known),
                                    &metrics);
  event::EventView event;
  enricher.Enrich({.received_at = kNow, .from_page = true, .user_agent = bytes}, &event);
  for (const event::Column column : {event::Column::kUserAgent, event::Column::kBrowser,
                                     event::Column::kOs, event::Column::kDeviceType}) {
    if (event.Has(column)) TM_CHECK(IsUtf8(event.Text(column)));
  }
  CheckAgent(*known, bytes.substr(0, enrich::kAgentBytesMax));
  if (!bytes.starts_with("user_agent_parsers:")) return;
  const auto rules = enrich::AgentRules::Parse(bytes);
  if (rules) CheckAgent(**rules, "Mozilla/5.0 (Linux; Android 14; Pixel Build) Chrome/1.2");
}

// Where the path tells something of compact JSON, a parser says the same.
void RunJsonPath(std::string_view bytes) {
  const auto path = engine::JsonPath::Parse(TakeLine(&bytes));
  if (!path) return;
  static_cast<void>(path->Find(bytes));
  const auto json = JsonValue::Parse(bytes);
  const auto keys = path->Keys();
  if (!json || !keys) return;
  const std::string text = json->ToJson();
  const JsonValue* value = &*json;
  for (const std::string& key : *keys) value = value == nullptr ? nullptr : value->Find(key);
  const engine::JsonFound found = path->Find(text);
  using Kind = engine::JsonFound::Kind;
  if (found.kind == Kind::kUnsure) return;
  if (found.kind == Kind::kMissing) {
    TM_CHECK(value == nullptr);
    return;
  }
  TM_CHECK(value != nullptr);
  if (found.kind == Kind::kNull) TM_CHECK(value->is_null());
  if (found.kind == Kind::kString) TM_CHECK(value->is_string() && value->text() == found.text);
  if (found.kind == Kind::kOther) TM_CHECK(value->ToJson() == found.text);
}

std::vector<std::string> ReceiptSeeds() {
  event::Receipt receipt{"log-1_a", 3, LogOffset(17), 5, LogOffset(2), 4};
  const std::string both = event::EncodeReceipt(receipt);
  receipt.quarantine_count = 0;
  return {both, event::EncodeReceipt(receipt), "a.0.9223372036854775800.9223372036854775807"};
}

std::vector<std::string> JwtSeeds() {
  const std::string token = std::string(kEsText) + "." + std::string(kEsSignature);
  return {
      std::string(kSet) + "\n" + token +
          "\n{\"exp\":1300819380,\"nbf\":1.5,\"sub\":\"u\",\"project\":\"p\",\"scope\":\"a b\"}",
      R"({"keys":[{"kty":"oct","kid":"1","alg":"HS256",)"
      R"("k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]})"
      "\n" +
          token + "\n{\"exp\":1e10,\"scope\":[\"query\",1]}",
      "\n" + Signed(kSeedClaims) + "\n{\"exp\":1300819380.25,\"aud\":[\"x\"]}"};
}

std::vector<std::string> KeySpecSeeds() {
  return {
      R"({"name":"n","project":"shop","scopes":["ingest","query"],"dialect":"segment",)"
      R"("origins":["https://*.shop.example"],"addresses":["10.0.0.0/8","2001:db8::/32"],)"
      R"("limits":{"requests":"1000 a minute","events":"5/s","bytes":"64MiB a second"},)"
      R"("expires":"90d"})",
      R"({"scopes":["catalog"],"grants":[{"namespace":["a","b"],"table":"t","rights":["read"]},)"
      R"({"namespace":"c","rights":["create","write"]}]})",
      R"({"project":"a","scopes":"admin ingest","addresses":"1.2.3.4 ::1","expires":)"
      R"("2027-01-01T12:00:00Z"})",
      "1000 per 10 minutes",
      "1.5K/min",
      "12h",
      "10.0.0.0/8, ::ffff:1.2.3.0/120",
      "https://a.shop.example:8443"};
}

std::vector<std::string> ConfigSeeds() {
  std::string text = config::Settings().Print();
  return {text, "[http]\nlisten = \"127.0.0.1:0\"\n[log]\nsegment_size = \"64MiB\"\n",
          "[http]\nlisten = [1]\nx = 1979-05-27\n", "a.b = '''\nx'''\n[[t]]\nc = {d = 0x1F}"};
}

std::vector<std::string> PixelSeeds() {
  return {
      "/v1/pixel.gif?event=a%20b&properties.plan=pro&properties.x.y=%7B%22a%22%3A1%7D&writeKey=k",
      "/p?event=a&event.x=1&.a=2&b.=3&=4&&c\n{\"sentAt\":\"2024-05-06T07:08:09Z\",\"batch\":[{}]}",
      "/p?a=%ff\n{\"batch\":[{\"sent_at\":1}],\"sent_at\":1700000000000}"};
}

std::vector<std::string> UserAgentSeeds() {
  return {"Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UD1A) Chrome/120.0 Mobile Safari/537.36",
          "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:109.0) Firefox/121.0", "Googlebot/2.1",
          "caf\xc3\xa9/1.\xe6\xbc\xa2 Tablet", std::string(kRules)};
}

std::vector<std::string> JsonPathSeeds() {
  return {"$.a.b\n{\"a\":{\"b\":0.10,\"c\":[1E5,{\"d\":\"x,]}\"},null]},\"a b\":-0.0}",
          "$.\"a b\"\n{\"a\\u0020b\":\"s\\n\",\"a b\":null}", "n\n{\"n\":12345678901234567.123}",
          "$.a.c[1].d\n{\"a\":{\"c\":[0,{\"d\":true}]}}"};
}

}  // namespace tidemark::fuzz
