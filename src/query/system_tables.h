// The state of a project's tables as tables: system.tables, .columns, .snapshots, .history, .refs,
// .files, .partitions and .metrics_reports; and of the first two what SQL's standard has of them,
// information_schema.tables and .columns. Columns: docs/reference/tables.md; names as in the
// metadata tables of other Iceberg engines where those have them. Pure but for the manifests that
// system.files reads of plain tables.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/relation.h"
#include "query/table_source.h"
#include "tide/cut.h"

namespace tidemark::query {

// What a statement may know of: the cut of the project's events, and its plain tables and views.
struct SystemView {
  std::string project;
  std::shared_ptr<const tide::Cut> cut;
  const env::ObjectStore* store = nullptr;  // Of the managed tables.
  std::vector<CatalogTable> others;
  const TableSource* source = nullptr;  // Of reports; null: there are none.
};

// Whether `name` (of `system.<name>`, lower case) is one of them.
bool IsSystemTable(std::string_view name);
// One of them. Errors: those of reading manifests.
Result<std::shared_ptr<const engine::Relation>> SystemRelation(std::string_view name,
                                                               const SystemView& view);

// The same of `information_schema.<name>` (ISO/IEC 9075-11, "TABLES view", "COLUMNS view").
bool IsInformationTable(std::string_view name);
Result<std::shared_ptr<const engine::Relation>> InformationRelation(std::string_view name,
                                                                    const SystemView& view);

}  // namespace tidemark::query
