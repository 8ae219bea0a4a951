// Gives a statement the states of its aggregates. The engine forgets to destroy those that it has
// put aside when a statement is stopped or fails, and with them what they hold on the heap: texts
// of min and max, lists of quantiles, tables of histograms and modes. A server that cancels
// statements would grow with each.
//
// An aggregate whose states need to be destroyed gets states of one pointer, which need not; what
// they point to is in a book that the plan owns. It is destroyed when it was combined into another
// or its result was taken, and what is left when the plan ends with that. Like what the
// engine's own states hold on the heap, the book is not counted in the engine's limit.
//
// Internal to this folder. Throws the engine's exceptions.
#pragma once

#include "duckdb.hpp"

namespace tidemark::engine {

// For every plan of the instance, behind the engine's own optimizers.
void OwnAggregateStates(duckdb::DatabaseInstance& instance);

}  // namespace tidemark::engine
