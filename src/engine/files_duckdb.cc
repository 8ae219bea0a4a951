#include "engine/files_duckdb.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "duckdb/catalog/catalog_entry/table_function_catalog_entry.hpp"
#include "duckdb/common/multi_file/multi_file_function.hpp"
#include "duckdb/common/multi_file/multi_file_list.hpp"
#include "duckdb/common/multi_file/multi_file_reader.hpp"
#include "duckdb/common/multi_file/multi_file_states.hpp"
#include "duckdb/main/client_context_state.hpp"
#include "duckdb/planner/expression/bound_columnref_expression.hpp"
#include "engine/pruner_duckdb.h"
#include "engine/scan_duckdb.h"
#include "engine/scan_filters_duckdb.h"
#include "engine/single_value_duckdb.h"
#include "engine/text_filters_duckdb.h"

namespace tidemark::engine {
namespace {

// What pruning needs to know of the columns of a scan, in their order.
struct ScanColumns {
  struct Column {
    std::int32_t field_id = 0;
    duckdb::LogicalType type;
  };
  std::vector<Column> columns;
  std::size_t timestamp = SIZE_MAX;  // The place of it in an events table.
};

// Of more files it is not asked whether none has a null: that would take longer than it saves.
constexpr std::size_t kAskedFilesMax = 2'000;

// What the file's metadata says of a column.
ValueRange RangeIn(const LakeFile& file, const ScanColumns& columns, std::size_t column) {
  ValueRange range;
  const ScanColumns::Column& info = columns.columns[column];
  if (file.bounds != nullptr) range = RangeOf(file.bounds->Find(info.field_id), info.type);
  if (column == columns.timestamp) {
    range.may_be_nan = false;
    // The ends of time stand for what is not known.
    if (file.times.min > kTimeMin) range.lower = BoundValue(file.times.min.value);
    if (file.times.max < kTimeMax) range.upper = BoundValue(file.times.max.value);
  }
  return range;
}

// Whether it has so many rows as its metadata says, and all of them count.
bool IsCounted(const LakeFile& file) { return file.counted && file.deleted == nullptr; }

// A scan's files, fewer of them once the statement's filters are known.
class FileList final : public duckdb::MultiFileList {
 public:
  using Files = std::shared_ptr<const std::vector<LakeFile>>;
  FileList(Files files, std::shared_ptr<const ScanColumns> columns)
      : files_(std::move(files)), columns_(std::move(columns)) {}

  duckdb::vector<duckdb::OpenFileInfo> GetAllFiles() const override {
    duckdb::vector<duckdb::OpenFileInfo> all;
    all.reserve(files_->size());
    for (const LakeFile& file : *files_) all.emplace_back(file.native_path);
    return all;
  }
  duckdb::FileExpandResult GetExpandResult() const override {
    return files_->empty()       ? duckdb::FileExpandResult::NO_FILES
           : files_->size() == 1 ? duckdb::FileExpandResult::SINGLE_FILE
                                 : duckdb::FileExpandResult::MULTIPLE_FILES;
  }
  duckdb::idx_t GetTotalFileCount() const override { return files_->size(); }

  duckdb::unique_ptr<MultiFileList> ComplexFilterPushdown(
      duckdb::ClientContext& context, const duckdb::MultiFileOptions& /*options*/,
      duckdb::MultiFilePushdownInfo& info,
      duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters) const override {
    const Pruner pruner(
        context, filters, [&](const duckdb::Expression& expression) -> std::optional<std::size_t> {
          if (expression.GetExpressionClass() != duckdb::ExpressionClass::BOUND_COLUMN_REF) {
            return std::nullopt;
          }
          const auto& binding = expression.Cast<duckdb::BoundColumnRefExpression>().binding;
          if (binding.table_index != info.table_index ||
              binding.column_index >= info.column_ids.size()) {
            return std::nullopt;
          }
          const std::size_t column = info.column_ids[binding.column_index];
          // What comes behind the table's own columns has no bounds.
          const bool known = column < columns_->columns.size() &&
                             columns_->columns[column].type == expression.return_type;
          return known ? std::optional(column) : std::nullopt;
        });
    return Pruned(context, pruner);
  }

