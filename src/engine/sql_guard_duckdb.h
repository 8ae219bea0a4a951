// What SQL of users may do: one statement that only reads, over the relations it was given.
//
// The check walks the engine's own parse tree with a closed list of node kinds, and the checked
// tree itself is bound and executed: there is no second reading of the text. Every table must be a
// relation of the request or a CTE in scope, every table function on a short list, every function
// one that the engine had when this program was built and that touches nothing outside the query.
// Names of relations are replaced by scans of them on the way.
//
// Internal to this folder. Functions here may throw the engine's exceptions.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "duckdb.hpp"
#include "engine/query.h"

namespace tidemark::engine {

// The functions of the engine that a statement may call, and those it may not.
struct FunctionList {
  std::set<std::string, std::less<>> allowed;
  std::set<std::string, std::less<>> denied;
};
// Reads the engine's catalog. Throws.
FunctionList ListFunctions(duckdb::Connection& connection);

// Parses the statement, checks it and puts scans of the request's relations, and of those that its
// `find` knows (engine/mentions_duckdb.h), in the place of their names. With `use_kept` texts of
// kept paths are read from their copies (engine/kept_rewrite_duckdb.h); it is set to whether there
// were any.
//
// Errors: kInvalidArgument (syntax, with the engine's message), kNotFound (a table that is none of
// the relations), kPermissionDenied naming what is refused, and those of `find`.
Result<duckdb::unique_ptr<duckdb::SQLStatement>> ParseGuarded(duckdb::ClientContext& context,
                                                              const FunctionList& functions,
                                                              const QueryRequest& request,
                                                              bool* use_kept);

// Turns the column reference at `location` of the text, if it is an alias of a column
// (event::FindAlias, `context.ip`), into the column; a select item keeps the name it was written
// with. False if there is none.
bool ResolveAlias(duckdb::SQLStatement& statement, std::uint64_t location);

}  // namespace tidemark::engine
