// The simulation's catalog: in memory, durable at once, with commits that conflict, are refused, or
// whose outcome is unknown in all three truths: it happened, it did not, it will a little later.
#pragma once

#include <map>
#include <vector>

#include "catalog/catalog.h"
#include "env/random.h"

namespace tidemark::sim {

struct SimCatalogOptions {
  std::uint64_t unavailable_one_in = 0;  // Any call: nothing happened.
  std::uint64_t unknown_one_in = 0;      // A commit: it happened or not, or will, by dice.
};

class SimCatalog final : public catalog::Catalog {
 public:
  explicit SimCatalog(std::uint64_t seed) : random_(seed) {}
  void SetOptions(SimCatalogOptions options) { options_ = options; }
  const SimCatalogOptions& options() const { return options_; }
  // For tests that put an older state back (C10).
  struct State {
    std::map<std::string, Epoch, std::less<>> epochs;
    std::map<Uuid, catalog::TableRecord> tables;
    std::map<Uuid, std::vector<catalog::LedgerRow>> ledgers;
    std::map<Uuid, catalog::Inflight> inflight;
    std::map<std::string, catalog::Garbage> garbage;
  };
  const State& state() const { return state_; }
  // Table changes that came in; those of them that came in after their answer was lost.
  std::size_t commits() const { return commits_; }
  std::size_t landed_late() const { return landed_late_; }
  void Restore(State state) {
    state_ = std::move(state);
    late_.clear();
  }

  Result<Epoch> BeginEpoch(std::string_view log_id) override;
  Result<Epoch> CurrentEpoch(std::string_view log_id) override;
  Status CreateTable(const catalog::TableRecord& record,
                     std::span<const catalog::LedgerRow> ledger) override;
  Result<std::optional<catalog::TableRecord>> FindTable(std::string_view ns,
                                                        std::string_view name) override;
  Result<std::optional<catalog::TableRecord>> FindTable(const Uuid& table) override;
  Result<std::vector<catalog::TableRecord>> ListTables() override;
  Status Commit(std::span<const catalog::TableChange> changes) override;
  Result<std::optional<catalog::LedgerRow>> FindCommit(const Uuid& table,
                                                       const Uuid& commit_id) override;
  Result<std::vector<catalog::LedgerRow>> Ledger(const Uuid& table) override;
  Status AddInflight(const catalog::Inflight& inflight) override;
  Result<std::vector<catalog::Inflight>> ListInflight() override;
  Status RemoveInflight(const Uuid& id) override;
  Status AddGarbage(std::span<const catalog::Garbage> garbage) override;
  Result<std::vector<catalog::Garbage>> DueGarbage(TimeMicros now, std::size_t count_max) override;
  Status RemoveGarbage(std::span<const std::string> keys) override;

 private:
  Status Enter();
  // Commits whose answer was lost come in, if nothing came before them.
  void LandLate();
  Status CheckAll(std::span<const catalog::TableChange> changes) const;
  Status Check(const catalog::TableChange& change) const;
  void Apply(const catalog::TableChange& change);

  SimCatalogOptions options_;
  env::Random random_;
  State state_;
  std::vector<std::vector<catalog::TableChange>> late_;
  std::size_t commits_ = 0;
  std::size_t landed_late_ = 0;
};

}  // namespace tidemark::sim
