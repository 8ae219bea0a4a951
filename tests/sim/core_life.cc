#include "sim/core_life.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace tidemark::sim {
namespace {

constexpr std::uint64_t kStepsMin = 200;
constexpr std::uint64_t kCrashesMin = 2;
constexpr std::uint64_t kFlushesMin = 2;
constexpr std::uint64_t kStepsMax = 2'000;
constexpr int kOpenTriesMax = 8;
constexpr std::uint32_t kPromotionsMax = 20;  // Of a life: the oracle has a bit for each.

}  // namespace

CoreLife::CoreLife(std::uint64_t seed)
    : dice_(seed),
      log_dice_(seed * 3 + 1),
      tide_dice_(seed * 5 + 2),
      disk_(seed * 7 + 3),
      catalog_(seed * 11 + 4),
      store_(&disk_, "lake"),
      foreign_(&catalog_, &store_, &known_parts_, &dice_),
      writer_(&disk_),
      reader_(&disk_) {
  ChooseWorld();
  // Without the dice, so that lives stay those that they were. The other engine writes v2 alone.
  if (!foreigners_ && seed % 3 == 0) options_.table_format_version = 3;
}

CoreLife::~CoreLife() = default;

void CoreLife::ChooseWorld() {
  projects_ = 1 + dice_.Below(kProjectCount);
  options_.log.segment_bytes = 2'048ULL << dice_.Below(4);
  options_.log.frame_bytes_max = 16_KiB;
  options_.log.group_bytes_max = 64_KiB;
  options_.log.retention = std::chrono::seconds(dice_.Below(3) * 60);
  options_.log.retention_bytes = dice_.Below(32) * 1_KiB;
  options_.log.reserve_bytes = 2_KiB;
  options_.log.free_bytes_min = 1_KiB;
  options_.log.tend_bytes = 2'000;
  options_.group_bytes_max = 1 + dice_.Below(4'000);
  options_.overlap_bytes_min = dice_.Below(4'000);
  options_.trim_pause = std::chrono::seconds(dice_.Below(60));
  options_.flush_age = std::chrono::seconds(20 + dice_.Below(100));
  options_.flush_encoded_bytes = 2'000 + dice_.Below(60'000);
  options_.kept_rows_min = 1;  // Every life that keeps paths meets a schema that moves.
  // None in half of the lives, for they take a fifth of a life's time; else mostly more than events
  // have paths.
  const bool keeps = dice_.OneIn(2);
  const std::uint64_t paths = dice_.OneIn(4) ? dice_.Below(4) : 20;
  options_.kept_paths_max = static_cast<std::uint32_t>(keeps ? paths : 0);
  // Now and then so little that each flush is split into many.
  const bool split = dice_.OneIn(8);
  options_.flush_files_max = static_cast<std::uint32_t>((split ? 1 : 8) + dice_.Below(6));
  options_.flush_rows_max = (split ? 8 : 40) + dice_.Below(100);
  options_.retry_first = std::chrono::milliseconds(10);
  options_.retry_last = std::chrono::milliseconds(500);
  options_.pin_deadline = std::chrono::minutes(10);
  options_.garbage_delay = std::chrono::minutes(15);
  // A window that never ends while a life lasts; or so short that ids are soon forgotten; or none.
  const bool short_window = dice_.OneIn(10);
  options_.dedupe.window =
      short_window ? std::chrono::seconds(dice_.Below(600)) : Duration(std::chrono::hours(24 * 60));
  oracle_.SetResends(!short_window);
  options_.dedupe.table_entries_max = 4 + dice_.Below(60);
  options_.dedupe.checkpoint_age = std::chrono::seconds(5 + dice_.Below(60));
  options_.dedupe.sealed_max = static_cast<std::uint32_t>(1 + dice_.Below(4));
  options_.dedupe.merge_runs = static_cast<std::uint32_t>(2 + dice_.Below(3));
  options_.dedupe.merge_entries_per_step = 1 + dice_.Below(60);
  ChooseTables();
  ChooseMemory();
  const auto plague = [this](std::uint64_t one_in) {
    return dice_.OneIn(2) ? one_in + dice_.Below(one_in * 4) : 0;
  };
  plagues_.write_error_one_in = plague(60);
  plagues_.sync_error_one_in = plague(40);
  plagues_.folder_error_one_in = plague(60);
  plagues_.read_error_one_in = plague(120);
  plagues_.tear_one_in = 1 + dice_.Below(4);
  catalog_plagues_.unavailable_one_in = plague(30);
  catalog_plagues_.unknown_one_in = dice_.OneIn(3) ? 0 : 1 + dice_.Below(4);
}

// Small segments roll; a small budget refuses at the door and flushes as it replays. Segments of
// many rows are zeroed memory for the most part: they are left to some lives.
void CoreLife::ChooseMemory() {
  constexpr std::uint32_t kRowsOfMost = 192;
  const bool rolls = dice_.OneIn(3);
  const bool tight = dice_.OneIn(4);
  budget_bytes_ = tight ? 700'000 + dice_.Below(600'000) : 64_MiB;
  if (rolls) {
    options_.hot.segment_rows_max = static_cast<std::uint32_t>(5 + dice_.Below(40));
    if (tight) budget_bytes_ = 200'000 + dice_.Below(300'000);
  } else if (!tight && !dice_.OneIn(8)) {
    options_.hot.segment_rows_max = kRowsOfMost;
  }
}

