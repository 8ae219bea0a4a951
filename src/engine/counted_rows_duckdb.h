// `count(*)` over hot and settled rows together. The engine reads the first column of both sides of
// a UNION of which nothing is wanted but the number of its rows: for events their ids, which take
// the longest. With this the files are asked for no column, and counted (files_duckdb.cc). And a
// row for each of several grouping sets without a column, of which the engine answers one.
//
// Internal to this folder. Throws the engine's exceptions.
#pragma once

#include "duckdb.hpp"

namespace tidemark::engine {

// For every statement of the instance from now on.
void CountWithoutColumns(duckdb::DatabaseInstance& instance);

}  // namespace tidemark::engine
