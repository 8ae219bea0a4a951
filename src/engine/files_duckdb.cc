#include "engine/files_duckdb.h"

#include <utility>

#include "duckdb/catalog/catalog_entry/table_function_catalog_entry.hpp"
#include "duckdb/common/multi_file/multi_file_list.hpp"
#include "duckdb/common/multi_file/multi_file_reader.hpp"
#include "duckdb/main/client_context_state.hpp"
#include "duckdb/planner/expression/bound_columnref_expression.hpp"
#include "engine/scan_duckdb.h"

namespace tidemark::engine {
namespace {

duckdb::vector<duckdb::OpenFileInfo> Paths(const std::vector<LakeFile>& files) {
  duckdb::vector<duckdb::OpenFileInfo> paths;
  paths.reserve(files.size());
  for (const LakeFile& file : files) paths.emplace_back(file.native_path);
  return paths;
}

// A relation's files, fewer of them once the statement's bounds on `timestamp` are known.
class FileList final : public duckdb::SimpleMultiFileList {
 public:
  FileList(std::vector<LakeFile> files, std::size_t time_column)
      : SimpleMultiFileList(Paths(files)), files_(std::move(files)), time_column_(time_column) {}

  duckdb::unique_ptr<MultiFileList> ComplexFilterPushdown(
      duckdb::ClientContext& context, const duckdb::MultiFileOptions& /*options*/,
      duckdb::MultiFilePushdownInfo& info,
      duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters) const override {
    const auto is_time = [&](const duckdb::Expression& expression) {
      if (expression.GetExpressionClass() != duckdb::ExpressionClass::BOUND_COLUMN_REF) {
        return false;
      }
      const auto& binding = expression.Cast<duckdb::BoundColumnRefExpression>().binding;
      return binding.table_index == info.table_index &&
             binding.column_index < info.column_ids.size() &&
             info.column_ids[binding.column_index] == time_column_;
    };
    const event::TimeRange bounds = TimeBounds(context, filters, is_time);
    std::vector<LakeFile> kept;
    for (const LakeFile& file : files_) {
      if (file.times.max < bounds.min || file.times.min > bounds.max) continue;
      kept.push_back(file);
    }
    if (kept.size() == files_.size()) return nullptr;
    return duckdb::make_uniq<FileList>(std::move(kept), time_column_);
  }

  duckdb::unique_ptr<MultiFileList> Copy() const override {
    return duckdb::make_uniq<FileList>(files_, time_column_);
  }

  duckdb::unique_ptr<duckdb::NodeStatistics> GetCardinality(
      duckdb::ClientContext& /*context*/) const override {
    std::uint64_t rows = 0;
    for (const LakeFile& file : files_) rows += file.rows;
    return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
  }

 private:
  const std::vector<LakeFile> files_;
  const std::size_t time_column_;
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
    return duckdb::make_shared_ptr<FileList>(*scan_.files, scan_.relation->schema->timestamp);
  }
  bool Bind(duckdb::MultiFileOptions& options, duckdb::MultiFileList& /*files*/,
            duckdb::vector<duckdb::LogicalType>& types, duckdb::vector<duckdb::string>& names,
            duckdb::MultiFileReaderBindData& bind) override {
    // Folders named like `year=2024` bring no columns.
    options.auto_detect_hive_partitioning = false;
    options.hive_partitioning = false;
    const event::TableSchema& schema = *scan_.relation->schema;
    for (const event::TableColumn& column : schema.columns) {
      bind.schema.push_back(Definition(column));
    }
    if (!scan_.kept.empty()) bind.schema.push_back(KeptDefinition(schema.kept, scan_.kept));
    for (const duckdb::MultiFileColumnDefinition& column : bind.schema) {
      names.push_back(column.name);
      types.push_back(column.type);
    }
    bind.mapping = duckdb::MultiFileColumnMappingMode::BY_FIELD_ID;
    return true;
  }
  duckdb::unique_ptr<MultiFileReader> Copy() const override {
    return duckdb::make_uniq<FileReader>(*this);
  }

 private:
  FileScan scan_;
};

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
  files.verify_serialization = false;
  loader.RegisterFunction(files);
}

}  // namespace tidemark::engine
