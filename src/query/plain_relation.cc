#include "query/plain_relation.h"

#include <utility>

#include "engine/sql_quote.h"
#include "query/plain_columns.h"

namespace tidemark::query {
namespace {

using engine::FileColumn;

tl::unexpected<Error> NotRead(std::string_view what) {
  return Fail(Code::kUnimplemented, "SQL does not read " + std::string(what));
}

// Why a file that the table names is none of its store's.
tl::unexpected<Error> NotThere(const CatalogTable& table, std::string_view what,
                               const std::string& uri) {
  const auto key = table.store->KeyOf(uri);
  if (!key && key.error().code() == Code::kPermissionDenied) return Fail(key.error());
  return NotRead(std::string(what) + " " + uri + ", which is outside the catalog's locations");
}

// One data file of a plain table; what takes rows from it is added to `named`.
Result<engine::LakeFile> FileOf(const CatalogTable& table, const lake::LiveFile& file,
                                std::vector<engine::DeletesOfFile>* named) {
  if (!file.in_store) return NotThere(table, "data file", file.key);
  if (!file.parquet) return NotRead("data files of another format than Parquet: " + file.key);
  engine::LakeFile read{.native_path = table.store->NativePath(file.key),
                        .rows = file.rows,
                        .bytes = file.bytes,
                        .bounds = file.bounds,
                        .constants = file.constants};
  engine::DeletesOfFile& deletes =
      named->emplace_back(engine::DeletesOfFile{read.native_path, file.rows, {}});
  if (!file.deletes) return read;
  for (const lake::LiveDelete& one : *file.deletes) {
    if (!one.in_store) return NotThere(table, "delete file", one.key);
    deletes.deletes.push_back({table.store->NativePath(one.key), one.equality_ids, one.vector});
  }
  if (file.constants) {
    for (const engine::FileConstant& constant : *file.constants) {
      deletes.filled.push_back(constant.field_id);
    }
  }
  return read;
}

// Field ids of columns that have a default, at any depth.
void AddFilled(const std::vector<FileColumn>& columns, std::vector<std::int32_t>* ids) {
  for (const FileColumn& column : columns) {
    if (column.otherwise) ids->push_back(column.field_id);
    AddFilled(column.children, ids);
  }
}

// A table without a file is a statement of no rows.
std::string NoRows(const std::vector<FileColumn>& columns) {
  std::string sql = "SELECT ";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    sql += (i == 0 ? "" : ", ") + ("CAST(NULL AS " + columns[i].type) + ") AS " +
           engine::QuotedName(columns[i].name);
  }
  return sql + " WHERE false";
}

}  // namespace

Result<std::shared_ptr<const engine::Relation>> PlainRelation(const CatalogTable& table,
                                                              const lake::Snapshot* snapshot,
                                                              engine::DeleteFiles* deletes) {
  const lake::TableMetadata& metadata = *table.metadata;
  const lake::Schema* schema = nullptr;
  const bool past = snapshot != nullptr && snapshot != metadata.current();
  if (past && snapshot->schema_id) schema = metadata.FindSchema(*snapshot->schema_id);
  if (schema == nullptr) schema = metadata.FindSchema(metadata.current_schema_id);
  auto relation = std::make_shared<engine::Relation>();
  TM_ASSIGN(relation->file_columns, ColumnsOf(*schema, metadata.Property(kPropertyNameMapping)));
  auto files = std::make_shared<std::vector<engine::LakeFile>>();
  if (snapshot != nullptr) {
    auto at = std::make_shared<lake::TableMetadata>(metadata);
    at->current_snapshot_id = snapshot->id;
    TM_ASSIGN(const auto head, lake::OpenPlain(*table.store, std::move(at)));
    Status readable;
    std::vector<engine::DeletesOfFile> named;
    head->files->ForEach([&](const lake::LiveFile& file) {
      if (!readable) return;
      auto one = FileOf(table, file, &named);
      if (one) {
        files->push_back(*std::move(one));
      } else {
        readable = Fail(std::move(one).error());
      }
    });
    TM_TRY(std::move(readable));
    std::vector<std::int32_t> filled;
    AddFilled(relation->file_columns, &filled);
    for (engine::DeletesOfFile& file : named) {
      file.filled.insert(file.filled.end(), filled.begin(), filled.end());
    }
    TM_ASSIGN(const auto deleted, deletes->Of(named));
    for (std::size_t i = 0; i < deleted.size(); ++i) (*files)[i].deleted = deleted[i];
  }
  if (files->empty()) {
    relation->statement = NoRows(relation->file_columns);
    return std::shared_ptr<const engine::Relation>(std::move(relation));
  }
  relation->files = std::move(files);
  return std::shared_ptr<const engine::Relation>(std::move(relation));
}

}  // namespace tidemark::query