void CoreLife::ChooseTables() {
  const auto choose = [this](std::string_view property, std::string value) {
    options_.table_properties[std::string(property)] = std::move(value);
  };
  // The bytes of metadata are compressed in some lives only: it takes a third of such a life.
  if (!dice_.OneIn(16)) {
    choose(lake::kPropertyMetadataCodec, "none");
    choose(lake::kPropertyAvroCodec, "uncompressed");
  }
  // Windows so small that a life's few commits leave old heads behind and merge manifests.
  if (dice_.OneIn(2)) {
    choose(lake::kPropertyMetadataLogMax, std::to_string(1 + dice_.Below(3)));
  }
  // And histories that others keep short; a third of the lives keeps all of it.
  if (dice_.OneIn(3)) {
    choose(lake::kPropertySnapshotsMax, std::to_string(1 + dice_.Below(4)));
  } else if (dice_.OneIn(2)) {
    choose(lake::kPropertySnapshotsMax, std::to_string(6 + dice_.Below(10)));
  }
  foreigners_ = dice_.OneIn(3);
  merges_ = dice_.OneIn(4);
  if (merges_) {
    choose(lake::kPropertyManifestsBeforeMerge, std::to_string(2 + dice_.Below(6)));
  }
}

LifeReport CoreLife::Run() {
  if (Reopen()) {
    while (!failed() && report_.steps < kStepsMax &&
           (report_.steps < kStepsMin || report_.crashes < kCrashesMin ||
            report_.flushes < kFlushesMin)) {
      ++report_.steps;
      Step();
    }
    if (!failed()) EndWell();
  }
  held_.clear();
  process_.reset();
  usurper_.reset();
  report_.acknowledged = oracle_.acknowledged();
  report_.foreign_commits = foreign_.commits();
  report_.failure = oracle_.failure();
  if (!report_.failure.empty()) report_.failure += " (step " + std::to_string(report_.steps) + ")";
  report_.trace_hash = disk_.trace_hash() ^ oracle_.trace();
  return report_;
}

void CoreLife::Step() {
  if (disk_.dying()) {
    Fall();
    Reopen();
    return;
  }
  if (foreigners_ && dice_.OneIn(18)) Foreign();
  const std::uint64_t die = dice_.Below(100);
  if (die < 2 && (die == 0 || report_.crashes < kCrashesMin)) {
    Disaster();
  } else if (die < 12) {
    MoveClock();
  } else if (die < 14) {
    Hold();
  } else if (die < 22) {
    Look();
  } else if (die < 34) {
    Tide();
  } else if (die < 35) {
    core().Settle([](const Status& /*settled*/) {});
  } else if (die < 36) {
    dice_.OneIn(3) ? Backfill() : Promote();
  } else if (die < 39) {
    ChangePlagues();
  } else if (die < 40) {
    TakeBackup();
  } else if (die < 47) {
    Index();
  } else if (die < 71) {
    core().IngestStep();
  } else {
    SendBatch();
  }
}

