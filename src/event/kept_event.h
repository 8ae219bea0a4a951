// An event of the quarantine that is read again, by the door that it came to, with the rules and
// schemas of now. Value types.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "event/batch.h"
#include "event/request.h"

namespace tidemark::event {

struct KeptEvent {
  std::string project;
  std::string dialect;  // As its item says.
  std::string door;
  std::string body;             // The event, as it was sent or put right, in that dialect.
  RequestKey key;               // Of the request that it will be in.
  TimeMicros received_at = {};  // When it came.
};

struct ReadAgain {
  Request::Part events;  // One.
  std::string event_id;
};

// kInvalidArgument: it is still not valid, and why; kNotFound: the door is none of this version.
using ReadKeptEvent = std::function<Result<ReadAgain>(const KeptEvent& kept)>;

}  // namespace tidemark::event
