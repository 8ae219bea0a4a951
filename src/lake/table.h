// A table's head in memory, and how a table begins: made, opened from its catalog record, found
// again on the store.
//
// TableHead is immutable and shared: a query pins it by holding the pointer. Functions: any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "env/object_store.h"
#include "lake/delete_index.h"
#include "lake/live_files.h"
#include "lake/manifest.h"
#include "lake/metadata.h"

namespace tidemark::lake {

struct KnownParts;

struct TableHead {
  Uuid table;
  std::string location;  // Key of the table's folder.
  std::int64_t metadata_version = 0;
  std::string metadata_key;
  std::shared_ptr<const TableMetadata> metadata;
  std::shared_ptr<const event::TableSchema> columns;  // What we read and write of it.
  std::vector<ManifestFile> manifests;                // Of the head snapshot, newest first.
  std::shared_ptr<const LiveFiles> files;
  DeleteTotals deletes;  // Of other engines.
  LogOffset off_head;
  LogOffset floor;

  SnapshotId snapshot() const { return metadata->current_snapshot_id.value_or(SnapshotId(0)); }
  // Offsets below are answered by `files`, the others by the log.
  LogOffset visible() const { return off_head < floor ? floor : off_head; }
};

// Where a new table lives: `<ns>/<name>-<8 hex of its UUID>`, so that a name can be used again.
std::string TableLocation(std::string_view ns, std::string_view name, const Uuid& table);

struct NewManagedTable {
  Uuid uuid;
  std::string ns;
  std::string name = "events";
  std::string log_id;
  Epoch epoch;
  TimeMicros now;
  std::shared_ptr<const event::TableSchema> schema = event::EventsSchema();
  std::map<std::string, std::string> properties = {};  // Instead of the defaults of their names.
  std::int32_t format_version = 2;                     // Or 3.
};
// Writes the metadata of an empty table and returns the record to put into the catalog.
Result<catalog::TableRecord> CreateTable(env::ObjectStore* store, const NewManagedTable& table);

// Loads the head that the record names. A metadata file that is missing or damaged is written again
// from the record's copy (C9; `*restored` says so, for an alarm). kCorruption if a manifest cannot
// be read or if the record and its metadata disagree (UUID, log id, offsets). `schema`: what the
// table was made with. `known`: an earlier head of the table; of one that commits have only added
// data files to since, their manifests alone are read. `parts`: what need not be parsed again.
Result<std::shared_ptr<const TableHead>> OpenTable(
    env::ObjectStore* store, const catalog::TableRecord& record,
    const std::shared_ptr<const event::TableSchema>& schema, bool* restored,
    const TableHead* known = nullptr, KnownParts* parts = nullptr);

// A table's head as it was at a snapshot that its metadata still names: the files of that, the
// columns of now. kNotFound; kCorruption: its manifests cannot be read.
Result<std::shared_ptr<const TableHead>> HeadAt(const env::ObjectStore& store, const TableHead& now,
                                                SnapshotId snapshot);
// The head of a table that is none of ours: without columns, offsets and the places in a catalog.
Result<std::shared_ptr<const TableHead>> OpenPlain(const env::ObjectStore& store,
                                                   std::shared_ptr<const TableMetadata> metadata);
// The data files that these snapshots added themselves, each a commit that only appended.
Result<std::shared_ptr<const LiveFiles>> FilesAppended(
    const env::ObjectStore& store, const std::vector<const Snapshot*>& snapshots);
// Every live entry of the current snapshot, delete files too.
Status VisitFiles(const env::ObjectStore& store, const TableMetadata& metadata,
                  const std::function<void(const ManifestEntry&, std::int32_t spec_id)>& visit);

// Deletes what an interrupted write left: its data files, and manifests, lists and metadata files
// that carry its id in their names and that the head `head` does not name.
Status RemoveLeftovers(env::ObjectStore* store, const catalog::Inflight& inflight,
                       const TableHead& head);

// Deletes a table that no catalog names and that nobody ever committed to: its creation was
// interrupted. kCorruption if it has metadata beyond the first version: that is somebody's data.
Status RemoveUnborn(env::ObjectStore* store, std::string_view location);

// For doctor: a table as the store alone tells it.
struct FoundTable {
  catalog::TableRecord record;
  // From the summaries of the snapshots still there, in the order of commits. What is not there any
  // more is `kForgotten`, so that the offsets are dense from 0 to where the lake ends.
  std::vector<catalog::LedgerRow> ledger;
};
// The newest readable metadata file of the table at `location` whose Tidemark keys verify: of the
// last log, and of those the one that settled most, whatever their versions. kNotFound if there is
// none.
Result<FoundTable> FindNewestMetadata(const env::ObjectStore& store, std::string_view location);
// kInvalidArgument: the metadata names places outside the store, for the store's folder was moved
// since; the sentence says from where to where.
Status CheckPlace(const env::ObjectStore& store, const TableMetadata& metadata,
                  const catalog::TableRecord& record);
// Every data file of the head is there and its manifests can be read; kCorruption names the first
// that is not.
Status CheckLiveFiles(const env::ObjectStore& store, const TableMetadata& metadata);
// Locations of all tables on the store: folders that have a `metadata/` with metadata files.
Result<std::vector<std::string>> FindTableLocations(const env::ObjectStore& store,
                                                    std::string_view ns);

}  // namespace tidemark::lake
