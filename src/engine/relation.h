// What a name like `events` stands for in one statement: hot rows and lake files, both pinned.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/column_bounds.h"
#include "engine/deleted_rows.h"
#include "event/row_source.h"

namespace tidemark::engine {

// The value that a column has in every row of a file that lacks it.
struct FileConstant {
  std::int32_t field_id = 0;
  std::optional<std::string> value;  // Iceberg's binary form; nothing: null.
  friend bool operator==(const FileConstant&, const FileConstant&) = default;
};

// A data file of the pinned snapshot. Files that by `times` and `bounds` have no row that a
// statement's filters want are not read; that never changes an answer.
struct LakeFile {
  std::string native_path;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  event::TimeRange times{kTimeMin, kTimeMax};       // May be wider than the rows, never narrower.
  std::shared_ptr<const ColumnBounds> bounds = {};  // May be null: nothing is known.
  // Field ids of added columns that it has, by number; null: none. A kept path among them has the
  // value of every row.
  std::shared_ptr<const std::vector<std::int32_t>> added = {};
  std::shared_ptr<const DeletedRows> deleted = {};                  // Null: every row counts.
  std::shared_ptr<const std::vector<FileConstant>> constants = {};  // May be null: none.
  bool counted = false;  // It has `rows` rows for certain: who only counts them need not open it.
};

// A column of the files of a plain table: one that is no events table of ours.
struct FileColumn {
  std::string name;
  std::int32_t field_id = 0;
  std::string type;                  // As the engine writes it: DECIMAL(10,2), STRUCT(...).
  std::vector<FileColumn> children;  // Of a struct its fields, of a list the element, of a map two.
  // What it is called in files without field ids.
  std::vector<std::string> names = {};
  // Its value where a file lacks it, as text that casts to its type; nothing: null.
  std::optional<std::string> otherwise = {};
  bool required = false;
  // Why it is not read; then it has no type, and is no column of a relation's files.
  std::string not_read = {};
};

// The rows of all sources and all files, each once. Value type; immutable once shared. Every
// mention of the relation in a statement sees the same rows.
struct Relation {
  std::shared_ptr<const event::TableSchema> schema = event::EventsSchema();  // Of both sides.
  // Not rows of events but those of a statement that the program itself wrote, over constants or by
  // tm_rows and tm_files over relations of the request; then the members below are empty.
  std::string statement = {};
  std::vector<std::shared_ptr<const event::RowSource>> hot;
  std::shared_ptr<const std::vector<LakeFile>> files;  // May be null: none.
  // Instead of the schema's, for a relation of files alone.
  std::vector<FileColumn> file_columns = {};
  // If it is set, only rows with a smaller log_offset; rows without one are left out.
  std::optional<LogOffset> end = {};
  // What is selected of these rows; empty: every column as it is.
  std::string select_list = {};
};

}  // namespace tidemark::engine
