// Rows of the catalog's tables, for the two classes that read and write them. The inside of
// sqlite_catalog.h and sqlite_directory.h.
#pragma once

#include <span>
#include <string_view>

#include "catalog/catalog.h"
#include "meta/database.h"

namespace tidemark::catalog {

// The columns that ReadTable reads from 0 on.
inline constexpr std::string_view kTableColumns =
    "uuid,ns,name,location,metadata_key,metadata_version,managed,log_id,epoch,off_head,floor,head,"
    "metadata_gz";
Result<TableRecord> ReadTable(const meta::Statement& row);
// `kind`: "table" or "view". kAlreadyExists.
Status InsertTable(meta::Transaction* transaction, const TableRecord& record,
                   std::string_view kind);
// Catalog::Commit of one change, within a transaction.
Status ApplyTableChange(meta::Transaction* transaction, const TableChange& change);
// A key that is garbage already keeps its first entry.
Status InsertGarbage(meta::Transaction* transaction, std::span<const Garbage> garbage);

}  // namespace tidemark::catalog
