// Where requests go: the tide behind the doors. app/ plugs it in.
#pragma once

#include <functional>

#include "base/result.h"
#include "event/batch_answer.h"
#include "event/request.h"

namespace tidemark::collect {

class EventSink {
 public:
  // Called once, on any thread (as a rule the log's): it must be short and must not block. An
  // answer means that every event of it is durable and visible: accepted and quarantined ones
  // where the receipt says, of a duplicate the first one. Errors: kOverloaded, kUnavailable
  // (nothing was taken: retry later), kOutcomeUnknown (the events may be there or not),
  // kInvalidArgument, kConflict (an Idempotency-Key came again with another body).
  using Done = std::function<void(Result<event::BatchAnswer>)>;

  EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;
  virtual ~EventSink() = default;

  // Takes one request, all of it or nothing; it has at least one event or item. Never blocks: what
  // does not fit is refused with kOverloaded before anything is taken. `done` may be called before
  // Submit returns. Any thread.
  virtual void Submit(event::Request request, Done done) = 0;
};

}  // namespace tidemark::collect
