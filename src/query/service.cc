#include "query/service.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "lake/table_columns.h"
#include "query/plain_relation.h"
#include "query/statement_relations.h"
#include "query/views.h"

namespace tidemark::query {
namespace {

// Every name of them, and of what is made of them, has the word.
bool MayNameEvents(std::string_view sql) {
  return MentionsViews(sql) || LowerCase(sql).find("event") != std::string::npos;
}

constexpr std::size_t kOwnBytes = 256U << 10;  // Of rows at a time, of statements of our own.

constexpr std::string_view kFilesSentence =
    "Data files of the relations in statements that have begun, by whether they could be skipped.";

event::TimeRange TimesOf(const event::RowSource& rows) {
  event::TimeRange range;
  for (std::size_t i = 0; i < rows.chunk_count(); ++i) {
    const event::TimeRange chunk = rows.ChunkTimes(i);
    range.min = std::min(range.min, chunk.min);
    range.max = std::max(range.max, chunk.max);
  }
  return range;
}

event::TimeRange TimesOf(const std::vector<engine::LakeFile>& files) {
  event::TimeRange range;
  for (const engine::LakeFile& file : files) {
    range.min = std::min(range.min, file.times.min);
    range.max = std::max(range.max, file.times.max);
  }
  return range;
}

std::optional<event::TimeRange> Known(event::TimeRange range) {
  return range.min <= range.max ? std::optional(range) : std::nullopt;
}

bool HasLakeRows(const tide::Cut& cut) { return cut.lake && cut.lake->files->rows() > 0; }

// A forced route must not leave rows out. `rows`: what they are called.
Status CheckRoute(const SqlRequest& request, const tide::Cut& cut, const std::string& rows) {
  if (request.route == Route::kRealtime && HasLakeRows(cut)) {
    return Fail(Code::kInvalidArgument,
                "route realtime would leave out settled " + rows + "; leave the route open");
  }
  if (request.route == Route::kBatch && cut.hot_count() > 0 && !request.allow_stale) {
    return Fail(Code::kInvalidArgument, "route batch would leave out " + rows +
                                            " that are not settled; set allow_stale to be "
                                            "answered at the older cut");
  }
  return {};
}

// By where its rows come from. Without any, the past is asked of the lake, now of memory.
Route RouteOf(const SqlAnswer& answer) {
  bool with_lake = false;
  bool with_hot = false;
  for (const Source& source : answer.sources) (source.lake ? with_lake : with_hot) = true;
  if (with_lake && with_hot) return Route::kHybrid;
  return with_lake || (answer.as_of && !with_hot) ? Route::kBatch : Route::kRealtime;
}

}  // namespace

std::string_view RouteName(Route route) {
  switch (route) {
    case Route::kRealtime:
      return "realtime";
    case Route::kBatch:
      return "batch";
    case Route::kHybrid:
      return "hybrid";
  }
  return "";
}

std::optional<Route> FindRoute(std::string_view name) {
  for (const Route route : {Route::kRealtime, Route::kBatch, Route::kHybrid}) {
    if (RouteName(route) == name) return route;
  }
  return std::nullopt;
}

Service::Service(QueryOptions options, tide::Core* core, engine::Instance* engine,
                 const env::Clock* clock, telemetry::Registry* registry)
    : options_(options),
      core_(core),
      engine_(engine),
      clock_(clock),
      heads_(core),
      deletes_(engine),
      files_(std::make_shared<const FileCache>()),
      seconds_(registry->AddHistogram("tidemark_query_seconds",
                                      "From a statement's arrival to the end of its answer.")),
      failed_(registry->AddCounter("tidemark_query_failures_total",
                                   "Statements that ended with an error.")),
      files_read_(
          registry->AddCounter("tidemark_query_files_total{outcome=\"read\"}", kFilesSentence)),
      files_pruned_(
          registry->AddCounter("tidemark_query_files_total{outcome=\"pruned\"}", kFilesSentence)) {}

Result<std::shared_ptr<const tide::Cuts>> Service::TakeCuts(const SqlRequest& request) const {
  auto cuts = core_->CutsOf(request.project);
  if (request.min_offset) {
    if (request.min_offset->log_id != core_->log_id()) {
      return Fail(Code::kInvalidArgument,
                  "min_offset is a receipt of another log; use one that this server gave");
    }
    if (request.min_offset->end() > (*cuts)[tide::Stream::kEvents]->end() ||
        request.min_offset->quarantine_end() > (*cuts)[tide::Stream::kQuarantine]->end()) {
      return Fail(Code::kUnavailable, "the events of min_offset are not visible yet; ask again");
    }
  }
  return cuts;
}

Result<std::shared_ptr<const engine::Relation>> Service::RecordsOf(const SqlRequest& request,
                                                                   const tide::Cut& cut) {
  auto relation = std::make_shared<engine::Relation>();
  relation->schema = cut.lake ? cut.lake->columns : tide::SchemaOf(tide::Stream::kQuarantine);
  TM_TRY(CheckRoute(request, cut, "records"));
  if (HasLakeRows(cut)) {
    TM_ASSIGN(const CachedFiles files,
              FilesOf(tide::LogName(request.project, tide::Stream::kQuarantine), cut.lake));
    relation->files = files.files;
  }
  if (cut.hot_count() > 0 && request.route != Route::kBatch) {
    relation->hot.push_back(cut.HotRows());
  }
  return std::shared_ptr<const engine::Relation>(std::move(relation));
}

Result<Service::CachedFiles> Service::FilesOf(const std::string& log_name,
                                              const std::shared_ptr<const lake::TableHead>& head) {
  const auto cache = files_.Load();
  const auto found = cache->find(log_name);
  if (found != cache->end() && found->second.head == head) return found->second;
  TM_ASSIGN(const HeadFiles read, LakeFilesOf(*core_, *head, &deletes_));
  CachedFiles made{head, read.files, TimesOf(*read.files), read.rows};
  files_.Update([&](const FileCache& current) {
    auto next = std::make_shared<FileCache>(current);
    (*next)[log_name] = made;
    return std::shared_ptr<const FileCache>(std::move(next));
  });
  return made;
}

Result<std::shared_ptr<const engine::Relation>> Service::EventsAt(const SqlRequest& request,
                                                                  const tide::Cut& cut,
                                                                  SqlAnswer* answer) {
  auto relation = std::make_shared<engine::Relation>();
  LogOffset end = cut.end();
  TM_TRY(CheckRoute(request, cut, "events"));
  const bool hot_rows = cut.hot_count() > 0;
  const bool leave_out_hot = request.route == Route::kBatch && hot_rows;
  if (leave_out_hot) end = cut.settled();
  if (cut.lake) relation->schema = lake::WithOthers(*cut.lake->metadata, cut.lake->columns);
  if (HasLakeRows(cut)) {
    TM_ASSIGN(const CachedFiles files, FilesOf(request.project, cut.lake));
    relation->files = files.files;
    answer->sources.push_back({true, files.rows, Known(files.times)});
  }
  if (hot_rows && !leave_out_hot) {
    auto rows = cut.HotRows();
    TM_CHECK_EQ(rows->row_count(), cut.hot_count());
    answer->sources.push_back({false, rows->row_count(), Known(TimesOf(*rows))});
    relation->hot.push_back(std::move(rows));
  }
  answer->receipt = {core_->log_id(), cut.lake ? cut.lake->snapshot() : SnapshotId(0),
                     cut.settled(), end};
  return std::shared_ptr<const engine::Relation>(std::move(relation));
}

Result<std::shared_ptr<const engine::Relation>> Service::EventsBefore(const SqlRequest& request,
                                                                      const tide::Cut& cut,
                                                                      StatementRelations* relations,
                                                                      SqlAnswer* answer) const {
  if (request.route || request.min_offset) {
    return Fail(Code::kInvalidArgument, "as_of goes without route and min_offset");
  }
  TM_ASSIGN(StatementRelations::Past past, relations->EventsAsOf(*request.as_of));
  const engine::Relation& relation = *past.relation;
  PastAnswer& said = answer->as_of.emplace();
  said.end = past.end;
  if (past.snapshot != nullptr) {
    said.snapshot = past.snapshot->id;
    said.committed_at = TimeMicros(past.snapshot->timestamp_ms * 1000);
  } else if (past.head != nullptr) {
    for (const lake::Snapshot* removal :
         RemovalsSince(*past.head->metadata, request.as_of->snapshot)) {
      said.removed_since.push_back({removal->id, TimeMicros(removal->timestamp_ms * 1000),
                                    std::string(removal->Summary("operation"))});
    }
    const lake::Snapshot* head = past.head->metadata->current();
    // Rolled back, and nothing settled since.
    if (head != nullptr && past.head->off_head < std::min(past.head->floor, past.end)) {
      said.removed_since.push_back({head->id, TimeMicros(head->timestamp_ms * 1000), "rollback"});
    }
  }
  if (past.settled_rows > 0) {
    answer->sources.push_back({true, past.settled_rows, Known(TimesOf(*relation.files))});
  }
  for (const auto& rows : relation.hot) {
    answer->sources.push_back({false, rows->row_count(), Known(TimesOf(*rows))});
  }
  answer->receipt = {core_->log_id(), past.head ? past.head->snapshot() : SnapshotId(0),
                     std::min(past.snapshot != nullptr ? past.end : cut.settled(), past.end),
                     past.end};
  return std::shared_ptr<const engine::Relation>(std::move(past.relation));
}

engine::QueryRequest Service::StatementOf(SqlRequest request, Duration deadline) const {
  engine::QueryRequest run;
  run.sql = std::move(request.sql);
  run.parameters = std::move(request.parameters);
  run.named_parameters = std::move(request.named_parameters);
  run.deadline = deadline;
  run.rows_wanted = request.rows_wanted.value_or(engine::kRowsUnlimited);
  run.rows_max = options_.rows_max;
  run.cancel = std::move(request.cancel);
  return run;
}

Result<SqlAnswer> Service::Run(SqlRequest request) {
  const Duration started = clock_->Now();
  if (request.sql.size() > options_.sql_bytes_max) {
    return Fail(Code::kInvalidArgument, "the statement is longer than " +
                                            std::to_string(options_.sql_bytes_max) + " bytes");
  }
  const Duration deadline =
      request.arrived.value_or(started) +
      std::min(options_.time_max, request.time_max.value_or(options_.time_max));
  if (started >= deadline) {
    failed_.Add();
    return Fail(Code::kDeadlineExceeded,
                "the statement waited for others as long as it may take; ask fewer at once, or "
                "raise query.threads");
  }
  TM_ASSIGN(const auto cuts, TakeCuts(request));
  const auto& cut = (*cuts)[tide::Stream::kEvents];
  SqlAnswer answer;
  answer.started = started;
  StatementRelations relations({.core = core_,
                                .tables = tables_,
                                .heads = &heads_,
                                .deletes = &deletes_,
                                .lineage = NamesLineage(request.sql),
                                .past_of_nothing = request.as_of && !MayNameEvents(request.sql)},
                               request.project, cut);
  std::shared_ptr<const engine::Relation> events;
  if (request.as_of) {
    TM_ASSIGN(events, EventsBefore(request, *cut, &relations, &answer));
  } else {
    TM_ASSIGN(events, EventsAt(request, *cut, &answer));
  }
  answer.route = RouteOf(answer);

  std::vector<engine::NamedRelation> more;
  if (MentionsViews(request.sql)) {
    TM_ASSIGN(const auto records, RecordsOf(request, *(*cuts)[tide::Stream::kQuarantine]));
    more = MakeViews(*events, records);
  }
  if (more_relations_) {
    for (auto& one : more_relations_(request.project, request.sql)) more.push_back(std::move(one));
  }
  std::vector<std::string> names = EventsNames(request.project);
  engine::QueryRequest run = StatementOf(std::move(request), deadline);
  run.relations.push_back({std::move(names), std::move(events)});
  for (engine::NamedRelation& one : more) run.relations.push_back(std::move(one));
  // Only while the statement is bound, which is before Query returns.
  run.find = [&relations](const engine::Mention& mention) { return relations.Find(mention); };
  run.pin = cuts;
  auto rows = engine_->Query(std::move(run));
  if (!rows) {
    failed_.Add();
    return Fail(std::move(rows).error());
  }
  answer.rows = std::move(*rows);
  answer.planned = clock_->Now();
  return answer;
}

void Service::Failed(const SqlAnswer& answer) {
  failed_.Add();
  Finished(answer);
}

Status Service::ForEachRow(SqlRequest request, const std::function<Status(JsonValue row)>& visit) {
  TM_ASSIGN(const SqlAnswer answer, Run(std::move(request)));
  const auto visit_all = [&]() -> Status {
    std::string rows;
    for (bool more = true; more; rows.clear()) {
      TM_ASSIGN(more, answer.rows->Next(engine::RowFormat::kNdjson, &rows, kOwnBytes));
      for (std::size_t at = 0; at < rows.size();) {
        const std::size_t end = std::min(rows.find('\n', at), rows.size());
        TM_ASSIGN(JsonValue row, JsonValue::Parse(std::string_view(rows).substr(at, end - at)));
        TM_TRY(visit(std::move(row)));
        at = end + 1;
      }
    }
    return {};
  };
  Status visited = visit_all();
  visited ? Finished(answer) : Failed(answer);
  return visited;
}

void Service::Finished(const SqlAnswer& answer) {
  const engine::FileCounts files = answer.rows->files();
  files_read_.Add(files.read);
  files_pruned_.Add(files.there - std::min(files.there, files.read));
  seconds_.Record(clock_->Now() - answer.started);
}

double Service::LatencyMean() const {
  const std::uint64_t count = seconds_.count();
  return count == 0 ? 0 : seconds_.sum_seconds() / static_cast<double>(count);
}

}  // namespace tidemark::query
