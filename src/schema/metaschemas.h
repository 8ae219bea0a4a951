// The schemas of schemas: draft 7's, and 2020-12's with its vocabularies, without their titles and
// defaults. Source: https://json-schema.org/draft-07/schema,
// https://json-schema.org/draft/2020-12/schema. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "base/json_reader.h"

namespace tidemark::schema {

inline constexpr std::string_view kDraft7Uri = "http://json-schema.org/draft-07/schema";
inline constexpr std::string_view kDraft202012Uri = "https://json-schema.org/draft/2020-12/schema";

// By absolute URI, without a fragment.
std::optional<JsonValue> FindMetaschema(std::string_view uri);

}  // namespace tidemark::schema
