// Events by the address of a picture, for pages and mails without scripts. Pure; any thread.
#pragma once

#include <initializer_list>
#include <string_view>

#include "base/result.h"
#include "net/http.h"

namespace tidemark::collect {

inline constexpr std::size_t kPixelParametersMax = 256;

// Makes the body of one event out of the query: `event=a&properties.plan=pro` is
// `{"event":"a","properties":{"plan":"pro"}}`. A value that is a JSON object is one; all others are
// strings. `without`: parameters that are no part of the event. kInvalidArgument: too many.
Status AssemblePixel(net::Request* request, std::initializer_list<std::string_view> without);

// 200 with a transparent picture of one pixel, which nobody keeps.
net::Response PixelAnswer();

}  // namespace tidemark::collect
