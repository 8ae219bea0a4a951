// Whether values that are good by one schema are good by another: what a new version of a schema
// may change. Pure; any thread.
//
// The comparison goes through both schemas word by word. What it cannot compare (`not`, `if`,
// patterns that differ, ...) counts as a break if the reader has it and the writer has not the
// same, so that nothing is called compatible that is not. One thing is read kindly: a property that
// a schema does not speak of, though it allows it, is taken to be absent. So an optional property
// may come and go.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_reader.h"
#include "base/result.h"

namespace tidemark::schema {

enum class Compatibility : std::uint8_t {
  kNone,
  kBackward,            // The new schema takes what was good by the last one.
  kBackwardTransitive,  // ...by every one before.
  kForward,             // The last schema takes what is good by the new one.
  kForwardTransitive,
  kFull,  // Both.
  kFullTransitive,
};

// "BACKWARD_TRANSITIVE" and so on; names are read in any case.
std::string_view CompatibilityName(Compatibility mode);
Result<Compatibility> FindCompatibility(std::string_view name);
bool IsTransitive(Compatibility mode);

struct Break {
  std::string path;     // In the schema: "#/properties/amount".
  std::string rule;     // "required_added", "type_narrowed", ...
  std::string message;  // For people.
};

inline constexpr std::size_t kBreaksMax = 50;

// Why some value that is good by `writer` may be bad by `reader`; nothing if none is.
std::vector<Break> FindBreaks(const JsonValue& reader, const JsonValue& writer);

// Why `next` may not follow `last` in that mode.
std::vector<Break> FindBreaks(const JsonValue& next, const JsonValue& last, Compatibility mode);

}  // namespace tidemark::schema