  duckdb::unique_ptr<MultiFileList> DynamicFilterPushdown(
      duckdb::ClientContext& context, const duckdb::MultiFileOptions& /*options*/,
      const duckdb::vector<duckdb::string>& /*names*/,
      const duckdb::vector<duckdb::LogicalType>& /*types*/,
      const duckdb::vector<duckdb::column_t>& column_ids,
      duckdb::TableFilterSet& filters) const override {
    const Pruner pruner(filters, [&](duckdb::idx_t key) -> std::optional<Pruner::ScanColumn> {
      if (key >= column_ids.size() || column_ids[key] >= columns_->columns.size()) {
        return std::nullopt;
      }
      const std::size_t place = column_ids[key];
      return Pruner::ScanColumn{place, columns_->columns[place].type};
    });
    return Pruned(context, pruner);
  }

  duckdb::unique_ptr<MultiFileList> Copy() const override {
    return duckdb::make_uniq<FileList>(files_, columns_);
  }

  bool has_deleted_rows() const {
    return std::any_of(files_->begin(), files_->end(),
                       [](const LakeFile& file) { return file.deleted != nullptr; });
  }

  // The rows of all files, if that is known without opening one.
  std::optional<std::uint64_t> CountedRows() const {
    std::uint64_t rows = 0;
    for (const LakeFile& file : *files_) {
      if (!IsCounted(file)) return std::nullopt;
      rows += file.rows;
    }
    return rows;
  }

  // Whether it is known of each file that no row of it lacks a value in the scan's column.
  bool HasNoNulls(std::size_t column, const DoubtedFiles& doubted) const {
    if (column >= columns_->columns.size() || files_->size() > kAskedFilesMax) return false;
    if (doubted.HasAny(*files_)) return false;
    const std::int32_t id = columns_->columns[column].field_id;
    return std::ranges::all_of(*files_, [id](const LakeFile& file) {
      return file.rows > 0 && file.bounds != nullptr && !file.bounds->Find(id).may_be_null;
    });
  }

  duckdb::unique_ptr<duckdb::NodeStatistics> GetCardinality(
      duckdb::ClientContext& /*context*/) const override {
    std::uint64_t rows = 0;
    for (const LakeFile& file : *files_) rows += file.rows;
    return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
  }

 protected:
  duckdb::OpenFileInfo GetFile(duckdb::idx_t i) const override {
    return i < files_->size() ? duckdb::OpenFileInfo((*files_)[i].native_path)
                              : duckdb::OpenFileInfo();
  }

 private:
  // nullptr: every file may have a row that matches.
  duckdb::unique_ptr<MultiFileList> Pruned(duckdb::ClientContext& context,
                                           const Pruner& pruner) const {
    if (pruner.idle()) return nullptr;
    const bool for_texts = pruner.asks_for_texts();
    auto kept = std::make_shared<std::vector<LakeFile>>();
    for (const LakeFile& file : *files_) {
      const auto range_of = [&](std::size_t column) { return RangeIn(file, *columns_, column); };
      const auto with_filter = [&](std::size_t column) {
        ValueRange range = range_of(column);
        if (columns_->columns[column].type.id() != duckdb::LogicalTypeId::VARCHAR) return range;
        const std::int32_t id = columns_->columns[column].field_id;
        range.may_have_text = [&context, &file, id, filter = std::shared_ptr<const TextFilter>()](
                                  const std::string& text) mutable {
          if (filter == nullptr) filter = TextFilterOf(context, file.native_path, id);
          return filter->MayHave(text);
        };
        return range;
      };
      // What is known without reading the file is asked first.
      if (!pruner.MayMatch(context, range_of)) continue;
      if (for_texts && !pruner.MayMatch(context, with_filter)) continue;
      kept->push_back(file);
    }
    if (kept->size() == files_->size()) return nullptr;
    return duckdb::make_uniq<FileList>(std::move(kept), columns_);
  }

