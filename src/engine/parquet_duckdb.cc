#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/instance_duckdb.h"
#include "engine/parquet.h"

namespace tidemark::engine {
namespace {

using event::ColumnView;
using event::StringRef;

// What is not the memory's fault is the file's.
Error FileError(const duckdb::ErrorData& error, const Database& database, const std::string& path) {
  Error mapped = ToError(error, database);
  if (mapped.code() == Code::kOverloaded || mapped.code() == Code::kUnavailable) return mapped;
  return Error(Code::kCorruption, path + ": " + error.RawMessage());
}

// One chunk of a file as rows.
class ChunkSource final : public event::RowSource {
 public:
  ChunkSource(const event::TableSchema& schema, duckdb::DataChunk* chunk)
      : schema_(schema), chunk_(chunk) {
    chunk_->Flatten();
    duckdb::Vector& time = chunk_->data[schema_.timestamp];
    const auto* times = duckdb::FlatVector::GetData<std::int64_t>(time);
    const auto& mask = duckdb::FlatVector::Validity(time);
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
  const event::TableSchema& schema() const override { return schema_; }

  ColumnView Read(std::size_t /*chunk*/, std::size_t column,
                  event::ColumnScratch* /*scratch*/) const override {
    duckdb::Vector& vector = chunk_->data[column];
    ColumnView view;
    view.validity = duckdb::FlatVector::Validity(vector).GetData();
    const auto* data = duckdb::FlatVector::GetData(vector);
    if (schema_.columns[column].type == event::Type::kString) {
      view.kind = ColumnView::Kind::kStrings;
      view.strings = reinterpret_cast<const StringRef*>(data);
    } else {
      view.kind = ColumnView::Kind::kFixed;
      view.fixed = data;
    }
    return view;
  }

 private:
  const event::TableSchema& schema_;
  duckdb::DataChunk* const chunk_;
  event::TimeRange times_;
};

class ParquetReader final : public DataFileReader {
 public:
  explicit ParquetReader(Instance* instance) : instance_(instance) {}

  Status Read(const std::string& native_path,
              const std::shared_ptr<const event::TableSchema>& schema,
              const std::function<Status(const event::RowSource&)>& visit) override {
    TM_ASSIGN(const auto database, instance_->impl().Current());
    try {
      return ReadChunks(native_path, schema, *database, visit);
    } catch (const duckdb::Exception& exception) {
      return Fail(FileError(duckdb::ErrorData(exception), *database, native_path));
    } catch (const std::exception& exception) {
      return Fail(FileError(duckdb::ErrorData(exception), *database, native_path));
    }
  }

 private:
  static Status ReadChunks(const std::string& path,
                           const std::shared_ptr<const event::TableSchema>& schema,
                           const Database& database,
                           const std::function<Status(const event::RowSource&)>& visit) {
    auto relation = std::make_shared<Relation>();
    relation->schema = schema;
    LakeFile file;
    file.native_path = path;
    relation->files = std::make_shared<const std::vector<LakeFile>>(1, std::move(file));
    const auto connection = Connect(database, {std::move(relation)});
    const auto result = connection->SendQuery("SELECT * FROM tm_files('0')");
    if (result->HasError()) result->ThrowError();
    while (true) {
      const auto chunk = result->Fetch();
      if (result->HasError()) result->ThrowError();
      if (chunk == nullptr || chunk->size() == 0) return {};
      TM_TRY(visit(ChunkSource(*schema, chunk.get())));
    }
  }

  Instance* const instance_;
};

}  // namespace

std::unique_ptr<DataFileReader> MakeParquetReader(Instance* instance) {
  TM_CHECK(instance != nullptr);
  return std::make_unique<ParquetReader>(instance);
}

}  // namespace tidemark::engine
