// What the head of a request says about who sends it. Pure; any thread.
#pragma once

#include <string>

#include "net/http.h"

namespace tidemark::collect {

// The key of a request: X-API-Key, or Authorization as `Bearer key`, `Basic base64(key:)` or `Basic
// base64(any:key)`.
std::string KeyOf(const net::Request& request);
// Keys in its headers that are not the same: which one counts is not for a server to guess. Beside
// X-API-Key only a key of ours counts in Authorization: a proxy may have what it wants there.
bool HasSeveralKeys(const net::Request& request);
// The request comes from a program on this machine: not through a proxy, and not from a web page of
// elsewhere that a browser here shows.
bool IsTrustedPeer(const net::Request& request);

}  // namespace tidemark::collect
