// Functions under the names that ClickHouse gives them, so that statements written for a real-time
// copy of the events run as they are: toDate, toHour, uniq, avgIf and so on.
//
// Internal to this folder. Throws the engine's exceptions.
#pragma once

#include "duckdb.hpp"

namespace tidemark::engine {

// Adds the macros to the connection's database, for all its connections. Each does what
// ClickHouse's function of the name does (times are UTC), but that `uniq` is exact. Source of the
// meanings: ClickHouse's reference, "Functions for working with dates and times", "JSON functions",
// "Aggregate function combinators".
void AddMacros(duckdb::Connection& connection);

}  // namespace tidemark::engine
