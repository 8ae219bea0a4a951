#include "app/server.h"

#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

#include "app/core_feeder.h"
#include "app/crash_point.h"
#include "app/keyring.h"
#include "app/memory_keeper.h"
#include "app/plain_tables.h"
#include "app/routes.h"
#include "app/schema_relation.h"
#include "app/slow_store.h"
#include "catalog/sqlite_catalog.h"
#include "catalog/sqlite_directory.h"
#include "engine/parquet.h"
#include "env/local_store.h"
#include "env/posix/posix_clock.h"
#include "env/posix/posix_disk.h"
#include "env/worker.h"
#include "meta/projects.h"
#include "meta/schemas.h"
#include "telemetry/log_line.h"

namespace tidemark::app {
namespace {

constexpr std::string_view kFirstProject = "default";
// Shares of the memory budget. What is left is for code, bodies under way, the newest ids, and the
// file that is being written.
constexpr double kHotShare = 0.36;
constexpr double kQueryShare = 0.27;
constexpr double kScratchShare = 0.09;  // Of expressions, which the engine does not count itself.
constexpr double kFlushShare = 0.12;
// Commits wait for the disk, not for the processor.
constexpr std::size_t kCatalogThreads = 4;
constexpr std::size_t kCatalogRequestsWaitingMax = 1'024;
constexpr std::size_t kStatementsWaitingMax = 256;
constexpr std::uint64_t kStartBytes = 1_MiB;  // What a start writes fits many times.

std::uint64_t Share(std::uint64_t bytes, double share) {
  return static_cast<std::uint64_t>(static_cast<double>(bytes) * share);
}

// Waits for one call from another thread.
class Latch {
 public:
  void Open() { opened_.store(true), opened_.notify_all(); }
  void Wait() { opened_.wait(false); }

 private:
  std::atomic<bool> opened_{false};
};

constexpr std::string_view kAddressFile = "http.address";

}  // namespace

class Server::Impl final : public RouteParts {
 public:
  explicit Impl(ServeOptions options)
      : options_(std::move(options)),
        log_random_(env::EntropySeed()),
        tide_random_(env::EntropySeed()),
        budget_(Share(options_.memory_bytes, kHotShare)),
        memory_(options_.memory_bytes,
                {[this] {
                   query_engine_->DropCaches();
                   flush_engine_->DropCaches();
                 },
                 [this] { return query_engine_->StopNewest(); }},
                &clock_, &registry_) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { StopThreads(Duration::zero()); }

  Status Open() {
    TM_TRY(OpenFolders());
    ForgetAddress();
    TM_TRY(OpenDatabase());
    TM_TRY(OpenEngines());
    TM_TRY(OpenEnrichment());
    TM_TRY(Listen());
    // Compiling the rules takes about as long as a short recovery: at the same time.
    Latch rules_read;
    tidemark::Status rules;
    const bool posted = pool_->Post({}, [&] {
      rules = enrichment_->ReadRules();
      rules_read.Open();
    });
    TM_CHECK(posted);
    const auto recovered = Recover();
    rules_read.Wait();
    TM_TRY(recovered);
    TM_TRY(rules);
    started_ = clock_.Now();
    Attach();
    TM_TRY(env::WriteFileDurably(disk_.get(), kAddressFile, server_->address() + "\n"));
    TM_TRY(MakeFirstKey());
    ready_.store(true, std::memory_order_release);
    return {};
  }

  void Drain() {
    const Duration deadline = clock_.Now() + options_.drain;
    TM_LOG(kInfo, "draining");
    server_->Stop(options_.drain);
    core_->CloseIngest();
    // The log's thread writes what it has taken; then what is durable is settled.
    for (Latch settled; clock_.Now() < deadline;) {
      auto outcome = std::make_shared<Status>();
      core_->Settle([&settled, outcome](Status status) {
        *outcome = std::move(status);
        settled.Open();
      });
      settled.Wait();
      if (!*outcome) TM_LOG(kWarning, "not all was settled", {"error", outcome->error().message()});
      break;
    }
    StopThreads(options_.drain);
    ForgetAddress();
  }

