// `GET /v1/receipts/{id}`: what became of the events of one request (event/receipt.h): where they
// are, whether they are visible, in which snapshots they were settled. docs/reference/events.md,
// "Receipts".
//
// Handle is called on a reactor's thread; commits are looked up on the pool.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "catalog/catalog.h"
#include "env/task_pool.h"
#include "event/receipt.h"
#include "net/http_server.h"
#include "serve/sql_handler.h"
#include "tide/core.h"

namespace tidemark::serve {

class ReceiptHandler {
 public:
  // Asked for with each request: there is no core before recovery.
  struct Sources {
    std::function<tide::Core*()> core;
    // The commits of a table that added offsets of [begin, end).
    std::function<Result<std::vector<catalog::LedgerRow>>(const Uuid& table, LogOffset begin,
                                                          LogOffset end)>
        commits;
  };

  // `pool` must outlive the handler, and it every task of the pool.
  ReceiptHandler(Sources sources, env::TaskPool* pool, Authorize authorize)
      : sources_(std::move(sources)), pool_(pool), authorize_(std::move(authorize)) {}

  // 400: no receipt; 404: of another log, another project, or not yet written.
  void Handle(const net::Request& request, const std::shared_ptr<net::Responder>& responder);

 private:
  net::Response Resolve(const std::string& project, const event::Receipt& receipt) const;

  const Sources sources_;
  env::TaskPool* const pool_;
  const Authorize authorize_;
};

}  // namespace tidemark::serve
