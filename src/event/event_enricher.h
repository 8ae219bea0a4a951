// What is added to an event at the door, between reading and encoding: the value is stored with the
// row, so that no replay ever asks again. Plugged in by collect/ (src/enrich).
#pragma once

#include "event/batch.h"

namespace tidemark::event {

class EventEnricher {
 public:
  EventEnricher() = default;
  EventEnricher(const EventEnricher&) = delete;
  EventEnricher& operator=(const EventEnricher&) = delete;
  virtual ~EventEnricher() = default;

  // May fill, change or remove columns of an event that will be accepted. Texts that it sets must
  // live until its next call or its end. Never blocks and never fails: what it cannot find it
  // leaves. On the thread of the parser.
  virtual void Enrich(EventView* event) = 0;
};

}  // namespace tidemark::event
