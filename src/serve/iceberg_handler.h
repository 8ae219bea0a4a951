// The Iceberg REST catalog over HTTP, at `/iceberg/v1/...`, and at `/v1/...` for clients that are
// given the server's own address. Specification: rest-catalog-open-api.yaml of Apache Iceberg.
//
// Every answer has the specification's shapes, errors too. Requests come on reactors' threads and
// run on the pool, since they wait for the database and the store.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "env/task_pool.h"
#include "iceberg/rest_catalog.h"
#include "net/router.h"

namespace tidemark::serve {

class IcebergHandler {
 public:
  struct Parts {
    // Asked for with each request; nullptr before recovery.
    std::function<iceberg::RestCatalog*()> catalog;
    env::TaskPool* pool = nullptr;
    // Who a request is from: 401 without a known key.
    std::function<iceberg::Outcome<iceberg::Access>(const net::Request&)> authorize;
    // The key of a request's headers; empty: none.
    std::function<std::string(const net::Request&)> key_of;
    // What a key may do; for the OAuth2 token endpoint.
    std::function<iceberg::Outcome<iceberg::Access>(const net::Request&, const std::string& key)>
        check_key;
  };
  explicit IcebergHandler(Parts parts);
  IcebergHandler(const IcebergHandler&) = delete;
  IcebergHandler& operator=(const IcebergHandler&) = delete;
  ~IcebergHandler();

  // Before the server starts. The handler must outlive the router.
  void AddTo(net::Router* router);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::serve
