// The SQL engine: an in-memory DuckDB that owns no table and reads only what a query's relations
// name. One server has two, so that no query starves a flush: one for queries, one for data files.
//
// A fatal error inside the engine closes it; the next call opens a new one. Streams of the old one
// fail with kUnavailable; nothing else notices.
//
// Any thread: queries run side by side. C++ exceptions of the engine never leave this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/query.h"
#include "env/clock.h"

namespace tidemark::engine {

struct InstanceOptions {
  std::uint64_t memory_bytes_max = 1ULL << 30;  // Of the engine itself; hot rows are not in it.
  std::uint32_t threads = 2;
  std::string spill_folder;  // Native path; empty: nothing is spilled.
  std::uint64_t spill_bytes_max = 8ULL << 30;
  // Of texts, lists and scratch space of expressions, beside memory_bytes_max: a statement that
  // needs more fails with kOverloaded. 0: not bounded.
  std::uint64_t scratch_bytes_max = 0;
};

class Instance {
 public:
  // `clock` must outlive the instance. kUnavailable if the engine library is another version than
  // this program was built for, or refuses an option.
  static Result<std::unique_ptr<Instance>> Open(InstanceOptions options, const env::Clock* clock);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  // Checks the statement (engine/sql_guard_duckdb.h), binds it and starts it. The stream may
  // outlive the instance.
  //
  // Errors: kInvalidArgument with the engine's own message (syntax, names, types, parameters);
  // kPermissionDenied for what the guard refuses; and those of ResultStream::Next.
  Result<std::unique_ptr<ResultStream>> Query(QueryRequest request);

  // The statement that began last fails with kOverloaded soon, and its memory is given back. False:
  // none runs.
  bool StopNewest();

  // Gives back what is kept of files for the next statement: their footers and what was read of
  // them. Statements that run keep what they use. Opens no engine: one that failed stays closed.
  void DropCaches();

  // How often a fatal error closed the engine.
  std::uint64_t reopened_count() const;

  // For tests: makes the engine fail as if it had met an internal error that it cannot survive.
  void InjectFatalErrorForTest();

  // Only for the *_duckdb.cc of this folder.
  class Impl;
  Impl& impl() { return *impl_; }

 private:
  explicit Instance(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::engine
