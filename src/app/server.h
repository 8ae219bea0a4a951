// The server: builds every part in dependency order, connects them, attaches the threads and stops
// all in reverse. The only place that names concrete classes.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "app/auth.h"
#include "base/result.h"
#include "base/units.h"
#include "collect/doors.h"
#include "enrich/enrichment.h"
#include "net/http_server.h"
#include "query/service.h"
#include "tide/options.h"

namespace tidemark::app {

struct ServeOptions {
  std::string data_dir = "tidemark-data";
  std::string http_listen = "127.0.0.1:8080";
  bool dev = false;                    // Loopback without a key, for any project.
  std::uint64_t memory_bytes = 4_GiB;  // Of the whole process.
  std::uint32_t query_threads = 4;     // Statements that run at once.
  std::uint64_t flush_bytes = 64'000'000;
  Duration flush_age = std::chrono::seconds(60);
  std::uint32_t kept_paths_max = 200;
  std::uint64_t kept_rows_min = 1'000;
  // Folders outside the data directory where plain tables may live too.
  std::vector<std::string> catalog_locations;
  net::ServerOptions http;  // All but the address.
  AuthOptions auth;
  enrich::EnrichOptions enrich;  // All but the rule for addresses:
  std::string address_rule = "truncate";
  Duration answer_delay_max = std::chrono::seconds(1);  // Of the overload ladder.
  collect::DoorOptions doors;
  query::QueryOptions query;
  tide::TideOptions tide;                     // All but what the fields above say.
  Duration drain = std::chrono::seconds(10);  // At most, after SIGTERM.
  // For measuring: sealing data files takes as long as this many bytes a second do; 0: as it comes.
  std::uint64_t store_bytes_per_second = 0;
  std::string crash_at;  // For the crash tests: "<step>:<n>" dies at the n-th passing of a step.
};

class Server {
 public:
  // Locks the data directory, listens, recovers, and is ready when it returns. While it recovers
  // `/livez` answers and everything else gets 503.
  //
  // Errors: kConflict (another server owns the directory; names its pid), kUnavailable (the address
  // is taken), kCorruption (the message names the repair), kIoError.
  static Result<std::unique_ptr<Server>> Open(ServeOptions options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  // Stops at once, without settling.
  ~Server();

  std::string address() const;
  // The admin key that was made by this start; empty if there was one already.
  const std::string& new_admin_key() const;
  // True once another process has taken over the data directory.
  bool fenced() const;
  std::string data_dir() const;

  // Stops accepting, answers what is in flight, syncs, settles what fits the time, stops.
  void Drain();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::app
