// A request's body out of its compression, for every door that takes one: limits, 415 and 413 are
// the same at all of them. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/decompress.h"
#include "net/http.h"

namespace tidemark::net {

// Which coding a body has is told by its first bytes; only of those that have none of their own
// Content-Encoding is believed, and only if the body does not look like JSON already (clients and
// proxies say it of bodies that they have unpacked). The body has kBodyPadding bytes of capacity to
// spare afterwards.
// Nothing, or the refusal: 415 for a Content-Encoding that nobody knows, 413 beyond a limit, 400
// for what is broken.
std::optional<Response> UnpackBody(const DecompressLimits& limits, Request* request);
// The same of what was inside a body, where no header says anything.
std::optional<Response> UnpackInner(const DecompressLimits& limits, std::string* body);

// As it begins; a byte order mark and blanks may be before it.
bool LooksLikeJson(std::string_view body);

}  // namespace tidemark::net
