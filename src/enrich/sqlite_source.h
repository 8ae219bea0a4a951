// Dimensions of users from a table of an SQLite file, which others write: one statement with one
// parameter, the user's id; its columns are named as those of the events table. A file that takes
// the place of the one before is opened by the next Find.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "enrich/lookup.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tidemark::enrich {

inline constexpr Duration kSqliteWait = std::chrono::seconds(1);  // For who writes the file.

class SqliteSource final : public DimensionSource {
 public:
  // kInvalidArgument: no such file or table, or a statement that is not understood.
  static Result<std::unique_ptr<DimensionSource>> Open(const std::string& native_path,
                                                       const std::string& statement);
  ~SqliteSource() override;

  event::Column key_column() const override { return event::Column::kUserId; }
  const std::vector<event::Column>& columns() const override { return columns_; }
  Result<std::vector<std::optional<DimensionValues>>> Find(
      std::span<const std::string> keys) override;

 private:
  using FileId = std::pair<std::uint64_t, std::uint64_t>;  // Device and inode.

  SqliteSource(std::string native_path, std::string statement)
      : native_path_(std::move(native_path)), text_(std::move(statement)) {}
  Result<FileId> FindFile() const;
  Status Prepare();
  // Looks whether the path leads to another file by now.
  Status Follow();
  Error Broken() const;

  const std::string native_path_;
  const std::string text_;
  FileId file_{};
  sqlite3* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
  std::vector<event::Column> columns_;
};

}  // namespace tidemark::enrich
