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
  explicit FileList(std::vector<LakeFile> files)
      : SimpleMultiFileList(Paths(files)), files_(std::move(files)) {}

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
             info.column_ids[binding.column_index] == event::Index(event::Column::kTimestamp);
    };
    const event::TimeRange bounds = TimeBounds(context, filters, is_time);
    std::vector<LakeFile> kept;
    for (const LakeFile& file : files_) {
      if (file.times.max < bounds.min || file.times.min > bounds.max) continue;
      kept.push_back(file);
    }
    if (kept.size() == files_.size()) return nullptr;
    return duckdb::make_uniq<FileList>(std::move(kept));
  }

  duckdb::unique_ptr<MultiFileList> Copy() const override {
    return duckdb::make_uniq<FileList>(files_);
  }

  duckdb::unique_ptr<duckdb::NodeStatistics> GetCardinality(
      duckdb::ClientContext& /*context*/) const override {
    std::uint64_t rows = 0;
    for (const LakeFile& file : files_) rows += file.rows;
    return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
  }

 private:
  const std::vector<LakeFile> files_;
};

// Takes the argument for a relation's index instead of a path.
struct FileReader final : duckdb::MultiFileReader {
  duckdb::shared_ptr<duckdb::MultiFileList> CreateFileList(
      duckdb::ClientContext& context, const duckdb::vector<duckdb::string>& paths,
      const duckdb::FileGlobInput& /*glob*/) override {
    const auto state = context.registered_state->Get<ScanState>(ScanState::kKey);
    const auto index = static_cast<std::size_t>(std::stoull(paths.at(0)));
    if (!state || index >= state->relations.size() || state->relations[index]->files == nullptr) {
      throw duckdb::BinderException("tm_files: no such relation");
    }
    return duckdb::make_shared_ptr<FileList>(*state->relations[index]->files);
  }
  duckdb::unique_ptr<MultiFileReader> Copy() const override {
    return duckdb::make_uniq<FileReader>(*this);
  }
};

duckdb::unique_ptr<duckdb::MultiFileReader> MakeReader(const duckdb::TableFunction& /*function*/) {
  return duckdb::make_uniq<FileReader>();
}

}  // namespace

duckdb::Value ParquetSchema() {
  using duckdb::Value;
  duckdb::vector<Value> keys;
  duckdb::vector<Value> values;
  for (const event::ColumnInfo& info : event::kColumns) {
    keys.push_back(Value::INTEGER(info.field_id));
    values.push_back(Value::STRUCT({{"name", Value(std::string(info.name))},
                                    {"type", Value(EngineType(info.type).ToString())},
                                    {"default_value", Value(duckdb::LogicalType::VARCHAR)}}));
  }
  const auto value_type = values[0].type();
  return Value::MAP(duckdb::LogicalType::INTEGER, value_type, std::move(keys), std::move(values));
}

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
