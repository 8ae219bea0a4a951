// The filters of data files (text_filter.h) that statements have asked, kept for the next ones
// among what the engine keeps of files: in its memory, the longest unused are dropped first.
//
// Internal to this folder. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "duckdb.hpp"

namespace tidemark::engine {

// False: no row of the file has the text in the column with this field id. A file that changed is
// read again.
bool MayHaveText(duckdb::ClientContext& context, const std::string& native_path,
                 std::int32_t field_id, const std::string& text);

}  // namespace tidemark::engine
