// What the engine pushes into a scan of files and would go wrong there.
//
// Internal to this folder. Throws the engine's exceptions.
#pragma once

#include "duckdb.hpp"
#include "duckdb/common/multi_file/multi_file_data.hpp"
#include "duckdb/planner/table_filter.hpp"

namespace tidemark::engine {

// Takes out what would skip row groups that have rows of the answer. Nothing is lost: the engine
// pushes it down for that alone, and looks at every row in any case.
void DropWrongSkips(duckdb::TableFilterSet* filters);

// The filters for a file that has these columns; null: they may stay as they are. The filter of a
// join, of the hashes of its keys, is left out where the file's column is of another type than the
// table's (it was widened since): the engine has no way to ask it then. `filters` may be null.
duckdb::unique_ptr<duckdb::TableFilterSet> FiltersFor(
    const duckdb::vector<duckdb::MultiFileColumnDefinition>& in_file,
    const duckdb::vector<duckdb::MultiFileColumnDefinition>& in_table,
    const duckdb::vector<duckdb::ColumnIndex>& ids, const duckdb::TableFilterSet* filters);

}  // namespace tidemark::engine
