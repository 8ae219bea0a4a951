#include "catalog/sqlite_catalog.h"

#include <array>
#include <utility>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "catalog/table_rows.h"
#include "meta/tables.h"

namespace tidemark::catalog {
namespace {

using meta::Statement;
using meta::Transaction;

Result<Uuid> ReadUuid(std::string_view text) {
  const auto uuid = Uuid::Parse(text);
  if (!uuid.has_value()) return Fail(Code::kCorruption, "the catalog holds a bad UUID");
  return *uuid;
}

constexpr std::array<std::string_view, 3> kSteps = {
    "CREATE TABLE log_owner(log_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE iceberg_table("
    " uuid TEXT PRIMARY KEY, ns TEXT NOT NULL, name TEXT NOT NULL, location TEXT NOT NULL UNIQUE,"
    " metadata_key TEXT NOT NULL, metadata_version INTEGER NOT NULL, managed INTEGER NOT NULL,"
    " log_id TEXT NOT NULL, epoch INTEGER NOT NULL, off_head INTEGER NOT NULL,"
    " floor INTEGER NOT NULL, head INTEGER NOT NULL, metadata_gz BLOB NOT NULL,"
    " UNIQUE(ns, name));"
    "CREATE TABLE snapshot_ledger("
    " number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " table_uuid TEXT NOT NULL REFERENCES iceberg_table(uuid), snapshot INTEGER NOT NULL,"
    " parent INTEGER NOT NULL, sequence INTEGER NOT NULL, committed_at INTEGER NOT NULL,"
    " kind TEXT NOT NULL, log_id TEXT NOT NULL, epoch INTEGER NOT NULL,"
    " off_begin INTEGER NOT NULL, off_end INTEGER NOT NULL, commit_id TEXT NOT NULL,"
    " row_count INTEGER NOT NULL, rows_hash TEXT NOT NULL, dropped TEXT NOT NULL,"
    " UNIQUE(table_uuid, commit_id), UNIQUE(table_uuid, snapshot));"
    "CREATE TABLE inflight(id TEXT PRIMARY KEY, table_uuid TEXT NOT NULL, kind TEXT NOT NULL,"
    " started_at INTEGER NOT NULL, epoch INTEGER NOT NULL, keys TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE gc_queue(key TEXT PRIMARY KEY, table_uuid TEXT NOT NULL, reason TEXT NOT NULL,"
    " not_before INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX gc_due ON gc_queue(not_before);",
    // Names: see directory.h. Tables that were there are of projects.
    "CREATE TABLE iceberg_namespace(path TEXT PRIMARY KEY, properties TEXT NOT NULL,"
    " project INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO iceberg_namespace VALUES('default','{}',1);"
    "INSERT OR IGNORE INTO iceberg_namespace SELECT DISTINCT ns,'{}',1 FROM iceberg_table;"
    "ALTER TABLE iceberg_table ADD COLUMN kind TEXT NOT NULL DEFAULT 'table';",
    // Commits by the offsets that they added.
    "CREATE INDEX ledger_offsets ON snapshot_ledger(table_uuid, off_end)"
    " WHERE off_begin < off_end;",
};

constexpr std::string_view kLedgerColumns =
    "table_uuid,snapshot,parent,sequence,committed_at,kind,log_id,epoch,off_begin,off_end,"
    "commit_id,row_count,rows_hash,dropped";

Result<CommitKind> ReadKind(std::string_view text) {
  const auto kind = FindKind(text);
  if (!kind.has_value()) return Fail(Code::kCorruption, "the catalog holds a bad commit kind");
  return *kind;
}

std::string DroppedJson(const std::map<std::string, DroppedRows>& dropped) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  for (const auto& [reason, rows] : dropped) {
    json.Key(reason).BeginObject();
    json.Field("rows", rows.rows).Field("hash", std::string_view(rows.hash.ToString()));
    json.EndObject();
  }
  json.EndObject();
  return out;
}

Result<std::map<std::string, DroppedRows>> ParseDropped(std::string_view text) {
  std::map<std::string, DroppedRows> dropped;
  TM_ASSIGN(const JsonValue json, JsonValue::Parse(text));
  for (const auto& [reason, value] : json.members()) {
    DroppedRows rows;
    TM_ASSIGN(const std::int64_t count, value.IntAt("rows"));
    TM_ASSIGN(const std::string hash, value.StringAt("hash"));
    rows.rows = static_cast<std::uint64_t>(count);
    if (!Hash128::Parse(hash, &rows.hash)) {
      return Fail(Code::kCorruption, "the catalog holds a bad hash");
    }
    dropped[reason] = rows;
  }
  return dropped;
}

Result<LedgerRow> ReadLedger(const Statement& row) {
  LedgerRow ledger;
  TM_ASSIGN(ledger.table, ReadUuid(row.Text(0)));
  ledger.snapshot = SnapshotId(row.Int(1));
  ledger.parent = SnapshotId(row.Int(2));
  ledger.sequence = row.Int(3);
  ledger.committed_at = TimeMicros(row.Int(4));
  TM_ASSIGN(ledger.kind, ReadKind(row.Text(5)));
  ledger.log_id = row.Text(6);
  ledger.epoch = Epoch(row.Int(7));
  ledger.begin = LogOffset(row.Int(8));
  ledger.end = LogOffset(row.Int(9));
  TM_ASSIGN(ledger.commit_id, ReadUuid(row.Text(10)));
  ledger.rows = static_cast<std::uint64_t>(row.Int(11));
  if (!Hash128::Parse(row.Text(12), &ledger.rows_hash)) {
    return Fail(Code::kCorruption, "the catalog holds a bad hash");
  }
  TM_ASSIGN(ledger.dropped, ParseDropped(row.Text(13)));
  return ledger;
}

Status InsertLedger(Transaction* transaction, const LedgerRow& row) {
  TM_ASSIGN(Statement insert,
            transaction->Prepare("INSERT INTO snapshot_ledger(" + std::string(kLedgerColumns) +
                                 ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)"));
  return insert.Bind(1, std::string_view(row.table.ToString()))
      .Bind(2, row.snapshot.value)
      .Bind(3, row.parent.value)
      .Bind(4, row.sequence)
      .Bind(5, row.committed_at.value)
      .Bind(6, KindName(row.kind))
      .Bind(7, std::string_view(row.log_id))
      .Bind(8, row.epoch.value)
      .Bind(9, row.begin.value)
      .Bind(10, row.end.value)
      .Bind(11, std::string_view(row.commit_id.ToString()))
      .Bind(12, static_cast<std::int64_t>(row.rows))
      .Bind(13, std::string_view(row.rows_hash.ToString()))
      .Bind(14, std::string_view(DroppedJson(row.dropped)))
      .Run();
}

Status DeleteInflight(Transaction* transaction, const Uuid& id) {
  TM_ASSIGN(Statement remove, transaction->Prepare("DELETE FROM inflight WHERE id=?1"));
  return remove.Bind(1, std::string_view(id.ToString())).Run();
}

Result<Epoch> ReadEpoch(Transaction* transaction, std::string_view log_id) {
  TM_ASSIGN(Statement find, transaction->Prepare("SELECT epoch FROM log_owner WHERE log_id=?1"));
  TM_ASSIGN(const bool found, find.Bind(1, log_id).Step());
  return Epoch(found ? find.Int(0) : 0);
}

Result<std::optional<LedgerRow>> FindIn(Transaction* transaction, const Uuid& table,
                                        const Uuid& commit_id) {
  TM_ASSIGN(Statement find, transaction->Prepare("SELECT " + std::string(kLedgerColumns) +
                                                 " FROM snapshot_ledger"
                                                 " WHERE table_uuid=?1 AND commit_id=?2"));
  TM_ASSIGN(const bool found, find.Bind(1, std::string_view(table.ToString()))
                                  .Bind(2, std::string_view(commit_id.ToString()))
                                  .Step());
  if (!found) return std::optional<LedgerRow>();
  TM_ASSIGN(LedgerRow row, ReadLedger(find));
  return std::optional<LedgerRow>(std::move(row));
}

// What a commit is compared with, without the copy of the metadata.
struct Pointer {
  std::int64_t version = 0;
  std::string log_id;
  LogOffset off_head;
  LogOffset floor;
  bool managed = true;
};

Result<Pointer> ReadPointer(Transaction* transaction, const Uuid& table) {
  TM_ASSIGN(Statement find, transaction->Prepare("SELECT metadata_version,log_id,off_head,floor,"
                                                 "managed FROM iceberg_table WHERE uuid=?1"));
  TM_ASSIGN(const bool found, find.Bind(1, std::string_view(table.ToString())).Step());
  if (!found) return Fail(Code::kNotFound, "no table " + table.ToString());
  return Pointer{find.Int(0), std::string(find.Text(1)), LogOffset(find.Int(2)),
                 LogOffset(find.Int(3)), find.Int(4) != 0};
}

Status CheckLedger(Transaction* transaction, const TableChange& change, const Pointer& pointer) {
  const LedgerRow& row = *change.ledger;
  TM_ASSIGN(const auto before, FindIn(transaction, change.table, row.commit_id));
  if (before.has_value()) {
    return Fail(Code::kAlreadyExists, "commit " + row.commit_id.ToString() + " is in the ledger");
  }
  if (!pointer.managed) return {};
  const LogOffset visible = std::max(pointer.off_head, pointer.floor);
  if (row.begin != visible) {
    return Fail(Code::kConflict, "stale begin: the commit begins at " + to_string(row.begin) +
                                     ", the table is settled up to " + to_string(visible));
  }
  if (row.end < row.begin || row.log_id != pointer.log_id) {
    return Fail(Code::kInvalidArgument, "a commit with a backward range or another log");
  }
  return {};
}

Status CheckEpoch(Transaction* transaction, const Pointer& pointer, Epoch epoch) {
  if (!pointer.managed) return {};
  TM_ASSIGN(const Epoch owner, ReadEpoch(transaction, pointer.log_id));
  if (owner == epoch) return {};
  return Fail(Code::kConflict, "old epoch: the commit is of epoch " + to_string(epoch) +
                                   ", the log's owner has epoch " + to_string(owner));
}

Status CheckChange(Transaction* transaction, const TableChange& change, const Pointer& pointer) {
  if (change.ledger.has_value()) TM_TRY(CheckLedger(transaction, change, pointer));
  TM_TRY(CheckEpoch(transaction, pointer, change.epoch));
  if (pointer.version != change.base_version) {
    return Fail(Code::kConflict, "someone won: the commit is built on version " +
                                     std::to_string(change.base_version) +
                                     ", the table has version " + std::to_string(pointer.version));
  }
  if (change.floor < pointer.floor) {
    return Fail(Code::kInvalidArgument, "a commit that lowers the floor");
  }
  return CheckMove(change, std::max(pointer.off_head, pointer.floor));
}

}  // namespace

Status ApplyTableChange(Transaction* transaction, const TableChange& change) {
  TM_ASSIGN(const Pointer pointer, ReadPointer(transaction, change.table));
  TM_TRY(CheckChange(transaction, change, pointer));
  {
    TM_ASSIGN(Statement update,
              transaction->Prepare("UPDATE iceberg_table SET metadata_version=?2,metadata_key=?3,"
                                   "metadata_gz=?4,epoch=?5,off_head=?6,floor=?7,head=?8"
                                   " WHERE uuid=?1"));
    const LogOffset off = change.OffHead(pointer.off_head);
    TM_TRY(update.Bind(1, std::string_view(change.table.ToString()))
               .Bind(2, change.base_version + 1)
               .Bind(3, std::string_view(change.metadata_key))
               .BindBytes(4, change.metadata_bytes)
               .Bind(5, change.epoch.value)
               .Bind(6, off.value)
               .Bind(7, change.floor.value)
               .Bind(8, change.head.value)
               .Run());
  }
  if (change.ledger.has_value()) TM_TRY(InsertLedger(transaction, *change.ledger));
  if (change.inflight.has_value()) TM_TRY(DeleteInflight(transaction, *change.inflight));
  return InsertGarbage(transaction, change.garbage);
}

namespace {

std::string KeysJson(const std::vector<std::string>& keys) {
  std::string out;
  JsonWriter json(&out);
  json.BeginArray();
  for (const std::string& key : keys) json.String(key);
  json.EndArray();
  return out;
}

// A project's namespace is there from its first managed table on.
Status InsertProjectNamespace(Transaction* transaction, std::string_view ns) {
  TM_ASSIGN(Statement insert, transaction->Prepare("INSERT INTO iceberg_namespace VALUES(?1,'{}',1)"
                                                   " ON CONFLICT(path) DO UPDATE SET project=1"));
  return insert.Bind(1, ns).Run();
}

}  // namespace

Result<TableRecord> ReadTable(const Statement& row) {
  TableRecord record;
  TM_ASSIGN(record.uuid, ReadUuid(row.Text(0)));
  record.ns = row.Text(1);
  record.name = row.Text(2);
  record.location = row.Text(3);
  record.metadata_key = row.Text(4);
  record.metadata_version = row.Int(5);
  record.managed = row.Int(6) != 0;
  record.log_id = row.Text(7);
  record.epoch = Epoch(row.Int(8));
  record.off_head = LogOffset(row.Int(9));
  record.floor = LogOffset(row.Int(10));
  record.head = SnapshotId(row.Int(11));
  record.metadata_bytes = row.Bytes(12);
  return record;
}

Status InsertTable(Transaction* transaction, const TableRecord& record, std::string_view kind) {
  TM_ASSIGN(Statement insert,
            transaction->Prepare("INSERT INTO iceberg_table(" + std::string(kTableColumns) +
                                 ",kind) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)"));
  return insert.Bind(1, std::string_view(record.uuid.ToString()))
      .Bind(2, std::string_view(record.ns))
      .Bind(3, std::string_view(record.name))
      .Bind(4, std::string_view(record.location))
      .Bind(5, std::string_view(record.metadata_key))
      .Bind(6, record.metadata_version)
      .Bind(7, std::int64_t{record.managed})
      .Bind(8, std::string_view(record.log_id))
      .Bind(9, record.epoch.value)
      .Bind(10, record.off_head.value)
      .Bind(11, record.floor.value)
      .Bind(12, record.head.value)
      .BindBytes(13, record.metadata_bytes)
      .Bind(14, kind)
      .Run();
}

Status InsertGarbage(Transaction* transaction, std::span<const Garbage> garbage) {
  if (garbage.empty()) return {};
  TM_ASSIGN(Statement insert,
            transaction->Prepare("INSERT OR IGNORE INTO gc_queue VALUES(?1,?2,?3,?4)"));
  for (const Garbage& one : garbage) {
    insert.Reset();
    TM_TRY(insert.Bind(1, std::string_view(one.key))
               .Bind(2, std::string_view(one.table.ToString()))
               .Bind(3, std::string_view(one.reason))
               .Bind(4, one.not_before.value)
               .Run());
  }
  return {};
}

Result<std::unique_ptr<SqliteCatalog>> SqliteCatalog::Open(meta::Database* database) {
  TM_TRY(database->Migrate({.component = "catalog", .steps = kSteps}));
  TM_TRY(meta::MigrateTables(database));  // The projects, whose the namespaces are.
  return std::unique_ptr<SqliteCatalog>(new SqliteCatalog(database));
}

Result<Epoch> SqliteCatalog::BeginEpoch(std::string_view log_id) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(const Epoch current, ReadEpoch(&transaction, log_id));
  const Epoch next = current + 1;
  {
    TM_ASSIGN(Statement store,
              transaction.Prepare("INSERT INTO log_owner VALUES(?1,?2) ON CONFLICT(log_id) "
                                  "DO UPDATE SET epoch=excluded.epoch"));
    TM_TRY(store.Bind(1, log_id).Bind(2, next.value).Run());
  }
  TM_TRY(transaction.Commit());
  return next;
}

