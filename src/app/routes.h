// Which path goes where. Everything but /livez waits for recovery: before, it answers 503.
#pragma once

#include <memory>

#include "app/keyring.h"
#include "catalog/sqlite_catalog.h"
#include "collect/admission.h"
#include "collect/doors.h"
#include "collect/event_sink.h"
#include "engine/data_file.h"
#include "engine/delete_files.h"
#include "enrich/enrichment.h"
#include "env/task_pool.h"
#include "iceberg/rest_catalog.h"
#include "meta/schemas.h"
#include "net/router.h"
#include "query/service.h"
#include "tide/core.h"

namespace tidemark::app {

// What the routes need; the core's parts only once ready() is true.
class RouteParts {
 public:
  RouteParts() = default;
  RouteParts(const RouteParts&) = delete;
  RouteParts& operator=(const RouteParts&) = delete;
  virtual ~RouteParts() = default;

  virtual bool ready() const = 0;
  virtual tide::Core& core() = 0;
  virtual query::Service& queries() = 0;
  virtual catalog::SqliteCatalog& catalog() = 0;
  virtual iceberg::RestCatalog& rest_catalog() = 0;
  // For short requests: the catalog, keys, schemas, receipts.
  virtual env::TaskPool& catalog_pool() = 0;
  virtual engine::DataFileReader& reader() = 0;
  virtual engine::DeleteFiles& delete_files() = 0;
  virtual MemoryBudget& budget() = 0;
  virtual telemetry::Registry& registry() = 0;
  // For statements, and what makes them.
  virtual env::TaskPool& pool() = 0;
  virtual const env::Clock& clock() const = 0;
  virtual Keyring& keyring() = 0;
  virtual meta::Keys& keys() = 0;
  virtual meta::Database& database() = 0;
  virtual collect::Admission& admission() = 0;
  virtual enrich::Enrichment& enrichment() = 0;
  virtual meta::Schemas& schemas() = 0;
  virtual Duration started() const = 0;
};

// The doors' sink: the tide's ingest, once there is one.
class CoreSink final : public collect::EventSink {
 public:
  explicit CoreSink(RouteParts* parts) : parts_(parts) {}
  void Submit(event::Request request, Done done) override;

 private:
  RouteParts* const parts_;
};

class Routes {
 public:
  // Both must outlive it.
  Routes(RouteParts* parts, collect::EventSink* sink, const collect::DoorOptions& doors);
  Routes(const Routes&) = delete;
  Routes& operator=(const Routes&) = delete;
  ~Routes();

  net::Router& router();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::app
