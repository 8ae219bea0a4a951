// A CommitTableRequest: what it assumes and what it changes. Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "iceberg/table_document.h"

namespace tidemark::iceberg {

// A list of a commit request ("requirements", "updates"); empty if it is absent. 400.
Outcome<const std::vector<JsonValue>*> ListAt(const JsonValue& request, std::string_view name);

// Checks the requirements, then applies the updates; Finish is the caller's. 400, 409.
Done ApplyRequest(const JsonValue& request, std::int64_t now_ms, TableDocument* document);

}  // namespace tidemark::iceberg
