// The append of a flush: data files that are written and sealed -> manifests -> manifest list and
// next metadata -> the change that the catalog commits and the head that readers see after it.
// reference: Iceberg table spec v2; steps 3 and 4 of a flush.
//
// Everything is durable on the store when a function returns. Manifests are written once and reused
// by every attempt; a list and a metadata file are written for each. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "engine/data_file.h"
#include "env/object_store.h"
#include "lake/file_metrics.h"
#include "lake/partition.h"
#include "lake/table.h"

namespace tidemark::lake {

inline constexpr std::int64_t kManifestBytesTarget = 8 << 20;

struct NewFile {
  std::string key;  // In the store; sealed.
  Partition partition;
  FileMetrics metrics;
  std::uint64_t bytes = 0;
  std::vector<std::int64_t> split_offsets;
  bool sorted = false;  // By sort order 1: event_type, timestamp.
  std::vector<engine::KeptColumn> kept;
  std::vector<std::pair<std::int32_t, std::uint64_t>> column_bytes = {};  // By field id.
};

struct AppendRequest {
  Uuid flush_id;           // The commit_id too.
  SnapshotId snapshot_id;  // SnapshotIdOf(flush_id) or any other positive number.
  std::string log_id;
  Epoch epoch;
  LogOffset begin;  // The head's visible() when the flush was planned.
  LogOffset end;
  TimeMicros watermark;        // No later event is expected to be older; not told without files.
  std::vector<NewFile> files;  // None: the offsets alone move on.
  std::map<std::string, catalog::DroppedRows> dropped;
  // If it is set, the same commit makes it the schema. Its new field ids follow `last_column_id` of
  // the head that the flush was planned on, whose schema was `schema_id`.
  std::shared_ptr<const event::TableSchema> columns;
  std::int32_t last_column_id = 0;
  std::int32_t schema_id = 0;
  // Keys of data files whose rows `files` have, all of them and no others: the commit puts `files`
  // in their place (a replacement: operation `replace`, kind compact) and moves no offset. Nobody
  // may have deleted rows of them; deletes of others after `replaced_sequence`, the sequence number
  // of the head that they were read at, apply to the new ones.
  std::vector<std::string> replaced;
  std::int64_t replaced_sequence = 0;

  bool IsReplacement() const { return !replaced.empty(); }
};

// A positive 63-bit id from a flush id's random bits.
SnapshotId SnapshotIdOf(const Uuid& flush_id);

struct PreparedCommit {
  catalog::TableChange change;
  std::shared_ptr<const TableHead> next;  // To publish once the catalog has committed `change`.
  // What this attempt wrote beside the flush's manifests: garbage if the commit was lost.
  std::vector<std::string> attempt_keys;
};

class Append {
 public:
  // Writes one manifest a spec. `store` must outlive the append; `head` gives schema and specs.
  static Result<Append> Prepare(env::ObjectStore* store, const TableHead& head,
                                AppendRequest request);

  // kConflict if head.visible() is not the request's `begin`, or if somebody else has changed the
  // schema that its columns were planned on: plan again. `attempt`: 1, 2, ...
  // `readers_until`: when files that this commit drops from history may be deleted.
  Result<PreparedCommit> Build(const TableHead& head, std::uint32_t attempt, TimeMicros now,
                               TimeMicros readers_until);

  // Whether the head still has what the plan was made on: the schema whose columns it adds to, the
  // files that it replaces.
  bool Fits(const TableHead& head) const;

  // What the last Build wrote or, if it failed, may have written.
  const std::vector<std::string>& attempt_keys() const { return attempt_keys_; }
  // Manifests written so far: deleted if the flush is given up.
  const std::vector<std::string>& manifest_keys() const { return manifest_keys_; }

 private:
  Append(env::ObjectStore* store, AppendRequest request)
      : store_(store), request_(std::move(request)) {}
  Result<PreparedCommit> Finish(const TableHead& head, Snapshot snapshot,
                                std::shared_ptr<TableMetadata> metadata,
                                std::shared_ptr<TableHead> next, const Uuid& attempt_id,
                                TimeMicros readers_until, PreparedCommit commit);
  // A head's metadata with the request's columns; of the same head again, made once.
  const std::shared_ptr<const TableMetadata>& EvolvedOf(const TableHead& head);

  env::ObjectStore* store_;
  AppendRequest request_;
  std::vector<ManifestFile> manifests_;  // Ours; numbers are filled in by each attempt.
  std::vector<std::string> manifest_keys_;
  std::vector<std::string> attempt_keys_;
  std::vector<LiveFile> added_;
  std::shared_ptr<const TableMetadata> evolved_from_;
  std::shared_ptr<const TableMetadata> evolved_;
};

}  // namespace tidemark::lake
