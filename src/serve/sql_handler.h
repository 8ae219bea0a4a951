// `POST /v1/sql`: one statement in, its rows out as JSON, NDJSON or CSV, with the cut it used.
// Format: docs/reference/http.md, "SQL".
//
// A body may be compressed, as those of events may (net/unpack_body.h).
// Handle is called on a reactor's thread; the statement runs on the pool, where the answer is
// streamed from.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "env/task_pool.h"
#include "net/decompress.h"
#include "net/http_server.h"
#include "query/service.h"

namespace tidemark::serve {

// From a request to the project that it may read, or to the answer that refuses it.
using Authorize = std::function<tl::expected<std::string, net::Response>(const net::Request&)>;
// What a path is for; a key needs the right to it.
enum class Purpose : std::uint8_t { kRead, kChange };

class SqlHandler {
 public:
  // `pool` and `clock` must outlive the handler, and it every task of the pool. `service` is asked
  // for with each statement: there is none before recovery.
  SqlHandler(std::function<query::Service*()> service, env::TaskPool* pool, Authorize authorize,
             const env::Clock* clock, net::DecompressLimits body = {})
      : service_(std::move(service)),
        pool_(pool),
        authorize_(std::move(authorize)),
        clock_(clock),
        body_(body) {}

  void Handle(net::Request request, std::shared_ptr<net::Responder> responder);

 private:
  void Run(query::SqlRequest request, std::string format,
           const std::shared_ptr<net::Responder>& responder);
  bool Stream(query::SqlAnswer& answer, const std::string& format,
              const std::shared_ptr<net::Responder>& responder);

  const std::function<query::Service*()> service_;
  env::TaskPool* const pool_;
  const Authorize authorize_;
  const env::Clock* const clock_;
  const net::DecompressLimits body_;
};

// The body of a SQL request: the statement itself, or `{"query","params",...}`. For tests too.
Result<query::SqlRequest> ParseSqlBody(const net::Request& request);

}  // namespace tidemark::serve
