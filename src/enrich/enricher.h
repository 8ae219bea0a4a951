// One thing that is found out about an event and stored with it: one small file each behind this
// interface. To add one: a file, a line in enrichment.cc, options, a row in
// docs/reference/enrichment.md.
//
// An enricher belongs to one thread at a time and keeps its texts; what is costly to make and never
// changes (rules, files) it shares with the others. It never blocks and never fails: what it cannot
// find it leaves alone, and what the client said itself counts more than what we find.
#pragma once

#include <optional>
#include <string_view>

#include "base/ip_address.h"
#include "base/time.h"
#include "event/batch.h"

namespace tidemark::enrich {

// What the request around an event says. Views into it.
struct RequestFacts {
  TimeMicros received_at;
  std::optional<TimeMicros> sent_at = std::nullopt;  // By the client's clock, of the whole body.
  bool from_page =
      false;  // A web page sent it itself: the request's agent and address are a user's.
  std::string_view user_agent = {};
  IpAddress address = {};         // Of the client, behind trusted proxies.
  std::string_view country = {};  // As a trusted proxy says; else empty.
};

class Enricher {
 public:
  Enricher() = default;
  Enricher(const Enricher&) = delete;
  Enricher& operator=(const Enricher&) = delete;
  virtual ~Enricher() = default;

  // Texts that it sets live until its next call.
  virtual void Enrich(const RequestFacts& facts, event::EventView* event) = 0;
};

}  // namespace tidemark::enrich
