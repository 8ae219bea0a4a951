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
//   damerau_levenshtein, which is slower and keeps the product in memory, has limits of its own.
// - Searches for a text in a text (contains, replace, LIKE and the like) are refused for a chunk
//   whose products sum to more than kSearchStepsMax; a text of kShortTextBytes is short enough.
//   Also those that the optimizer makes of LIKE and of regular expressions.
// - Lists of times (range, generate_series) have at most kTimesMax elements.
// - Casts between texts and BIGNUM are refused for a chunk whose squares of sizes sum to more than
//   kBigNumberStepsMax.
// - lpad, rpad and bitstring, which go byte by byte, make texts of at most kPaddedBytesMax.
void BoundFunctions(duckdb::DatabaseInstance& instance);

constexpr double kDistanceStepsMax = 4e9;  // Some seconds.
constexpr double kMatrixStepsMax = 2e8;
constexpr std::size_t kMatrixCellsMax = 2'000'000;
constexpr double kSearchStepsMax = 6e10;
constexpr std::size_t kShortTextBytes = 256;
constexpr double kTimesMax = 1e8;  // A second or two.
constexpr double kBigNumberStepsMax = 4e10;
constexpr std::int64_t kPaddedBytesMax = 16LL << 20;

}  // namespace tidemark::engine
