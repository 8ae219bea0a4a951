// Answers in the native shape, for dialects that answer in it. Pure; any thread.
#pragma once

#include <array>
#include <string_view>

#include "collect/dialect.h"

namespace tidemark::collect {

// The dialect that any event can be written in, and a door of it.
inline constexpr std::string_view kNativeName = "native";
inline constexpr std::string_view kNativeDoor = "POST /v1/events";
// What the query of its paths may say.
inline constexpr std::array<std::string_view, 3> kNativeParameters = {"debug", "ack", "project"};

// 202 with the event's id and what became of it, or the counts and refusals of a list; what became
// of each event of it by `results`, unless all were simply accepted.
net::Response NativeAnswer(const Reception& reception);

}  // namespace tidemark::collect
