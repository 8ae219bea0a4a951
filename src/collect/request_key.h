// What makes a whole request one that is not to be done twice: `Idempotency-Key`, or a producer's
// `X-Tidemark-Producer`, `X-Tidemark-Epoch` and `X-Tidemark-Sequence`. Any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "event/batch.h"
#include "net/http.h"

namespace tidemark::collect {

inline constexpr std::size_t kRequestKeyBytesMax = 255;

// Nothing if the request has none of them. Its name is a view into the request's headers; `body` is
// what was sent, decompressed. kInvalidArgument: empty, too long, not all three of a producer's
// headers, no numbers, or both kinds.
Result<std::optional<event::RequestKey>> RequestKeyOf(const net::Request& request,
                                                      std::string_view body);

}  // namespace tidemark::collect
