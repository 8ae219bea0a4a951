// What one request brings to the log: its events, and what of it is kept in quarantine; both are
// durable or neither is. A value type.
#pragma once

#include <cstdint>
#include <string>

namespace tidemark::event {

struct Request {
  // An encoded batch (batch.h) of `count` rows; with 0 there is none. If the request has a key,
  // both parts have it.
  struct Part {
    std::string batch;
    std::uint32_t count = 0;
  };
  std::string project;
  Part events;
  Part quarantine;  // event/quarantine.h.
};

}  // namespace tidemark::event