void CoreLife::SendBatch() {
  const std::size_t project = dice_.Below(projects_);
  Oracle::Batch batch = oracle_.MakeBatch(project, &dice_, clock_);
  event::Request request = std::exchange(batch.request, {});
  core().Submit(
      std::move(request), [this, batch, project](const Result<event::BatchAnswer>& answer) {
        oracle_.Answered(batch, answer);
        if (!answer) return;
        // Acknowledged means visible.
        const auto cuts = core().CutsOf(kProjects[project]);
        Expect((*cuts)[tide::Stream::kEvents]->end() >= answer->receipt.end() &&
                   (*cuts)[tide::Stream::kQuarantine]->end() >= answer->receipt.quarantine_end(),
               "acknowledged before it is visible");
      });
}

// What another engine deletes it has seen: so has the oracle before.
void CoreLife::Foreign() {
  if (usurped_ || disk_.dying() || failed()) return;
  const std::size_t project = dice_.Below(projects_);
  const std::string name(kProjects[project]);
  {
    const auto found = core().FindProject(name);
    if (!found || !found->cut()->lake) return;
    Hash128 hash;
    if (!ReadCut(LogOf(project, tide::Stream::kEvents), *found->cut(), &hash)) return;
  }
  const SimCatalogOptions plagues = catalog_.options();
  catalog_.SetOptions({});
  const bool done =
      foreign_.Commit(name, core().epoch(), clock_.WallNow(),
                      [this, name](const std::string& key, std::set<std::int64_t>* offsets) {
                        const auto& head = core().FindProject(name)->cut()->lake;
                        const KnownFile* file = ReadFile(key, head->columns);
                        if (file == nullptr) return false;
                        for (const auto& row : file->rows) {
                          offsets->insert(row.offset.value);
                        }
                        return true;
                      });
  catalog_.SetOptions(plagues);
  Expect(foreign_.problem().empty(), foreign_.problem());
  if (done) oracle_.Erase(LogOf(project, tide::Stream::kEvents), foreign_.Latest(name).erased);
  // The server hears of it, or finds out with its next commit.
  if (!done || in_flush_ || dice_.OneIn(3)) return;
  core().Refresh(name, [](const Status& /*refreshed*/) {});
  if (dice_.OneIn(2)) Tide();
}

// Other clients go on meanwhile; the answer may get lost with the process.
void CoreLife::Promote() {
  if (usurped_ || disk_.dying() || oracle_.promotions() >= kPromotionsMax) return;
  const std::size_t project = dice_.Below(projects_);
  const std::string name(kProjects[project]);
  const auto end = [this, name] { return (*core().CutsOf(name))[tide::Stream::kEvents]->end(); };
  oracle_.Promoting(project, end());
  const std::string column = "c" + std::to_string(oracle_.promotions());
  core().Promote(name, {{"n", column, event::Type::kString}},
                 [this, project, end](const auto& columns) {
                   if (columns) oracle_.Promoted(project, **columns, end());
                 });
  if (dice_.OneIn(2)) Tide();
}

// Where another engine deletes, its files are left out, and what has a column is hard to tell.
void CoreLife::Backfill() {
  if (usurped_ || disk_.dying() || foreigners_) return;
  backfills_ = true;
  const std::size_t project = dice_.Below(projects_);
  const std::string name(kProjects[project]);
  core().Backfill(name, [this](const Result<tide::BackfillReport>& report) {
    Expect(!report || report->files_left == 0, "a backfill leaves files of the server's own out");
  });
  for (int i = 0; i < 4 && !disk_.dying() && !failed(); ++i) Tide();
}

// Files that a backfill replaces stay, for those who read older snapshots.
Duration CoreLife::TideStep() {
  const Duration pause = core().TideStep();
  ForEachProject([this](const tide::Project& project) {
    const auto head = project.cut()->lake;
    if (!head || head->columns->promotions == 0) return;
    std::weak_ptr<const lake::TableHead>& noted = noted_[project.name()];
    if (noted.lock() == head) return;
    noted = head;
    head->files->ForEach([this](const lake::LiveFile& file) { committed_.insert(file.key); });
  });
  return pause;
}

