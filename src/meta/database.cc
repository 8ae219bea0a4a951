#include "meta/database.h"

#include <utility>

#include <sqlite3.h>

#include "base/check.h"

namespace tidemark::meta {
namespace {

// Raised when the file as a whole changes shape; the tables have their own versions below.
constexpr std::int64_t kFileFormat = 1;

tl::unexpected<Error> FailFrom(sqlite3* database, std::string_view doing) {
  const int code = sqlite3_extended_errcode(database);
  std::string message = std::string(doing) + ": " + sqlite3_errmsg(database);
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Fail(Code::kConflict, std::move(message));
    case SQLITE_CONSTRAINT:
      return Fail(code == SQLITE_CONSTRAINT_FOREIGNKEY ? Code::kNotFound : Code::kAlreadyExists,
                  std::move(message));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Fail(Code::kCorruption, std::move(message));
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
      return Fail(Code::kIoError, std::move(message));
    default:
      return Fail(Code::kInternal, std::move(message));
  }
}

Status Run(sqlite3* database, const std::string& sql) {
  if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return FailFrom(database, "catalog database");
  }
  return {};
}

// The first column of the first row: a number, or 1 if it is `text`.
Result<std::int64_t> AskInt(sqlite3* database, const char* sql, std::string_view text = {}) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database, sql, -1, &statement, nullptr) != SQLITE_OK) {
    return FailFrom(database, sql);
  }
  std::int64_t answer = 0;
  const int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) {
    const unsigned char* answered = sqlite3_column_text(statement, 0);
    answer = text.empty() ? sqlite3_column_int64(statement, 0)
             : answered != nullptr && text == reinterpret_cast<const char*>(answered) ? 1
                                                                                      : 0;
  }
  sqlite3_finalize(statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE) return FailFrom(database, sql);
  return answer;
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      bad_bind_(other.bad_bind_) {}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::Bind(int parameter, std::int64_t value) {
  bad_bind_ |= sqlite3_bind_int64(statement_, parameter, value) != SQLITE_OK;
  return *this;
}

Statement& Statement::Bind(int parameter, std::string_view text) {
  bad_bind_ |= sqlite3_bind_text64(statement_, parameter, text.empty() ? "" : text.data(),
                                   text.size(), SQLITE_TRANSIENT, SQLITE_UTF8) != SQLITE_OK;
  return *this;
}

Statement& Statement::BindBytes(int parameter, std::string_view bytes) {
  bad_bind_ |= sqlite3_bind_blob64(statement_, parameter, bytes.empty() ? "" : bytes.data(),
                                   bytes.size(), SQLITE_TRANSIENT) != SQLITE_OK;
  return *this;
}

Statement& Statement::BindNull(int parameter) {
  bad_bind_ |= sqlite3_bind_null(statement_, parameter) != SQLITE_OK;
  return *this;
}

Result<bool> Statement::Step() {
  if (bad_bind_) return Fail(Code::kInternal, "a statement's parameter was not bound");
  switch (sqlite3_step(statement_)) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      return FailFrom(database_, "catalog database");
  }
}

Status Statement::Run() {
  TM_ASSIGN(const bool row, Step());
  TM_CHECK(!row);
  return {};
}

void Statement::Reset() {
  // Repeats the error of the last step, which the caller has seen.
  static_cast<void>(sqlite3_reset(statement_));
  static_cast<void>(sqlite3_clear_bindings(statement_));
  bad_bind_ = false;
}

std::int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Statement::Text(int column) const { return Bytes(column); }

std::string_view Statement::Bytes(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return bytes == nullptr ? std::string_view()
                          : std::string_view(static_cast<const char*>(bytes), size);
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Transaction::~Transaction() {
  if (!lock_.owns_lock()) return;
  // SQLite has rolled back by itself after some errors; then this one does nothing.
  if (sqlite3_get_autocommit(database_) == 0) static_cast<void>(Run(database_, "ROLLBACK"));
}

Result<Statement> Transaction::Prepare(std::string_view sql) {
  TM_CHECK(lock_.owns_lock());
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_, sql.data(), static_cast<int>(sql.size()), &statement,
                         nullptr) != SQLITE_OK) {
    return FailFrom(database_, "prepare");
  }
  return Statement(database_, statement);
}

