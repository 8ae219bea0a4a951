// What of a table's Iceberg schema is ours: the columns it was made with and the paths of
// `properties` that are kept as fields of the struct column `kept`, a path being the `doc` of its
// field. Other engines may have added columns beside them; those stay as they are.
//
// Format: Iceberg table spec, "Schema Evolution". Pure; any thread.
#pragma once

#include <memory>

#include "event/schema.h"
#include "lake/metadata.h"

namespace tidemark::lake {

// `fixed` and the kept paths of the current schema. A field whose type or path we do not read is
// left out.
std::shared_ptr<const event::TableSchema> ColumnsOf(
    const TableMetadata& metadata, const std::shared_ptr<const event::TableSchema>& fixed);

// `columns`, and behind them the columns of other engines whose types SQL has here: of strings,
// numbers, booleans and times. What a query sees; `columns` itself if there are none.
std::shared_ptr<const event::TableSchema> WithOthers(
    const TableMetadata& metadata, const std::shared_ptr<const event::TableSchema>& columns);

// Makes a schema current that has exactly the kept paths of `columns`; does nothing if the current
// one has them. Ids are the caller's: above `last_column_id` if they are new.
void Evolve(TableMetadata* metadata, const event::TableSchema& columns);

}  // namespace tidemark::lake
