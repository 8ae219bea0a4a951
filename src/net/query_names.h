// Parameters of a query that a path does not know, or that say two things: whoever misspells one
// that it knows would be served as if nothing had been said. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "net/http.h"

namespace tidemark::net {

enum class Strangers : std::uint8_t {
  kRefused,  // The path is read by its own clients alone.
  kPassed,   // Others call it with what they add to every address: only slips are refused.
};

// 400 with the name that may have been meant, or that is there twice with values that differ;
// nothing if the request has no such parameter. A slip is one letter too many, missing, or another;
// two changed over; or letters of the other case. With kPassed the first letter is the same.
std::optional<Response> RefuseUnknownParameters(const Request& request,
                                                std::span<const std::string_view> known,
                                                Strangers strangers);

}  // namespace tidemark::net
