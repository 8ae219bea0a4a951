// The filters of data files (text_filter.h) that statements have asked, kept for the next ones
// among what the engine keeps of files: in its memory, the longest unused are dropped first.
//
// Internal to this folder. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "duckdb.hpp"
#include "engine/text_filter.h"

namespace tidemark::engine {

// Of the column with this field id. A file that changed is read again. Never null.
std::shared_ptr<const TextFilter> TextFilterOf(duckdb::ClientContext& context,
                                               const std::string& native_path,
                                               std::int32_t field_id);

}  // namespace tidemark::engine
