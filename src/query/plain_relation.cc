#include "query/plain_relation.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "base/text.h"
#include "engine/row_lineage.h"
#include "engine/sql_quote.h"
#include "lake/snapshot_files.h"
#include "query/plain_columns.h"

namespace tidemark::query {
namespace {

using engine::FileColumn;
using RelationPointer = std::shared_ptr<const engine::Relation>;

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

// The row ids of v3 (engine/row_lineage.h): what a file's rows inherit comes beside what they have,
// as two columns that no file has. Field ids that the specification keeps back and gives nobody.
constexpr std::int32_t kFirstRowField = 2'147'483'448;
constexpr std::int32_t kSequenceField = 2'147'483'449;
constexpr std::string_view kLineageSelect =
    "* EXCLUDE (tm_first_row, tm_sequence) REPLACE ("
    "coalesce(_row_id, tm_first_row + file_row_number) AS _row_id, "
    "coalesce(_last_updated_sequence_number, tm_sequence) AS _last_updated_sequence_number)";

// False: the table has a column of such a name of its own, which is what is meant.
bool AddLineageColumns(engine::Relation* relation) {
  const std::array<FileColumn, 4> more = {{
      {std::string(engine::kRowIdColumn), engine::kRowIdField, "BIGINT", {}},
      {std::string(engine::kRowUpdatedColumn), engine::kRowUpdatedField, "BIGINT", {}},
      {"tm_first_row", kFirstRowField, "BIGINT", {}},
      {"tm_sequence", kSequenceField, "BIGINT", {}},
  }};
  for (const FileColumn& own : relation->file_columns) {
    const auto same = [&](const FileColumn& one) { return one.name == LowerCase(own.name); };
    if (std::ranges::any_of(more, same)) return false;
  }
  relation->file_columns.insert(relation->file_columns.end(), more.begin(), more.end());
  relation->select_list = kLineageSelect;
  return true;
}

// The file's constants and those.
std::shared_ptr<const std::vector<engine::FileConstant>> WithLineage(const lake::LiveFile& file) {
  auto constants = std::make_shared<std::vector<engine::FileConstant>>();
  if (file.constants) *constants = *file.constants;
  std::string sequence;
  PutU64(&sequence, static_cast<std::uint64_t>(file.sequence_number));
  // Before the first commit after an upgrade rows have no ids.
  std::optional<std::string> first;
  if (file.first_row_id) {
    PutU64(&first.emplace(), static_cast<std::uint64_t>(*file.first_row_id));
  }
  const bool has_ids = first.has_value();
  constants->push_back({kFirstRowField, std::move(first)});
  constants->push_back(
      {kSequenceField, has_ids ? std::optional(std::move(sequence)) : std::nullopt});
  return constants;
}

// Takes out what SQL does not read. It is selected after the others, as an error with the reason:
// who asks for other columns gets them.
void SelectReasons(engine::Relation* relation) {
  std::string names;
  for (const FileColumn& column : relation->file_columns) {
    if (column.not_read.empty()) continue;
    names += (names.empty() ? "" : ", ") + engine::QuotedName(column.name);
  }
  if (names.empty()) return;
  if (relation->select_list.empty()) relation->select_list = "*";
  std::erase_if(relation->file_columns, [&](const FileColumn& column) {
    if (column.not_read.empty()) return false;
    const std::string reason =
        column.not_read + "; the others can be asked for, as by SELECT * EXCLUDE (" + names + ")";
    relation->select_list += ", CAST(error(" + engine::QuotedText(reason) + ") AS VARCHAR) AS " +
                             engine::QuotedName(column.name);
    return true;
  });
}

// A table without a file is a statement of no rows.
std::string NoRows(const std::vector<FileColumn>& columns) {
  std::string sql = "SELECT ";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string type = columns[i].not_read.empty() ? columns[i].type : "VARCHAR";
    sql += (i == 0 ? "" : ", ") + ("CAST(NULL AS " + type) + ") AS " +
           engine::QuotedName(columns[i].name);
  }
  return sql + " WHERE false";
}

// `files`: null: none. `deletes`: null: those files have none.
Result<RelationPointer> Make(const CatalogTable& table, const lake::Schema& schema,
                             const lake::LiveFiles* live, bool wants_lineage,
                             engine::DeleteFiles* deletes) {
  const lake::TableMetadata& metadata = *table.metadata;
  auto relation = std::make_shared<engine::Relation>();
  TM_ASSIGN(relation->file_columns, ColumnsOf(schema, metadata.Property(kPropertyNameMapping)));
  const bool lineage =
      wants_lineage && metadata.format_version >= 3 && AddLineageColumns(relation.get());
  auto files = std::make_shared<std::vector<engine::LakeFile>>();
  Status readable;
  std::vector<engine::DeletesOfFile> named;
  const auto add = [&](const lake::LiveFile& file) {
    if (!readable) return;
    auto one = FileOf(table, file, &named);
    if (!one) {
      readable = Fail(std::move(one).error());
      return;
    }
    if (lineage) one->constants = WithLineage(file);
    files->push_back(*std::move(one));
  };
  if (live != nullptr) live->ForEach(add);
  TM_TRY(std::move(readable));
  if (deletes != nullptr) {
    std::vector<std::int32_t> filled;
    AddFilled(relation->file_columns, &filled);
    for (engine::DeletesOfFile& file : named) {
      file.filled.insert(file.filled.end(), filled.begin(), filled.end());
    }
    TM_ASSIGN(const auto deleted, deletes->Of(named));
    for (std::size_t i = 0; i < deleted.size(); ++i) (*files)[i].deleted = deleted[i];
  }
  if (files->empty()) {
    if (lineage) relation->file_columns.resize(relation->file_columns.size() - 2);
    relation->select_list.clear();
    relation->statement = NoRows(relation->file_columns);
    return RelationPointer(std::move(relation));
  }
  SelectReasons(relation.get());
  relation->files = std::move(files);
  return RelationPointer(std::move(relation));
}

}  // namespace

