// The columns of a table as SQL sees them and as its Iceberg schema has them: what system.columns
// and information_schema.columns say. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "event/schema.h"
#include "lake/metadata.h"

namespace tidemark::query {

struct ColumnFacts {
  std::string name;
  std::string type;          // The engine's own; empty: SQL does not read the table.
  std::string iceberg_type;  // The JSON text of a nested type.
  bool nullable = true;
  std::int32_t field_id = 0;
};

// Of a table that the log feeds.
std::vector<ColumnFacts> ColumnFactsOf(const event::TableSchema& columns);
// Of a plain table, by its current schema; none if it has none.
std::vector<ColumnFacts> ColumnFactsOf(const lake::TableMetadata& plain);

}  // namespace tidemark::query
