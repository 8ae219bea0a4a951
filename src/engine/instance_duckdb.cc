#include "engine/instance_duckdb.h"

#include <utility>

#include "duckdb/common/enums/pending_execution_result.hpp"
#include "duckdb/main/client_context_state.hpp"
#include "duckdb/main/valid_checker.hpp"
#include "duckdb/storage/object_cache.hpp"
#include "engine/bounded_functions_duckdb.h"
#include "engine/counted_rows_duckdb.h"
#include "engine/json_functions_duckdb.h"
#include "engine/macros_duckdb.h"
#include "engine/memory_bound_duckdb.h"
#include "engine/owned_states_duckdb.h"
#include "engine/stoppable_calls_duckdb.h"
#include "engine/utc_times_duckdb.h"

namespace tidemark::engine {
namespace {

constexpr const char* kVersion = "v1.5.5";

Error FromException(const std::exception& exception) {
  return Error(Code::kUnavailable,
               "the engine does not start: " + duckdb::ErrorData(exception).RawMessage());
}

std::shared_ptr<const Database> OpenDatabase(const InstanceOptions& options) {
  duckdb::DBConfig config;
  config.SetOptionByName("autoinstall_known_extensions", duckdb::Value::BOOLEAN(false));
  config.SetOptionByName("autoload_known_extensions", duckdb::Value::BOOLEAN(false));
  config.SetOptionByName("memory_limit",
                         duckdb::Value(std::to_string(options.memory_bytes_max) + "B"));
  // Its allocator gives free pages back by itself, not only when it is used again.
  config.SetOptionByName("allocator_background_threads", duckdb::Value::BOOLEAN(true));
  config.SetOptionByName("threads", duckdb::Value::BIGINT(options.threads));
  if (options.scratch_bytes_max > 0) {
    config.allocator = MakeBoundedAllocator(options.memory_bytes_max + options.scratch_bytes_max);
    // All of its threads are ours, with the bound of their scratch space.
    config.SetOptionByName("external_threads", duckdb::Value::BIGINT(options.threads));
  }
  config.SetOptionByName("temp_directory", duckdb::Value(options.spill_folder));
  if (!options.spill_folder.empty()) {
    config.SetOptionByName("max_temp_directory_size",
                           duckdb::Value(std::to_string(options.spill_bytes_max) + "B"));
  }
  auto database = std::make_shared<Database>();
  database->db = duckdb::make_shared_ptr<duckdb::DuckDB>(nullptr, &config);
  duckdb::DatabaseInstance& instance = *database->db->instance;
  duckdb::Connection connection(*database->db);
  for (const char* setting : {"SET GLOBAL TimeZone = 'UTC'", "SET GLOBAL Calendar = 'gregorian'",
                              "SET GLOBAL parquet_metadata_cache = true"}) {
    const auto result = connection.Query(setting);
    if (result->HasError()) result->ThrowError();
  }
  RegisterScans(instance);
  KeepDigits(instance);
  BoundFunctions(instance);
  CountInUtc(instance);
  OwnAggregateStates(instance);
  CountWithoutColumns(instance);
  MakeCallsStoppable(connection);
  AddMacros(connection);
  database->functions = ListFunctions(connection);
  // No FROM 'file.parquet', whatever the guard thinks.
  duckdb::DBConfig::GetConfig(instance).replacement_scans.clear();
  const auto locked = connection.Query("SET GLOBAL lock_configuration = true");
  if (locked->HasError()) locked->ThrowError();
  if (options.scratch_bytes_max > 0 && options.threads > 1) {
    database->threads =
        std::make_shared<EngineThreads>(instance, options.threads - 1, options.scratch_bytes_max);
  }
  return database;
}

}  // namespace

EngineThreads::EngineThreads(duckdb::DatabaseInstance& instance, std::uint32_t count,
                             std::uint64_t scratch_bytes_max)
    : scheduler_(duckdb::TaskScheduler::GetScheduler(instance)) {
  for (std::uint32_t i = 0; i < count; ++i) {
    workers_.push_back(std::make_unique<env::Worker>("engine", [this, scratch_bytes_max] {
      const ScratchScope scope(scratch_bytes_max);
      scheduler_.ExecuteForever(&running_);
      return Duration(std::chrono::hours(1));  // It is being stopped.
    }));
  }
}

EngineThreads::~EngineThreads() {
  running_ = false;
  scheduler_.Signal(workers_.size());
  workers_.clear();
}

bool IsDead(const Database& database) {
  return duckdb::ValidChecker::IsInvalidated(*database.db->instance);
}

duckdb::unique_ptr<duckdb::Connection> Connect(
    const Database& database, std::vector<std::shared_ptr<const Relation>> relations) {
  auto connection = duckdb::make_uniq<duckdb::Connection>(*database.db);
  auto state = duckdb::make_shared_ptr<ScanState>();
  for (const auto& relation : relations) state->scans.push_back({relation, relation->files, {}});
  state->relations = std::move(relations);
  state->doubted = database.doubted;
  connection->context->registered_state->Insert(ScanState::kKey, std::move(state));
  return connection;
}

Error ToError(const duckdb::ErrorData& error, const Database& database) {
  using duckdb::ExceptionType;
  const std::string& message = error.RawMessage();
  if (IsDead(database)) {
    return Error(Code::kUnavailable, "the engine failed and starts anew: " + message);
  }
  switch (error.Type()) {
    case ExceptionType::OUT_OF_MEMORY:
      return Error(Code::kOverloaded,
                   "the query needs more memory than it may use: ask for fewer rows or groups at a "
                   "time or shorter texts and lists, or raise server.memory");
    case ExceptionType::INTERRUPT:
      return Error(Code::kCancelled, "the query was cancelled");
    case ExceptionType::PERMISSION:
      return Error(Code::kPermissionDenied, message);
    case ExceptionType::NOT_IMPLEMENTED:
      // A name that is none: of the calendar, which has no error of its own for it.
      if (message.starts_with("Unknown TimeZone")) return Error(Code::kInvalidArgument, message);
      return Error(Code::kUnimplemented, message);
    case ExceptionType::IO:
      return Error(Code::kIoError, message);
    case ExceptionType::INTERNAL:
    case ExceptionType::FATAL:
      return Error(Code::kInternal, message);
    default:
      // The engine's own text: it has the line, the place and what was perhaps meant.
      return Error(Code::kInvalidArgument, error.Message());
  }
}

Result<std::shared_ptr<const Database>> Instance::Impl::Open() const {
  if (std::string(duckdb::DuckDB::LibraryVersion()) != kVersion) {
    return Fail(Code::kUnavailable, std::string("the engine library is ") +
                                        duckdb::DuckDB::LibraryVersion() + ", not " + kVersion);
  }
  try {
    return OpenDatabase(options_);
  } catch (const duckdb::Exception& exception) {
    return Fail(FromException(exception));
  } catch (const std::exception& exception) {
    return Fail(FromException(exception));
  }
}

Status Instance::Impl::Start() {
  TM_ASSIGN(auto database, Open());
  current_.Store(std::move(database));
  return {};
}

Result<std::shared_ptr<const Database>> Instance::Impl::Current() {
  auto database = current_.Load();
  if (!IsDead(*database)) return database;
  Status opened;
  current_.Update([&](const Database& now) -> std::shared_ptr<const Database> {
    if (!IsDead(now)) return database = std::make_shared<const Database>(now);
    auto next = Open();
    if (!next) {
      opened = Fail(std::move(next).error());
      return std::make_shared<const Database>(now);
    }
    ++reopened_count_;
    return database = *next;
  });
  TM_TRY(std::move(opened));
  return database;
}

Instance::Instance(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Instance::~Instance() = default;

Result<std::unique_ptr<Instance>> Instance::Open(InstanceOptions options, const env::Clock* clock) {
  auto impl = std::make_unique<Impl>(std::move(options), clock);
  TM_TRY(impl->Start());
  return std::unique_ptr<Instance>(new Instance(std::move(impl)));
}

bool Instance::StopNewest() { return impl_->running()->StopNewest(); }

void Instance::DropCaches() {
  duckdb::ObjectCache& cache = impl_->Last()->db->instance->GetObjectCache();
  cache.EvictToReduceMemory(cache.GetCurrentMemory());
}

std::uint64_t Instance::reopened_count() const { return impl_->reopened_count(); }

void Instance::InjectFatalErrorForTest() {
  const auto database = impl_->Current();
  if (database) {
    duckdb::ValidChecker::Invalidate(*(*database)->db->instance, "injected for a test");
  }
}

}  // namespace tidemark::engine
