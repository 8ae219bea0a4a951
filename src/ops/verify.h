// `verify`: counts and hashes again what the log, hot memory and the lake hold, and compares with
// the ledger. Rows that other engines deleted are subtracted: what is left must be rows of the
// ledger, each once. It proves what it says and no more: the ledger was written by the code under
// test, so an independent reader (PyIceberg) and the client's own list belong beside it.
//
// One thread; reads only. Rows that arrive meanwhile are later than its cut.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "engine/data_file.h"
#include "engine/delete_files.h"
#include "tide/core.h"

namespace tidemark::ops {

struct ProjectProof {
  std::string project;
  std::string table;  // A project has several, each with a log of its own.
  LogOffset settled;
  LogOffset end;
  std::uint64_t ledger_rows = 0;   // Sum over the ledger.
  std::uint64_t dropped_rows = 0;  // Named in the ledger.
  std::uint64_t lake_rows = 0;     // Read from every live data file.
  std::uint64_t foreign_rows = 0;  // Of lake_rows: written by others, without an offset.
  // Of lake_rows: of commits that a rebuilt catalog does not know. Each is there once; that they
  // are all, and what they were, nothing tells any more.
  std::uint64_t unproven_rows = 0;
  std::uint64_t erased_rows = 0;  // In the ledger, and gone since by what others did.
  std::string changed;            // By whom and since when; empty: nobody has erased anything.
  std::uint64_t hot_rows = 0;
  std::uint64_t log_rows = 0;  // Decoded from the log above `settled`.
  std::uint64_t files = 0;
  std::vector<std::string> problems;  // Empty: all equal.
};

// Of every project, or of the one named. kIoError, kCorruption (a file that cannot be read is a
// problem, not an error).
Result<std::vector<ProjectProof>> Verify(const tide::Core& core, catalog::Catalog* catalog,
                                         engine::DataFileReader* reader,
                                         engine::DeleteFiles* deletes, MemoryBudget* budget,
                                         std::string_view only = {});

// `{"ok":..,"projects":[...]}`
std::string ProofJson(const std::vector<ProjectProof>& proofs);

}  // namespace tidemark::ops