void CoreLife::Index() {
  // An owner that was replaced has lost the files beside the log, as it has lost the log's.
  if (!usurped_) core().IndexStep();
}

void CoreLife::MoveClock() {
  clock_.Advance(std::chrono::milliseconds(dice_.Below(20'000)));
  if (dice_.OneIn(20)) JumpWall();
}

// The wall clock alone, in both directions.
void CoreLife::JumpWall() {
  const std::int64_t jump = static_cast<std::int64_t>(dice_.Below(48)) - 24;
  clock_.SetWall(clock_.WallNow() + jump * kMicrosPerHour);
}

void CoreLife::BeHealthy() {
  disk_.SetOptions({});
  catalog_.SetOptions({});
}

void CoreLife::ChangePlagues() {
  if (dice_.OneIn(2)) return BeHealthy();
  SimDiskOptions disk = plagues_;
  // Nearly full: what fits fits.
  if (dice_.OneIn(4)) disk.capacity_bytes = disk_.used_bytes() + dice_.Below(30'000);
  disk_.SetOptions(disk);
  catalog_.SetOptions(catalog_plagues_);
}

void CoreLife::TakeBackup() {
  // A log that waits for its cut-off holds a group that nobody was promised and that must never be
  // seen once it is cut off: a copy of it is no copy of this log's past.
  if (usurped_ || core().log().stats().failed) return;
  backup_ = {catalog_.state(), disk_.Backup(options_.log.folder), {}, true};
  ForEachProject(
      [&](const tide::Project& project) { backup_.ends[project.name()] = project.cut()->end(); });
}

// Dying and coming back.

void CoreLife::Disaster() {
  if (dice_.OneIn(3)) {
    Usurp();
    if (failed() || !usurped_) return;
    return EndUsurped();
  }
  if (dice_.OneIn(2)) {
    // In the middle of something: the power goes at a coming call.
    disk_.DieAtCall(1 + dice_.Below(60));
    for (int i = 0; i < 12 && !disk_.dying() && !failed(); ++i) {
      switch (dice_.Below(5)) {
        case 4:
          Index();
          break;
        case 0:
          SendBatch();
          break;
        case 1:
          core().IngestStep();
          break;
        case 2:
          core().Settle([](const Status& /*settled*/) {});
          break;
        default:
          Tide();
      }
    }
  }
  Fall();
  Reopen();
}

void CoreLife::Fall() {
  ++report_.crashes;
  held_.clear();
  if (process_) report_.flushes += process_->core->metrics().flushes.value();
  process_.reset();
  usurper_.reset();
  usurped_ = had_usurped_ = false;
  if (dice_.OneIn(3)) {
    disk_.Kill();
  } else {
    disk_.Crash();
  }
  // A machine that comes back believes another time now and then.
  if (dice_.OneIn(12)) JumpWall();
}

bool CoreLife::Reopen() {
  for (int tries = 0; tries < kOpenTriesMax && !failed(); ++tries) {
    const bool last = tries + 1 == kOpenTriesMax;
    if (last) {
      Fall();  // Disarms what was armed; the last try is on a healthy machine.
      budget_bytes_ = 64_MiB;
      BeHealthy();
    } else {
      SimDiskOptions disk = plagues_;
      // What recovery writes, too, finds the disk nearly full.
      if (dice_.OneIn(8)) disk.capacity_bytes = disk_.used_bytes() + dice_.Below(6'000);
      disk_.SetOptions(disk);
      catalog_.SetOptions(catalog_plagues_);
      if (dice_.OneIn(4)) disk_.DieAtCall(1 + dice_.Below(80));
    }
    if (OpenOnce()) return true;
    if (disk_.dying() || dice_.OneIn(3)) Fall();
    if (dice_.OneIn(3)) plagues_ = {};
  }
  return Expect(false, "the core does not open on a healthy machine");
}

std::unique_ptr<CoreLife::Process> CoreLife::OpenProcess(Error* error) {
  auto process = std::make_unique<Process>(budget_bytes_, &disk_);
  const tide::CoreParts parts{.disk = &disk_,
                              .store = &process->store,
                              .catalog = &catalog_,
                              .writer = &writer_,
                              .reader = &reader_,
                              .clock = &clock_,
                              .log_random = &log_dice_,
                              .tide_random = &tide_dice_,
                              .budget = &process->budget,
                              .registry = &process->registry,
                              .wake_ingest = [] {},
                              .wake_tide = [] {},
                              .wake_index = [] {},
                              .known_parts = &known_parts_};
  auto opened =
      tide::Core::Open(options_, parts, [this](tide::FlushStep step) { AtFlushStep(step); });
  if (!opened) {
    *error = opened.error();
    return nullptr;
  }
  process->core = std::move(*opened);
  return process;
}

bool CoreLife::OpenOnce() {
  Error error(Code::kInternal, "");
  oracle_.BeginLife();
  process_ = OpenProcess(&error);
  if (process_) return true;
  const Code code = error.code();
  Expect(code == Code::kIoError || code == Code::kUnavailable || code == Code::kOverloaded ||
             code == Code::kOutcomeUnknown,
         "opening fails with " + error.ToString());
  return false;
}

void CoreLife::Tide() {
  in_flush_ = true;
  TideStep();
  in_flush_ = false;
  Glance();
  if (usurped_) EndUsurped();
}

// Between the steps of a flush everything else goes on.
void CoreLife::AtFlushStep(tide::FlushStep step) {
  if (step == tide::FlushStep::kBeforeCommit && disk_.dying()) {
    // What dies inside a flush cannot reach the catalog any more.
    SimCatalogOptions dead;
    dead.unavailable_one_in = 1;
    catalog_.SetOptions(dead);
  }
  Expect(!is_replaced_ || step != tide::FlushStep::kDataFiles,
         "an owner that was replaced writes the files of a flush");
  if (!in_flush_ || disk_.dying() || failed()) return;
  Glance();
  if (foreigners_ && step == tide::FlushStep::kBeforeCommit && dice_.OneIn(4)) Foreign();
  if (!dice_.OneIn(3) || usurped_ || failed()) return;
  in_flush_ = false;
  switch (dice_.Below(6)) {
    case 0:
      SendBatch();
      break;
    case 5:
      Index();
      break;
    case 1:
      core().IngestStep();
      break;
    case 2:
      Hold();
      break;
    case 3:
      if (dice_.OneIn(10)) Usurp();
      break;
    default:
      SendBatch();
      core().IngestStep();
  }
  in_flush_ = true;
}

// C7: another process takes the log over while this one lives on in the belief that it is its
// owner. (It has lost the log's files; the lake it can still reach.)
void CoreLife::Usurp() {
  if (disk_.dying()) return;
  BeHealthy();
  disk_.DieAtCall(0);
  Error error(Code::kInternal, "");
  oracle_.BeginLife();
  usurper_ = OpenProcess(&error);
  usurped_ = had_usurped_ = true;
  ++report_.usurpers;
  Expect(usurper_ != nullptr || error.code() == Code::kOverloaded,
         "a second owner cannot open: " + error.ToString());
}

// The old owner tries to settle what it holds: it must fail, and know why.
void CoreLife::EndUsurped() {
  const std::size_t commits = catalog_.commits();
  Status settled;
  core().Settle([&settled](const Status& status) { settled = status; });
  is_replaced_ = true;
  TideStep();
  is_replaced_ = false;
  Expect(catalog_.commits() == commits, "an owner that was replaced commits");
  bool has_rows = false;
  ForEachProject(
      [&](const tide::Project& project) { has_rows = has_rows || project.cut()->hot_count() > 0; });
  if (has_rows) {
    Expect(!settled && settled.error().code() == Code::kConflict && core().fenced(),
           "an owner that was replaced does not know it");
    bool refused = false;
    core().Submit({"shop", {"x", 1}, {}},
                  [&](const Result<event::BatchAnswer>& r) { refused = !r; });
    Expect(refused, "an owner that was replaced takes events");
  }
  held_.clear();
  report_.flushes += process_->core->metrics().flushes.value();
  usurped_ = false;
  process_ = std::move(usurper_);
  if (!process_) {
    Fall();
    Reopen();
    return;
  }
  Look();
}

}  // namespace tidemark::sim
