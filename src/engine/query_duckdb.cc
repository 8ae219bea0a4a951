// Instance::Query: guard, bind, run, stream.

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "duckdb/common/enums/pending_execution_result.hpp"
#include "duckdb/common/enums/stream_execution_result.hpp"
#include "duckdb/main/pending_query_result.hpp"
#include "duckdb/main/stream_query_result.hpp"
#include "duckdb/planner/expression/bound_parameter_data.hpp"
#include "engine/format_duckdb.h"
#include "engine/instance_duckdb.h"
#include "engine/memory_bound_duckdb.h"
#include "engine/scan_duckdb.h"
#include "event/schema.h"
#include "telemetry/log_line.h"

namespace tidemark::engine {
namespace {

// A statement may use so many aliases of columns before it is refused.
constexpr int kAliasesMax = 64;

duckdb::Value ToValue(const Parameter& parameter) {
  struct Visitor {
    duckdb::Value operator()(std::monostate) const { return duckdb::Value(); }
    duckdb::Value operator()(bool value) const { return duckdb::Value::BOOLEAN(value); }
    duckdb::Value operator()(std::int64_t value) const { return duckdb::Value::BIGINT(value); }
    duckdb::Value operator()(double value) const { return duckdb::Value::DOUBLE(value); }
    duckdb::Value operator()(const std::string& value) const { return duckdb::Value(value); }
    duckdb::Value operator()(TimeMicros value) const {
      return duckdb::Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(value.value));
    }
  };
  return std::visit(Visitor{}, parameter);
}

// `id, id` becomes `id, id_1`: a row is an object, and of repeated keys readers keep only one.
duckdb::vector<std::string> UniqueNames(duckdb::vector<std::string> names) {
  std::set<std::string> written(names.begin(), names.end());
  std::set<std::string> given;
  for (std::string& name : names) {
    if (given.insert(name).second) continue;
    const std::string base = name;
    for (std::size_t i = 1; !written.insert(name = base + "_" + std::to_string(i)).second;) ++i;
    given.insert(name);
  }
  return names;
}

class Stream final : public ResultStream {
 public:
  Stream(QueryRequest request, std::shared_ptr<const Database> database, const env::Clock* clock,
         std::uint64_t scratch_bytes_max, RunningStatements::Place place)
      : request_(std::move(request)),
        clock_(clock),
        scratch_bytes_max_(scratch_bytes_max),
        place_(std::move(place)),
        database_(std::move(database)) {}
  ~Stream() override { Close(); }

  Status Start();

  const std::vector<ResultColumn>& columns() const override { return columns_; }
  Result<bool> Next(RowFormat format, std::string* out, std::size_t bytes_wanted) override;
  std::uint64_t row_count() const override { return row_count_; }
  bool truncated() const override { return truncated_; }
  FileCounts files() const override { return connection_ == nullptr ? files_ : CountFiles(); }
  void Cancel() override { cancelled_.store(true, std::memory_order_relaxed); }

 private:
  Status Prepare(bool believes_no_nulls);
  Status PlanAndRun(bool believes_no_nulls);
  bool met_doubt() const;
  // Leaves the statement, or the error of binding it, in `pending_`.
  Status BindSql(bool* use_kept);
  Status CheckBound();
  duckdb::unique_ptr<duckdb::PendingQueryResult> Bind(const duckdb::SQLStatement& statement);
  Status RunToFirstChunk();
  Status WaitForChunk();
  Result<bool> Append(RowFormat format, std::string* out, std::size_t bytes_wanted);
  Status AppendSlice(RowFormat format, std::string* out);
  Status CheckLimits();
  Error Fatal(const duckdb::ErrorData& error);
  FileCounts CountFiles() const;
  void Close();

