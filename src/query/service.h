// A statement at a cut: takes the project's cuts once, binds `events` to exactly that, runs it, and
// says which cut and route it was. The same statement at the same cut gives the same answer
// whatever of it is hot or settled.
//
// Any thread. A stream belongs to one thread at a time and holds its cut until it dies.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json_reader.h"
#include "base/published.h"
#include "base/result.h"
#include "engine/delete_files.h"
#include "engine/instance.h"
#include "engine/query.h"
#include "env/clock.h"
#include "event/receipt.h"
#include "query/as_of.h"
#include "query/past_heads.h"
#include "query/table_source.h"
#include "telemetry/metrics.h"
#include "tide/core.h"

namespace tidemark::query {

enum class Route : std::uint8_t {
  kRealtime,  // Hot rows only.
  kBatch,     // Lake files only.
  kHybrid,    // Both.
};
std::string_view RouteName(Route route);
std::optional<Route> FindRoute(std::string_view name);

struct QueryOptions {
  Duration time_max = std::chrono::seconds(60);  // Of one statement, result included.
  std::uint64_t rows_max = 10'000'000;           // Of one result; more is an error that says so.
  std::uint64_t sql_bytes_max = 1ULL << 20;
};

struct SqlRequest {
  std::string project;
  std::string sql;
  std::vector<engine::Parameter> parameters;
  std::vector<std::pair<std::string, engine::Parameter>> named_parameters;
  std::optional<event::Receipt> min_offset;  // The cut must hold these events.
  std::optional<AsOf> as_of;                 // What `events` means; not with a route.
  std::optional<Route> route;                // Forced; refused unless it gives the same answer...
  bool allow_stale = false;                  // ...or unless an older cut may be answered.
  std::optional<Duration> time_max;          // Shorter than the option's.
  std::optional<Duration> arrived;           // On the clock; its time runs from there, or from Run.
  std::optional<std::uint64_t> rows_wanted;  // Cuts the result off there, which it says.
  std::shared_ptr<const std::atomic<bool>> cancel;
};

// What the answer is an answer of.
struct CutReceipt {
  std::string log_id;
  SnapshotId snapshot;  // 0: the project has no snapshot yet.
  LogOffset settled;    // Rows below came from the lake.
  LogOffset end;        // Rows from there are later than the cut.
};

struct Source {
  bool lake = false;  // Else hot.
  std::uint64_t rows = 0;
  std::optional<event::TimeRange> times;
};

// Which past an answer is of.
struct PastAnswer {
  std::optional<SnapshotId> snapshot;  // Nothing: the rows below an offset.
  std::optional<TimeMicros> committed_at;
  LogOffset end;
  // Commits that may have taken away rows that the receipt's cut had.
  struct Removal {
    SnapshotId snapshot;
    TimeMicros committed_at;
    std::string operation;
  };
  std::vector<Removal> removed_since;
};

struct SqlAnswer {
  std::unique_ptr<engine::ResultStream> rows;
  Route route = Route::kHybrid;
  CutReceipt receipt;
  std::vector<Source> sources;
  std::optional<PastAnswer> as_of;
  Duration started{};  // On the clock, before the cut was taken.
  Duration planned{};  // When the first row could be asked for.
};

// Relations beside `events` that a project has, for a statement that may name them.
using MoreRelations = std::function<std::vector<engine::NamedRelation>(const std::string& project,
                                                                       const std::string& sql)>;

class StatementRelations;

class Service {
 public:
  // All pointers must outlive the service.
  Service(QueryOptions options, tide::Core* core, engine::Instance* engine, const env::Clock* clock,
          telemetry::Registry* registry);

  // Errors: kInvalidArgument, kPermissionDenied (the statement), kUnavailable (the receipt's events
  // are not visible yet), kOverloaded, kDeadlineExceeded, kCancelled.
  Result<SqlAnswer> Run(SqlRequest request);

  // Before the first Run.
  void SetMoreRelations(MoreRelations more) { more_relations_ = std::move(more); }
  // Before the first Run; must outlive the service.
  void SetTables(TableSource* tables) { tables_ = tables; }

  // One of them is to be told once of each answer: before its last bytes leave, or when there will
  // be no more of it.
  void Finished(const SqlAnswer& answer);
  void Failed(const SqlAnswer& answer);

  // Runs a statement of our own to its end, and visits its rows in order. Errors: those of Run and
  // of ResultStream::Next, and what `visit` returns, which ends it.
  Status ForEachRow(SqlRequest request, const std::function<Status(JsonValue row)>& visit);

  double LatencyQuantile(double q) const { return seconds_.QuantileSeconds(q); }
  double LatencyMean() const;
  std::uint64_t finished_count() const { return seconds_.count(); }
  std::uint64_t failed_count() const { return failed_.value(); }

 private:
  using Files = std::shared_ptr<const std::vector<engine::LakeFile>>;
  struct CachedFiles {
    std::shared_ptr<const lake::TableHead> head;
    Files files;
    event::TimeRange times;  // Of all of them.
    std::uint64_t rows = 0;  // What others deleted left out.
  };
  using FileCache = std::map<std::string, CachedFiles>;

  Result<std::shared_ptr<const tide::Cuts>> TakeCuts(const SqlRequest& request) const;
  // The records of the quarantine at the cut, if they may be answered from there.
  Result<std::shared_ptr<const engine::Relation>> RecordsOf(const SqlRequest& request,
                                                            const tide::Cut& cut);
  Result<CachedFiles> FilesOf(const std::string& log_name,
                              const std::shared_ptr<const lake::TableHead>& head);
  // What `events` is in the statement; the answer is told.
  Result<std::shared_ptr<const engine::Relation>> EventsAt(const SqlRequest& request,
                                                           const tide::Cut& cut, SqlAnswer* answer);
  Result<std::shared_ptr<const engine::Relation>> EventsBefore(const SqlRequest& request,
                                                               const tide::Cut& cut,
                                                               StatementRelations* relations,
                                                               SqlAnswer* answer) const;
  // The statement and its bounds, without relations.
  engine::QueryRequest StatementOf(SqlRequest request, Duration deadline) const;

  const QueryOptions options_;
  tide::Core* const core_;
  engine::Instance* const engine_;
  const env::Clock* const clock_;
  MoreRelations more_relations_;
  TableSource* tables_ = nullptr;
  PastHeads heads_;
  engine::DeleteFiles deletes_;
  Published<FileCache> files_;  // Of the newest head of each log.
  telemetry::Histogram& seconds_;
  telemetry::Counter& failed_;
  telemetry::Counter& files_read_;
  telemetry::Counter& files_pruned_;
};

}  // namespace tidemark::query
