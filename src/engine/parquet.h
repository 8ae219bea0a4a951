// Data files as Parquet, written and read by the engine. See engine/data_file.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/data_file.h"
#include "engine/instance.h"

namespace tidemark::engine {

struct ParquetOptions {
  std::string codec = "snappy";  // snappy, zstd, gzip, uncompressed.
  std::uint32_t row_group_rows = 122'880;
  std::vector<std::pair<std::string, std::string>> key_values;  // In the file's footer.
};

// `instance` must outlive them. Any thread; calls may run side by side.
std::unique_ptr<DataFileWriter> MakeParquetWriter(Instance* instance, ParquetOptions options);
std::unique_ptr<DataFileReader> MakeParquetReader(Instance* instance);

}  // namespace tidemark::engine
