// A body out of what clients wrap it into: gzip, zstd, zlib or brotli (net/decompress.h), a form's
// `data=`, base64, and these inside one another. Looked at, never taken from Content-Type: clients
// send JSON as text/plain and gzip as a form. Pure; any thread.
#pragma once

#include <optional>

#include "net/decompress.h"
#include "net/http.h"

namespace tidemark::collect {

// Replaces the body by what it holds; of a GET without body, by its query parameter `data`. What is
// neither JSON nor anything of the above stays as it is. With `opaque` only compression is undone.
// The body has kBodyPadding bytes of capacity to spare afterwards.
// Nothing, or the refusal: 415 for a Content-Encoding that nobody knows, 413 beyond a limit, 400
// for what is broken.
std::optional<net::Response> UnwrapBody(const net::DecompressLimits& limits, bool opaque,
                                        net::Request* request);

}  // namespace tidemark::collect