  const Files files_;
  const std::shared_ptr<const ScanColumns> columns_;
};

// A column that is found by its field id, and null where a file lacks it.
duckdb::MultiFileColumnDefinition Definition(const event::TableColumn& column) {
  const duckdb::LogicalType type = EngineType(column.type);
  duckdb::MultiFileColumnDefinition definition(column.name, type);
  definition.identifier = duckdb::Value::INTEGER(column.field_id);
  definition.default_expression =
      duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value(type));
  return definition;
}

// The struct of some kept paths.
duckdb::MultiFileColumnDefinition KeptDefinition(const event::KeptPaths& kept,
                                                 const std::vector<std::size_t>& which) {
  duckdb::vector<duckdb::MultiFileColumnDefinition> children;
  duckdb::child_list_t<duckdb::LogicalType> types;
  for (const std::size_t i : which) {
    const event::KeptPath& path = kept.paths[i];
    children.push_back(Definition({path.name, path.type, false, path.field_id}));
    types.emplace_back(path.name, children.back().type);
  }
  const auto type = duckdb::LogicalType::STRUCT(std::move(types));
  duckdb::MultiFileColumnDefinition column(std::string(event::kKeptColumn), type);
  column.identifier = duckdb::Value::INTEGER(kept.field_id);
  column.children = std::move(children);
  column.default_expression = duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value(type));
  return column;
}

// The same of a column of a plain table.
duckdb::MultiFileColumnDefinition PlainDefinition(const FileColumn& column,
                                                  duckdb::ClientContext& context) {
  const duckdb::LogicalType type = duckdb::TransformStringToLogicalType(column.type, context);
  duckdb::MultiFileColumnDefinition definition(column.name, type);
  definition.identifier = duckdb::Value::INTEGER(column.field_id);
  definition.default_expression = duckdb::make_uniq<duckdb::ConstantExpression>(
      column.otherwise ? duckdb::Value(*column.otherwise).DefaultCastAs(type)
                       : duckdb::Value(type));
  for (const FileColumn& child : column.children) {
    definition.children.push_back(PlainDefinition(child, context));
  }
  return definition;
}

// Lets the rows through that are not deleted.
class RowFilter final : public duckdb::DeleteFilter {
 public:
  explicit RowFilter(std::shared_ptr<const DeletedRows> deleted) : deleted_(std::move(deleted)) {}

  duckdb::idx_t Filter(duckdb::row_t start, duckdb::idx_t count,
                       duckdb::SelectionVector& selection) override {
    if (count == 0) return 0;
    selection.Initialize(count);
    duckdb::idx_t kept = 0;
    // Without a branch: which rows are gone is not to be foreseen.
    duckdb::sel_t* const out = selection.data();
    const DeletedRows& deleted = *deleted_;
    for (duckdb::idx_t i = 0; i < count; ++i) {
      out[kept] = static_cast<duckdb::sel_t>(i);
      kept += deleted.Has(static_cast<std::uint64_t>(start) + i) ? 0U : 1U;
    }
    return kept;
  }

 private:
  const std::shared_ptr<const DeletedRows> deleted_;
};

using Columns = duckdb::vector<duckdb::MultiFileColumnDefinition>;

bool HasIds(const Columns& columns) {
  return std::any_of(columns.begin(), columns.end(),
                     [](const auto& column) { return !column.identifier.IsNull(); });
}

// A file without field ids (of an engine that registered one it had) is read by the names that its
// columns have in the schema: without ids it would seem to have no column at all.
void IdentifyByName(const Columns& schema, Columns* columns) {
  for (duckdb::MultiFileColumnDefinition& column : *columns) {
    for (const duckdb::MultiFileColumnDefinition& known : schema) {
      if (known.name == column.name) column.identifier = known.identifier;
    }
  }
}

enum class ToldBy : std::uint8_t { kName, kPlace };

// The same of a plain table: its name mapping says what a column is called. Elements, keys and
// values are known by their place.
void IdentifyByNames(const std::vector<FileColumn>& known, ToldBy told_by, Columns* columns) {
  const bool by_place = told_by == ToldBy::kPlace;
  // The entries of a map are a struct of their own.
  if (by_place && known.size() == 2 && columns->size() == 1) columns = &columns->front().children;
  for (std::size_t i = 0; i < columns->size(); ++i) {
    duckdb::MultiFileColumnDefinition& column = (*columns)[i];
    for (std::size_t k = 0; k < known.size(); ++k) {
      const auto& names = known[k].names;
      const bool same = by_place ? i == k : std::ranges::find(names, column.name) != names.end();
      if (!same) continue;
      column.identifier = duckdb::Value::INTEGER(known[k].field_id);
      const bool is_struct = column.type.id() == duckdb::LogicalTypeId::STRUCT;
      IdentifyByNames(known[k].children, is_struct ? ToldBy::kName : ToldBy::kPlace,
                      &column.children);
    }
  }
}