  // RouteParts: what the routes need.
  bool ready() const override { return ready_.load(std::memory_order_acquire); }
  tide::Core& core() override { return *core_; }
  query::Service& queries() override { return *queries_; }
  catalog::SqliteCatalog& catalog() override { return *catalog_; }
  iceberg::RestCatalog& rest_catalog() override { return *rest_catalog_; }
  env::TaskPool& catalog_pool() override { return *catalog_pool_; }
  engine::DataFileReader& reader() override { return *reader_; }
  engine::DeleteFiles& delete_files() override { return *delete_files_; }
  MemoryBudget& budget() override { return budget_; }
  telemetry::Registry& registry() override { return registry_; }
  env::TaskPool& pool() override { return *pool_; }
  const env::Clock& clock() const override { return clock_; }
  Keyring& keyring() override { return *keyring_; }
  meta::Keys& keys() override { return *keys_; }
  meta::Database& database() override { return *database_; }
  collect::Admission& admission() override { return *admission_; }
  enrich::Enrichment& enrichment() override { return *enrichment_; }
  meta::Schemas& schemas() override { return *schemas_; }
  Duration started() const override { return started_; }

  ServeOptions options_;
  std::string new_admin_key_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<tide::Core> core_;

 private:
  Status OpenFolders() {
    const auto unusable = [this](const Error& error) {
      return Fail(Code::kIoError, "the data directory " + options_.data_dir + " cannot be used (" +
                                      error.message() +
                                      "); let this user write to it, or name another one with "
                                      "--data-dir");
    };
    auto disk = env::OpenPosixDisk(options_.data_dir);
    if (!disk) return unusable(disk.error());
    disk_ = *std::move(disk);
    auto lock = disk_->Lock("lock", std::to_string(::getpid()) + "\n");
    if (!lock) {
      if (lock.error().code() != Code::kConflict) return unusable(lock.error());
      return Fail(Code::kConflict, "another server (pid " + lock.error().message() +
                                       ") owns the data directory " + options_.data_dir +
                                       "; stop it, or give this one its own with --data-dir");
    }
    lock_ = std::move(*lock);
    for (const char* folder : {"log", "hot", "lake", "spill"}) TM_TRY(disk_->MakeDir(folder));
    // What is stored can be read from a full disk too, if there is room to write down who owns it.
    if (const auto free = disk_->FreeBytes(); free && *free < kStartBytes) {
      TM_TRY(wal::DropReserve(disk_.get(), options_.tide.log));
    }
    return disk_->SyncDir("");
  }

  Status CheckFresh(const std::string& folder, const std::string& what, const std::string& then) {
    TM_ASSIGN(const auto names, disk_->List(folder));
    if (names.empty()) return {};
    return Fail(Code::kCorruption,
                "meta.db " + what + " although " + folder +
                    "/ has data: put it back from a backup, " + then +
                    "run `tidemark doctor --data-dir " + options_.data_dir +
                    " --rebuild-catalog` to rebuild it from the newest table metadata");
  }

  // An empty table is never made beside old data: without its catalog a lake is not opened.
  Status OpenDatabase() {
    TM_ASSIGN(const bool known, disk_->Exists("meta.db"));
    if (!known) {
      TM_TRY(CheckFresh("log", "is missing", "or "));
      TM_TRY(CheckFresh("lake", "is missing", "or "));
    }
    TM_ASSIGN(database_, meta::Database::Open(disk_->NativePath("meta.db")));
    TM_TRY(disk_->SyncDir(""));
    TM_ASSIGN(catalog_, catalog::SqliteCatalog::Open(database_.get()));
    TM_ASSIGN(const bool is_new, catalog_->IsNew());
    // A first start that was cut off has made the log, but nothing can have been settled.
    if (is_new) TM_TRY(CheckFresh("lake", "is empty", "or move it away and "));
    TM_ASSIGN(auto projects, meta::Projects::Open(database_.get()));
    TM_ASSIGN(keys_, meta::Keys::Open(database_.get()));
    TM_ASSIGN(schemas_, meta::Schemas::Open(database_.get()));
    TM_ASSIGN(const auto first, projects.Find(kFirstProject));
    if (!first) TM_TRY(projects.Create(kFirstProject, clock_.WallNow()));
    TM_ASSIGN(KeyringOptions keyring, ReadKeyringOptions(options_.auth, options_.dev));
    options_.doors.trusted_proxies = keyring.trusted_proxies;
    return OpenKeyring(std::move(keyring));
  }

