// Iceberg's binary form of a single value (Iceberg table spec, appendix D) as a value of the
// engine.
//
// Internal to this folder. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "duckdb.hpp"

namespace tidemark::engine {

// Nothing if the bytes are no value of the type. A number may be of the narrower type that the
// column had before it was widened.
std::optional<duckdb::Value> SingleValue(std::string_view bytes, const duckdb::LogicalType& type);

}  // namespace tidemark::engine
