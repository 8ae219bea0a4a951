// What a name like `events` stands for in one statement: hot rows and lake files, both pinned.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "event/row_source.h"

namespace tidemark::engine {

// A data file of the pinned snapshot. Files are pruned by `times` when a statement bounds
// `timestamp`; pruning never changes an answer.
struct LakeFile {
  std::string native_path;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  event::TimeRange times{kTimeMin, kTimeMax};  // May be wider than the rows, never narrower.
  // Field ids of added columns that it has, by number; null: none. A kept path among them has the
  // value of every row.
  std::shared_ptr<const std::vector<std::int32_t>> added;
};

// The rows of all sources and all files, each once. Value type; immutable once shared. Every
// mention of the relation in a statement sees the same rows.
struct Relation {
  std::shared_ptr<const event::TableSchema> schema = event::EventsSchema();  // Of both sides.
  // Not rows of events but those of a statement that the program itself wrote, over constants only
  // (`SELECT * FROM (VALUES ...) t(...)`); then the members below are empty.
  std::string statement = {};
  std::vector<std::shared_ptr<const event::RowSource>> hot;
  std::shared_ptr<const std::vector<LakeFile>> files;  // May be null: none.
};

}  // namespace tidemark::engine
