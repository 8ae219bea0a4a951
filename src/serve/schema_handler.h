// The schema registry over HTTP: `/v1/schemas/...`, and `GET /api/schemas/...` as Iglu's clients
// ask for it. docs/reference/schemas.md.
//
// Handlers are called on reactor threads and work on the pool: they may write to the database.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "env/clock.h"
#include "env/task_pool.h"
#include "meta/schemas.h"
#include "net/router.h"
#include "query/service.h"
#include "serve/sql_handler.h"
#include "tide/core.h"

namespace tidemark::serve {

inline constexpr std::uint64_t kInferEventsMax = 10'000;  // That one proposal looks at.
inline constexpr std::uint64_t kInferEventsDefault = 1'000;
inline constexpr std::size_t kValidateBytesMax = 8U << 20;

struct SchemaHandlerParts {
  meta::Schemas* schemas;
  env::TaskPool* pool;
  const env::Clock* clock;
  std::function<query::Service*()> service;  // Null before recovery.
  std::function<tide::Core*()> core;         // Asked for only after recovery.
  Authorize may_read;
  Authorize may_change;
};

// A path of the registry. `work` of an authorized request runs on the pool, and what it returns is
// sent. `parts` must outlive the router.
using SchemaWork =
    std::function<net::Response(const std::string& project, const net::Request& request)>;
void AddSchemaWork(net::Router* router, net::Method method, std::string_view path, Purpose purpose,
                   const SchemaHandlerParts& parts, const SchemaWork& work);
// ... whose answer comes later: `task` sends it itself.
using SchemaTask = std::function<void(const std::string& project, const net::Request& request,
                                      const std::shared_ptr<net::Responder>& responder)>;
void AddSchemaTask(net::Router* router, net::Method method, std::string_view path, Purpose purpose,
                   const SchemaHandlerParts& parts, const SchemaTask& task);

class SchemaHandler {
 public:
  // What `parts` points to must outlive the handler, and it the router and every task of the pool.
  explicit SchemaHandler(SchemaHandlerParts parts) : parts_(std::move(parts)) {}
  SchemaHandler(const SchemaHandler&) = delete;
  SchemaHandler& operator=(const SchemaHandler&) = delete;

  void AddTo(net::Router* router);

 private:
  using Action = net::Response (SchemaHandler::*)(const std::string&, const net::Request&);
  // `known`: what the query may say besides the project.
  void Add(net::Router* router, net::Method method, std::string_view path, Purpose purpose,
           Action action, std::initializer_list<std::string_view> known = {});

  net::Response List(const std::string& project, const net::Request& request);
  net::Response Configure(const std::string& project, const net::Request& request);
  void Register(const std::string& project, const net::Request& request,
                const std::shared_ptr<net::Responder>& responder) const;
  net::Response Show(const std::string& project, const net::Request& request);
  net::Response Change(const std::string& project, const net::Request& request);
  net::Response Delete(const std::string& project, const net::Request& request);
  net::Response Versions(const std::string& project, const net::Request& request);
  net::Response Version(const std::string& project, const net::Request& request);
  net::Response Check(const std::string& project, const net::Request& request);
  net::Response Validate(const std::string& project, const net::Request& request);
  net::Response Infer(const std::string& project, const net::Request& request);
  net::Response Iglu(const std::string& project, const net::Request& request);

  Result<std::string> InferFrom(const std::string& project, const std::string& type,
                                std::uint64_t limit, std::uint64_t* looked_at);

  const SchemaHandlerParts parts_;
};

}  // namespace tidemark::serve
