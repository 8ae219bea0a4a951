// Rows of the engine as columns of Arrow, with their types: what RowFormatter knows (numbers,
// texts, bytes, dates, times, UUIDs, lists, structs, maps). Internal to this folder.
//
// HUGEINT is a decimal of 38 digits, UHUGEINT its digits as text; members of a struct without names
// have their numbers, from 1. Pure; any thread. Throws the engine's exceptions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "duckdb.hpp"
#include "engine/arrow_ipc.h"

namespace tidemark::engine {

arrow::Field ArrowField(std::string name, const duckdb::LogicalType& type);

// The rows [begin, end) of a column of that type. Throws if it has more bytes or values in one row
// than 32 bits count.
arrow::Column ArrowColumn(const duckdb::RecursiveUnifiedVectorFormat& format,
                          const duckdb::LogicalType& type, const arrow::Field& field,
                          std::size_t begin, std::size_t end);

// Where the rows from `begin` on have `bytes_max` bytes of texts and nested values, if before
// `end`; at least one row.
std::size_t EndOfArrowSlice(const std::vector<duckdb::RecursiveUnifiedVectorFormat>& formats,
                            const std::vector<duckdb::LogicalType>& types, std::size_t begin,
                            std::size_t end, std::size_t bytes_max);

}  // namespace tidemark::engine
