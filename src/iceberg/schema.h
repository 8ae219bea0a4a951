// Schemas as the JSON that the table format defines (Iceberg table spec, "Schemas and Data Types",
// appendix C). They stay JSON, so that what other engines write and we do not know survives.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/json_reader.h"
#include "iceberg/problem.h"

namespace tidemark::iceberg {

inline constexpr int kFormatVersionMin = 1;
inline constexpr int kFormatVersionMax = 3;
inline constexpr int kFormatVersionDefault = 2;

// The integer member of an object, or `otherwise` if it is absent or no integer.
std::int64_t IntOr(const JsonValue& json, std::string_view name, std::int64_t otherwise);
// The text of a string member; empty if it is absent.
std::string TextOr(const JsonValue& json, std::string_view name);
// The member, or null if there is none.
const JsonValue& MemberOf(const JsonValue& json, std::string_view name);

struct FieldInfo {
  std::string name;  // From the root: "address.city", "tags.element".
  JsonValue type;    // A string, or the object of a nested type.
  bool required = false;
  bool in_collection = false;  // Below a list or map.

  bool primitive() const { return type.is_string(); }
};
// By field id, all levels.
using FieldIndex = std::map<std::int32_t, FieldInfo>;

// Whether it is the name of a type that has no fields or elements: "int", "decimal(10, 2)".
bool IsPrimitiveType(std::string_view type);

// A schema in the form that two equal schemas have in common: members that are null or empty are
// gone, decimals are written in one way. 400 if it is no schema, has an unknown type, or an id or
// name twice.
Outcome<JsonValue> NormalSchema(const JsonValue& schema);
// Of a normal schema.
FieldIndex IndexFields(const JsonValue& schema);
std::int32_t HighestFieldId(const FieldIndex& index);
// Fields and identifier fields are the same; the ids of the schemas may differ.
bool SameSchema(const JsonValue& a, const JsonValue& b);
// Types and defaults that the format version does not have yet are refused: 400.
Done CheckFormatVersion(const JsonValue& schema, int format_version);
// A field that both schemas have must have a type that the old one can be read as.
Done CheckEvolution(const FieldIndex& before, const FieldIndex& after, int format_version);

struct FreshSchema {
  JsonValue schema;
  std::map<std::int32_t, std::int32_t> new_ids;  // By the id that was sent.
  std::int32_t last_id = 0;
};
// New ids from 1 on: the fields of a struct first, then what is in them. What createTable does.
FreshSchema AssignFreshIds(const JsonValue& schema);

}  // namespace tidemark::iceberg