bool IsTimestamp(duckdb::LogicalTypeId id) {
  switch (id) {
    case duckdb::LogicalTypeId::TIMESTAMP:
    case duckdb::LogicalTypeId::TIMESTAMP_TZ:
    case duckdb::LogicalTypeId::TIMESTAMP_SEC:
    case duckdb::LogicalTypeId::TIMESTAMP_MS:
    case duckdb::LogicalTypeId::TIMESTAMP_NS:
      return true;
    default:
      return false;
  }
}

bool IsTime(duckdb::LogicalTypeId id) {
  return id == duckdb::LogicalTypeId::TIME || id == duckdb::LogicalTypeId::TIME_TZ ||
         id == duckdb::LogicalTypeId::TIME_NS;
}

bool IsBytes(duckdb::LogicalTypeId id) {
  return id == duckdb::LogicalTypeId::VARCHAR || id == duckdb::LogicalTypeId::BLOB ||
         id == duckdb::LogicalTypeId::UUID;
}

// Whether each value of a file's type is one of the table's: the widenings of the specification,
// and what writers call otherwise. A cast alone would round, and read numbers out of texts.
bool IsReadAs(const duckdb::LogicalType& in_file, const duckdb::LogicalType& in_table) {
  const duckdb::LogicalTypeId from = in_file.id();
  const duckdb::LogicalTypeId to = in_table.id();
  if (from == duckdb::LogicalTypeId::DECIMAL && to == from) {
    return duckdb::DecimalType::GetScale(in_file) <= duckdb::DecimalType::GetScale(in_table);
  }
  if (from == to || from == duckdb::LogicalTypeId::SQLNULL) return true;
  // One that is too large is an error of the cast.
  if (in_file.IsIntegral() && in_table.IsIntegral()) return true;
  if (from == duckdb::LogicalTypeId::FLOAT && to == duckdb::LogicalTypeId::DOUBLE) return true;
  if (from == duckdb::LogicalTypeId::DATE && IsTimestamp(to)) return true;
  return (IsTimestamp(from) && IsTimestamp(to)) || (IsTime(from) && IsTime(to)) ||
         (IsBytes(from) && IsBytes(to));
}

void CheckType(const std::string& path, const duckdb::MultiFileColumnDefinition& in_table,
               const Columns& file) {
  if (in_table.identifier.IsNull()) return;
  for (const duckdb::MultiFileColumnDefinition& column : file) {
    if (column.identifier.IsNull() || column.identifier != in_table.identifier) continue;
    if (!IsReadAs(column.type, in_table.type)) {
      throw duckdb::IOException("file %s %s\"%s\" as %s, and the table as %s", path, kOtherType,
                                column.name, column.type.ToString(), in_table.type.ToString());
    }
    if (column.type.id() != duckdb::LogicalTypeId::STRUCT) continue;
    for (const auto& child : in_table.children) CheckType(path, child, column.children);
  }
}

// Columns that the file lacks and that have one value in all of its rows.
void AddConstants(const std::vector<FileConstant>& constants, const Columns& columns,
                  const duckdb::vector<duckdb::ColumnIndex>& ids,
                  duckdb::MultiFileReaderData* data) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::size_t place = ids[i].GetPrimaryIndex();
    if (place >= columns.size()) continue;  // A virtual one.
    const duckdb::Value& id = columns[place].identifier;
    const auto there = [&](const auto& column) { return column.identifier == id; };
    const Columns& in_file = data->reader->columns;
    if (std::any_of(in_file.begin(), in_file.end(), there)) continue;
    for (const FileConstant& constant : constants) {
      if (constant.field_id != id.GetValue<std::int32_t>()) continue;
      const duckdb::LogicalType& type = columns[place].type;
      const auto value = constant.value ? SingleValue(*constant.value, type) : duckdb::Value(type);
      if (!value) {
        throw duckdb::IOException("the partition of file %s has no value of column %s",
                                  data->reader->file.path, columns[place].name);
      }
      data->constant_map.Add(duckdb::MultiFileGlobalIndex(i), *value);
    }
  }
}

