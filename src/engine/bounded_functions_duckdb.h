// Bounds the time of functions that the engine cannot be stopped in: it looks at a statement's
// deadline between chunks of rows, not between the steps of one call.
//
// Internal to this folder. Throws the engine's exceptions.
#pragma once

#include "duckdb.hpp"

namespace tidemark::engine {

// - LIKE, ILIKE and GLOB with several wildcards go through engine/wildcard.h.
// - Distances of texts (levenshtein and the like), whose time is the product of the lengths, are
//   refused for a chunk whose products sum to more than kDistanceStepsMax.
// - lpad, rpad and bitstring, which go byte by byte, make texts of at most kPaddedBytesMax.
void BoundFunctions(duckdb::DatabaseInstance& instance);

constexpr double kDistanceStepsMax = 4e9;  // Some seconds.
constexpr std::int64_t kPaddedBytesMax = 16LL << 20;

}  // namespace tidemark::engine
