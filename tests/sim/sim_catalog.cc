#include "sim/sim_catalog.h"

#include <algorithm>

#include "env/faults.h"

namespace tidemark::sim {

using catalog::Garbage;
using catalog::Inflight;
using catalog::LedgerRow;
using catalog::TableChange;
using catalog::TableRecord;

void SimCatalog::LandLate() {
  if (late_.empty() || !random_.OneIn(4)) return;
  const std::vector<TableChange> changes = std::move(late_.front());
  late_.erase(late_.begin());
  if (!CheckAll(changes)) return;
  ++landed_late_;
  for (const TableChange& change : changes) Apply(change);
}

Status SimCatalog::CheckAll(std::span<const TableChange> changes) const {
  for (const TableChange& change : changes) TM_TRY(Check(change));
  return {};
}

Status SimCatalog::Enter() {
  LandLate();
  if (options_.unavailable_one_in > 0 && random_.OneIn(options_.unavailable_one_in)) {
    return Fail(Code::kUnavailable, "the simulated catalog does not answer");
  }
  return {};
}

Result<Epoch> SimCatalog::BeginEpoch(std::string_view log_id) {
  TM_TRY(Enter());
  Epoch& epoch = state_.epochs[std::string(log_id)];
  epoch += 1;
  return epoch;
}

Result<Epoch> SimCatalog::CurrentEpoch(std::string_view log_id) {
  TM_TRY(Enter());
  const auto found = state_.epochs.find(log_id);
  return found == state_.epochs.end() ? Epoch(0) : found->second;
}

Status SimCatalog::CreateTable(const TableRecord& record, std::span<const LedgerRow> ledger) {
  TM_TRY(Enter());
  for (const auto& [uuid, table] : state_.tables) {
    if (uuid == record.uuid || (table.ns == record.ns && table.name == record.name)) {
      return Fail(Code::kAlreadyExists, "the table exists");
    }
  }
  state_.tables[record.uuid] = record;
  state_.ledgers[record.uuid].assign(ledger.begin(), ledger.end());
  return {};
}

Result<std::optional<TableRecord>> SimCatalog::FindTable(std::string_view ns,
                                                         std::string_view name) {
  TM_TRY(Enter());
  for (const auto& [uuid, table] : state_.tables) {
    if (table.ns == ns && table.name == name) return std::optional(table);
  }
  return std::optional<TableRecord>();
}

Result<std::optional<TableRecord>> SimCatalog::FindTable(const Uuid& table) {
  TM_TRY(Enter());
  const auto found = state_.tables.find(table);
  return found == state_.tables.end() ? std::optional<TableRecord>() : std::optional(found->second);
}

Result<std::vector<TableRecord>> SimCatalog::ListTables() {
  TM_TRY(Enter());
  std::vector<TableRecord> tables;
  for (const auto& [uuid, table] : state_.tables) tables.push_back(table);
  std::sort(tables.begin(), tables.end(),
            [](const TableRecord& a, const TableRecord& b) { return a.ns < b.ns; });
  return tables;
}

Status SimCatalog::Check(const TableChange& change) const {
  const auto table = state_.tables.find(change.table);
  if (table == state_.tables.end()) return Fail(Code::kConflict, "no such table");
  const TableRecord& record = table->second;
  for (const LedgerRow& row : state_.ledgers.at(change.table)) {
    if (change.ledger && row.commit_id == change.ledger->commit_id) {
      return Fail(Code::kAlreadyExists, "committed before");
    }
  }
  if (record.metadata_version != change.base_version) return Fail(Code::kConflict, "version");
  const auto epoch = state_.epochs.find(record.log_id);
  const bool unchecked =
      env::Planted(env::Bug::kEpochNotChecked) || env::Planted(env::Bug::kStalePlanAppended);
  if (!unchecked && (epoch == state_.epochs.end() || epoch->second != change.epoch)) {
    return Fail(Code::kConflict, "epoch");
  }
  if (change.ledger && change.ledger->begin != record.visible() &&
      !env::Planted(env::Bug::kStalePlanAppended)) {
    return Fail(Code::kConflict, "begin");
  }
  return catalog::CheckMove(change, record.visible());
}

void SimCatalog::Apply(const TableChange& change) {
  ++commits_;
  TableRecord& record = state_.tables[change.table];
  record.metadata_version = change.base_version + 1;
  record.metadata_key = change.metadata_key;
  record.metadata_bytes = change.metadata_bytes;
  record.epoch = change.epoch;
  record.head = change.head;
  record.floor = change.floor;
  record.off_head = change.OffHead(record.off_head);
  if (change.ledger) state_.ledgers[change.table].push_back(*change.ledger);
  const bool lingers = env::Planted(env::Bug::kCommittedLeftoversDeleted);
  if (change.inflight && !lingers) state_.inflight.erase(*change.inflight);
  for (const Garbage& garbage : change.garbage) state_.garbage.try_emplace(garbage.key, garbage);
}

Status SimCatalog::Commit(std::span<const TableChange> changes) {
  TM_TRY(Enter());
  TM_TRY(CheckAll(changes));
  const bool unknown = options_.unknown_one_in > 0 && random_.OneIn(options_.unknown_one_in);
  const std::uint64_t truth = unknown ? random_.Below(3) : 0;
  if (truth == 1) return Fail(Code::kOutcomeUnknown, "the answer was lost; it did not happen");
  if (truth == 2) {
    late_.emplace_back(changes.begin(), changes.end());
    return Fail(Code::kOutcomeUnknown, "the answer was lost; it will happen");
  }
  for (const TableChange& change : changes) Apply(change);
  if (unknown) return Fail(Code::kOutcomeUnknown, "the answer was lost; it happened");
  return {};
}

Result<std::optional<LedgerRow>> SimCatalog::FindCommit(const Uuid& table, const Uuid& commit_id) {
  TM_TRY(Enter());
  const auto ledger = state_.ledgers.find(table);
  if (ledger == state_.ledgers.end()) return std::optional<LedgerRow>();
  for (const LedgerRow& row : ledger->second) {
    if (row.commit_id == commit_id) return std::optional(row);
  }
  return std::optional<LedgerRow>();
}

Result<std::vector<LedgerRow>> SimCatalog::Ledger(const Uuid& table) {
  TM_TRY(Enter());
  const auto found = state_.ledgers.find(table);
  return found == state_.ledgers.end() ? std::vector<LedgerRow>() : found->second;
}

Status SimCatalog::AddInflight(const Inflight& inflight) {
  TM_TRY(Enter());
  const auto table = state_.tables.find(inflight.table);
  if (table == state_.tables.end()) return Fail(Code::kNotFound, "no such table");
  const bool unchecked = env::Planted(env::Bug::kEpochNotChecked) ||
                         env::Planted(env::Bug::kStalePlanAppended) ||
                         env::Planted(env::Bug::kInflightNotFenced);
  if (!unchecked && state_.epochs[table->second.log_id] != inflight.epoch) {
    return Fail(Code::kConflict, "epoch");
  }
  state_.inflight[inflight.id] = inflight;
  return {};
}

Result<std::vector<Inflight>> SimCatalog::ListInflight() {
  TM_TRY(Enter());
  std::vector<Inflight> all;
  for (const auto& [id, inflight] : state_.inflight) all.push_back(inflight);
  return all;
}

Status SimCatalog::RemoveInflight(const Uuid& id) {
  TM_TRY(Enter());
  state_.inflight.erase(id);
  return {};
}

Status SimCatalog::AddGarbage(std::span<const Garbage> garbage) {
  TM_TRY(Enter());
  for (const Garbage& entry : garbage) state_.garbage.try_emplace(entry.key, entry);
  return {};
}

Result<std::vector<Garbage>> SimCatalog::DueGarbage(TimeMicros now, std::size_t count_max) {
  TM_TRY(Enter());
  std::vector<Garbage> due;
  for (const auto& [key, entry] : state_.garbage) {
    if (entry.not_before <= now && due.size() < count_max) due.push_back(entry);
  }
  return due;
}

Status SimCatalog::RemoveGarbage(std::span<const std::string> keys) {
  TM_TRY(Enter());
  for (const std::string& key : keys) state_.garbage.erase(key);
  return {};
}

}  // namespace tidemark::sim