Result<bool> SqliteCatalog::IsNew() {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement find,
            transaction.Prepare("SELECT 1 FROM log_owner UNION ALL SELECT 1 FROM iceberg_table"));
  TM_ASSIGN(const bool found, find.Step());
  return !found;
}

Result<Epoch> SqliteCatalog::CurrentEpoch(std::string_view log_id) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  return ReadEpoch(&transaction, log_id);
}

Status SqliteCatalog::ContinueLog(std::string_view from, std::string_view to,
                                  std::span<const ContinuedTable> tables) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(const Epoch epoch, ReadEpoch(&transaction, from));
  {
    TM_ASSIGN(Statement owner, transaction.Prepare("INSERT INTO log_owner VALUES(?1,?2)"));
    TM_TRY(owner.Bind(1, to).Bind(2, epoch.value + 1).Run());
  }
  for (const ContinuedTable& one : tables) {
    TM_ASSIGN(const Pointer pointer, ReadPointer(&transaction, one.table));
    if (pointer.version != one.base_version || pointer.log_id != from) {
      return Fail(Code::kConflict, "someone won: the table has version " +
                                       std::to_string(pointer.version) + " of log " +
                                       pointer.log_id);
    }
    TM_ASSIGN(Statement update,
              transaction.Prepare("UPDATE iceberg_table SET metadata_version=?2,metadata_key=?3,"
                                  "metadata_gz=?4,log_id=?5 WHERE uuid=?1"));
    TM_TRY(update.Bind(1, std::string_view(one.table.ToString()))
               .Bind(2, one.base_version + 1)
               .Bind(3, std::string_view(one.metadata_key))
               .BindBytes(4, one.metadata_bytes)
               .Bind(5, to)
               .Run());
    TM_TRY(InsertGarbage(&transaction, one.garbage));
  }
  {
    TM_ASSIGN(Statement rest,
              transaction.Prepare("SELECT 1 FROM iceberg_table WHERE managed=1 AND log_id=?1"));
    TM_ASSIGN(const bool left, rest.Bind(1, from).Step());
    if (left) return Fail(Code::kConflict, "a table of the log is not among them");
  }
  return transaction.Commit();
}

