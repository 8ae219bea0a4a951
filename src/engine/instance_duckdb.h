// The inside of an Instance, for the files of this folder that run statements on it.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/published.h"
#include "duckdb.hpp"
#include "duckdb/parallel/task_scheduler.hpp"
#include "engine/instance.h"
#include "engine/running_statements.h"
#include "engine/scan_duckdb.h"
#include "engine/sql_guard_duckdb.h"
#include "env/worker.h"

namespace tidemark::engine {

// The threads that work on statements beside those that ask, each in a ScratchScope. Dies before
// the engine that it works for.
class EngineThreads {
 public:
  EngineThreads(duckdb::DatabaseInstance& instance, std::uint32_t count,
                std::uint64_t scratch_bytes_max);
  ~EngineThreads();
  EngineThreads(const EngineThreads&) = delete;
  EngineThreads& operator=(const EngineThreads&) = delete;

 private:
  duckdb::TaskScheduler& scheduler_;
  duckdb::atomic<bool> running_{true};
  std::vector<std::unique_ptr<env::Worker>> workers_;
};

// One life of the engine, until a fatal error. Connections keep it alive.
struct Database {
  duckdb::shared_ptr<duckdb::DuckDB> db;
  FunctionList functions;
  std::shared_ptr<EngineThreads> threads;
  std::shared_ptr<DoubtedFiles> doubted = std::make_shared<DoubtedFiles>();
};

class Instance::Impl {
 public:
  Impl(InstanceOptions options, const env::Clock* clock)
      : options_(std::move(options)), clock_(clock) {}

  // Never throws.
  Result<std::shared_ptr<const Database>> Open() const;
  Status Start();

  // The living engine; opened anew if a fatal error closed it.
  Result<std::shared_ptr<const Database>> Current();
  // The engine that was opened last, dead or alive.
  std::shared_ptr<const Database> Last() const { return current_.Load(); }

  const env::Clock& clock() const { return *clock_; }
  const InstanceOptions& options() const { return options_; }
  const std::shared_ptr<RunningStatements>& running() const { return running_; }
  std::uint64_t reopened_count() const { return reopened_count_.load(); }

 private:
  const InstanceOptions options_;
  const env::Clock* const clock_;
  const std::shared_ptr<RunningStatements> running_ = std::make_shared<RunningStatements>();
  Published<Database> current_;
  std::atomic<std::uint64_t> reopened_count_{0};
};

bool IsDead(const Database& database);

// What an error of the engine means to a caller. `database` says whether it was fatal.
Error ToError(const duckdb::ErrorData& error, const Database& database);

// A connection that reads `relations` by index.
duckdb::unique_ptr<duckdb::Connection> Connect(
    const Database& database, std::vector<std::shared_ptr<const Relation>> relations);

}  // namespace tidemark::engine
