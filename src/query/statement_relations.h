// The relations that a statement may name beside those it is given: the past of events, the system
// tables, and the plain Iceberg tables of the project's namespace. Everything of one statement is
// read at the one cut that it was begun with; what is read is kept for later mentions.
//
// One thread; lives as long as its statement is being bound. Blocks on the store and the database.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/query.h"
#include "engine/relation.h"
#include "query/as_of.h"
#include "query/past_heads.h"
#include "query/system_tables.h"
#include "query/table_source.h"
#include "tide/core.h"

namespace tidemark::query {

// The names of the managed table of events.
std::vector<std::string> EventsNames(std::string_view project);

class StatementRelations {
 public:
  struct Parts {
    tide::Core* core = nullptr;
    TableSource* tables = nullptr;  // May be null: no plain tables.
    PastHeads* heads = nullptr;
    engine::DeleteFiles* deletes = nullptr;
    bool lineage = false;  // The statement names columns of row ids.
    // The request has a past of events, and the statement names none: a plain table without a past
    // of its own would be read as it is now by who asked for another time.
    bool past_of_nothing = false;
  };

  StatementRelations(Parts parts, std::string project, std::shared_ptr<const tide::Cut> cut)
      : parts_(parts), project_(std::move(project)), cut_(std::move(cut)) {}

  // engine::FindRelation. kNotFound: no such snapshot; kInvalidArgument: a receipt of another log,
  // or a table that SQL does not read; kPermissionDenied: one that names another project's files;
  // kUnavailable: a receipt's events are not visible yet.
  Result<std::shared_ptr<const engine::Relation>> Find(const engine::Mention& mention);

  // Events as they were. Of a snapshot only its files.
  struct Past {
    std::shared_ptr<engine::Relation> relation;
    std::shared_ptr<const lake::TableHead> head;  // Null: nothing of it is settled.
    const lake::Snapshot* snapshot = nullptr;     // Null: the rows below `end`.
    LogOffset end;                                // Offset that it does not hold any more.
    std::uint64_t settled_rows = 0;
  };
  Result<Past> EventsAsOf(const AsOf& as_of);

 private:
  Result<std::shared_ptr<const engine::Relation>> FindEvents(const engine::Mention& mention);
  Result<std::shared_ptr<const engine::Relation>> FindSystem(const engine::Mention& mention,
                                                             bool information);
  Result<std::shared_ptr<const engine::Relation>> FindPlain(const engine::Mention& mention);
  Result<std::shared_ptr<const engine::Relation>> EventsBetween(
      std::span<const engine::Parameter> ends);
  Result<std::shared_ptr<const engine::Relation>> RowsBetween(const engine::Mention& mention);
  // The plain table of these names, in any case if only one is called so; nullptr: there is none.
  Result<const CatalogTable*> PlainTable(const std::vector<std::string>& names);
  Result<const CatalogTable*> ExactTable(const std::vector<std::string>& ns,
                                         const std::string& name);
  Result<const CatalogTable*> TableInAnyCase(const std::vector<std::string>& ns,
                                             const std::string& name);
  // kNotFound if one may have been meant that is called otherwise.
  Status CheckMisspelled(const std::vector<std::string>& names);
  Result<std::span<const TableId>> Names();
  Result<Past> BelowOffset(const AsOf& as_of);
  Result<const SystemView*> View();
  Result<const lake::TableHead*> Settled() const;

  const Parts parts_;
  const std::string project_;
  const std::shared_ptr<const tide::Cut> cut_;
  std::optional<SystemView> view_;
  std::optional<std::vector<TableId>> names_;
  std::map<std::string, CatalogTable> plain_;  // By namespace and name, as it was first seen.
};

}  // namespace tidemark::query
