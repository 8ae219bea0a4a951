// tm_files: the lake files of a relation through the engine's own Parquet reader; tm_named_files
// has the column `filename` beside, for statements of the server's own. Internal.
#pragma once

#include "duckdb.hpp"
#include "duckdb/main/extension/extension_loader.hpp"

namespace tidemark::engine {

// Throws.
void RegisterFiles(duckdb::ExtensionLoader& loader);

}  // namespace tidemark::engine