  // Once nothing can fail any more: a start that fails would never tell the key.
  Status MakeFirstKey() {
    if (!keys_->List().empty()) return {};
    TM_ASSIGN(
        const auto made,
        keys_->Create({.name = "first", .project = std::string(kFirstProject), .scopes = "admin"},
                      clock_.WallNow(), env::EntropySeed));
    new_admin_key_ = made.clear;
    return {};
  }

  Status OpenKeyring(KeyringOptions keyring) {
    TM_ASSIGN(token_keys_, TokenKeys::Open(options_.auth, &clock_, &registry_));
    keyring_ = std::make_unique<Keyring>(keys_.get(), token_keys_.get(), &clock_,
                                         std::move(keyring), [this] { keys_worker_->Wake(); });
    TM_ASSIGN(auto used_limits, meta::UsedLimits::Open(database_.get()));
    used_limits_.emplace(std::move(used_limits));
    TM_ASSIGN(const auto used, used_limits_->Load(clock_.WallNow()));
    keyring_->RestoreLimits(used);
    keys_worker_ = std::make_unique<env::Worker>("keys", [this] { return KeysStep(); });
    return {};
  }

  Duration KeysStep() {
    SaveUsedLimits();
    const Duration pause = token_keys_ ? token_keys_->Step() : meta::kUsedLimitsPause;
    return std::min(pause, meta::kUsedLimitsPause);
  }

  void SaveUsedLimits() {
    const Status saved = used_limits_->Save(keyring_->UsedLimits(), clock_.WallNow());
    if (!saved) TM_LOG(kWarning, "used limits are not kept", {"error", saved.error().ToString()});
  }

  Status OpenEngines() {
    store_ = options_.store_bytes_per_second > 0
                 ? std::make_unique<SlowStore>(disk_.get(), "lake", options_.store_bytes_per_second)
                 : std::make_unique<env::LocalStore>(disk_.get(), "lake");
    engine::InstanceOptions queries;
    queries.memory_bytes_max = Share(options_.memory_bytes, kQueryShare);
    queries.scratch_bytes_max = Share(options_.memory_bytes, kScratchShare);
    queries.spill_folder = disk_->NativePath("spill");
    TM_ASSIGN(query_engine_, engine::Instance::Open(std::move(queries), &clock_));
    TM_ASSIGN(flush_engine_,
              engine::Instance::Open({Share(options_.memory_bytes, kFlushShare), 1, ""}, &clock_));
    writer_ = engine::MakeParquetWriter({});
    reader_ = engine::MakeParquetReader(flush_engine_.get());
    delete_files_ = std::make_unique<engine::DeleteFiles>(flush_engine_.get());
    return OpenRestCatalog();
  }

  // The port may be another server's by now: commands would ask that one.
  void ForgetAddress() { static_cast<void>(disk_->Remove(kAddressFile).has_value()); }

  Status OpenRestCatalog() {
    std::vector<iceberg::Locations::Root> roots;
    for (const std::string& location : options_.catalog_locations) {
      const std::string uri = iceberg::Locations::Normal(location);
      const std::filesystem::path path(uri.substr(uri.find("//") + 2));
      if (!uri.starts_with("file:///") || !std::filesystem::is_directory(path)) {
        return Fail(Code::kInvalidArgument,
                    "catalog.locations names " + location + ", which is no folder that is there");
      }
      TM_ASSIGN(auto disk, env::OpenPosixDisk(path.parent_path().string()));
      outside_.push_back({std::move(disk), nullptr});
      outside_.back().store =
          std::make_unique<env::LocalStore>(outside_.back().disk.get(), path.filename().string());
      roots.push_back({uri, outside_.back().store.get()});
    }
    locations_ = std::make_unique<iceberg::Locations>(store_.get(), std::move(roots));
    directory_ = std::make_unique<catalog::SqliteDirectory>(database_.get());
    feeder_ = std::make_unique<CoreFeeder>(this);
    const auto new_id = [] {
      env::Random random(env::EntropySeed());
      const std::uint64_t first = random.Next();
      return MakeUuidV4(first, random.Next());
    };
    rest_catalog_ = std::make_unique<iceberg::RestCatalog>(iceberg::RestCatalog::Parts{
        directory_.get(), locations_.get(), &clock_, new_id, feeder_.get(), &reports_});
    return {};
  }

