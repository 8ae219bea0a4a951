// A plain Iceberg table as a relation of a statement: the columns of its schema by their field ids,
// the files of one of its snapshots. Format: Iceberg table spec, "Schemas and Data Types",
// "Column Projection". Pure but for reading manifests; any thread.
#pragma once

#include <memory>
#include <vector>

#include "engine/delete_files.h"
#include "engine/relation.h"
#include "query/table_source.h"

namespace tidemark::query {

// `snapshot`: one of the table's; nullptr: it has none, so no row. `deletes` reads its delete
// files. kUnimplemented: the table has what we do not read (a type, another format than Parquet,
// files outside the catalog's locations); kPermissionDenied: it names files of another project;
// kCorruption, kIoError.
Result<std::shared_ptr<const engine::Relation>> PlainRelation(const CatalogTable& table,
                                                              const lake::Snapshot* snapshot,
                                                              engine::DeleteFiles* deletes);

}  // namespace tidemark::query
