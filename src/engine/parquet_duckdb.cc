#include <algorithm>
#include <utility>

#include "base/check.h"
#include "duckdb/common/file_system.hpp"
#include "duckdb/parser/keyword_helper.hpp"
#include "engine/files_duckdb.h"
#include "engine/instance_duckdb.h"
#include "engine/parquet.h"

namespace tidemark::engine {
namespace {

using event::Column;
using event::ColumnView;
using event::StringRef;

std::string Quoted(const std::string& text) {
  return "'" + duckdb::StringUtil::Replace(text, "'", "''") + "'";
}

// A relation of rows that somebody else holds.
std::shared_ptr<const Relation> Borrow(const event::RowSource& rows) {
  auto relation = std::make_shared<Relation>();
  relation->hot.push_back(
      std::shared_ptr<const event::RowSource>(std::shared_ptr<const void>(), &rows));
  return relation;
}

std::string FieldIds() {
  std::string ids;
  for (const event::ColumnInfo& info : event::kColumns) {
    if (!ids.empty()) ids += ", ";
    ids += duckdb::KeywordHelper::WriteOptionallyQuoted(std::string(info.name)) + ": " +
           std::to_string(info.field_id);
  }
  return "{" + ids + "}";
}

std::string CopyStatement(const ParquetOptions& options, const std::string& path) {
  std::string sql = "COPY (SELECT * FROM tm_rows(0::UBIGINT)) TO " + Quoted(path) +
                    " (FORMAT parquet, CODEC " + Quoted(options.codec) +
                    ", USE_TMP_FILE false, ROW_GROUP_SIZE " +
                    std::to_string(options.row_group_rows) + ", FIELD_IDS " + FieldIds();
  if (!options.key_values.empty()) {
    sql += ", KV_METADATA {";
    for (std::size_t i = 0; i < options.key_values.size(); ++i) {
      if (i > 0) sql += ", ";
      sql += duckdb::KeywordHelper::WriteQuoted(options.key_values[i].first, '"') + ": " +
             Quoted(options.key_values[i].second);
    }
    sql += "}";
  }
  return sql + ")";
}

// Writers and readers of files answer for the disk: what is not memory is the file's fault.
Error FileError(const duckdb::ErrorData& error, const Database& database, Code otherwise,
                const std::string& path) {
  Error mapped = ToError(error, database);
  if (mapped.code() == Code::kOverloaded || mapped.code() == Code::kUnavailable) return mapped;
  return Error(otherwise, path + ": " + error.RawMessage());
}

class ParquetWriter final : public DataFileWriter {
 public:
  ParquetWriter(Instance* instance, ParquetOptions options)
      : instance_(instance), options_(std::move(options)) {}

  Result<WrittenFile> Write(const event::RowSource& rows, const std::string& native_path) override {
    TM_ASSIGN(const auto database, instance_->impl().Current());
    try {
      return Copy(rows, native_path, *database);
    } catch (const duckdb::Exception& exception) {
      return Fail(FileError(duckdb::ErrorData(exception), *database, Code::kIoError, native_path));
    } catch (const std::exception& exception) {
      return Fail(FileError(duckdb::ErrorData(exception), *database, Code::kIoError, native_path));
    }
  }

 private:
  Result<WrittenFile> Copy(const event::RowSource& rows, const std::string& path,
                           const Database& database) const {
    const auto connection = Connect(database, {Borrow(rows)});
    const auto copied = connection->Query(CopyStatement(options_, path));
    if (copied->HasError()) copied->ThrowError();
    WrittenFile file;
    file.rows = copied->GetValue(0, 0).GetValue<std::uint64_t>();
    if (file.rows != rows.row_count()) {
      return Fail(Code::kInternal, path + ": wrote " + std::to_string(file.rows) + " rows of " +
                                       std::to_string(rows.row_count()));
    }
    auto& files = duckdb::FileSystem::GetFileSystem(*connection->context);
    file.bytes = static_cast<std::uint64_t>(
        files.OpenFile(path, duckdb::FileFlags::FILE_FLAGS_READ)->GetFileSize());
    // Read back from the footer: what readers will see. A column begins with its dictionary page.
    const auto groups = connection->Query(
        "SELECT min(CASE WHEN dictionary_page_offset > 0 THEN least(dictionary_page_offset, "
        "data_page_offset) ELSE data_page_offset END), any_value(row_group_num_rows) FROM "
        "parquet_metadata(" +
        Quoted(path) + ") GROUP BY row_group_id ORDER BY row_group_id");
    if (groups->HasError()) groups->ThrowError();
    std::uint64_t footer_rows = 0;
    for (duckdb::idx_t row = 0; row < groups->RowCount(); ++row) {
      file.split_offsets.push_back(groups->GetValue(0, row).GetValue<std::int64_t>());
      footer_rows += groups->GetValue(1, row).GetValue<std::uint64_t>();
    }
    if (footer_rows != file.rows) {
      return Fail(Code::kInternal, path + ": its footer has another number of rows");
    }
    return file;
  }