  Status OpenEnrichment() {
    enrich::EnrichOptions enrich = options_.enrich;
    if (options_.address_rule == "keep") {
      enrich.address = enrich::AddressRule::kKeep;
    } else if (options_.address_rule == "drop") {
      enrich.address = enrich::AddressRule::kDrop;
    } else if (options_.address_rule != "truncate") {
      return Fail(Code::kInvalidArgument, "enrich.ip must be truncate, keep or drop");
    }
    TM_ASSIGN(enrichment_, enrich::Enrichment::Open(std::move(enrich), &clock_, &registry_,
                                                    [this] { lookup_worker_->Wake(); }));
    lookup_worker_ =
        std::make_unique<env::Worker>("lookup", [this] { return enrichment_->Step(); });
    return {};
  }

  Status Listen() {
    pool_ = std::make_unique<env::TaskPool>("query", options_.query_threads, kStatementsWaitingMax);
    catalog_pool_ =
        std::make_unique<env::TaskPool>("catalog", kCatalogThreads, kCatalogRequestsWaitingMax);
    sink_ = std::make_unique<CoreSink>(this);
    admission_ = std::make_unique<collect::Admission>(
        collect::AdmissionOptions{.queue_bytes_max = options_.tide.queue_bytes_max,
                                  .delay_max = options_.answer_delay_max},
        [this] {
          return static_cast<double>(budget_.used_bytes()) /
                 static_cast<double>(budget_.bytes_max());
        },
        &clock_, &registry_, [this] { pace_worker_->Wake(); });
    pace_worker_ = std::make_unique<env::Worker>("pace", [this] { return admission_->Step(); });
    routes_ = std::make_unique<Routes>(this, sink_.get(), options_.doors);
    net::ServerOptions listen = options_.http;
    listen.listen = options_.http_listen;
    TM_ASSIGN(server_, net::HttpServer::Start(listen, &routes_->router(), &clock_, &registry_));
    return {};
  }

  Status Recover() {
    TM_ASSIGN(auto at_step, ArmCrashPoint(options_.crash_at));
    tide::TideOptions options = options_.tide;
    options.flush_encoded_bytes = options_.flush_bytes;
    options.flush_age = options_.flush_age;
    options.kept_paths_max = options_.kept_paths_max;
    options.kept_rows_min = options_.kept_rows_min;
    // Hot rows are about eight times as large as data files; the rest is for odd events.
    options.flush_hot_bytes = std::min(12 * options_.flush_bytes, budget_.bytes_max() / 4);
    // Recovery wakes workers that are not there yet.
    const auto wake = [](const std::unique_ptr<env::Worker>* worker) {
      return [worker] {
        if (*worker) (*worker)->Wake();
      };
    };
    const tide::CoreParts parts{.disk = disk_.get(),
                                .store = store_.get(),
                                .catalog = catalog_.get(),
                                .writer = writer_.get(),
                                .reader = reader_.get(),
                                .clock = &clock_,
                                .log_random = &log_random_,
                                .tide_random = &tide_random_,
                                .budget = &budget_,
                                .registry = &registry_,
                                .wake_ingest = wake(&log_worker_),
                                .wake_tide = wake(&tide_worker_),
                                .wake_index = wake(&index_worker_),
                                .directory = directory_.get()};
    const Duration start = clock_.Now();
    TM_ASSIGN(core_, tide::Core::Open(options, parts, std::move(at_step)));
    queries_ = std::make_unique<query::Service>(options_.query, core_.get(), query_engine_.get(),
                                                &clock_, &registry_);
    queries_->SetMoreRelations([this](const std::string& project, const std::string& sql) {
      return SchemaRelations(*schemas_->Of(project), project, sql);
    });
    plain_tables_ = std::make_unique<PlainTables>(directory_.get(), locations_.get(), &reports_);
    queries_->SetTables(plain_tables_.get());
    const wal::LogStats log = core_->log().stats();
    TM_LOG(kInfo, "recovered", {"frames", log.replayed_frames}, {"bytes", log.replayed_bytes},
           {"torn_bytes", log.torn_bytes},
           {"seconds", std::chrono::duration<double>(clock_.Now() - start).count()});
    if (log.failed) {
      TM_LOG(kError, "events are not taken for now", {"error", core_->log().failure()});
    }
    return {};
  }