// A file of which only the number of its rows is wanted, which is known. It is not opened: a table
// has thousands of small files, and to count rows is what is asked of it first.
class CountedFile final : public duckdb::BaseFileReader {
 public:
  CountedFile(const duckdb::OpenFileInfo& which, std::uint64_t rows)
      : BaseFileReader(which), left_(rows) {}

  bool TryInitializeScan(duckdb::ClientContext& /*context*/,
                         duckdb::GlobalTableFunctionState& /*global*/,
                         duckdb::LocalTableFunctionState& /*local*/) override {
    return left_ > 0 && !std::exchange(begun_, true);
  }
  duckdb::AsyncResult Scan(duckdb::ClientContext& /*context*/,
                           duckdb::GlobalTableFunctionState& /*global*/,
                           duckdb::LocalTableFunctionState& /*local*/,
                           duckdb::DataChunk& chunk) override {
    const std::uint64_t rows = std::min<std::uint64_t>(left_, STANDARD_VECTOR_SIZE);
    chunk.SetCardinality(rows);
    left_ -= rows;
    // Not with the last rows: the thread would be on to its next file before they are taken, and
    // they would be counted to that file's place in the order of the answer, or to none.
    return rows > 0 ? duckdb::SourceResultType::HAVE_MORE_OUTPUT
                    : duckdb::SourceResultType::FINISHED;
  }
  std::string GetReaderType() const override { return "Counted"; }

 private:
  std::uint64_t left_;
  bool begun_ = false;  // By one thread, which counts all of it.
};