Status Transaction::Execute(std::string_view sql) {
  TM_CHECK(lock_.owns_lock());
  return Run(database_, std::string(sql));
}

std::int64_t Transaction::changes() const { return sqlite3_changes(database_); }

Status Transaction::Commit(const std::function<void()>& then) {
  TM_CHECK(lock_.owns_lock());
  Status status = Run(database_, "COMMIT");
  if (!status.has_value()) {
    if (sqlite3_get_autocommit(database_) == 0) static_cast<void>(Run(database_, "ROLLBACK"));
    // A commit record may have reached the disk although its sync failed.
    if (status.error().code() != Code::kConflict) {
      status = Fail(Code::kOutcomeUnknown, status.error().message());
    }
  }
  if (status && then) then();
  lock_.unlock();
  return status;
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& native_path) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(native_path.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(raw));
  if (code != SQLITE_OK) {
    if (raw == nullptr) return Fail(Code::kIoError, "cannot open the catalog database");
    return FailFrom(raw, "cannot open the catalog database");
  }
  TM_TRY(database->SetPragmas());
  return database;
}

Status Database::SetPragmas() {
  sqlite3_extended_result_codes(database_, 1);
  sqlite3_busy_timeout(
      database_,
      static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(kBusyWait).count()));
  TM_ASSIGN(const std::int64_t format, AskInt(database_, "PRAGMA user_version"));
  if (format != 0 && format != kFileFormat) {
    return Fail(Code::kInvalidArgument, "the catalog database has format " +
                                            std::to_string(format) + ", this binary knows format " +
                                            std::to_string(kFileFormat) +
                                            ": it was written by a newer version of Tidemark");
  }
  TM_ASSIGN(const std::int64_t is_wal, AskInt(database_, "PRAGMA journal_mode=WAL", "wal"));
  TM_TRY(Run(database_, "PRAGMA synchronous=FULL"));
  TM_TRY(Run(database_, "PRAGMA foreign_keys=ON"));
  TM_ASSIGN(const std::int64_t synchronous, AskInt(database_, "PRAGMA synchronous"));
  // A build of SQLite that ignores these would lose commits that were promised.
  if (is_wal != 1 || synchronous != 2) {
    return Fail(Code::kInternal, "the catalog database refuses journal_mode=WAL, synchronous=FULL");
  }
  if (format == 0) {
    TM_TRY(Run(database_, "PRAGMA user_version=" + std::to_string(kFileFormat)));
  }
  return Run(database_,
             "CREATE TABLE IF NOT EXISTS component_version("
             "component TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID");
}

Database::~Database() { sqlite3_close_v2(database_); }

Status Database::Migrate(const Migrations& migrations) {
  TM_ASSIGN(Transaction transaction, Begin());
  std::size_t version = 0;
  {
    TM_ASSIGN(Statement find,
              transaction.Prepare("SELECT version FROM component_version WHERE component=?1"));
    TM_ASSIGN(const bool found, find.Bind(1, migrations.component).Step());
    if (found) version = static_cast<std::size_t>(find.Int(0));
  }
  if (version > migrations.steps.size()) {
    return Fail(Code::kInvalidArgument, "the tables of " + std::string(migrations.component) +
                                            " have version " + std::to_string(version) +
                                            ", this binary knows version " +
                                            std::to_string(migrations.steps.size()) +
                                            ": they were written by a newer version of Tidemark");
  }
  if (version == migrations.steps.size()) return {};
  for (; version < migrations.steps.size(); ++version) {
    TM_TRY(transaction.Execute(migrations.steps[version]));
  }
  {
    TM_ASSIGN(Statement store,
              transaction.Prepare("INSERT INTO component_version VALUES(?1,?2) ON CONFLICT "
                                  "(component) DO UPDATE SET version=excluded.version"));
    TM_TRY(store.Bind(1, migrations.component).Bind(2, static_cast<std::int64_t>(version)).Run());
  }
  return transaction.Commit();
}

Result<Transaction> Database::Begin() {
  std::unique_lock lock(mutex_);
  TM_TRY(Run(database_, "BEGIN IMMEDIATE"));
  return Transaction(database_, std::move(lock));
}

}  // namespace tidemark::meta
