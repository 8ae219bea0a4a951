// What of a table's Iceberg schema is ours: the columns it was made with, the promoted properties,
// and the paths of `properties` that are kept as fields of the struct column `kept`, a path being
// the `doc` of its field. Other engines may have added columns beside them; those stay as they are.
//
// Which columns are promoted says the table property `tidemark.promoted-columns`:
// `{"last":2,"columns":[{"field-id":33,"property":"amount","number":2,"since":1200}]}`; `last` is
// the latest number that was given out, `since` is absent while it is not known. One whose field is
// not in the current schema was dropped; its name is that of the field.
//
// Format: Iceberg table spec, "Schema Evolution". Pure; any thread.
#pragma once

#include <memory>

#include "event/schema.h"
#include "lake/metadata.h"

namespace tidemark::lake {

// `fixed`, the promoted properties and the kept paths of the current schema. A field whose type or
// path we do not read is left out.
std::shared_ptr<const event::TableSchema> ColumnsOf(
    const TableMetadata& metadata, const std::shared_ptr<const event::TableSchema>& fixed);

// `columns`, and behind them the columns of other engines whose types SQL has here: of strings,
// numbers, booleans and times. What a query sees; `columns` itself if there are none.
std::shared_ptr<const event::TableSchema> WithOthers(
    const TableMetadata& metadata, const std::shared_ptr<const event::TableSchema>& columns);

// Makes a schema current that has the promoted properties of `columns` and exactly its kept paths;
// the current one stays if it has them. Then the table says what is promoted as `columns` does. Ids
// are the caller's: above `last_column_id` if they are new.
void Evolve(TableMetadata* metadata, const event::TableSchema& columns);

}  // namespace tidemark::lake
