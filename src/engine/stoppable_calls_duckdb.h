// Lets a statement end within the call of a function. The engine looks at a statement's deadline
// between chunks of rows, and a chunk may be long: a list's every element may be a call of its own
// (lambdas), and one text of megabytes may stand in all 2,048 rows.
//
// Calls of functions over texts and lists are put behind one of ours, which
// - looks at the statement's limits (ScanState::must_end) after every kLookSteps of work,
// - hands a chunk with more work than kWholeSteps to the engine in pieces of rows,
// - refuses a value that one call would be busy with for minutes, of the functions whose time grows
//   faster than their arguments (kCostly).
// So the longest that nobody looks is one row of one call.
//
// Internal to this folder. Throws the engine's exceptions. Any thread.
#pragma once

#include "duckdb.hpp"

namespace tidemark::engine {

// Steps are bytes of texts; an element of a list is as many as it may take to look at it.
constexpr double kElementSteps = 64;
constexpr double kWholeSteps = 32 << 20;
constexpr double kPieceSteps = 4 << 20;
constexpr double kLookSteps = 1 << 20;
constexpr double kCallSteps = 4096;  // Of a call itself, whatever its arguments.

// Every scalar function that there is. Call it when all others of ours are in place.
void MakeCallsStoppable(duckdb::Connection& connection);

// One of a statement that is bound: its binding may have put a callback of its own in place.
void MakeCallStoppable(duckdb::ScalarFunction* function);
bool IsCallStoppable(const duckdb::ScalarFunction& function);

}  // namespace tidemark::engine
