// One life of the whole core on a simulated machine: clients, log, tide and queries as steps in
// seeded order, with disks that fail, fill up, tear and forget, catalogs whose answers get lost or
// come late, clocks that jump, second owners, and crashes in the middle of anything, recovery
// included. Inside a flush, between its steps, clients and queries go on. In some lives another
// engine commits to the tables too: it appends, deletes, sets properties and rolls back.
//
// Checked at every look, against the oracle: what was acknowledged is there once; what was refused
// is not there; nothing is invented or changed; what was seen once stays; offsets are dense; a held
// cut reads the same whatever happened since; the ledger accounts for every offset and hash.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "env/local_store.h"
#include "env/random.h"
#include "lake/known_parts.h"
#include "sim/foreign.h"
#include "sim/oracle.h"
#include "sim/row_file.h"
#include "sim/sim_catalog.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"
#include "telemetry/metrics.h"
#include "tide/core.h"

namespace tidemark::sim {

struct LifeReport {
  std::string failure;  // Empty: every promise was kept.
  std::uint64_t trace_hash = 0;
  std::uint64_t steps = 0;
  std::uint64_t crashes = 0;
  std::uint64_t flushes = 0;
  std::uint64_t usurpers = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t foreign_commits = 0;
  std::uint64_t kept_copies = 0;  // Of a path in a file, compared with what was sent.
};

class CoreLife {
 public:
  explicit CoreLife(std::uint64_t seed);
  ~CoreLife();
  LifeReport Run();

 private:
  struct HeldCut {
    std::size_t project = 0;
    std::shared_ptr<const tide::Cuts> cuts;
    Duration until{};
  };
  // A data file never changes: it is decoded once, and read again to see that it is still there.
  struct KnownFile {
    std::uint64_t bytes_hash = 0;
    bool backfilled = false;
    std::uint64_t life = 0;  // It was last read after so many crashes.
    std::vector<Oracle::Row> rows;
    Hash128 rows_hash;
    std::vector<event::KeptPath> kept;  // Whose copies were compared with what was sent.
  };
  // A process: what dies with it.
  struct Process {
    telemetry::Registry registry;
    MemoryBudget budget;
    env::LocalStore store;
    std::unique_ptr<tide::Core> core;
    Process(std::uint64_t budget_bytes, env::Disk* disk)
        : budget(budget_bytes), store(disk, "lake") {}
  };
  struct Backup {
    SimCatalog::State catalog;
    SimDisk::Contents log;
    std::map<std::string, LogOffset, std::less<>> ends;  // Of the log, by project.
    bool taken = false;
  };

  void ChooseWorld();
  void ChooseTables();
  void ChooseMemory();
  void Step();
  void SendBatch();
  void Index();
  void Foreign();
  void Promote();
  void Backfill();
  Duration TideStep();
  void MoveClock();
  void JumpWall();
  void ChangePlagues();
  void BeHealthy();
  void TakeBackup();

  // Looking.
  void Look();
  void Hold();
  void CheckHeld();
  // False if the disk did not answer: then nothing can be said.
  bool ReadCut(std::size_t log, const tide::Cut& cut, Hash128* lake_hash);
  std::set<std::string> BackfillsOf(const Uuid& table) const;
  bool ReadCuts(std::size_t project, const tide::Cuts& cuts);
  // `columns`: those of a head that has the file.
  KnownFile* ReadFile(const std::string& key,
                      const std::shared_ptr<const event::TableSchema>& columns);
  // The copies of kept paths that the file has, as the head understands them. False if the disk did
  // not answer.
  bool ReadKept(const lake::LiveFile& live, const event::TableSchema& columns, KnownFile* file);
  void CheckLedger(std::size_t project, const tide::Cut& cut, const Hash128& lake_hash);
  // But for those in `seen`.
  void CheckHeadFiles(const tide::Cut& cut, std::set<std::string>* seen);
  // Without reading a row: the cut is whole.
  void Glance();

  // Dying and coming back.
  void Disaster();
  void Fall();
  bool Reopen();
  bool OpenOnce();
  std::unique_ptr<Process> OpenProcess(Error* error);
  void AtFlushStep(tide::FlushStep step);
  void Tide();
  void Usurp();
  void EndUsurped();

  // The end of a life.
  void EndWell();
  void CheckNoOrphans();
  bool ReopenCalmly();
  void CheckIdle();
  void SettleAll();
  void LastScene();
  void MetadataRots();
  void DataFileRots();
  void CatalogFromBackup();
  void OlderStateBesideLake();
  // Of what another engine has committed since the backup: nothing; or it may be told by the lake's
  // files; or it must, for something was built on it.
  enum class Told : std::uint8_t { kNothing, kMayBe, kMustBe };
  Told ForeignSinceBackup(const SimCatalog::State& now) const;
  void GoOnFromCopy(const SimCatalog::State& lake);
  bool HeadsAreGone(const SimCatalog::State& catalog);
  void LogFromBackup();
  void LogOfAnother();
  void CatalogIsRebuilt();
  void LivesAreShort();

  // Nothing of a process may be held beyond its death: so no map of projects leaves this.
  void ForEachProject(const std::function<void(const tide::Project& project)>& visit) {
    const auto projects = core().AllProjects();
    for (const auto& [name, project] : *projects) visit(*project);
  }
  tide::Core& core() { return *process_->core; }
  template <class What>
  bool Expect(bool condition, const What& what) {
    return oracle_.Expect(condition, what);
  }
  bool failed() const { return !oracle_.failure().empty(); }

  env::Random dice_;
  env::Random log_dice_;
  env::Random tide_dice_;
  SimDisk disk_;
  SimClock clock_;
  SimCatalog catalog_;
  lake::KnownParts known_parts_{16_MiB,
                                16_MiB};  // Of all processes: their memory of files is no secret.
  env::LocalStore store_;
  ForeignWriter foreign_;
  RowFileWriter writer_;
  RowFileReader reader_;
  SimDiskOptions plagues_;
  SimCatalogOptions catalog_plagues_;
  tide::TideOptions options_;
  std::uint64_t budget_bytes_ = 0;
  std::size_t projects_ = kProjectCount;  // That have clients.
  bool merges_ = false;                   // Commits merge manifests.
  bool foreigners_ = false;
  bool backfills_ = false;  // Some commit may have replaced files: manifests were written again.

  std::unique_ptr<Process> process_;
  std::unique_ptr<Process> usurper_;  // Opened while the other one was inside a flush.
  bool usurped_ = false;              // The one that lives now is no longer the owner.
  bool had_usurped_ = false;          // Something of the old owner may lie about until a restart.
  bool is_replaced_ = false;          // It settles, and has no right to.
  bool in_flush_ = false;             // Its steps may be interleaved with others.
  std::vector<HeldCut> held_;
  std::unordered_map<std::string, KnownFile> files_;
  std::set<std::string> committed_;  // Data files that were in a head with promoted columns.
  std::map<std::string, std::weak_ptr<const lake::TableHead>> noted_;  // Those heads, by log.
  Backup backup_;
  Oracle oracle_;
  LifeReport report_;
};

}  // namespace tidemark::sim
