// What a request says of who sends it: key, origin, address. Any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/ip_address.h"
#include "collect/authenticator.h"
#include "net/http.h"

namespace tidemark::collect {

bool IsIn(const IpAddress& address, std::span<const IpRange> ranges);

// The address of the client: the peer's own, unless that is in `trusted_proxies`; then the last
// address of X-Forwarded-For that is not. What stands before an untrusted address is hearsay.
IpAddress ClientAddress(const net::Request& request, std::span<const IpRange> trusted_proxies);

// "https://shop.example" of Origin, else of Referer; empty if the request has neither.
std::string_view OriginOf(const net::Request& request);

// The project that X-Tidemark-Project or `?project=` names; empty: neither does. kInvalidArgument:
// both do, and differ.
Result<std::string> ProjectNamedBy(const net::Request& request);

// X-RateLimit-Limit, -Remaining and -Reset (whole seconds until all is there again).
void AddLimitHeaders(const meta::LimitState& state, net::Response* response);
// 429 with those and Retry-After.
net::Response LimitedResponse(const meta::LimitState& state);

// `key` and the request must outlive what is given. See KeyOf for the usual places of a key.
Caller CallerOf(const net::Request& request, std::string_view key,
                std::span<const IpRange> trusted_proxies);

}  // namespace tidemark::collect
