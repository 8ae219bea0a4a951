// tm_files: the lake files of a relation through the engine's own Parquet reader. Internal.
#pragma once

#include "duckdb.hpp"
#include "duckdb/main/extension/extension_loader.hpp"

namespace tidemark::engine {

// Throws.
void RegisterFiles(duckdb::ExtensionLoader& loader);

// MAP {field id: {name, type, default_value: NULL}} of event::kColumns, for read_parquet(schema=).
duckdb::Value ParquetSchema();

}  // namespace tidemark::engine