  QueryRequest request_;
  const env::Clock* const clock_;
  const std::uint64_t scratch_bytes_max_;
  std::atomic<bool> cancelled_{false};
  RunningStatements::Place place_;
  // In the order in which they may die: results before the connection before the engine.
  std::shared_ptr<const Database> database_;
  duckdb::unique_ptr<duckdb::Connection> connection_;
  duckdb::unique_ptr<duckdb::PendingQueryResult> pending_;
  duckdb::unique_ptr<duckdb::QueryResult> result_;
  std::unique_ptr<RowFormatter> formatter_;
  std::vector<ResultColumn> columns_;
  std::uint64_t row_count_ = 0;
  bool started_ = false;
  bool ended_ = false;
  bool truncated_ = false;
  FileCounts files_;  // Once the connection is gone.
  std::optional<Error> dead_;
};

FileCounts Stream::CountFiles() const {
  const auto state = connection_->context->registered_state->Get<ScanState>(ScanState::kKey);
  return {state->files_there.load(std::memory_order_relaxed),
          state->files_read.load(std::memory_order_relaxed)};
}

void Stream::Close() {
  // The engine's own threads run a task to its end unless they are told to stop.
  if (connection_ != nullptr && !ended_) connection_->Interrupt();
  if (connection_ != nullptr) files_ = CountFiles();
  if (formatter_ != nullptr) formatter_->Drop();
  result_.reset();
  pending_.reset();
  connection_.reset();
  database_.reset();
  request_.relations.clear();
  request_.pin.reset();
  place_.Leave();
}

Status Stream::CheckLimits() {
  if (cancelled_.load(std::memory_order_relaxed) ||
      (request_.cancel != nullptr && request_.cancel->load(std::memory_order_relaxed))) {
    return Fail(Code::kCancelled, "the query was cancelled");
  }
  if (request_.deadline && clock_->Now() >= *request_.deadline) {
    return Fail(Code::kDeadlineExceeded, "the query took longer than it may");
  }
  if (place_.must_stop()) {
    return Fail(Code::kOverloaded,
                "the server's memory is used up, and this query began last; ask again later, for "
                "fewer rows or groups at a time, or raise server.memory");
  }
  return {};
}

// What the parser says of a name with more parts than it knows.
constexpr std::string_view kTooManyParts = "NameListToString NOT IMPLEMENTED";

// What the reader of Parquet says of a text that is none, before the text itself.
constexpr std::string_view kBadText = "Invalid string encoding";

Error Unreadable(std::string_view path, std::string_view why) {
  std::string message = "data file " + std::string(path.substr(path.rfind('/') + 1));
  if (const std::size_t type = why.find(kOtherType); type != why.npos) {
    message += ' ';
    message += why.substr(type);
    message +=
        ": it was written so, or the table's name mapping gives the name to another column now";
    return {Code::kCorruption, std::move(message)};
  }
  if (!why.starts_with(kBadText))
    return {Code::kCorruption, message + " of the table cannot be read"};
  const std::size_t value = std::min(why.find("value \""), why.size());
  message += " of the table has a text that is not UTF-8 (";
  message += why.substr(value);
  message +=
      "): columns without such texts can be asked for; docs/engines/managed-tables.md says how the "
      "row is taken out";
  return {Code::kCorruption, std::move(message)};
}

// Rows have left that another plan would give again, so that it is for the caller to ask anew.
Error Doubted(std::string_view path) {
  return {Code::kUnavailable,
          "data file " + std::string(path.substr(path.rfind('/') + 1)) +
              " may have nulls where the table's metadata say that it has none: ask again, and the "
              "metadata are not believed"};
}

// An error that is a lake file's names the file, without the folders that a user need not know.
Error Stream::Fatal(const duckdb::ErrorData& error) {
  if (error.RawMessage().find(kTooManyParts) != std::string::npos) {
    return {Code::kInvalidArgument,
            "a name in SQL has three parts at most: write a deeper namespace as one quoted part, "
            "as in iceberg.\"a.b\".t"};
  }
  if (error.Type() == duckdb::ExceptionType::INTERRUPT) {
    if (const Status limits = CheckLimits(); !limits) return limits.error();
  }
  Error mapped = ToError(error, *database_);
  const duckdb::shared_ptr<ScanState> state =
      connection_ == nullptr
          ? nullptr
          : connection_->context->registered_state->Get<ScanState>(ScanState::kKey);
  // Those of relations that the statement found itself, too.
  for (std::size_t i = 0; state != nullptr && i < state->scans.size(); ++i) {
    if (state->scans[i].files == nullptr) continue;
    for (const LakeFile& file : *state->scans[i].files) {
      if (error.RawMessage().find(file.native_path) == std::string::npos) continue;
      if (met_doubt()) {
        TM_LOG(kWarning, "the metadata are not believed", {"why", error.RawMessage()});
        return Doubted(file.native_path);
      }
      TM_LOG(kError, "a data file cannot be read", {"error", error.RawMessage()});
      return Unreadable(file.native_path, error.RawMessage());
    }
    // Of the decoder of pages, which does not know the file either.
    if (error.Type() == duckdb::ExceptionType::INVALID && !state->scans[i].files->empty()) {
      return Error(Code::kCorruption,
                   "a data file that the statement reads is damaged: " + error.RawMessage());
    }
  }
  if (mapped.code() == Code::kIoError) return Error(Code::kIoError, "the disk refused");
  return mapped;
}

duckdb::unique_ptr<duckdb::PendingQueryResult> Stream::Bind(const duckdb::SQLStatement& statement) {
  auto copy = statement.Copy();
  if (request_.parameters.empty() && request_.named_parameters.empty()) {
    return connection_->PendingQuery(std::move(copy),
                                     duckdb::QueryResultOutputType::ALLOW_STREAMING);
  }
  duckdb::case_insensitive_map_t<duckdb::BoundParameterData> values;
  for (std::size_t i = 0; i < request_.parameters.size(); ++i) {
    values[std::to_string(i + 1)] = duckdb::BoundParameterData(ToValue(request_.parameters[i]));
  }
  for (const auto& [name, value] : request_.named_parameters) {
    values[name] = duckdb::BoundParameterData(ToValue(value));
  }
  return connection_->PendingQuery(std::move(copy), values,
                                   duckdb::QueryResultOutputType::ALLOW_STREAMING);
}

Status Stream::Prepare(bool believes_no_nulls) {
  std::vector<std::shared_ptr<const Relation>> relations;
  relations.reserve(request_.relations.size());
  for (const NamedRelation& named : request_.relations) {
    TM_CHECK(named.relation != nullptr);
    relations.push_back(named.relation);
  }
  connection_ = Connect(*database_, std::move(relations));
  // No task of the statement outlives the connection, which Close ends before what is asked here.
  const auto state = connection_->context->registered_state->Get<ScanState>(ScanState::kKey);
  state->must_end = [this] { return !CheckLimits().has_value(); };
  state->believes_no_nulls = believes_no_nulls;
  bool use_kept = true;
  TM_TRY(BindSql(&use_kept));
  if (!pending_->HasError() || !use_kept) return CheckBound();
  // As it was written: its own error, or none.
  use_kept = false;
  TM_TRY(BindSql(&use_kept));
  return CheckBound();
}

Status Stream::CheckBound() {
  if (!pending_->HasError()) return {};
  duckdb::ErrorData error = pending_->GetErrorObject();
  error.AddErrorLocation(request_.sql);
  return Fail(Fatal(error));
}

Status Stream::BindSql(bool* use_kept) {
  TM_ASSIGN(auto statement,
            ParseGuarded(*connection_->context, database_->functions, request_, use_kept));
  // Without its text the engine leaves the place of an error as a number.
  statement->query.clear();
  for (int aliases = 0;; ++aliases) {
    pending_ = Bind(*statement);
    if (!pending_->HasError()) return {};
    duckdb::ErrorData error = pending_->GetErrorObject();
    const auto& extra = error.ExtraInfo();
    const auto position = extra.find("position");
    if (error.Type() == duckdb::ExceptionType::BINDER && position != extra.end() &&
        aliases < kAliasesMax && ResolveAlias(*statement, std::stoull(position->second))) {
      continue;
    }
    return {};
  }
}

Status Stream::RunToFirstChunk() {
  using duckdb::PendingExecutionResult;
  while (true) {
    TM_TRY(CheckLimits());
    const PendingExecutionResult state = pending_->ExecuteTask();
    if (state == PendingExecutionResult::EXECUTION_ERROR) {
      return Fail(Fatal(pending_->GetErrorObject()));
    }
    if (duckdb::PendingQueryResult::IsResultReady(state)) break;
    if (state == PendingExecutionResult::BLOCKED ||
        state == PendingExecutionResult::NO_TASKS_AVAILABLE) {
      pending_->WaitForTask();
    }
  }
  result_ = pending_->Execute();
  pending_.reset();
  if (result_->HasError()) return Fail(Fatal(result_->GetErrorObject()));
  return {};
}

bool Stream::met_doubt() const {
  const auto state = connection_ == nullptr
                         ? nullptr
                         : connection_->context->registered_state->Get<ScanState>(ScanState::kKey);
  return state != nullptr && state->met_doubt.load(std::memory_order_relaxed);
}

Status Stream::PlanAndRun(bool believes_no_nulls) {
  TM_TRY(CheckLimits());
  TM_TRY(Prepare(believes_no_nulls));
  const auto names = UniqueNames(pending_->names);
  columns_.clear();
  for (std::size_t i = 0; i < names.size(); ++i) {
    columns_.push_back({names[i], pending_->types[i].ToString()});
  }
  formatter_ = std::make_unique<RowFormatter>(pending_->types, names);
  return RunToFirstChunk();
}

Status Stream::Start() {
  const ScratchScope scope(scratch_bytes_max_);
  try {
    Status run = PlanAndRun(true);
    if (!run && met_doubt()) {
      // No row has left yet: the same without believing the metadata.
      result_.reset();
      pending_.reset();
      connection_.reset();
      run = PlanAndRun(false);
    }
    request_.find = nullptr;  // What it refers to need not live longer.
    return run;
  } catch (const duckdb::Exception& exception) {
    duckdb::ErrorData error(exception);
    error.AddErrorLocation(request_.sql);
    return Fail(Fatal(error));
  } catch (const std::exception& exception) {
    return Fail(Fatal(duckdb::ErrorData(exception)));
  }
}

// Runs the query until a chunk is there to fetch, looking at the limits between its tasks.
Status Stream::WaitForChunk() {
  using duckdb::StreamExecutionResult;
  if (result_->type != duckdb::QueryResultType::STREAM_RESULT) return CheckLimits();
  auto& stream = static_cast<duckdb::StreamQueryResult&>(*result_);
  while (true) {
    TM_TRY(CheckLimits());
    const StreamExecutionResult state = stream.ExecuteTask();
    if (state == StreamExecutionResult::EXECUTION_ERROR) {
      return Fail(Fatal(stream.GetErrorObject()));
    }
    if (state == StreamExecutionResult::EXECUTION_CANCELLED) {
      return Fail(Code::kCancelled, "the query was cancelled");
    }
    if (duckdb::StreamQueryResult::IsChunkReady(state) ||
        state == StreamExecutionResult::EXECUTION_FINISHED) {
      return {};
    }
    if (state == StreamExecutionResult::BLOCKED ||
        state == StreamExecutionResult::NO_TASKS_AVAILABLE) {
      stream.WaitForTask();
    }
  }
}

Status Stream::AppendSlice(RowFormat format, std::string* out) {
  const std::uint64_t rows =
      std::min<std::uint64_t>(formatter_->rows_left(), request_.rows_wanted - row_count_);
  if (rows > request_.rows_max - row_count_) {
    return Fail(Code::kInvalidArgument,
                "the answer has more than " + std::to_string(request_.rows_max) +
                    " rows, which is all that the server allows; aggregate, add LIMIT, set "
                    "`limit` to be given the first rows only, or raise query.rows");
  }
  const std::size_t written = formatter_->Rows(format, rows, row_count_ == 0, out);
  row_count_ += written;
  if (written == rows && formatter_->rows_left() > 0) {
    truncated_ = true;
    ended_ = true;
  }
  return {};
}

Result<bool> Stream::Append(RowFormat format, std::string* out, std::size_t bytes_wanted) {
  const std::size_t from = out->size();
  if (!started_) formatter_->Header(format, out);
  started_ = true;
  while (!ended_) {
    if (formatter_->rows_left() == 0) {
      TM_TRY(WaitForChunk());
      auto chunk = result_->Fetch();
      if (result_->HasError()) return Fail(Fatal(result_->GetErrorObject()));
      if (chunk == nullptr || chunk->size() == 0) {
        ended_ = true;
        break;
      }
      formatter_->Take(std::move(chunk));
    }
    TM_TRY(AppendSlice(format, out));
    if (!ended_ && out->size() - from >= bytes_wanted) return true;
  }
  if (format == RowFormat::kArrow) out->append(arrow::kEndOfStream);
  Close();
  return false;
}

Result<bool> Stream::Next(RowFormat format, std::string* out, std::size_t bytes_wanted) {
  if (dead_) return Fail(*dead_);
  if (ended_) return false;
  const ScratchScope scope(scratch_bytes_max_);
  std::optional<Error> failed;
  try {
    auto more = Append(format, out, bytes_wanted);
    if (more) return more;
    failed = std::move(more).error();
  } catch (const duckdb::Exception& exception) {
    failed = Fatal(duckdb::ErrorData(exception));
  } catch (const std::exception& exception) {
    failed = Fatal(duckdb::ErrorData(exception));
  }
  dead_ = std::move(failed);
  Close();
  return Fail(*dead_);
}

}  // namespace

Result<std::unique_ptr<ResultStream>> Instance::Query(QueryRequest request) {
  TM_ASSIGN(auto database, impl_->Current());
  auto stream = std::make_unique<Stream>(std::move(request), std::move(database), &impl_->clock(),
                                         impl_->options().scratch_bytes_max,
                                         RunningStatements::Enter(impl_->running()));
  TM_TRY(stream->Start());
  return std::unique_ptr<ResultStream>(std::move(stream));
}

}  // namespace tidemark::engine
