// The properties that a schema wants to have columns of their own: `"x-tidemark-column": true`, or
// a name, on a property of events. docs/reference/schemas.md. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_reader.h"
#include "base/result.h"
#include "event/schema.h"

namespace tidemark::schema {

inline constexpr std::string_view kColumnWord = "x-tidemark-column";

// What a registration wants promoted beside what its schema says: under the properties' own names.
struct PromotionWish {
  bool all = false;                // Every property of one of the types below that is no column.
  std::vector<std::string> names;  // These.
};

// The columns: of a type string (with the format date-time a time), integer, number or boolean, or
// one of these and null. Looked at are the members of `properties` and, of a schema that speaks of
// the member `properties` of events, those of it; not what `$ref` and `allOf` bring in.
// kInvalidArgument: a property that is wanted is not there, is of no such type, or is a column of
// every event already.
Result<std::vector<event::PropertyColumn>> PropertyColumnsOf(const JsonValue& schema,
                                                             const PromotionWish& wish);

}  // namespace tidemark::schema
