// `POST`, `GET`, `DELETE /v1/keys[/{id}]` and `POST /v1/keys/{id}/rotate`: keys of a project, by an
// admin key of it. The project `default` is the operator's: its admin keys manage those of all
// projects, and make a project by making its first key. docs/reference/keys.md.
//
// Handle is called on a reactor's thread; what writes runs on the pool, for it waits for the disk.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "env/clock.h"
#include "env/task_pool.h"
#include "meta/keys.h"
#include "meta/projects.h"
#include "net/http_server.h"
#include "net/router.h"

namespace tidemark::serve {

// Who manages keys: which project's, or those of all.
struct KeyManager {
  std::string project;
  bool every_project = false;
  std::string named = {};  // The project that the request names, if it does.
};

class KeyHandler {
 public:
  using Authorize = std::function<tl::expected<KeyManager, net::Response>(const net::Request&)>;

  // All pointers must outlive it, and it every task of the pool.
  KeyHandler(meta::Keys* keys, meta::Database* database, env::TaskPool* pool, Authorize authorize,
             const env::Clock* clock, meta::Entropy entropy, std::vector<std::string> dialects);

  void AddTo(net::Router* router);

 private:
  using Respond = std::shared_ptr<net::Responder>;
  using Work = net::Response (KeyHandler::*)(const net::Request&, const KeyManager&);

  void Add(net::Router* router, net::Method method, std::string_view path, Work work);
  net::Response Create(const net::Request& request, const KeyManager& manager);
  net::Response List(const net::Request& request, const KeyManager& manager);
  net::Response Show(const net::Request& request, const KeyManager& manager);
  net::Response Revoke(const net::Request& request, const KeyManager& manager);
  net::Response Rotate(const net::Request& request, const KeyManager& manager);
  // The key of the path, if the manager may know of it.
  std::shared_ptr<const meta::ApiKey> Find(const net::Request& request, const KeyManager& manager);

  meta::Keys* const keys_;
  meta::Database* const database_;
  env::TaskPool* const pool_;
  const Authorize authorize_;
  const env::Clock* const clock_;
  const meta::Entropy entropy_;
  const std::vector<std::string> dialects_;  // That a key may be pinned to.
};

}  // namespace tidemark::serve
