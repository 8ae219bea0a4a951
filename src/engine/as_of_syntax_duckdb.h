// The past of a table as other engines' SQL writes it, turned into the engine's own:
//
//   t FOR VERSION | SYSTEM_VERSION | TIMESTAMP | SYSTEM_TIME AS OF v   Trino, BigQuery, SQL:2011
//   t VERSION | TIMESTAMP AS OF v                                      Spark, Databricks
//   t AS OF SNAPSHOT | VERSION | TAG | BRANCH | RECEIPT | TIMESTAMP | SYSTEM TIME v
//
// become `t AT (VERSION => v)` or `t AT (TIMESTAMP => v)`. `v` is a number, a text, a typed text
// (`TIMESTAMP '..'`), a name, a call or something in brackets, with intervals added to it or taken
// from it. An alias after it, or after an `AT (..)`, which the engine wants before it, is moved.
//
// Internal to this folder. Pure; any thread. Throws what the engine's tokenizer throws.
#pragma once

#include <string>

namespace tidemark::engine {

// `sql` itself where there is nothing of this in it.
std::string WithAtClauses(const std::string& sql);

}  // namespace tidemark::engine
