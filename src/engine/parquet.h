// Data files as Parquet: written by our own writer, read by the engine. See engine/data_file.h.
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
  std::uint32_t row_group_rows = 122'880;
  std::vector<std::pair<std::string, std::string>> key_values;  // In the file's footer.
};

// One thread at a time: the buffers of one file serve the next.
std::unique_ptr<DataFileWriter> MakeParquetWriter(ParquetOptions options);
// `instance` must outlive it. Any thread; calls may run side by side.
std::unique_ptr<DataFileReader> MakeParquetReader(Instance* instance);

}  // namespace tidemark::engine