// Takes the argument for a scan's index instead of a path, and the columns from its schema.
struct FileReader final : duckdb::MultiFileReader {
  duckdb::shared_ptr<duckdb::MultiFileList> CreateFileList(
      duckdb::ClientContext& context, const duckdb::vector<duckdb::string>& paths,
      const duckdb::FileGlobInput& /*glob*/) override {
    const auto state = context.registered_state->Get<ScanState>(ScanState::kKey);
    const auto index = static_cast<std::size_t>(std::stoull(paths.at(0)));
    if (!state || index >= state->scans.size() || state->scans[index].files == nullptr) {
      throw duckdb::BinderException("tm_files: no such scan");
    }
    scan_ = state->scans[index];
    for (const LakeFile& file : *scan_.files) {
      if (file.deleted || file.constants) special_[file.native_path] = &file;
    }
    context_ = &context;
    auto columns = std::make_shared<ScanColumns>();
    for (const auto& column : Definitions()) {
      columns->columns.push_back({column.identifier.GetValue<std::int32_t>(), column.type});
    }
    // The struct of kept paths has no bounds.
    if (!scan_.kept.empty()) columns->columns.pop_back();
    if (scan_.relation->file_columns.empty()) {
      columns->timestamp = scan_.relation->schema->timestamp;
    }
    return duckdb::make_shared_ptr<FileList>(scan_.files, std::move(columns));
  }
  bool Bind(duckdb::MultiFileOptions& options, duckdb::MultiFileList& /*files*/,
            duckdb::vector<duckdb::LogicalType>& types, duckdb::vector<duckdb::string>& names,
            duckdb::MultiFileReaderBindData& bind) override {
    // Folders named like `year=2024` bring no columns.
    options.auto_detect_hive_partitioning = false;
    options.hive_partitioning = false;
    bind.schema = Definitions();
    for (const duckdb::MultiFileColumnDefinition& column : bind.schema) {
      names.push_back(column.name);
      types.push_back(column.type);
    }
    bind.mapping = duckdb::MultiFileColumnMappingMode::BY_FIELD_ID;
    return true;
  }
  duckdb::shared_ptr<duckdb::BaseFileReader> CreateReader(
      duckdb::ClientContext& context, duckdb::GlobalTableFunctionState& state,
      const duckdb::OpenFileInfo& file, duckdb::idx_t index,
      const duckdb::MultiFileBindData& bind) override {
    if (const auto counted = counted_.find(file.path); counted != counted_.end()) {
      return duckdb::make_shared_ptr<CountedFile>(file, counted->second);
    }
    try {
      return MultiFileReader::CreateReader(context, state, file, index, bind);
    } catch (const duckdb::Exception&) {
      throw;  // It says itself whose it is.
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& exception) {
      // Of the decoder of the footer, which does not know the file.
      throw duckdb::IOException("file %s cannot be read: %s", file.path, exception.what());
    }
  }
  // Once a run: counts what is read of what there is.
  duckdb::unique_ptr<duckdb::MultiFileReaderGlobalState> InitializeGlobalState(
      duckdb::ClientContext& context, const duckdb::MultiFileOptions& options,
      const duckdb::MultiFileReaderBindData& bind, const duckdb::MultiFileList& files,
      const duckdb::vector<duckdb::MultiFileColumnDefinition>& columns,
      const duckdb::vector<duckdb::ColumnIndex>& ids) override {
    counted_.clear();
    if (std::ranges::all_of(ids, &duckdb::ColumnIndex::IsEmptyColumn)) {
      for (const LakeFile& file : *scan_.files) {
        if (IsCounted(file)) counted_.emplace(file.native_path, file.rows);
      }
    }
    if (const auto state = context.registered_state->Get<ScanState>(ScanState::kKey)) {
      const std::uint64_t wanted = files.GetTotalFileCount();
      state->files_there.fetch_add(scan_.files->size(), std::memory_order_relaxed);
      state->files_read.fetch_add(wanted - std::min<std::uint64_t>(wanted, counted_.size()),
                                  std::memory_order_relaxed);
    }
    return MultiFileReader::InitializeGlobalState(context, options, bind, files, columns, ids);
  }
  void FinalizeBind(duckdb::MultiFileReaderData& data, const duckdb::MultiFileOptions& options,
                    const duckdb::MultiFileReaderBindData& bind,
                    const duckdb::vector<duckdb::MultiFileColumnDefinition>& columns,
                    const duckdb::vector<duckdb::ColumnIndex>& ids, duckdb::ClientContext& context,
                    duckdb::optional_ptr<duckdb::MultiFileReaderGlobalState> state) override {
    MultiFileReader::FinalizeBind(data, options, bind, columns, ids, context, state);
    if (counted_.contains(data.reader->file.path)) return;
    if (!HasIds(data.reader->columns)) {
      if (scan_.relation->file_columns.empty()) {
        IdentifyByName(bind.schema, &data.reader->columns);
      } else {
        IdentifyByNames(scan_.relation->file_columns, ToldBy::kName, &data.reader->columns);
      }
    }
    for (const duckdb::ColumnIndex& id : ids) {
      const std::size_t place = id.GetPrimaryIndex();
      if (place >= columns.size()) continue;  // A virtual one.
      CheckType(data.reader->file.path, columns[place], data.reader->columns);
    }
    CheckNoNulls(context, columns, data.reader.get());
    const auto found = special_.find(data.reader->file.path);
    if (found == special_.end()) return;
    const LakeFile& file = *found->second;
    if (file.deleted) {
      data.reader->deletion_filter = duckdb::make_uniq<RowFilter>(file.deleted);
    }
    if (file.constants) AddConstants(*file.constants, columns, ids, &data);
  }
  using duckdb::MultiFileReader::CreateMapping;
  duckdb::ReaderInitializeType CreateMapping(
      duckdb::ClientContext& context, duckdb::MultiFileReaderData& data, const Columns& columns,
      const duckdb::vector<duckdb::ColumnIndex>& ids,
      duckdb::optional_ptr<duckdb::TableFilterSet> filters, duckdb::MultiFileList& files,
      const duckdb::MultiFileReaderBindData& bind,
      const duckdb::virtual_column_map_t& virtual_columns) override {
    const auto fitting = FiltersFor(data.reader->columns, columns, ids, filters.get());
    if (fitting != nullptr) filters = fitting.get();
    return MultiFileReader::CreateMapping(context, data, columns, ids, filters, files, bind,
                                          virtual_columns);
  }
  duckdb::unique_ptr<MultiFileReader> Copy() const override {
    return duckdb::make_uniq<FileReader>(*this);
  }
  // Of a managed table, whose columns are of simple types.
  bool reads_events() const { return scan_.relation->file_columns.empty(); }
  // Calls the engine's own beginning of a scan, which it is told once.
  void BeginAs(duckdb::table_function_init_global_t begin) { begin_ = begin; }
  duckdb::unique_ptr<duckdb::GlobalTableFunctionState> Begin(
      duckdb::ClientContext& context, duckdb::TableFunctionInitInput& input) const {
    return begin_(context, input);
  }
  // The statement is planned as if the column had no null; once a column.
  void ExpectNoNulls(std::size_t column) { without_nulls_.insert(column); }

