// The part of fsck that needs the metadata file alone. Pure; any thread.
#pragma once

#include <functional>
#include <string>

#include "base/json_reader.h"
#include "lake/metadata.h"

namespace tidemark::iceberg {

// A rule and what breaks it.
using TellProblem = std::function<void(std::string rule, std::string what)>;

// `json`: the same metadata, for what the model does not know.
void CheckMetadata(const lake::TableMetadata& metadata, const JsonValue& json,
                   const TellProblem& tell);

}  // namespace tidemark::iceberg