  void Attach() {
    // First those that the others wake.
    index_worker_ = std::make_unique<env::Worker>("index", [this] { return core_->IndexStep(); });
    log_worker_ = std::make_unique<env::Worker>("log", [this] { return core_->IngestStep(); });
    tide_worker_ = std::make_unique<env::Worker>("tide", [this] { return core_->TideStep(); });
    memory_worker_ = std::make_unique<env::Worker>("memory", [this] { return memory_.Step(); });
  }

  // In reverse of Open.
  void StopThreads(Duration grace) {
    ready_.store(false);
    if (server_) server_->Stop(grace);
    if (pool_) pool_->Stop();
    if (catalog_pool_) catalog_pool_->Stop();
    if (log_worker_) log_worker_->Stop();
    if (tide_worker_) tide_worker_->Stop();
    if (pace_worker_) pace_worker_->Stop();
    if (index_worker_) index_worker_->Stop();
    if (memory_worker_) memory_worker_->Stop();
    if (lookup_worker_) lookup_worker_->Stop();
    if (keys_worker_) {
      keys_worker_->Stop();
      SaveUsedLimits();
    }
  }

  env::PosixClock clock_;
  env::Random log_random_;
  env::Random tide_random_;
  telemetry::Registry registry_;
  MemoryBudget budget_;
  MemoryKeeper memory_;
  std::unique_ptr<env::Disk> disk_;
  std::unique_ptr<env::FileLock> lock_;
  std::unique_ptr<meta::Database> database_;
  std::unique_ptr<catalog::SqliteCatalog> catalog_;
  std::unique_ptr<meta::Keys> keys_;
  std::unique_ptr<meta::Schemas> schemas_;
  std::unique_ptr<TokenKeys> token_keys_;
  std::unique_ptr<Keyring> keyring_;
  std::optional<meta::UsedLimits> used_limits_;
  std::unique_ptr<env::LocalStore> store_;
  std::unique_ptr<engine::Instance> query_engine_;
  std::unique_ptr<engine::Instance> flush_engine_;
  std::unique_ptr<engine::DataFileWriter> writer_;
  std::unique_ptr<engine::DataFileReader> reader_;
  lake::MetricsReports reports_;
  std::unique_ptr<query::TableSource> plain_tables_;
  std::unique_ptr<engine::DeleteFiles> delete_files_;
  std::unique_ptr<query::Service> queries_;
  std::unique_ptr<catalog::SqliteDirectory> directory_;
  struct OutsideRoot {
    std::unique_ptr<env::Disk> disk;
    std::unique_ptr<env::LocalStore> store;
  };
  std::vector<OutsideRoot> outside_;
  std::unique_ptr<iceberg::Locations> locations_;
  std::unique_ptr<CoreFeeder> feeder_;
  std::unique_ptr<iceberg::RestCatalog> rest_catalog_;
  std::unique_ptr<env::TaskPool> pool_;
  std::unique_ptr<env::TaskPool> catalog_pool_;
  std::unique_ptr<CoreSink> sink_;
  std::unique_ptr<collect::Admission> admission_;
  std::unique_ptr<enrich::Enrichment> enrichment_;
  std::unique_ptr<Routes> routes_;
  std::unique_ptr<env::Worker> keys_worker_;
  std::unique_ptr<env::Worker> pace_worker_;
  std::unique_ptr<env::Worker> lookup_worker_;
  std::unique_ptr<env::Worker> log_worker_;
  std::unique_ptr<env::Worker> tide_worker_;
  std::unique_ptr<env::Worker> index_worker_;
  std::unique_ptr<env::Worker> memory_worker_;
  std::atomic<bool> ready_{false};
  Duration started_{};
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::Open(ServeOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  TM_TRY(impl->Open());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::string Server::address() const { return impl_->server_->address(); }
const std::string& Server::new_admin_key() const { return impl_->new_admin_key_; }
bool Server::fenced() const { return impl_->core_->fenced(); }
std::string Server::data_dir() const {
  return std::filesystem::absolute(impl_->options_.data_dir).lexically_normal().string();
}
void Server::Drain() { impl_->Drain(); }

}  // namespace tidemark::app
