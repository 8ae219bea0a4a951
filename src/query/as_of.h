// A point in a table's past as askers name it, and the snapshot that it is. Pure; any thread.
//
// In SQL `AT (VERSION => 123)`, `AT (VERSION => 'tag')`, `AT (TIMESTAMP => ...)`; in a request's
// `as_of` the same as a number or text, a receipt, or the whole cut of an earlier answer. A receipt
// or cut is the rows whose offsets lie below its end, wherever they are by now.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/json_reader.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/query.h"
#include "lake/metadata.h"

namespace tidemark::query {

struct AsOf {
  enum class Kind : std::uint8_t { kSnapshot, kRef, kTime, kOffset };
  Kind kind = Kind::kSnapshot;
  SnapshotId snapshot = {};  // kSnapshot; of kOffset the one that the cut named, 0: it named none.
  std::string ref = {};      // kRef: a branch or tag.
  TimeMicros time = {};      // kTime: what was current then.
  std::string log_id = {};   // kOffset
  LogOffset end = {};        // kOffset
};

// kInvalidArgument says what is expected.
Result<AsOf> ReadAsOf(const engine::AsOf& at);
Result<AsOf> ReadAsOf(const JsonValue& value);
Result<AsOf> ReadAsOf(std::string_view text);

// The snapshot of `table` that a kSnapshot, kRef or kTime names; never null. kNotFound says what
// there is, and of what was there once that it is gone.
Result<const lake::Snapshot*> FindSnapshot(const lake::TableMetadata& metadata,
                                           std::string_view table, const AsOf& as_of);

// First offset that a snapshot does not hold: its own, or that of the nearest one before it that
// says so.
LogOffset OffsetOf(const lake::TableMetadata& metadata, const lake::Snapshot& snapshot);

// Those after `from` up to `to`, oldest first; null: from the table's beginning on.
// kInvalidArgument if `from` is no ancestor of `to`, or one in between is not kept any more.
Result<std::vector<const lake::Snapshot*>> SnapshotsBetween(const lake::TableMetadata& metadata,
                                                            const lake::Snapshot* from,
                                                            const lake::Snapshot& to);

// The snapshots that `snapshot` builds on, itself among them, as far as they are kept.
std::set<SnapshotId> LineOf(const lake::TableMetadata& metadata, const lake::Snapshot& snapshot);

// Commits after `since` (all that are known if it is 0) that may have taken rows away: what an
// answer as of a receipt may lack.
std::vector<const lake::Snapshot*> RemovalsSince(const lake::TableMetadata& metadata,
                                                 SnapshotId since);

}  // namespace tidemark::query