Status SqliteCatalog::CreateTable(const TableRecord& record, std::span<const LedgerRow> ledger) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  const Status status = InsertTable(&transaction, record, "table");
  if (!status.has_value()) {
    if (status.error().code() != Code::kAlreadyExists) return status;
    return Fail(Code::kAlreadyExists, "table " + record.ns + "." + record.name + " exists");
  }
  for (const LedgerRow& row : ledger) TM_TRY(InsertLedger(&transaction, row));
  TM_TRY(InsertProjectNamespace(&transaction, record.ns));
  return transaction.Commit();
}

Result<std::optional<TableRecord>> SqliteCatalog::FindTable(std::string_view ns,
                                                            std::string_view name) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement find, transaction.Prepare("SELECT " + std::string(kTableColumns) +
                                                " FROM iceberg_table"
                                                " WHERE ns=?1 AND name=?2 AND kind='table'"));
  TM_ASSIGN(const bool found, find.Bind(1, ns).Bind(2, name).Step());
  if (!found) return std::optional<TableRecord>();
  TM_ASSIGN(TableRecord record, ReadTable(find));
  return std::optional<TableRecord>(std::move(record));
}

Result<std::optional<TableRecord>> SqliteCatalog::FindTable(const Uuid& table) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement find, transaction.Prepare("SELECT " + std::string(kTableColumns) +
                                                " FROM iceberg_table WHERE uuid=?1"));
  TM_ASSIGN(const bool found, find.Bind(1, std::string_view(table.ToString())).Step());
  if (!found) return std::optional<TableRecord>();
  TM_ASSIGN(TableRecord record, ReadTable(find));
  return std::optional<TableRecord>(std::move(record));
}

