// How a life ends: the faults stop, everything settles, nothing lies about; then one last disaster
// that an operator could cause.
#include <set>

#include "lake/table.h"
#include "lake/table_columns.h"
#include "sim/core_life.h"

namespace tidemark::sim {
namespace {

constexpr int kCalmSteps = 24;
constexpr int kMergeStepsMax = 10'000;
// More than the wall clock can have jumped ahead, so that all garbage is due.
constexpr Duration kCalmTime = std::chrono::hours(24 * 20);
// Up to so many commits, each with a manifest for each spec at most, none are merged unless the
// table's properties say so.
constexpr std::int64_t kUnmergedMax = 30;
constexpr int kLivesOfCheckpoint = 3;
constexpr int kShortLives = 6;

}  // namespace

void CoreLife::SettleAll() {
  for (int i = 0; i < 1'000 && !core().ingest_idle(); ++i) core().IngestStep();
  Expect(core().ingest_idle(), "what was taken is not written on a healthy machine");
  Status settled = Fail(Code::kInternal, "not answered");
  core().Settle([&settled](const Status& status) { settled = status; });
  // To the end of a backfill that is on its way.
  for (int i = 0; i < 1'000 && TideStep() == Duration::zero(); ++i) {
  }
  Expect(settled.has_value(), "the tide does not settle on a healthy machine");
  core().IngestStep();
  ForEachProject([&](const tide::Project& project) {
    Expect(project.cut()->hot_count() == 0, "events stay hot on a healthy machine");
  });
}

void CoreLife::EndWell() {
  plagues_ = {};
  catalog_plagues_ = {};
  if (disk_.dying()) {
    Fall();
    if (!ReopenCalmly()) return;
  }
  BeHealthy();
  disk_.DieAtCall(0);
  if (backup_.taken && dice_.OneIn(6)) return CatalogFromBackup();
  if (backup_.taken && dice_.OneIn(8)) return OlderStateBesideLake();
  if (dice_.OneIn(2) && !had_usurped_) {
    // What failed while this process lived is put right without a restart.
    Look();
    SettleAll();
    CheckIdle();
    if (failed()) return;
  }
  Fall();
  if (!ReopenCalmly()) return;
  Look();
  SettleAll();
  CheckIdle();
  Look();
  if (failed()) return;
  LastScene();
  if (process_) report_.flushes += process_->core->metrics().flushes.value();
}

// Faults have stopped and nobody sends: all work comes to an end.
void CoreLife::CheckIdle() {
  held_.clear();
  core().IngestStep();
  // A commit without rows that failed is tried again by itself: its garbage is none of later.
  clock_.Advance(options_.retry_last);
  TideStep();
  clock_.Advance(kCalmTime);
  for (int i = 0; i < kCalmSteps; ++i) {
    core().IngestStep();
    TideStep();
    for (int step = 0; step < kMergeStepsMax && core().IndexStep() == Duration::zero(); ++step) {
    }
  }
  const std::uint64_t index_bytes = core().index() ? core().index()->memory_bytes() : 0;
  Expect(process_->budget.used_bytes() == index_bytes,
         "idle, yet " + std::to_string(process_->budget.used_bytes()) + " bytes are in use");
  Expect(core().log().stats().segments == 1,
         "settled log stays: " + std::to_string(core().log().stats().segments) + " segments");
  Expect(catalog_.state().inflight.empty(), "an in-flight record stays");
  Expect(catalog_.state().garbage.empty(), "garbage stays");
  CheckNoOrphans();
}

void CoreLife::CheckNoOrphans() {
  std::set<std::string> live;
  bool merged = merges_ || backfills_ || foreign_.commits() > 0;
  const auto add = [&](const std::string& uri) { live.insert(store_.KeyOf(uri).value()); };
  ForEachProject([&](const tide::Project& project) {
    const auto head = project.cut()->lake;
    if (!head) return;
    merged = merged || head->metadata->last_sequence_number > kUnmergedMax;
    head->files->ForEach([&live](const lake::LiveFile& file) { live.insert(file.key); });
    live.insert(head->metadata_key);
    for (const auto& entry : head->metadata->metadata_log) add(entry.metadata_file);
    for (const auto& snapshot : head->metadata->snapshots) add(snapshot->manifest_list);
    for (const auto& manifest : head->manifests) add(manifest.path);
  });
  const auto keys = store_.List("");
  if (!Expect(keys.has_value(), "the lake cannot be listed")) return;
  for (const std::string& key : *keys) {
    // A table's first metadata, of a creation that died, that was being removed when the process
    // died, comes back with the power and is in nobody's way.
    if (key.find("/metadata/00000-") != std::string::npos) continue;
    if (foreign_.Left(key) || committed_.contains(key)) continue;
    // A commit that came in after it was looked for, and then a crash, leave the metadata of the
    // attempt after it; and of older snapshots' merged manifests nobody has told us here.
    const bool known_leak =
        key.find("/data/") == std::string::npos && (merged || catalog_.landed_late() > 0);
    Expect(live.contains(key) || known_leak, [&] { return "an orphan stays: " + key; });
  }
}

bool CoreLife::ReopenCalmly() {
  BeHealthy();
  disk_.DieAtCall(0);
  return Expect(OpenOnce(), "the core does not open on a healthy machine");
}

void CoreLife::LastScene() {
  switch (dice_.Below(7)) {
    case 0:
      return MetadataRots();
    case 1:
      return DataFileRots();
    case 2:
    case 3:
      return LogFromBackup();
    case 4:
      return LogOfAnother();
    case 5:
      return CatalogIsRebuilt();
    case 6:  // Takes as long as a life.
      return dice_.OneIn(3) ? LivesAreShort() : MetadataRots();
    default:
      return;
  }
}

// C9: the file of the head is lost or damaged; the catalog has a copy.
void CoreLife::MetadataRots() {
  std::string key;
  ForEachProject([&](const tide::Project& project) {
    if (project.cut()->lake) key = project.cut()->lake->metadata_key;
  });
  if (key.empty()) return;
  Fall();
  if (dice_.OneIn(2)) {
    disk_.Rot("lake/" + key, dice_.Next());
  } else {
    Expect(disk_.Remove("lake/" + key).has_value(), "the scene fails");
  }
  if (!ReopenCalmly()) return;
  Expect(core().metrics().metadata_restored.value() == 1, "no alarm for a restored file");
  Look();
}

// One file is lost; whoever reads it is told which; all else goes on.
void CoreLife::DataFileRots() {
  std::string key;
  ForEachProject([&](const tide::Project& project) {
    if (!project.cut()->lake) return;
    project.cut()->lake->files->ForEach([&](const lake::LiveFile& file) {
      if (key.empty() || dice_.OneIn(3)) key = file.key;
    });
  });
  if (key.empty() || !disk_.Rot("lake/" + key, dice_.Next())) return;
  const Status read = reader_.Read(store_.NativePath(key), event::EventsSchema(),
                                   [](const event::RowSource& /*rows*/) { return Status(); });
  Expect(!read && read.error().code() == Code::kCorruption &&
             read.error().message().find(key) != std::string::npos,
         "rot is not named");
  Fall();
  if (!ReopenCalmly()) return;
  for (int i = 0; i < 6; ++i) SendBatch();
  SettleAll();
}

// What an old catalog names may have been garbage since.
bool CoreLife::HeadsAreGone(const SimCatalog::State& catalog) {
  for (const auto& [uuid, table] : catalog.tables) {
    const auto metadata = lake::ParseMetadata(table.metadata_bytes, &known_parts_);
    if (!Expect(metadata.has_value(), "the catalog's copy of metadata does not parse"))
      return false;
    const lake::Snapshot* head = metadata->current();
    if (head == nullptr) continue;
    const auto there = store_.Exists(store_.KeyOf(head->manifest_list).value());
    if (there && !*there) return true;
  }
  return false;
}

CoreLife::Told CoreLife::ForeignSinceBackup(const SimCatalog::State& now) const {
  Told told = Told::kNothing;
  for (const auto& [uuid, table] : now.tables) {
    const auto later = lake::ParseMetadata(table.metadata_bytes);
    const auto copy = backup_.catalog.tables.find(uuid);
    std::int64_t known = 0;
    if (copy != backup_.catalog.tables.end()) {
      known = lake::ParseMetadata(copy->second.metadata_bytes)->last_sequence_number;
    }
    // Those that have expired, older files have still.
    if (foreigners_ && later->last_sequence_number > known) told = std::max(told, Told::kMayBe);
    for (const auto& snapshot : later->snapshots) {
      const bool foreign = snapshot->Summary(lake::kSummaryKind) == "external";
      if (!foreign || snapshot->sequence_number <= known) continue;
      const bool is_last = snapshot->sequence_number == later->last_sequence_number;
      told = std::max(told, is_last ? Told::kMayBe : Told::kMustBe);
    }
  }
  return told;
}

// C10: the catalog comes back from an older copy. If the log still has the events from there on,
// everything goes on exactly; else the start is refused, and where it would undo what another
// engine did.
void CoreLife::CatalogFromBackup() {
  Look();
  if (failed()) return;
  bool trimmed = false;
  bool promoted = false;  // The log has events of a promotion that the copy does not know.
  ForEachProject([&](const tide::Project& project) {
    LogOffset from;
    std::uint32_t promotions = 0;
    for (const auto& [uuid, table] : backup_.catalog.tables) {
      if (table.ns != project.project() || table.name != project.table()) continue;
      from = table.visible();
      const auto metadata = lake::ParseMetadata(table.metadata_bytes, &known_parts_);
      if (metadata) promotions = lake::ColumnsOf(*metadata, project.schema())->promotions;
    }
    LogOffset at = from;
    const Status read = core().log().Read(project.name(), from, [&](const wal::Frame& frame) {
      if (frame.first_offset <= at) at = frame.end_offset();
      const auto batch = event::BatchReader::Open(frame.payload);
      promoted = promoted || (batch && batch->promotion() > promotions);
      return Status();
    });
    trimmed = trimmed || !read || at < project.cut()->end();
  });
  SimCatalog::State now = catalog_.state();
  const bool gone = HeadsAreGone(backup_.catalog);
  const Told foreign = ForeignSinceBackup(now);
  Fall();
  catalog_.Restore(backup_.catalog);
  foreign_.Forget(catalog_);
  budget_bytes_ = 64_MiB;
  Error error(Code::kInternal, "");
  oracle_.BeginLife();
  process_ = OpenProcess(&error);
  if (gone) {
    Expect(process_ == nullptr && error.code() == Code::kCorruption,
           "a catalog whose files are gone is taken: " + error.ToString());
    return;
  }
  // Segments that were trimmed may be back: nothing waits for their removal to be durable.
  if (promoted || (trimmed && process_ == nullptr)) {
    Expect(process_ == nullptr && error.code() == Code::kCorruption &&
               error.message().find("doctor") != std::string::npos,
           "a catalog without its log is taken: " + error.ToString());
    return;
  }
  const bool told = error.message().find("another engine's commit") != std::string::npos;
  if (process_ == nullptr && told && foreign != Told::kNothing) return;
  if (!Expect(process_ != nullptr, "a log with all events is refused: " + error.ToString())) return;
  if (!Expect(foreign != Told::kMustBe, "what another engine did is undone")) return;
  Look();
  Status settled;
  core().Settle([&settled](const Status& status) { settled = status; });
  TideStep();
  // A table that the copy does not know is not made a second time.
  const bool unknown = backup_.catalog.tables.size() < now.tables.size();
  Expect(settled || (unknown && settled.error().code() == Code::kCorruption),
         "after the catalog came back: " + (settled ? "" : settled.error().ToString()));
  Look();
}

// Catalog and log come back from an older copy, the lake stays as it is. What it has settled since
// is in no answer of theirs: the start is refused, and has harmed nothing. Where nothing was
// settled since, the copy goes on, and what was acknowledged since is gone.
void CoreLife::OlderStateBesideLake() {
  Look();
  if (failed()) return;
  const SimCatalog::State now = catalog_.state();
  const bool gone = HeadsAreGone(backup_.catalog);
  bool sent_since = false;
  ForEachProject([&](const tide::Project& project) {
    const auto found = backup_.ends.find(project.name());
    sent_since = sent_since || found == backup_.ends.end() || found->second < project.cut()->end();
  });
  Fall();
  const SimDisk::Contents log = disk_.Backup(options_.log.folder);
  const bool log_alone = dice_.OneIn(4);
  const Told foreign = log_alone ? Told::kNothing : ForeignSinceBackup(now);
  if (!log_alone) catalog_.Restore(backup_.catalog);
  disk_.Restore(options_.log.folder, backup_.log);
  budget_bytes_ = 64_MiB;
  // Refused once, it is refused for good.
  for (int tries = 0; tries < 2; ++tries) {
    Error error(Code::kInternal, "");
    process_ = OpenProcess(&error);
    if (process_) {
      if (!Expect(foreign != Told::kMustBe, "what another engine did is undone")) return;
      if (log_alone) oracle_.Untie();  // Streams settle one by one, and in the middle of a request.
      return GoOnFromCopy(now);
    }
    const bool newer = sent_since || gone || foreign != Told::kNothing;
    if (!Expect(error.code() == Code::kCorruption && newer,
                "a copy that nothing was added to is refused: " + error.ToString())) {
      return;
    }
    disk_.Kill();
  }
  for (const auto& [uuid, table] : now.tables) {
    const auto found = lake::FindNewestMetadata(store_, table.location);
    Expect(found.has_value() && found->record.visible() >= table.visible(), [&] {
      return "a start that was refused has harmed the lake of " + table.ns + ": " +
             (found ? to_string(found->record.visible()) : found.error().ToString()) + ", not " +
             to_string(table.visible());
    });
  }
  catalog_.Restore(now);
  disk_.Restore(options_.log.folder, log);
  if (!ReopenCalmly()) return;
  Look();
  for (int i = 0; i < 6; ++i) SendBatch();
  SettleAll();
  Look();
}

// Of a copy beside a lake whose catalog was `lake`.
void CoreLife::GoOnFromCopy(const SimCatalog::State& lake) {
  oracle_.BeginLife();
  oracle_.SetResends(false);  // What is gone may be sent again, and nobody does here.
  foreign_.Forget(catalog_);
  for (std::size_t project = 0; project < kProjectCount; ++project) {
    const auto cuts = core().CutsOf(kProjects[project]);
    for (const tide::Stream stream : tide::kStreams) {
      const LogOffset end = (*cuts)[stream]->end();
      const auto copied = backup_.ends.find(tide::LogName(kProjects[project], stream));
      Expect(copied == backup_.ends.end() || copied->second <= end,
             "a copy has less than when it was taken");
      oracle_.Forget(LogOf(project, stream), end);
      for (const auto& [uuid, table] : lake.tables) {
        if (table.ns != kProjects[project] || table.name != tide::TableName(stream)) continue;
        Expect(table.visible() <= end, [&] {
          return "a catalog and a log of before the lake are taken: " + table.ns + " had settled " +
                 to_string(table.visible()) + ", " + to_string(end) + " are there";
        });
      }
    }
  }
  Look();
  if (failed()) return;
  for (int i = 0; i < 6; ++i) SendBatch();
  while (!core().ingest_idle()) core().IngestStep();
  Look();
  Status settled;
  core().Settle([&settled](const Status& status) { settled = status; });
  TideStep();
  const bool unknown = backup_.catalog.tables.size() < lake.tables.size();
  Expect(settled || (unknown && settled.error().code() == Code::kCorruption),
         "after a copy came back: " + (settled ? "" : settled.error().ToString()));
  Look();
  Fall();
  if (!ReopenCalmly()) return;
  Look();
  if (!failed() && !unknown && dice_.OneIn(2)) OlderStateBesideLake();
}

// The log comes back from an older copy: it ends below what is settled. No offset is given twice.
void CoreLife::LogFromBackup() {
  if (!backup_.taken || backup_.log.empty()) return;
  bool behind = false;
  ForEachProject([&](const tide::Project& project) {
    const auto found = backup_.ends.find(project.name());
    const LogOffset end = found == backup_.ends.end() ? LogOffset(0) : found->second;
    behind = behind || end < project.cut()->settled();
  });
  Fall();
  // The ids of events that only the lake has are forgotten with the log's newer part.
  oracle_.SetResends(false);
  disk_.Restore(options_.log.folder, backup_.log);
  if (!ReopenCalmly()) return;
  Expect((core().metrics().log_behind_lake.value() > 0) == behind,
         "the alarm for a log behind its lake is wrong");
  Look();
  for (int round = 0; round < 1 && !failed(); ++round) {
    for (int i = 0; i < 6; ++i) SendBatch();
    while (!core().ingest_idle()) core().IngestStep();
    Look();
    SettleAll();
    Look();
    Fall();
    if (!ReopenCalmly()) return;
    Look();
  }
}

// The catalog is lost, and made again from what the tables say of themselves.
void CoreLife::CatalogIsRebuilt() {
  const SimCatalog::State& lost = catalog_.state();
  if (lost.tables.empty() || foreigners_) return;  // What others moved the tables do not have.
  Fall();
  SimCatalog::State rebuilt;
  for (const auto& [uuid, table] : lost.tables) {
    const auto found = lake::FindNewestMetadata(store_, table.location);
    if (!Expect(found && found->record.visible() >= table.visible(),
                "a table is not found whole")) {
      return;
    }
    rebuilt.tables[uuid] = found->record;
    rebuilt.ledgers[uuid] = found->ledger;
    Epoch& epoch = rebuilt.epochs[table.log_id];
    epoch = std::max(epoch, found->record.epoch);
  }
  catalog_.Restore(rebuilt);
  if (!ReopenCalmly()) return;
  Look();
  for (int i = 0; i < 6; ++i) SendBatch();
  SettleAll();
  Look();
}

// The process dies again and again before what its index of ids has in memory is old. The log that
// it replays is given back all the same.
void CoreLife::LivesAreShort() {
  const Duration life = options_.dedupe.checkpoint_age / kLivesOfCheckpoint;
  for (int i = 0; i < kShortLives && !failed(); ++i) {
    SendBatch();
    SettleAll();
    clock_.Advance(life);
    core().IngestStep();
    for (int step = 0; step < kMergeStepsMax && core().IndexStep() == Duration::zero(); ++step) {
    }
    const TimeMicros wall = clock_.WallNow();
    Fall();
    clock_.SetWall(wall);  // By a clock that went back nothing is old.
    if (!ReopenCalmly()) return;
  }
  Look();
  clock_.Advance(options_.log.retention + options_.trim_pause);
  core().IngestStep();
  Expect(core().log().stats().segments < kShortLives, [&] {
    return "the log of short lives stays: " + std::to_string(core().log().stats().segments) +
           " segments";
  });
}

// Another log lies in the folder.
void CoreLife::LogOfAnother() {
  if (catalog_.state().tables.empty()) return;
  Fall();
  const SimDisk::Contents log = disk_.Backup(options_.log.folder);
  disk_.Restore(options_.log.folder, {});
  Error error(Code::kInternal, "");
  process_ = OpenProcess(&error);
  Expect(process_ == nullptr && error.code() == Code::kCorruption &&
             error.message().find("not the one") != std::string::npos,
         "a log of another table is taken: " + error.ToString());
  process_.reset();
  disk_.Kill();
  disk_.Restore(options_.log.folder, log);
  if (ReopenCalmly()) Look();
}

}  // namespace tidemark::sim
