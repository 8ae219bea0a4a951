// Data files as the core sees them: rows in, one immutable file out, and back again. The engine's
// Parquet (engine/parquet_duckdb.cc) is one implementation; the simulation has another of a few
// lines.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "event/row_source.h"

namespace tidemark::engine {

// The numbers are Parquet's.
enum class DataCodec : std::uint8_t { kUncompressed = 0, kSnappy = 1, kZstd = 6 };

// A kept path that a file has, for every row whose `properties` have a value there.
struct KeptColumn {
  std::int32_t field_id = 0;
  std::uint64_t values = 0;  // Nulls included.
  std::uint64_t nulls = 0;
};

struct WrittenFile {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::vector<std::int64_t> split_offsets;  // First byte of each row group.
  std::vector<KeptColumn> kept;             // By field id.
  std::vector<std::pair<std::int32_t, std::uint64_t>> column_bytes = {};  // On disk, by field id.
};

// One thread at a time.
class DataFileWriter {
 public:
  DataFileWriter() = default;
  DataFileWriter(const DataFileWriter&) = delete;
  DataFileWriter& operator=(const DataFileWriter&) = delete;
  virtual ~DataFileWriter() = default;

  // Writes all rows of `rows`, in order, with every column of their schema under its field id,
  // to a new file at `native_path`, and of the paths in `kept` those that give back the text of
  // every row. Pages are compressed by `codec`, or by less where that does not pay. NOT durable:
  // the caller seals it (env::ObjectStore::Seal). kIoError, kOverloaded (memory refused).
  virtual Result<WrittenFile> Write(const event::RowSource& rows, const event::KeptPaths& kept,
                                    DataCodec codec, const std::string& native_path) = 0;
};

class DataFileReader {
 public:
  DataFileReader() = default;
  DataFileReader(const DataFileReader&) = delete;
  DataFileReader& operator=(const DataFileReader&) = delete;
  virtual ~DataFileReader() = default;

  // Calls `visit` for the file's rows, in order, as sources of `schema` that live for the call
  // only. Columns are found by field id; one that the file lacks is null. kCorruption names the
  // file.
  virtual Status Read(const std::string& native_path,
                      const std::shared_ptr<const event::TableSchema>& schema,
                      const std::function<Status(const event::RowSource&)>& visit) = 0;
};

}  // namespace tidemark::engine