Result<std::vector<TableRecord>> SqliteCatalog::ListTables() {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement list, transaction.Prepare("SELECT " + std::string(kTableColumns) +
                                                " FROM iceberg_table WHERE kind='table'"
                                                " ORDER BY ns,name"));
  std::vector<TableRecord> records;
  while (true) {
    TM_ASSIGN(const bool row, list.Step());
    if (!row) return records;
    TM_ASSIGN(records.emplace_back(), ReadTable(list));
  }
}

Status SqliteCatalog::Commit(std::span<const TableChange> changes) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  for (const TableChange& change : changes) TM_TRY(ApplyTableChange(&transaction, change));
  return transaction.Commit();
}

Result<std::optional<LedgerRow>> SqliteCatalog::FindCommit(const Uuid& table,
                                                           const Uuid& commit_id) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  return FindIn(&transaction, table, commit_id);
}

Result<std::vector<LedgerRow>> SqliteCatalog::Ledger(const Uuid& table) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement list, transaction.Prepare("SELECT " + std::string(kLedgerColumns) +
                                                " FROM snapshot_ledger WHERE table_uuid=?1"
                                                " ORDER BY number"));
  list.Bind(1, std::string_view(table.ToString()));
  std::vector<LedgerRow> rows;
  while (true) {
    TM_ASSIGN(const bool row, list.Step());
    if (!row) return rows;
    TM_ASSIGN(rows.emplace_back(), ReadLedger(list));
  }
}

