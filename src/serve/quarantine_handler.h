// The quarantine over HTTP: `/v1/quarantine...` lists the events that were not valid, shows one,
// and resolves it: replays it, as it was or put right, or drops it. docs/reference/quarantine.md.
//
// An item is resolved once. What says so is a record of the quarantine that is written with the
// replayed event in one request of the log, under a request key that is the item's: of two requests
// at once the log takes one, and later ones find the record at their cut.
//
// Handlers are called on reactor threads and work on the pool.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/json_reader.h"
#include "base/published.h"
#include "env/clock.h"
#include "env/task_pool.h"
#include "event/kept_event.h"
#include "net/router.h"
#include "query/service.h"
#include "serve/sql_handler.h"
#include "telemetry/metrics.h"
#include "tide/core.h"

namespace tidemark::serve {

inline constexpr std::uint64_t kItemsListedMax = 1'000;
inline constexpr std::uint64_t kItemsListedDefault = 100;

struct QuarantineHandlerParts {
  env::TaskPool* pool;
  const env::Clock* clock;
  telemetry::Registry* registry;
  std::function<query::Service*()> service;  // Null before recovery.
  std::function<tide::Core*()> core;         // Asked only after service was not null.
  event::ReadKeptEvent read;
  Authorize may_read;
  Authorize may_change;
};

class QuarantineHandler {
 public:
  // What `parts` points to must outlive the handler, and it the router and every task of the pool.
  explicit QuarantineHandler(QuarantineHandlerParts parts);
  QuarantineHandler(const QuarantineHandler&) = delete;
  QuarantineHandler& operator=(const QuarantineHandler&) = delete;

  void AddTo(net::Router* router);

 private:
  using Respond = std::shared_ptr<net::Responder>;
  using Action = void (QuarantineHandler::*)(const std::string& project,
                                             const net::Request& request, const Respond& respond);
  // What is to become of an item.
  struct Resolution {
    std::string project;
    std::string id;
    std::string record;    // kReplayedRecord or kDroppedRecord.
    std::string event_id;  // Of the event that comes of it.
    event::Request request;
  };

  void Add(net::Router* router, net::Method method, std::string_view path, Purpose purpose,
           Action action);
  void List(const std::string& project, const net::Request& request, const Respond& respond);
  void Show(const std::string& project, const net::Request& request, const Respond& respond);
  void Replay(const std::string& project, const net::Request& request, const Respond& respond);
  void Drop(const std::string& project, const net::Request& request, const Respond& respond);

  Result<std::vector<JsonValue>> Select(query::SqlRequest ask);
  Result<JsonValue> FindItem(const std::string& project, const std::string& id);
  // The answer, if the item is resolved already.
  static std::optional<net::Response> Resolved(const JsonValue& item, std::string_view wanted);
  std::optional<net::Response> LookAgain(const Resolution& resolution);
  void Submit(Resolution resolution, const JsonValue& item, const Respond& respond);
  void AnswerAsFirst(Resolution resolution, const event::BatchAnswer& answer,
                     const Respond& respond);
  void Answer(const Resolution& resolution, const Result<event::BatchAnswer>& answer,
              const Respond& respond);
  // False if another request is about to resolve it. Only without an index of request keys.
  bool Enter(const std::string& id);
  void Leave(const std::string& id);

  const QuarantineHandlerParts parts_;
  telemetry::Counter& replayed_;
  telemetry::Counter& dropped_;
  Published<std::set<std::string>> busy_;
};

}  // namespace tidemark::serve
