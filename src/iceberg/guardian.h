// What a commit of another engine may make of a table that the server feeds: the rules about its
// metadata. Rules about files: admission.h. What is broken is said with the rule's number and with
// what to do instead; docs/engines/managed-tables.md lists them.
//
// Pure: two documents in, a verdict out. Any thread.
#pragma once

#include <cstdint>

#include "iceberg/problem.h"
#include "iceberg/table_document.h"

namespace tidemark::iceberg {

// Of a managed table: "allow" lets a commit raise its format version.
inline constexpr std::string_view kPropertyUpgrade = "tidemark.format-upgrade";

// A snapshot's time may be so much later than ours; later ones would hold up the table's clock.
inline constexpr std::int64_t kClientClockAheadMsMax = 10 * 60 * 1'000;

// A property that lets others commit equality deletes: "allow".
inline constexpr std::string_view kPropertyEqualityDeletes = "tidemark.equality-deletes";

enum class HeadMove : std::uint8_t {
  kNone,
  kForward,   // To new snapshots on top of the head, or to a branch that grew out of it.
  kRollback,  // To an ancestor of the head.
};

// G4 to G11 but for the files: format version, location, properties, columns, specs, what
// snapshots say, main. `now_ms`: ours, but not before what the table has seen. 400, 403; 409 if the
// commit was built on another head.
Outcome<HeadMove> CheckManaged(const TableDocument& before, const TableDocument& after,
                               std::int64_t now_ms);

}  // namespace tidemark::iceberg
