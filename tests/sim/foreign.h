// Another engine in a life of the core: it commits to the tables through the catalog's own code
// (iceberg/managed_commit.h), between any two steps of the core and inside its flushes. It knows
// what must be seen at each version of a table: which offsets it has deleted, which files are its
// own.
//
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "env/local_store.h"
#include "env/random.h"
#include "iceberg/managed_commit.h"
#include "lake/manifest.h"
#include "sim/sim_catalog.h"

namespace tidemark::sim {

class ForeignWriter {
 public:
  // What others have made of a table, at one of its versions.
  struct State {
    std::set<std::int64_t> erased;  // Offsets that the lake answers for and does not have.
    std::set<std::string> files;    // Keys of live data files of others.
    std::uint64_t rows = 0;         // In those.
  };
  // The offsets of the rows of a data file of the server; false: the disk does not answer.
  using OffsetsOf = std::function<bool(const std::string& key, std::set<std::int64_t>* offsets)>;

  ForeignWriter(SimCatalog* catalog, env::LocalStore* store, lake::KnownParts* known_parts,
                env::Random* dice)
      : catalog_(catalog),
        store_(store),
        known_parts_(known_parts),
        dice_(dice),
        locations_(store, {}) {}

  // One commit to the table of `ns`, if it has one; on a healthy catalog. `epoch`: of the process
  // that serves it. False if it was refused or failed: nothing has changed.
  bool Commit(const std::string& ns, Epoch epoch, TimeMicros now, const OffsetsOf& offsets_of);

  const State& At(const Uuid& table, std::int64_t version) const;
  const State& Latest(const std::string& ns) const;
  // The catalog has come back from an older copy.
  void Forget(const SimCatalog& catalog);
  // Files that it wrote, or took out of a table: nobody deletes them.
  bool Left(const std::string& key) const { return left_.contains(key); }
  std::uint64_t commits() const { return commits_; }
  std::uint64_t rollbacks() const { return rollbacks_; }
  const std::string& problem() const { return problem_; }

 private:
  struct Table {
    std::map<std::int64_t, State> states;     // By the version from which it holds.
    std::map<std::int64_t, State> snapshots;  // That were the head when it looked.
  };
  struct Plan;

  void PlanAppend(Plan* plan);
  bool PlanAgain(Plan* plan);
  void AddFile(const std::string& key, Plan* plan);
  bool PlanDelete(const OffsetsOf& offsets_of, Plan* plan);
  bool PlanRollback(Plan* plan);
  bool AddSnapshot(std::string_view operation, std::vector<lake::ManifestFile> manifests,
                   Plan* plan);
  std::string Key(const std::string& location, std::string_view folder, std::string_view ending);

  SimCatalog* const catalog_;
  env::LocalStore* const store_;
  lake::KnownParts* const known_parts_;
  env::Random* const dice_;
  const iceberg::Locations locations_;
  iceberg::ManifestCache manifests_;
  std::map<Uuid, Table> tables_;
  std::set<std::string> left_;
  std::uint64_t numbers_ = 0;
  std::uint64_t commits_ = 0;
  std::uint64_t rollbacks_ = 0;
  std::string problem_;
};

}  // namespace tidemark::sim
