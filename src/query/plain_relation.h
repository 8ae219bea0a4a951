// A plain Iceberg table as a relation of a statement: the columns of its schema by their field ids,
// the files of one of its snapshots. Format: Iceberg table spec, "Schemas and Data Types",
// "Column Projection". Pure but for reading manifests; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/delete_files.h"
#include "engine/relation.h"
#include "query/table_source.h"

namespace tidemark::query {

// Whose columns a reader sees: those that the table has now, as at its head and on its branches, or
// those that it had when the snapshot was made, as at a time, a tag or an id.
enum class ColumnsAt : std::uint8_t { kNow, kSnapshot };

struct PlainColumns {
  ColumnsAt at = ColumnsAt::kNow;
  // v3: with `_row_id` and `_last_updated_sequence_number` behind the table's own.
  bool lineage = false;
};
// A statement that names one of the two.
bool NamesLineage(std::string_view sql);

// `snapshot`: one of the table's; nullptr: it has none, so no row. `deletes` reads its delete
// files. kUnimplemented: the table has what we do not read (a type, another format than Parquet,
// files outside the catalog's locations); kPermissionDenied: it names files of another project;
// kCorruption, kIoError.
Result<std::shared_ptr<const engine::Relation>> PlainRelation(const CatalogTable& table,
                                                              const lake::Snapshot* snapshot,
                                                              PlainColumns columns,
                                                              engine::DeleteFiles* deletes);

// The rows that these snapshots appended, oldest first: as they came, whatever was deleted since.
// In the columns of now. Errors as above.
Result<std::shared_ptr<const engine::Relation>> PlainAppended(
    const CatalogTable& table, const std::vector<const lake::Snapshot*>& snapshots, bool lineage);

}  // namespace tidemark::query