Result<std::vector<LedgerRow>> SqliteCatalog::LedgerOver(const Uuid& table, LogOffset begin,
                                                         LogOffset end) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement list,
            transaction.Prepare("SELECT " + std::string(kLedgerColumns) +
                                " FROM snapshot_ledger WHERE table_uuid=?1 AND off_end>?2"
                                " AND off_begin<off_end ORDER BY off_end"));
  list.Bind(1, std::string_view(table.ToString())).Bind(2, begin.value);
  std::vector<LedgerRow> rows;
  while (true) {
    TM_ASSIGN(const bool more, list.Step());
    if (!more) return rows;
    TM_ASSIGN(LedgerRow row, ReadLedger(list));
    // No two add the same offset, so that they begin in the order in which they end.
    if (row.begin >= end) return rows;
    rows.push_back(std::move(row));
  }
}

Status SqliteCatalog::AddInflight(const Inflight& inflight) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(const Pointer pointer, ReadPointer(&transaction, inflight.table));
  TM_TRY(CheckEpoch(&transaction, pointer, inflight.epoch));
  {
    TM_ASSIGN(Statement insert,
              transaction.Prepare("INSERT INTO inflight VALUES(?1,?2,?3,?4,?5,?6)"));
    TM_TRY(insert.Bind(1, std::string_view(inflight.id.ToString()))
               .Bind(2, std::string_view(inflight.table.ToString()))
               .Bind(3, KindName(inflight.kind))
               .Bind(4, inflight.started_at.value)
               .Bind(5, inflight.epoch.value)
               .Bind(6, std::string_view(KeysJson(inflight.keys)))
               .Run());
  }
  return transaction.Commit();
}

