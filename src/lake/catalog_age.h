// Whether the store has a later state of a table than those know who are to go on with it: a
// catalog and a log that were put back from an older copy, beside files that are newer.
//
// Offsets are durable in the log before anything settles them, so what a crash leaves never settles
// more than the log of its time has; a later state does. Commits of other engines have no offsets:
// they are told by the file that a later one was built on, for nothing is built on what the catalog
// never named. Metadata files alone are asked, of whatever version and past: how many commits ahead
// they are, and which snapshots they still name, tells nothing else that can be relied on. The last
// commit before a copy was put back, if it was another engine's, cannot be told from one that a
// crash left. Nothing is changed. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "env/object_store.h"
#include "lake/metadata.h"

namespace tidemark::lake {

// Up to where the table was settled: what a rollback took back has been settled all the same.
// kCorruption: the properties are not Tidemark's.
Result<LogOffset> SettledBy(const TableMetadata& metadata);

// What goes on with a table knows of it.
struct KnownState {
  std::string location;       // Key of the table's folder.
  std::int64_t version = -1;  // Of the catalog's metadata; -1: the catalog has no such table.
  std::string log_id;         // Of the log that is to go on.
  LogOffset settled = {};     // By the catalog; the floor of a rollback is settled, too.
  std::int64_t sequence_number = 0;  // Of the catalog's last snapshot; 0: none.
  LogOffset log_end = {};            // Behind the last durable event of the log; 0: it has none.
};
// Of a table at the head that a catalog names.
Result<KnownState> KnownStateOf(const env::ObjectStore& store, const TableMetadata& head,
                                std::int64_t version, LogOffset log_end);

// kCorruption: a later metadata file settled what neither has, and going on would lose it and give
// its offsets again; or another engine has committed since, and going on would undo that. The
// sentence says what to do. Files that cannot be understood are left out;
// other errors of the store are returned.
//
// A file of another log counts only if that one came after: then nothing above `settled` is known.
// One of a log that was given up since (`tidemark.lost-logs`) does not count.
Status CheckCatalogIsNewest(const env::ObjectStore& store, const KnownState& known);

}  // namespace tidemark::lake