 private:
  // Whoever plans without nulls must not meet one. The table's metadata may be of another engine,
  // so that the file is asked, too.
  void CheckNoNulls(duckdb::ClientContext& context,
                    const duckdb::vector<duckdb::MultiFileColumnDefinition>& columns,
                    duckdb::BaseFileReader* reader) const {
    for (const std::size_t place : without_nulls_) {
      const duckdb::MultiFileColumnDefinition& column = columns.at(place);
      const auto found = std::ranges::find_if(reader->columns, [&](const auto& in_file) {
        return in_file.identifier == column.identifier;
      });
      const auto known =
          found == reader->columns.end() ? nullptr : reader->GetStatistics(context, found->name);
      if (known != nullptr && !known->CanHaveNull()) continue;
      if (const auto state = context.registered_state->Get<ScanState>(ScanState::kKey)) {
        state->doubted->Add(reader->file.path);
        state->met_doubt.store(true, std::memory_order_relaxed);
      }
      throw duckdb::IOException(
          "file %s may have nulls in column %s, where the table's metadata has none",
          reader->file.path, column.name);
    }
  }
  duckdb::vector<duckdb::MultiFileColumnDefinition> Definitions() const {
    duckdb::vector<duckdb::MultiFileColumnDefinition> columns;
    if (!scan_.relation->file_columns.empty()) {
      for (const FileColumn& column : scan_.relation->file_columns) {
        columns.push_back(PlainDefinition(column, *context_));
      }
      return columns;
    }
    const event::TableSchema& schema = *scan_.relation->schema;
    for (const event::TableColumn& column : schema.columns) columns.push_back(Definition(column));
    if (!scan_.kept.empty()) columns.push_back(KeptDefinition(schema.kept, scan_.kept));
    return columns;
  }

  duckdb::table_function_init_global_t begin_ = nullptr;
  FileScan scan_;
  duckdb::ClientContext* context_ = nullptr;  // While it is bound.
  // Those that lack rows or columns, by path; in scan_.files.
  std::map<std::string, const LakeFile*, std::less<>> special_;
  // Of a run that reads no column: the rows of files that need not be opened; views of scan_.files.
  std::unordered_map<std::string_view, std::uint64_t> counted_;
  std::set<std::size_t> without_nulls_;  // By place among the scan's columns.
};

// What of the engine's own scan is called from within ours.
struct OwnScan final : duckdb::TableFunctionInfo {
  duckdb::table_function_bind_t bind = nullptr;
  duckdb::table_function_init_global_t begin = nullptr;
  // Its way to count rows by footers, which know nothing of deletes.
  duckdb::table_function_get_partition_stats_t get_statistics = nullptr;
};

