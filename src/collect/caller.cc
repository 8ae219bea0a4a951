#include "collect/caller.h"

#include <algorithm>

#include "collect/peer.h"

namespace tidemark::collect {
namespace {

// Cut up: who comes back after so many seconds finds a token.
std::int64_t WholeSeconds(Duration duration) {
  return std::chrono::ceil<std::chrono::seconds>(duration).count();
}

// The last element of a list with commas, taken off it.
std::string_view TakeLast(std::string_view* list) {
  const std::size_t comma = list->rfind(',');
  std::string_view one = comma == std::string_view::npos ? *list : list->substr(comma + 1);
  *list = comma == std::string_view::npos ? std::string_view() : list->substr(0, comma);
  while (one.starts_with(' ')) one.remove_prefix(1);
  while (one.ends_with(' ')) one.remove_suffix(1);
  return one;
}

}  // namespace

bool IsIn(const IpAddress& address, std::span<const IpRange> ranges) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&address](const IpRange& range) { return range.Contains(address); });
}

IpAddress ClientAddress(const net::Request& request, std::span<const IpRange> trusted_proxies) {
  IpAddress address = request.peer;
  if (trusted_proxies.empty() || !IsIn(address, trusted_proxies)) return address;
  std::string all;  // Several lines of that header are one list.
  request.ForEachHeader([&all](std::string_view name, std::string_view value) {
    if (!net::SameName(name, "X-Forwarded-For")) return;
    all.append(all.empty() ? "" : ",").append(value);
  });
  std::string_view list = all;
  while (!list.empty()) {
    const auto before = IpAddress::Parse(TakeLast(&list));
    if (!before) return address;
    address = *before;
    if (!IsIn(address, trusted_proxies)) return address;
  }
  return address;
}

std::string_view OriginOf(const net::Request& request) {
  if (const auto origin = request.Header("Origin")) return *origin;
  const auto referer = request.Header("Referer");
  if (!referer) return {};
  const std::size_t slashes = referer->find("://");
  if (slashes == std::string_view::npos) return *referer;
  return referer->substr(0, referer->find('/', slashes + 3));
}

Caller CallerOf(const net::Request& request, std::string_view key,
                std::span<const IpRange> trusted_proxies) {
  return {.key = key,
          .origin = OriginOf(request),
          .address = ClientAddress(request, trusted_proxies),
          .trusted = IsTrustedPeer(request),
          .several_keys = HasSeveralKeys(request)};
}

Result<std::string> ProjectNamedBy(const net::Request& request) {
  std::string named(request.Header("X-Tidemark-Project").value_or(""));
  if (request.query().empty()) return named;
  std::string asked = request.QueryParameter("project").value_or("");
  if (asked.empty() || asked == named) return named;
  if (named.empty()) return asked;
  return Fail(Code::kInvalidArgument, "X-Tidemark-Project names the project `" + named +
                                          "` and ?project= the project `" + asked +
                                          "`; send one of them");
}

void AddLimitHeaders(const meta::LimitState& state, net::Response* response) {
  response->headers.emplace_back("X-RateLimit-Limit", std::to_string(state.limit));
  response->headers.emplace_back("X-RateLimit-Remaining", std::to_string(state.remaining));
  response->headers.emplace_back("X-RateLimit-Reset", std::to_string(WholeSeconds(state.reset)));
}

net::Response LimitedResponse(const meta::LimitState& state) {
  net::Response response =
      net::ErrorResponse(429, "the key has used up its rate",
                         "send again after the seconds of Retry-After, in larger batches if the "
                         "limit is one of requests");
  const std::string wait =
      std::to_string(std::max<std::int64_t>(WholeSeconds(state.retry_after), 1));
  const auto retry = std::find_if(response.headers.begin(), response.headers.end(),
                                  [](const auto& header) { return header.first == "Retry-After"; });
  if (retry == response.headers.end()) {
    response.headers.emplace_back("Retry-After", wait);
  } else {
    retry->second = wait;
  }
  AddLimitHeaders(state, &response);
  return response;
}

net::Response RefusalResponse(const Refusal& refusal) {
  net::Response response = net::ErrorResponse(refusal.status, refusal.message, refusal.hint);
  response.hide_from_origin = refusal.foreign_origin;
  return response;
}

}  // namespace tidemark::collect