Result<std::vector<Inflight>> SqliteCatalog::ListInflight() {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement list, transaction.Prepare("SELECT id,table_uuid,kind,started_at,epoch,keys "
                                                "FROM inflight ORDER BY started_at,id"));
  std::vector<Inflight> all;
  while (true) {
    TM_ASSIGN(const bool row, list.Step());
    if (!row) return all;
    Inflight& one = all.emplace_back();
    TM_ASSIGN(one.id, ReadUuid(list.Text(0)));
    TM_ASSIGN(one.table, ReadUuid(list.Text(1)));
    TM_ASSIGN(one.kind, ReadKind(list.Text(2)));
    one.started_at = TimeMicros(list.Int(3));
    one.epoch = Epoch(list.Int(4));
    TM_ASSIGN(const JsonValue keys, JsonValue::Parse(list.Text(5)));
    for (const JsonValue& key : keys.items()) one.keys.push_back(key.text());
  }
}

Status SqliteCatalog::RemoveInflight(const Uuid& id) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_TRY(DeleteInflight(&transaction, id));
  return transaction.Commit();
}

Status SqliteCatalog::AddGarbage(std::span<const Garbage> garbage) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_TRY(InsertGarbage(&transaction, garbage));
  return transaction.Commit();
}

Result<std::vector<Garbage>> SqliteCatalog::DueGarbage(TimeMicros now, std::size_t count_max) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement list,
            transaction.Prepare("SELECT key,table_uuid,reason,not_before FROM gc_queue"
                                " WHERE not_before<=?1 ORDER BY not_before,key LIMIT ?2"));
  list.Bind(1, now.value).Bind(2, static_cast<std::int64_t>(count_max));
  std::vector<Garbage> due;
  while (true) {
    TM_ASSIGN(const bool row, list.Step());
    if (!row) return due;
    Garbage& one = due.emplace_back();
    one.key = list.Text(0);
    TM_ASSIGN(one.table, ReadUuid(list.Text(1)));
    one.reason = list.Text(2);
    one.not_before = TimeMicros(list.Int(3));
  }
}

Status SqliteCatalog::RemoveGarbage(std::span<const std::string> keys) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  {
    TM_ASSIGN(Statement remove, transaction.Prepare("DELETE FROM gc_queue WHERE key=?1"));
    for (const std::string& key : keys) {
      remove.Reset();
      TM_TRY(remove.Bind(1, std::string_view(key)).Run());
    }
  }
  return transaction.Commit();
}

}  // namespace tidemark::catalog
