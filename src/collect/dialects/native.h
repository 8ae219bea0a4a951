// Answers in the native shape, for dialects that answer in it. Pure; any thread.
#pragma once

#include "collect/dialect.h"

namespace tidemark::collect {

// 202 with the event's id and what became of it, or the counts and refusals of a list; what became
// of each event of it by `results`, unless all were simply accepted.
net::Response NativeAnswer(const Reception& reception);

}  // namespace tidemark::collect