bool NamesLineage(std::string_view sql) {
  const std::string text = LowerCase(sql);
  return text.find(engine::kRowIdColumn) != std::string::npos ||
         text.find(engine::kRowUpdatedColumn) != std::string::npos;
}

Result<std::shared_ptr<const engine::Relation>> PlainRelation(const CatalogTable& table,
                                                              const lake::Snapshot* snapshot,
                                                              PlainColumns columns,
                                                              engine::DeleteFiles* deletes) {
  const lake::TableMetadata& metadata = *table.metadata;
  std::int32_t schema_id = metadata.current_schema_id;
  if (snapshot != nullptr && columns.at == ColumnsAt::kSnapshot) {
    schema_id = snapshot->schema_id.value_or(schema_id);
  }
  const lake::Schema* schema = metadata.FindSchema(schema_id);
  if (schema == nullptr) {
    return Fail(Code::kCorruption, "snapshot " + to_string(snapshot->id) + " is of schema " +
                                       std::to_string(schema_id) +
                                       ", which the table's metadata does not have");
  }
  if (snapshot == nullptr) return Make(table, *schema, nullptr, columns.lineage, deletes);
  auto at = std::make_shared<lake::TableMetadata>(metadata);
  at->current_snapshot_id = snapshot->id;
  TM_ASSIGN(const auto head, lake::OpenPlain(*table.store, std::move(at)));
  return Make(table, *schema, head->files.get(), columns.lineage, deletes);
}

Result<std::shared_ptr<const engine::Relation>> PlainAppended(
    const CatalogTable& table, const std::vector<const lake::Snapshot*>& snapshots, bool lineage) {
  const lake::TableMetadata& metadata = *table.metadata;
  TM_ASSIGN(auto files, lake::ReadAppended(*table.store, snapshots, &metadata));
  const lake::LiveFiles live(std::move(files));
  return Make(table, *metadata.FindSchema(metadata.current_schema_id), &live, lineage, nullptr);
}

}  // namespace tidemark::query
