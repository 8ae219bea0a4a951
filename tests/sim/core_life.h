// One life of the whole core on a simulated machine: clients, log, tide and queries as steps in
// seeded order, with disks that fail, tear and forget, catalogs whose answers get lost, clocks that
// jump, and crashes in the middle of anything, recovery included.
//
// The oracle is the client's own list of what it sent and what it was told; it knows what is in
// limbo. Promised and checked at every look: what was acknowledged is there once; what was refused
// is not there; nothing is invented; what was seen once stays; offsets are dense; a held cut reads
// the same whatever happened since; the ledger accounts for every offset and hash.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "env/local_store.h"
#include "env/random.h"
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
  std::uint64_t acknowledged = 0;
};

class CoreLife {
 public:
  explicit CoreLife(std::uint64_t seed);
  ~CoreLife();
  LifeReport Run();

 private:
  struct Sent {
    std::string project;
    TimeMicros timestamp;
    std::string type;
    std::string properties;
  };
  enum class Fate { kLimbo, kAcknowledged, kRefused };
  struct Row {
    std::string id;
    LogOffset offset;
  };
  struct HeldCut {
    std::string project;
    std::shared_ptr<const tide::Cut> cut;
    std::vector<std::string> ids;  // Sorted.
    Duration until{};
  };

  void ChooseWorld();
  void Step();
  void SendBatch();
  void Look();
  void Hold();
  void CheckHeld();
  void Disaster();
  void Fall();
  bool Reopen();
  bool OpenOnce();
  void MoveClock();
  void ChangePlagues();
  void EndWell();
  void CheckLedger(const std::string& project, const tide::Cut& cut, const Hash128& lake_hash,
                   std::uint64_t lake_rows);
  void CheckNoOrphans();
  bool ReadCut(const tide::Cut& cut, std::vector<Row>* rows, Hash128* lake_hash,
               std::uint64_t* lake_rows);
  void Collect(const event::RowSource& rows, std::vector<Row>* out);
  void CheckRow(const std::string& id, std::string_view type, std::int64_t micros,
                std::string_view properties);
  bool Expect(bool condition, const std::string& what);

  env::Random dice_;
  env::Random log_dice_;
  env::Random tide_dice_;
  SimDisk disk_;
  SimClock clock_;
  SimCatalog catalog_;
  env::LocalStore store_;
  RowFileWriter writer_;
  RowFileReader reader_;
  SimDiskOptions plagues_;
  SimCatalogOptions catalog_plagues_;
  tide::TideOptions options_;
  std::uint64_t budget_bytes_ = 0;

  // The process that lives now.
  std::unique_ptr<telemetry::Registry> registry_;
  std::unique_ptr<MemoryBudget> budget_;
  std::unique_ptr<tide::Core> core_;
  std::vector<HeldCut> held_;

  // What the clients know.
  std::map<std::string, Sent> sent_;
  std::map<std::string, Fate> fates_;
  std::uint64_t next_id_ = 0;
  LifeReport report_;
};

}  // namespace tidemark::sim
