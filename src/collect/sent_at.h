// When a client says that it sent a body, by its own clock: the member `sentAt` or `sent_at` of the
// body's outermost object, as Segment's and PostHog's clients write it. Pure; any thread.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "event/json_tokens.h"

namespace tidemark::collect {

// Looked for near the beginning and the end of the body only: elsewhere it is an event's.
inline constexpr std::size_t kSentAtWithin = 1'024;

// `indexer` is used up to the end of the call.
std::optional<TimeMicros> FindSentAt(const std::string& body, event::JsonIndexer* indexer);

}  // namespace tidemark::collect
