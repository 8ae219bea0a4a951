// The columns of an Iceberg schema as the engine reads them: types, what they are called in files
// without field ids, and their value in files that lack them. Format: Iceberg table spec, "Schemas
// and Data Types", "Default values", "Name Mapping Serialization". Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/relation.h"
#include "lake/metadata.h"

namespace tidemark::query {

// The engine's type of an Iceberg type that is not nested; kUnimplemented names one that is not
// read.
Result<std::string> PrimitiveOf(std::string_view type);

inline constexpr std::string_view kPropertyNameMapping = "schema.name-mapping.default";

// `name_mapping`: the property's value; empty: columns are called as they are. A column says itself
// which type or default value of it we do not read; kUnimplemented: there is no other column, or
// what else of the schema we do not read.
Result<std::vector<engine::FileColumn>> ColumnsOf(const lake::Schema& schema,
                                                  std::string_view name_mapping);

}  // namespace tidemark::query
