#include "collect/peer.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "meta/keys.h"

namespace tidemark::collect {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// The text after `scheme` and a blank, in any case.
std::optional<std::string_view> AfterScheme(std::string_view value, std::string_view scheme) {
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ') return std::nullopt;
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    if (Lower(value[i]) != scheme[i]) return std::nullopt;
  }
  return value.substr(scheme.size() + 1);
}

// Nothing, or ":" and digits.
bool IsPort(std::string_view text) {
  if (text.empty()) return true;
  return text.front() == ':' &&
         std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// 127.0.0.0/8 in four plain numbers: "127.evil.example" is a name that anybody can own.
bool IsLoopbackIpv4(std::string_view host) {
  if (!host.starts_with("127.")) return false;
  int dots = 0;
  std::size_t digits = 0;
  for (const char c : host) {
    if (c == '.') {
      if (digits == 0) return false;
      ++dots;
      digits = 0;
    } else if (c < '0' || c > '9' || ++digits > 3) {
      return false;
    }
  }
  return dots == 3 && digits > 0;
}

// "localhost:8080", "127.0.0.1", "[::1]:80".
bool IsLoopbackHost(std::string_view host) {
  constexpr std::string_view kIpv6 = "[::1]";
  if (host.starts_with(kIpv6)) return IsPort(host.substr(kIpv6.size()));
  const std::size_t colon = std::min(host.find(':'), host.size());
  if (!IsPort(host.substr(colon))) return false;
  const std::string_view name = host.substr(0, colon);
  return IsLoopbackIpv4(name) || net::SameName(name, "localhost");
}

bool IsLoopbackOrigin(std::string_view origin) {
  const std::size_t slashes = origin.find("://");
  return slashes != std::string_view::npos && IsLoopbackHost(origin.substr(slashes + 3));
}

// "KEY:", as Segment's clients write it, or "anything:KEY", as those do that ask for a user's name
// and a password.
std::string KeyOfPair(const std::string& pair) {
  const std::size_t colon = std::min(pair.find(':'), pair.size());
  if (pair.starts_with(meta::kKeyPrefix) || colon + 1 >= pair.size()) return pair.substr(0, colon);
  return pair.substr(colon + 1);
}

// What PyIceberg sends as its token when it was given none.
constexpr std::string_view kNoKey = "None";

std::string KeyOfAuthorization(std::string_view value) {
  if (const auto key = AfterScheme(value, "bearer")) {
    return *key == kNoKey ? std::string() : std::string(*key);
  }
  if (const auto basic = AfterScheme(value, "basic")) {
    return KeyOfPair(FromBase64(*basic).value_or(""));
  }
  return {};
}

}  // namespace

std::string KeyOf(const net::Request& request) {
  if (const auto key = request.Header("X-API-Key")) return std::string(*key);
  const auto value = request.Header("Authorization");
  return value ? KeyOfAuthorization(*value) : std::string();
}

bool HasSeveralKeys(const net::Request& request) {
  const auto key = request.Header("X-API-Key");
  if (!key && !request.Header("Authorization")) return false;
  std::string first;
  bool differ = false;
  const auto see = [&](std::string_view one) {
    if (one.empty()) return;
    if (first.empty()) first = one;
    differ |= first != one;
  };
  request.ForEachHeader([&](std::string_view name, std::string_view value) {
    if (net::SameName(name, "X-API-Key")) see(value);
    if (!net::SameName(name, "Authorization")) return;
    const std::string one = KeyOfAuthorization(value);
    if (!key || one.starts_with(meta::kKeyPrefix)) see(one);
  });
  return differ;
}

bool IsTrustedPeer(const net::Request& request) {
  if (!request.peer_is_loopback) return false;
  for (const char* of_a_proxy : {"X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "X-Real-IP",
                                 "CF-Connecting-IP", "Via"}) {
    if (request.Header(of_a_proxy)) return false;
  }
  // A browser says itself that a page of elsewhere asks, also where it sends no Origin.
  if (request.Header("Sec-Fetch-Site") == "cross-site") return false;
  const auto host = request.Header("Host");
  if (host && !IsLoopbackHost(*host)) return false;  // A name that was bent to point here.
  const auto origin = request.Header("Origin");
  return !origin || IsLoopbackOrigin(*origin);
}

}  // namespace tidemark::collect
