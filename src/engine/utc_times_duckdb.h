// Parts, truncations and buckets of times by arithmetic. The engine asks a calendar for each value
// (some 200 ns, and 10 us for a bucket of days), because its zone could be any; ours is UTC for
// good.
//
// Internal to this folder. Throws the engine's exceptions.
#pragma once

#include "duckdb.hpp"

namespace tidemark::engine {

// For `instance`, whose zone must be UTC and its calendar Gregorian from now on: date_trunc,
// date_part (extract) and its short forms, time_bucket of microseconds or days, and AT TIME ZONE
// 'UTC' of a TIMESTAMPTZ. Answers are the engine's own; a chunk with a time outside of the years
// 1600 to 9999, where calendars differ, is left to it, and so are other parts and casts to DATE.
void CountInUtc(duckdb::DatabaseInstance& instance);

}  // namespace tidemark::engine