  Instance* const instance_;
  const ParquetOptions options_;
};

// One chunk of a file as rows.
class ChunkSource final : public event::RowSource {
 public:
  explicit ChunkSource(duckdb::DataChunk* chunk) : chunk_(chunk) {
    chunk_->Flatten();
    const auto* times = duckdb::FlatVector::GetData<std::int64_t>(Vector(Column::kTimestamp));
    const auto& mask = duckdb::FlatVector::Validity(Vector(Column::kTimestamp));
    for (duckdb::idx_t i = 0; i < chunk_->size(); ++i) {
      if (!mask.RowIsValid(i)) continue;
      times_.min = std::min(times_.min, TimeMicros(times[i]));
      times_.max = std::max(times_.max, TimeMicros(times[i]));
    }
  }

  std::size_t chunk_count() const override { return chunk_->size() == 0 ? 0 : 1; }
  std::size_t ChunkRows(std::size_t /*chunk*/) const override { return chunk_->size(); }
  event::TimeRange ChunkTimes(std::size_t /*chunk*/) const override { return times_; }
  std::uint64_t row_count() const override { return chunk_->size(); }

  ColumnView Read(std::size_t /*chunk*/, Column column,
                  event::ColumnScratch* /*scratch*/) const override {
    duckdb::Vector& vector = Vector(column);
    ColumnView view;
    view.validity = duckdb::FlatVector::Validity(vector).GetData();
    const auto* data = duckdb::FlatVector::GetData(vector);
    if (event::Info(column).type == event::Type::kString) {
      view.kind = ColumnView::Kind::kStrings;
      view.strings = reinterpret_cast<const StringRef*>(data);
    } else {
      view.kind = ColumnView::Kind::kFixed;
      view.fixed = data;
    }
    return view;
  }

 private:
  duckdb::Vector& Vector(Column column) const { return chunk_->data[event::Index(column)]; }

  duckdb::DataChunk* const chunk_;
  event::TimeRange times_;
};

class ParquetReader final : public DataFileReader {
 public:
  explicit ParquetReader(Instance* instance) : instance_(instance) {}

  Status Read(const std::string& native_path,
              const std::function<Status(const event::RowSource&)>& visit) override {
    TM_ASSIGN(const auto database, instance_->impl().Current());
    try {
      return ReadChunks(native_path, *database, visit);
    } catch (const duckdb::Exception& exception) {
      return Fail(
          FileError(duckdb::ErrorData(exception), *database, Code::kCorruption, native_path));
    } catch (const std::exception& exception) {
      return Fail(
          FileError(duckdb::ErrorData(exception), *database, Code::kCorruption, native_path));
    }
  }

 private:
  static Status ReadChunks(const std::string& path, const Database& database,
                           const std::function<Status(const event::RowSource&)>& visit) {
    auto relation = std::make_shared<Relation>();
    relation->files =
        std::make_shared<const std::vector<LakeFile>>(std::vector<LakeFile>{LakeFile{path}});
    const auto connection = Connect(database, {std::move(relation)});
    const auto result = connection->SendQuery(
        "SELECT * FROM tm_files('0', schema = " + ParquetSchema().ToSQLString() + ")");
    if (result->HasError()) result->ThrowError();
    while (true) {
      const auto chunk = result->Fetch();
      if (result->HasError()) result->ThrowError();
      if (chunk == nullptr || chunk->size() == 0) return {};
      TM_TRY(visit(ChunkSource(chunk.get())));
    }
  }

  Instance* const instance_;
};

}  // namespace

std::unique_ptr<DataFileWriter> MakeParquetWriter(Instance* instance, ParquetOptions options) {
  TM_CHECK(instance != nullptr);
  return std::make_unique<ParquetWriter>(instance, std::move(options));
}

std::unique_ptr<DataFileReader> MakeParquetReader(Instance* instance) {
  TM_CHECK(instance != nullptr);
  return std::make_unique<ParquetReader>(instance);
}

}  // namespace tidemark::engine
