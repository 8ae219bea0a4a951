// Sends generated traffic over many connections at once and measures the answers: the load of
// `tidemark demo`. A few threads with an epoll each drive all connections, so that what the client
// costs does not hide what the server can do.
#pragma once

#include <cstdint>
#include <string>

#include "app/commands.h"
#include "env/clock.h"

namespace tidemark::app {

// How many events became what.
struct DemoCounts {
  std::uint64_t accepted = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t refused = 0;

  void Add(const DemoCounts& more) {
    accepted += more.accepted;
    duplicate += more.duplicate;
    quarantined += more.quarantined;
    refused += more.refused;
  }
};

// What the answer to a request of `events` events says of them.
DemoCounts CountAnswer(int status, const std::string& body, std::uint32_t events);

struct DemoResult {
  int code = 0;        // The command's exit code; what failed was printed.
  std::string report;  // One line of JSON.
};

// Blocks until all is sent.
DemoResult SendDemoLoad(const Remote& remote, DemoOptions options, const env::Clock& clock);

}  // namespace tidemark::app
