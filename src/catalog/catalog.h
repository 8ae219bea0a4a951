// Table pointers, the offset ledger, owner epochs, in-flight writes and garbage: what must change
// together when a table's head moves, and does so in one transaction.
//
// Two worlds implement it: SqliteCatalog and the simulation's. Any thread. Nothing is half done:
// an error other than kOutcomeUnknown means that nothing changed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "base/uuid.h"

namespace tidemark::catalog {

// What a commit was made by; `tidemark.kind` in the snapshot's summary.
enum class CommitKind : std::uint8_t {
  kFlush,
  kCompact,
  kTier,
  kErase,
  kRetain,
  kRollback,
  kExternal,
  // Not a commit: what a rebuilt catalog does not know, for its snapshots had expired. Its offsets
  // are known, its rows are not.
  kForgotten,
};
std::string_view KindName(CommitKind kind);  // "flush" and so on.
std::optional<CommitKind> FindKind(std::string_view name);

struct TableRecord {
  Uuid uuid;
  std::string ns;            // The project.
  std::string name;          // "events".
  std::string location;      // Key of the table's folder in the store, no '/' at the end.
  std::string metadata_key;  // The current metadata file.
  std::int64_t metadata_version = 0;
  std::string metadata_bytes;  // A copy of that file: written again if the file is lost (C9).
  bool managed = true;         // Fed from a log; otherwise the five below mean nothing.
  std::string log_id;
  Epoch epoch;         // Of the owner that committed last.
  LogOffset off_head;  // First offset that the head does not represent.
  LogOffset floor;     // Raised by a rollback only.
  SnapshotId head;     // 0: no snapshot yet.

  // First offset that the lake does not answer for: where the next flush begins.
  LogOffset visible() const { return off_head < floor ? floor : off_head; }
};

struct DroppedRows {
  std::uint64_t rows = 0;
  Hash128 hash;
  friend bool operator==(const DroppedRows&, const DroppedRows&) = default;
};

// One commit of a managed table, kept after its snapshot has expired.
struct LedgerRow {
  Uuid table;
  SnapshotId snapshot;
  SnapshotId parent;  // 0: none.
  std::int64_t sequence = 0;
  TimeMicros committed_at;
  CommitKind kind = CommitKind::kFlush;
  std::string log_id;
  Epoch epoch;
  LogOffset begin;         // A kind that moves no offsets has begin == end == visible().
  LogOffset end;           // Exclusive.
  Uuid commit_id;          // Unique in the table: makes a commit idempotent.
  std::uint64_t rows = 0;  // Added.
  Hash128 rows_hash;       // Of the added rows.
  std::map<std::string, DroppedRows> dropped;  // By reason: offsets in [begin, end) without a row.
};

struct Garbage {
  std::string key;
  Uuid table;
  std::string reason;
  TimeMicros not_before;  // Readers of older cuts may need it until then.
};

// The next state of one table, built on `base_version`. The files it names are durable already.
struct TableChange {
  Uuid table;
  std::int64_t base_version = 0;  // The version it replaces; the new one is the next.
  Epoch epoch;
  std::string metadata_key;
  std::string metadata_bytes;
  SnapshotId head;  // Of main, after the change.
  LogOffset floor;  // After the change; not below the current one.
  // Of the head after the change, if main moves to a snapshot that was there before; visible() must
  // not change by it.
  std::optional<LogOffset> off_head;
  std::optional<LedgerRow> ledger;  // Nothing if no snapshot was added.
  std::optional<Uuid> inflight;     // The write that this change completes.
  std::vector<Garbage> garbage;     // What the change made unreachable.

  // What the table's off_head is after it.
  LogOffset OffHead(LogOffset before) const {
    return ledger ? ledger->end : off_head.value_or(before);
  }
};
// kConflict if a change that moves main between snapshots would change what the lake answers for.
Status CheckMove(const TableChange& change, LogOffset visible);

// Files being written that no head names yet: told before the first is created.
struct Inflight {
  Uuid id;  // The flush; also the commit_id, and part of every name it writes.
  Uuid table;
  CommitKind kind = CommitKind::kFlush;
  TimeMicros started_at;
  Epoch epoch;
  std::vector<std::string> keys;  // Data files. Manifests and metadata carry `id` in their names.
};

class Catalog {
 public:
  Catalog() = default;
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;
  virtual ~Catalog() = default;

  // A new owner of the log: raises its epoch, durably. Commits of older ones fail from now on.
  virtual Result<Epoch> BeginEpoch(std::string_view log_id) = 0;
  // 0 if the log never had an owner.
  virtual Result<Epoch> CurrentEpoch(std::string_view log_id) = 0;

  // `ledger`: the history of a table that is registered again (doctor); empty for a new one.
  // kAlreadyExists: name, UUID or location is taken.
  virtual Status CreateTable(const TableRecord& record, std::span<const LedgerRow> ledger = {}) = 0;
  virtual Result<std::optional<TableRecord>> FindTable(std::string_view ns,
                                                       std::string_view name) = 0;
  virtual Result<std::optional<TableRecord>> FindTable(const Uuid& table) = 0;
  // By namespace and name.
  virtual Result<std::vector<TableRecord>> ListTables() = 0;

  // The linearisation point of the whole system: all changes or none. Per change it compares
  // metadata_version with base_version, the epoch with the log's owner, and ledger.begin with
  // visible(); swaps the pointer, moves off_head to ledger.end, adds the ledger row and the garbage
  // and forgets the in-flight write.
  //   kAlreadyExists   a change's commit_id is in the ledger: it was committed before.
  //   kConflict        someone won; the message says which comparison failed.
  //   kOutcomeUnknown  FindCommit tells.
  virtual Status Commit(std::span<const TableChange> changes) = 0;
  virtual Result<std::optional<LedgerRow>> FindCommit(const Uuid& table, const Uuid& commit_id) = 0;
  // In the order of commits.
  virtual Result<std::vector<LedgerRow>> Ledger(const Uuid& table) = 0;

  // kConflict if its epoch is not the newest of the log that feeds the table: its owner's successor
  // has looked for what was interrupted, and would not look again.
  virtual Status AddInflight(const Inflight& inflight) = 0;
  virtual Result<std::vector<Inflight>> ListInflight() = 0;
  // No error if it is not there.
  virtual Status RemoveInflight(const Uuid& id) = 0;

  // A key that is garbage already keeps its first entry.
  virtual Status AddGarbage(std::span<const Garbage> garbage) = 0;
  // Up to `count_max` entries that are due at `now`, oldest first. They stay until RemoveGarbage:
  // delete the object, then the entry.
  virtual Result<std::vector<Garbage>> DueGarbage(TimeMicros now, std::size_t count_max) = 0;
  virtual Status RemoveGarbage(std::span<const std::string> keys) = 0;
};

}  // namespace tidemark::catalog
