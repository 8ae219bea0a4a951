// The way on when a log is lost and catalog and lake are there. The inside of doctor.h.
//
// Nobody else may use the directory: the caller holds its lock. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "env/random.h"
#include "ops/doctor.h"

namespace tidemark::ops {

// What became of one project's events, or of what it has in quarantine.
struct LostStream {
  std::string ns;
  std::string table;
  LogOffset settled;          // Where the lake ends: events below are all there.
  std::uint64_t carried = 0;  // Events above that could be read, and are in the new log.
  // Offsets of the old log above `settled` that are known to be gone.
  struct Range {
    LogOffset begin;
    LogOffset end;
  };
  std::vector<Range> lost;
};

struct AcceptedLoss {
  // A call that a crash ended was carried on: it has read the old log, and what it found there is
  // empty here.
  bool carried_on = false;
  std::string old_log;
  std::string new_log;
  std::string set_aside;              // The folder that log/ is now; empty: there was none.
  std::vector<std::string> problems;  // What of the old log is gone, by file.
  std::vector<LostStream> streams;
  // Requests of the old log that could be read. None: the ids of before are forgotten with it.
  std::uint64_t frames = 0;
};

// Goes on with a new log where the lake ends, never below, and puts what can be read of the old one
// into it: nothing that is readable is given up, and nothing that is settled comes twice. The old
// folder is kept beside it under another name. Every table names the new log, in one transaction
// of the catalog and in its own metadata, which also says what it left (`tidemark.lost-logs`).
//
// A crash leaves the directory as it was, or is carried on by calling it again. Errors: kConflict
// (nothing is lost, or log/ is another log's that has events), kNotFound (there is no catalog),
// kCorruption, kIoError.
Result<AcceptedLoss> AcceptLostLog(const Premises& premises, env::Random* random);

}  // namespace tidemark::ops
