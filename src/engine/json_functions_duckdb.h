// `->`, `->>` and their longer names, so that numbers keep the digits that were sent.
//
// Internal to this folder. Throws the engine's exceptions.
#pragma once

#include "duckdb.hpp"

namespace tidemark::engine {

// Puts JsonPath in front of the engine's own extracting functions. What it is not sure of (other
// paths, escaped strings, text that is not compact JSON) is still read by those.
void KeepDigits(duckdb::DatabaseInstance& instance);

}  // namespace tidemark::engine
