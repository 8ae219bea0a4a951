#include "meta/key_text.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "config/values.h"
#include "meta/projects.h"

namespace tidemark::meta {
namespace {

constexpr std::size_t kDialectBytesMax = 32;
constexpr std::size_t kOriginBytesMax = 253 + 16;
constexpr double kSpanSecondsMax = 100.0 * 366 * 86'400;

bool IsDialectName(std::string_view name) {
  return name.size() <= kDialectBytesMax && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

Error Wrong(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

// One text, or a list of texts.
Result<std::vector<std::string>> ReadList(const JsonValue& value, std::string_view name) {
  if (value.is_null()) return std::vector<std::string>();
  if (value.is_string()) return SplitWords(value.text());
  if (!value.is_array()) return Fail(Wrong("`" + std::string(name) + "` must be a list of texts"));
  std::vector<std::string> words;
  for (const JsonValue& item : value.items()) {
    if (!item.is_string() || item.text().find_first_of(" ,") != std::string::npos) {
      return Fail(Wrong("`" + std::string(name) + "` must be a list of texts without blanks"));
    }
    words.push_back(item.text());
  }
  return words;
}

Result<std::string> ReadText(const JsonValue& value, std::string_view name) {
  if (value.is_null()) return std::string();
  if (!value.is_string()) return Fail(Wrong("`" + std::string(name) + "` must be a text"));
  return value.text();
}

Result<std::optional<Rate>> ReadRate(const JsonValue& value, std::string_view name) {
  const std::string& text = value.text();
  if (value.is_null() || (value.is_string() && text.empty())) return std::optional<Rate>();
  const auto rate = ParseRate(text);
  if (!rate) {
    return Fail(Wrong("`limits." + std::string(name) + "` must be written like \"1000 a minute\""));
  }
  return rate;
}

Status ReadLimits(const JsonValue& value, KeyLimits::Rates* rates) {
  if (value.is_null()) return {};
  if (!value.is_object()) return Fail(Wrong("`limits` must be an object"));
  for (const auto& [name, rate] : value.members()) {
    if (name == "requests") {
      TM_ASSIGN(rates->requests, ReadRate(rate, name));
    } else if (name == "events") {
      TM_ASSIGN(rates->events, ReadRate(rate, name));
    } else if (name == "bytes") {
      TM_ASSIGN(rates->bytes, ReadRate(rate, name));
    } else {
      return Fail(Wrong("there is no limit `" + name + "`; there are requests, events and bytes"));
    }
  }
  return {};
}

// The scopes in the order of kScopeNames, so that equal ones are spelled alike.
Result<std::string> OrderedScopes(const std::vector<std::string>& given) {
  for (const std::string& one : given) {
    if (std::find(kScopeNames.begin(), kScopeNames.end(), one) == kScopeNames.end()) {
      return Fail(Wrong("there is no scope `" + one +
                        "`; there are ingest, query, live, catalog, privacy and admin"));
    }
  }
  std::vector<std::string> ordered;
  for (const std::string_view name : kScopeNames) {
    if (std::find(given.begin(), given.end(), name) != given.end()) ordered.emplace_back(name);
  }
  return JoinWords(ordered);
}

Status ReadMember(const std::string& name, const JsonValue& value, TimeMicros now, KeySpec* spec) {
  if (name == "name") {
    TM_ASSIGN(spec->name, ReadText(value, name));
  } else if (name == "project") {
    TM_ASSIGN(spec->project, ReadText(value, name));
  } else if (name == "scopes" || name == "scope") {
    TM_ASSIGN(const auto scopes, ReadList(value, name));
    TM_ASSIGN(spec->scopes, OrderedScopes(scopes));
  } else if (name == "dialect") {
    TM_ASSIGN(spec->dialect, ReadText(value, name));
  } else if (name == "origins") {
    TM_ASSIGN(spec->origins, ReadList(value, name));
  } else if (name == "addresses") {
    TM_ASSIGN(const auto words, ReadList(value, name));
    TM_ASSIGN(spec->addresses, ReadAddresses(JoinWords(words)));
  } else if (name == "limits") {
    TM_TRY(ReadLimits(value, &spec->rates));
  } else if (name == "grants") {
    TM_ASSIGN(spec->grants, ReadGrants(value));
  } else if (name == "expires") {
    TM_ASSIGN(const std::string text, ReadText(value, name));
    if (text.empty()) return {};
    TM_ASSIGN(spec->expires, ReadExpiry(text, now));
  } else {
    return Fail(
        Wrong("a key has no `" + name +
              "`; it has name, project, scopes, grants, dialect, origins, addresses, limits "
              "and expires"));
  }
  return {};
}

void AppendTime(JsonWriter* json, std::string_view name, const std::optional<TimeMicros>& time) {
  json->Key(name);
  time ? json->String(FormatTime(*time)) : json->Null();
}

void AppendList(JsonWriter* json, std::string_view name, std::span<const std::string> words) {
  json->Key(name).BeginArray();
  for (const std::string& word : words) json->String(word);
  json->EndArray();
}

void AppendRate(JsonWriter* json, std::string_view name, const std::optional<Rate>& rate) {
  json->Key(name);
  rate ? json->String(FormatRate(*rate)) : json->Null();
}

// A port that browsers write: not the usual one of the scheme.
bool IsOwnPort(std::string_view text, int usual) {
  std::uint16_t port = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() && port != 0 &&
         !text.starts_with('0') && port != usual;
}

}  // namespace

std::vector<std::string> SplitWords(std::string_view text) {
  constexpr std::string_view kBetween = " ,\t\r\n";
  std::vector<std::string> words;
  for (std::size_t at = 0;;) {
    at = text.find_first_not_of(kBetween, at);
    if (at == std::string_view::npos) return words;
    const std::size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
}

std::string JoinWords(std::span<const std::string> words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

Result<std::vector<IpRange>> ReadAddresses(std::string_view text) {
  std::vector<IpRange> ranges;
  for (const std::string& word : SplitWords(text)) {
    const auto range = IpRange::Parse(word);
    if (!range) {
      return Fail(Wrong("`" + word +
                        "` is no address or range like 192.0.2.0/24 or 2001:db8::/32 "
                        "(bits behind the prefix must be zero)"));
    }
    ranges.push_back(*range);
  }
  return ranges;
}

std::string AddressesText(std::span<const IpRange> addresses) {
  std::string text;
  for (const IpRange& range : addresses) {
    text.append(text.empty() ? "" : " ").append(range.ToString());
  }
  return text;
}

Result<TimeMicros> ReadExpiry(std::string_view text, TimeMicros now) {
  if (const auto time = ParseTime(text)) return *time;
  const auto seconds = config::ReadSeconds(text);
  // A number alone would be seconds, and whoever writes 90 means days.
  const bool has_unit = !text.empty() && (text.back() < '0' || text.back() > '9');
  if (has_unit && seconds && *seconds > 0 && *seconds < kSpanSecondsMax) {
    return TimeMicros(now.value + static_cast<std::int64_t>(*seconds * 1e6));
  }
  return Fail(Wrong("a time of expiry is written like 90d, 12h or 2027-01-01T12:00:00Z"));
}

bool IsOriginPattern(std::string_view text) {
  if (text.size() > kOriginBytesMax) return false;
  const std::size_t slashes = text.find("://");
  const std::string_view scheme = text.substr(0, slashes);
  if (slashes == std::string_view::npos || (scheme != "http" && scheme != "https")) return false;
  std::string_view host = text.substr(slashes + 3);
  if (host.starts_with("*.")) host.remove_prefix(2);
  const std::size_t end = host.find(':', host.starts_with('[') ? host.find(']') : 0);
  if (end != std::string_view::npos) {
    if (!IsOwnPort(host.substr(end + 1), scheme == "http" ? 80 : 443)) return false;
    host = host.substr(0, end);
  }
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':' ||
           c == '[' || c == ']';
  });
}

bool MatchesOrigin(std::string_view pattern, std::string_view origin) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == origin;
  // "https://*.shop.example": what stands for the star is names with dots between them.
  const std::string_view head = pattern.substr(0, star);
  const std::string_view tail = pattern.substr(star + 1);
  if (!origin.starts_with(head) || !origin.ends_with(tail)) return false;
  if (origin.size() <= head.size() + tail.size()) return false;
  const std::string_view name =
      origin.substr(head.size(), origin.size() - head.size() - tail.size());
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
}

Status KeySpec::CheckDialect(std::span<const std::string> dialects) const {
  if (dialect.empty() || std::ranges::find(dialects, dialect) != dialects.end()) return {};
  std::string known;
  for (const std::string& one : dialects) known.append(known.empty() ? "" : ", ").append(one);
  return Fail(Wrong("there is no dialect `" + dialect + "`; there are " + known));
}

Status KeySpec::Check(TimeMicros now) const {
  if (!IsProjectName(project)) {
    return Fail(Wrong("a project is named by a-z, 0-9, - and _ only, and at most 64 of them"));
  }
  TM_ASSIGN(const std::string ordered, OrderedScopes(SplitWords(scopes)));
  if (ordered.empty()) return Fail(Wrong("a key needs at least one scope"));
  const bool only_catalog = ordered.find("query") == std::string::npos &&
                            ordered.find("admin") == std::string::npos &&
                            ordered.find("catalog") != std::string::npos;
  if (!grants.empty() && !only_catalog) {
    return Fail(
        Wrong("grants say what of the scope `catalog` a key has: it needs that scope, and "
              "neither `query` nor `admin`, which read every table of the project"));
  }
  if (name.size() > kKeyNameBytesMax) return Fail(Wrong("the key's name is too long"));
  if (!IsDialectName(dialect)) return Fail(Wrong("there is no dialect `" + dialect + "`"));
  if (origins.size() > kKeyOriginsMax || addresses.size() > kKeyAddressesMax) {
    return Fail(Wrong("a key has at most 64 origins and 64 addresses"));
  }
  for (const std::string& origin : origins) {
    if (!IsOriginPattern(origin)) {
      return Fail(Wrong("`" + origin +
                        "` is no origin like https://shop.example or "
                        "https://*.shop.example (lower case, no path, no usual port)"));
    }
  }
  if (expires && *expires <= now) return Fail(Wrong("the key would have expired already"));
  return {};
}

Result<KeySpec> ReadKeySpec(const JsonValue& body, TimeMicros now) {
  if (!body.is_object()) return Fail(Wrong("a key is described by a JSON object"));
  KeySpec spec;
  for (const auto& [name, value] : body.members()) TM_TRY(ReadMember(name, value, now, &spec));
  return spec;
}

void AppendKey(JsonWriter* json, const ApiKey& key, TimeMicros now) {
  json->Field("id", key.id).Field("name", key.name).Field("project", key.project);
  AppendList(json, "scopes", SplitWords(key.scopes));
  AppendGrants(&json->Key("grants"), key.grants);
  json->Field("state", key.StateAt(now)).Key("dialect");
  key.dialect.empty() ? json->Null() : json->String(key.dialect);
  AppendList(json, "origins", key.origins);
  json->Key("addresses").BeginArray();
  for (const IpRange& range : key.addresses) json->String(range.ToString());
  json->EndArray().Key("limits").BeginObject();
  AppendRate(json, "requests", key.rates.requests);
  AppendRate(json, "events", key.rates.events);
  AppendRate(json, "bytes", key.rates.bytes);
  json->EndObject().Field("created", FormatTime(key.created));
  AppendTime(json, "expires", key.expires);
  AppendTime(json, "rotated", key.rotated);
  AppendTime(json, "old_secret_until", key.old_until);
  AppendTime(json, "revoked", key.revoked);
}

std::string MadeKeyJson(const Keys::Made& made, TimeMicros now) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Field("key", made.clear);
  AppendKey(&json, *made.key, now);
  json.EndObject();
  return body + "\n";
}

std::string KeyJson(const ApiKey& key, TimeMicros now) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  AppendKey(&json, key, now);
  json.EndObject();
  return body + "\n";
}

std::string KeyListJson(std::span<const std::shared_ptr<const ApiKey>> keys, TimeMicros now) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Key("keys").BeginArray();
  for (const auto& key : keys) {
    json.BeginObject();
    AppendKey(&json, *key, now);
    json.EndObject();
  }
  json.EndArray().EndObject();
  return body + "\n";
}

}  // namespace tidemark::meta