// Footers have bounds of numbers alone, and NaN is more than any: the engine would skip row groups
// for `x > 5` that have one, unless it is told.
duckdb::unique_ptr<duckdb::FunctionData> Bind(duckdb::ClientContext& context,
                                              duckdb::TableFunctionBindInput& input,
                                              duckdb::vector<duckdb::LogicalType>& types,
                                              duckdb::vector<duckdb::string>& names) {
  input.named_parameters["can_have_nan"] = duckdb::Value::BOOLEAN(true);
  const auto& own = input.info->Cast<OwnScan>();
  auto bound = own.bind(context, input, types, names);
  auto& data = bound->Cast<duckdb::MultiFileBindData>();
  auto* reader = dynamic_cast<FileReader*>(data.multi_file_reader.get());
  TM_CHECK(reader != nullptr);
  reader->BeginAs(own.begin);
  return bound;
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> Begin(duckdb::ClientContext& context,
                                                           duckdb::TableFunctionInitInput& input) {
  const auto& bind = input.bind_data->Cast<duckdb::MultiFileBindData>();
  auto* reader = dynamic_cast<FileReader*>(bind.multi_file_reader.get());
  TM_CHECK(reader != nullptr);
  if (input.filters != nullptr) DropWrongSkips(input.filters.get());
  return reader->Begin(context, input);
}

duckdb::vector<duckdb::PartitionStatistics> Statistics(duckdb::ClientContext& context,
                                                       duckdb::GetPartitionStatsInput& input) {
  const auto& bind = input.bind_data->Cast<duckdb::MultiFileBindData>();
  const auto* files = dynamic_cast<const FileList*>(bind.file_list.get());
  if (files == nullptr || files->has_deleted_rows()) return {};
  if (const auto rows = files->CountedRows()) {
    duckdb::PartitionStatistics all;
    all.count = *rows;
    all.count_type = duckdb::CountType::COUNT_EXACT;
    return {all};
  }
  return input.table_function.function_info->Cast<OwnScan>().get_statistics(context, input);
}

// What is known of a column before its files are opened: where it has no null, groups by it are
// kept and compared without asking for nulls.
duckdb::unique_ptr<duckdb::BaseStatistics> ColumnStatistics(duckdb::ClientContext& context,
                                                            const duckdb::FunctionData* bind_data,
                                                            duckdb::column_t column) {
  const auto& bind = bind_data->Cast<duckdb::MultiFileBindData>();
  const auto* files = dynamic_cast<const FileList*>(bind.file_list.get());
  auto* reader = dynamic_cast<FileReader*>(bind.multi_file_reader.get());
  const auto state = context.registered_state->Get<ScanState>(ScanState::kKey);
  if (files == nullptr || reader == nullptr || !reader->reads_events() || state == nullptr ||
      !state->believes_no_nulls || !files->HasNoNulls(column, *state->doubted)) {
    return nullptr;
  }
  reader->ExpectNoNulls(column);
  auto known = duckdb::BaseStatistics::CreateUnknown(bind.types[column]).ToUnique();
  known->Set(duckdb::StatsInfo::CANNOT_HAVE_NULL_VALUES);
  return known;
}

// What EXPLAIN ANALYZE says of a scan. The engine's own would list the files' paths, which are no
// affair of who may only ask.
duckdb::InsertionOrderPreservingMap<duckdb::string> Described(
    duckdb::TableFunctionDynamicToStringInput& input) {
  const auto& state = input.global_state->Cast<duckdb::MultiFileGlobalState>();
  duckdb::InsertionOrderPreservingMap<duckdb::string> said;
  said["Total Files Read"] = std::to_string(state.file_index.load());
  return said;
}

// Neither may a statement select them.
duckdb::virtual_column_map_t WithoutPaths(duckdb::ClientContext& context,
                                          duckdb::optional_ptr<duckdb::FunctionData> bind) {
  auto& data = bind->Cast<duckdb::MultiFileBindData>();
  duckdb::virtual_column_map_t columns;
  duckdb::MultiFileReader::GetVirtualColumns(context, data.reader_bind, columns);
  data.interface->GetVirtualColumns(context, data, columns);
  columns.erase(duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILENAME);
  data.virtual_columns = columns;
  return columns;
}

duckdb::unique_ptr<duckdb::MultiFileReader> MakeReader(const duckdb::TableFunction& /*function*/) {
  return duckdb::make_uniq<FileReader>();
}

}  // namespace

void RegisterFiles(duckdb::ExtensionLoader& loader) {
  auto& entry = loader.GetTableFunction("parquet_scan");
  duckdb::TableFunction files =
      entry.functions.GetFunctionByArguments(*duckdb::make_shared_ptr<duckdb::ClientContext>(
                                                 loader.GetDatabaseInstance().shared_from_this()),
                                             {duckdb::LogicalType::VARCHAR});
  files.name = "tm_files";
  files.get_multi_file_reader = MakeReader;
  // A plan that is copied (a CTE that is planned at each of its mentions) is bound anew by the
  // number of its scan; the engine's own way would write the files' paths in its place.
  files.verify_serialization = false;
  files.serialize = nullptr;
  files.deserialize = nullptr;
  auto own = duckdb::make_shared_ptr<OwnScan>();
  own->bind = files.bind;
  own->begin = files.init_global;
  own->get_statistics = files.get_partition_stats;
  files.function_info = std::move(own);
  files.bind = Bind;
  files.init_global = Begin;
  if (files.get_partition_stats != nullptr) files.get_partition_stats = Statistics;
  files.statistics = ColumnStatistics;
  files.dynamic_to_string = Described;
  duckdb::TableFunction named = files;
  named.name = "tm_named_files";
  loader.RegisterFunction(named);
  files.get_virtual_columns = WithoutPaths;
  loader.RegisterFunction(files);
}

}  // namespace tidemark::engine
