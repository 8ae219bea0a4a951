// The catalog in meta's database. Any thread: each call is one transaction, and waits for its turn.
#pragma once

#include <memory>

#include "catalog/catalog.h"
#include "meta/database.h"

namespace tidemark::catalog {

// The next state of a table whose log is given up as lost: it differs in the log that it names.
struct ContinuedTable {
  Uuid table;
  std::int64_t base_version = 0;
  std::string metadata_key;
  std::string metadata_bytes;
  std::vector<Garbage> garbage;
};

class SqliteCatalog final : public Catalog {
 public:
  // Brings the catalog's tables up to date. `database` must outlive the catalog.
  static Result<std::unique_ptr<SqliteCatalog>> Open(meta::Database* database);

  Result<Epoch> BeginEpoch(std::string_view log_id) override;
  Result<Epoch> CurrentEpoch(std::string_view log_id) override;
  // No log was ever owned, and there is no table: the database is as it was made.
  Result<bool> IsNew();
  Status CreateTable(const TableRecord& record, std::span<const LedgerRow> ledger = {}) override;
  Result<std::optional<TableRecord>> FindTable(std::string_view ns, std::string_view name) override;
  Result<std::optional<TableRecord>> FindTable(const Uuid& table) override;
  Result<std::vector<TableRecord>> ListTables() override;
  // Doctor's: all tables of log `from` are `to`'s from now on, settled up to where they were. Its
  // owners are counted on from those of `from`. kConflict: `tables` are not all of them, or not as
  // they are.
  Status ContinueLog(std::string_view from, std::string_view to,
                     std::span<const ContinuedTable> tables);
  Status Commit(std::span<const TableChange> changes) override;
  Result<std::optional<LedgerRow>> FindCommit(const Uuid& table, const Uuid& commit_id) override;
  Result<std::vector<LedgerRow>> Ledger(const Uuid& table) override;
  // The commits that added offsets of [begin, end), in their order: found by an index, whatever
  // else is in the ledger.
  Result<std::vector<LedgerRow>> LedgerOver(const Uuid& table, LogOffset begin, LogOffset end);
  Status AddInflight(const Inflight& inflight) override;
  Result<std::vector<Inflight>> ListInflight() override;
  Status RemoveInflight(const Uuid& id) override;
  Status AddGarbage(std::span<const Garbage> garbage) override;
  Result<std::vector<Garbage>> DueGarbage(TimeMicros now, std::size_t count_max) override;
  Status RemoveGarbage(std::span<const std::string> keys) override;

 private:
  explicit SqliteCatalog(meta::Database* database) : database_(database) {}
  meta::Database* database_;
};

}  // namespace tidemark::catalog
