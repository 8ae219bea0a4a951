#include "enrich/sqlite_source.h"

#include <utility>

#include <sqlite3.h>
#include <sys/stat.h>

namespace tidemark::enrich {

Result<std::unique_ptr<DimensionSource>> SqliteSource::Open(const std::string& native_path,
                                                            const std::string& statement) {
  std::unique_ptr<SqliteSource> source(new SqliteSource(native_path, statement));
  TM_TRY(source->Prepare());
  return std::unique_ptr<DimensionSource>(std::move(source));
}

SqliteSource::~SqliteSource() {
  sqlite3_finalize(statement_);
  sqlite3_close(database_);
}

Error SqliteSource::Broken() const {
  return {Code::kUnavailable, std::string("the file of dimensions: ") + sqlite3_errmsg(database_)};
}

Result<SqliteSource::FileId> SqliteSource::FindFile() const {
  struct stat found{};
  if (::stat(native_path_.c_str(), &found) != 0) {
    return Fail(Code::kInvalidArgument, "there is no file of dimensions " + native_path_);
  }
  return FileId(found.st_dev, found.st_ino);
}

Status SqliteSource::Follow() {
  TM_ASSIGN(const FileId there, FindFile());
  if (there == file_) return {};
  SqliteSource next(native_path_, text_);
  TM_TRY(next.Prepare());
  if (next.columns_ != columns_) {
    return Fail(Code::kInvalidArgument, "the file of dimensions has other columns than before");
  }
  std::swap(file_, next.file_);
  std::swap(database_, next.database_);
  std::swap(statement_, next.statement_);
  return {};
}

Status SqliteSource::Prepare() {
  // Before it is opened: if it is another one by then, Follow opens it once more.
  TM_ASSIGN(file_, FindFile());
  const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(native_path_.c_str(), &database_, flags, nullptr) != SQLITE_OK) {
    return Fail(Code::kInvalidArgument, "there is no file of dimensions " + native_path_);
  }
  sqlite3_busy_timeout(
      database_,
      static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(kSqliteWait).count()));
  if (sqlite3_prepare_v2(database_, text_.c_str(), -1, &statement_, nullptr) != SQLITE_OK ||
      statement_ == nullptr || sqlite3_bind_parameter_count(statement_) != 1 ||
      sqlite3_stmt_readonly(statement_) == 0) {
    return Fail(Code::kInvalidArgument,
                "enrich.lookup_sql must be a query of the file with one parameter, like SELECT "
                "tier AS user_tier FROM users WHERE user_id = ?: " +
                    std::string(sqlite3_errmsg(database_)));
  }
  for (int i = 0; i < sqlite3_column_count(statement_); ++i) {
    const std::string name = sqlite3_column_name(statement_, i);
    const auto column = event::FindColumn(name == "tier" ? "user_tier" : name);
    if (!column || event::Info(*column).type != event::Type::kString ||
        event::Info(*column).required) {
      return Fail(Code::kInvalidArgument, "enrich.lookup_sql gives `" + name +
                                              "`, which is no optional text column of events");
    }
    columns_.push_back(*column);
  }
  return {};
}

Result<std::vector<std::optional<DimensionValues>>> SqliteSource::Find(
    std::span<const std::string> keys) {
  TM_TRY(Follow());
  std::vector<std::optional<DimensionValues>> found(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    sqlite3_reset(statement_);
    sqlite3_bind_text(statement_, 1, keys[i].data(), static_cast<int>(keys[i].size()),
                      SQLITE_STATIC);
    const int step = sqlite3_step(statement_);
    if (step == SQLITE_DONE) continue;
    if (step != SQLITE_ROW) {
      Error error = Broken();
      sqlite3_reset(statement_);
      return Fail(std::move(error));
    }
    DimensionValues values;
    for (int column = 0; column < static_cast<int>(columns_.size()); ++column) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
      values.emplace_back(text == nullptr ? "" : text);
    }
    found[i] = std::move(values);
  }
  // An open read would keep the writer's log from being taken over.
  sqlite3_reset(statement_);
  return found;
}

}  // namespace tidemark::enrich
