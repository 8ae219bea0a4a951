#include "sim/core_life.h"

#include <algorithm>

#include "base/bytes.h"
#include "lake/file_metrics.h"

namespace tidemark::sim {
namespace {

constexpr std::uint64_t kStepsMin = 200;
constexpr std::uint64_t kCrashesMin = 2;
constexpr std::uint64_t kFlushesMin = 2;
constexpr std::uint64_t kStepsMax = 3'000;
constexpr int kOpenTriesMax = 12;
constexpr std::size_t kHeldMax = 3;
constexpr std::string_view kProjects[] = {"shop", "site"};
constexpr std::string_view kTypes[] = {"view", "buy", "search", "play"};

std::string_view TextAt(const event::ColumnView& view, std::size_t row) {
  switch (view.kind) {
    case event::ColumnView::Kind::kConstant:
      return view.constant_text.view();
    case event::ColumnView::Kind::kDictionary:
      return view.dictionary[view.codes[row]].view();
    case event::ColumnView::Kind::kStrings:
      return view.strings[row].view();
    default:
      return {};
  }
}

}  // namespace

CoreLife::CoreLife(std::uint64_t seed)
    : dice_(seed),
      log_dice_(seed * 3 + 1),
      tide_dice_(seed * 5 + 2),
      disk_(seed * 7 + 3),
      catalog_(seed * 11 + 4),
      store_(&disk_, "lake"),
      writer_(&disk_),
      reader_(&disk_) {
  ChooseWorld();
}

CoreLife::~CoreLife() = default;

void CoreLife::ChooseWorld() {
  options_.log.segment_bytes = 2'048ULL << dice_.Below(4);
  options_.log.frame_bytes_max = 16_KiB;
  options_.log.group_bytes_max = 64_KiB;
  options_.log.retention = std::chrono::seconds(dice_.Below(3) * 60);
  options_.log.retention_bytes = dice_.Below(32) * 1_KiB;
  options_.log.reserve_bytes = 2_KiB;
  options_.log.free_bytes_min = 1_KiB;
  options_.log.tend_bytes = 2'000;
  options_.group_bytes_max = 1 + dice_.Below(4'000);
  options_.flush_age = std::chrono::seconds(1 + dice_.Below(60));
  options_.flush_encoded_bytes = 500 + dice_.Below(20'000);
  options_.flush_files_max = static_cast<std::uint32_t>(1 + dice_.Below(6));
  options_.flush_rows_max = 1 + dice_.Below(60);
  options_.retry_first = std::chrono::milliseconds(10);
  options_.retry_last = std::chrono::milliseconds(500);
  options_.pin_deadline = std::chrono::minutes(10);
  options_.garbage_delay = std::chrono::minutes(15);
  // Room for the open chunks of both projects; now and then hardly more than that.
  budget_bytes_ = dice_.OneIn(4) ? 200'000 + dice_.Below(400'000) : 64_MiB;
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

bool CoreLife::Expect(bool condition, const std::string& what) {
  if (!condition && report_.failure.empty()) {
    report_.failure = what + " (step " + std::to_string(report_.steps) + ")";
  }
  return condition;
}

LifeReport CoreLife::Run() {
  if (Reopen()) {
    while (report_.failure.empty() && report_.steps < kStepsMax &&
           (report_.steps < kStepsMin || report_.crashes < kCrashesMin ||
            report_.flushes < kFlushesMin)) {
      ++report_.steps;
      Step();
    }
    if (report_.failure.empty()) EndWell();
  }
  held_.clear();
  core_.reset();
  for (const auto& [id, fate] : fates_) report_.acknowledged += fate == Fate::kAcknowledged ? 1 : 0;
  report_.trace_hash = Hash64(std::to_string(disk_.trace_hash()) + ":" +
                              std::to_string(report_.acknowledged) + report_.failure);
  return report_;
}

void CoreLife::Step() {
  switch (dice_.Below(20)) {
    case 0:
      Disaster();
      return;
    case 1:
    case 2:
      MoveClock();
      return;
    case 3:
      Hold();
      return;
    case 4:
    case 5:
      Look();
      return;
    case 6:
    case 7:
    case 8:
      core_->TideStep();
      return;
    case 9:
      core_->Settle([](const Status& /*settled*/) {});
      return;
    case 10:
      ChangePlagues();
      return;
    case 11:
    case 12:
    case 13:
    case 14:
      core_->IngestStep();
      return;
    default:
      SendBatch();
  }
}

void CoreLife::SendBatch() {
  const std::string project(kProjects[dice_.Below(std::size(kProjects))]);
  event::BatchBuilder batch(project, clock_.WallNow());
  std::vector<std::string> ids;
  const std::uint64_t count = dice_.OneIn(8) ? 1 + dice_.Below(40) : 1 + dice_.Below(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string id = "event-" + std::to_string(next_id_++);
    // Mostly now; late by up to two months; now and then in the future.
    std::int64_t age =
        dice_.OneIn(3) ? static_cast<std::int64_t>(dice_.Below(60 * kMicrosPerDay)) : 0;
    if (dice_.OneIn(30)) age = -kMicrosPerDay;
    Sent sent{project, clock_.WallNow() - age, std::string(kTypes[dice_.Below(std::size(kTypes))]),
              "{\"n\":\"" + std::string(dice_.Below(60), 'x') + "\"}"};
    event::EventView view;
    view.SetText(event::Column::kEventId, id);
    view.SetText(event::Column::kEventType, sent.type);
    view.SetText(event::Column::kProperties, sent.properties);
    view.timestamp = sent.timestamp;
    view.present |= event::Bit(event::Column::kTimestamp);
    if (dice_.OneIn(2)) {
      view.value = static_cast<double>(next_id_) / 8;
      view.present |= event::Bit(event::Column::kValue);
    }
    batch.Add(view);
    sent_[id] = std::move(sent);
    fates_[id] = Fate::kLimbo;
    ids.push_back(id);
  }
  core_->Submit(project, std::move(batch).Finish(), static_cast<std::uint32_t>(count),
                [this, ids, project](const Result<event::Receipt>& receipt) {
                  if (!receipt && receipt.error().code() == Code::kOutcomeUnknown) return;
                  for (const std::string& id : ids) {
                    fates_[id] = receipt ? Fate::kAcknowledged : Fate::kRefused;
                  }
                  if (!receipt) return;
                  // Acknowledged means visible.
                  Expect(core_->FindProject(project)->cut()->end() >= receipt->end(),
                         "acknowledged before it is visible");
                });
}

void CoreLife::CheckRow(const std::string& id, std::string_view type, std::int64_t micros,
                        std::string_view properties) {
  const auto sent = sent_.find(id);
  if (!Expect(sent != sent_.end(), "an event was invented: " + id)) return;
  Expect(sent->second.type == type && sent->second.timestamp.value == micros &&
             sent->second.properties == properties,
         "an event has changed: " + id);
}

void CoreLife::Collect(const event::RowSource& rows, std::vector<Row>* out) {
  event::ColumnScratch scratch[5];
  for (std::size_t chunk = 0; chunk < rows.chunk_count(); ++chunk) {
    const auto ids = rows.Read(chunk, event::Column::kEventId, &scratch[0]);
    const auto types = rows.Read(chunk, event::Column::kEventType, &scratch[1]);
    const auto times = rows.Read(chunk, event::Column::kTimestamp, &scratch[2]);
    const auto offsets = rows.Read(chunk, event::Column::kLogOffset, &scratch[3]);
    const auto properties = rows.Read(chunk, event::Column::kProperties, &scratch[4]);
    for (std::size_t i = 0; i < rows.ChunkRows(chunk); ++i) {
      Row row{std::string(TextAt(ids, i)),
              LogOffset(static_cast<const std::int64_t*>(offsets.fixed)[i])};
      CheckRow(row.id, TextAt(types, i), static_cast<const std::int64_t*>(times.fixed)[i],
               TextAt(properties, i));
      out->push_back(std::move(row));
    }
  }
}

// False if the disk did not answer: then nothing can be said.
bool CoreLife::ReadCut(const tide::Cut& cut, std::vector<Row>* rows, Hash128* lake_hash,
                       std::uint64_t* lake_rows) {
  Collect(*cut.HotRows(), rows);
  if (!cut.lake) return true;
  bool readable = true;
  cut.lake->files->ForEach([&](const lake::LiveFile& file) {
    const Status read =
        reader_.Read(store_.NativePath(file.key), [&](const event::RowSource& part) {
          const lake::FileMetrics metrics = lake::MeasureRows(part);
          *lake_hash += metrics.rows_hash;
          *lake_rows += metrics.rows;
          Collect(part, rows);
          return Status();
        });
    if (read) return;
    readable = false;
    Expect(read.error().code() == Code::kIoError,
           "a file of the head cannot be read: " + read.error().ToString());
  });
  return readable;
}

void CoreLife::Look() {
  for (const auto& [name, project] : *core_->AllProjects()) {
    const auto cut = project->cut();
    std::vector<Row> rows;
    Hash128 lake_hash;
    std::uint64_t lake_rows = 0;
    if (!ReadCut(*cut, &rows, &lake_hash, &lake_rows)) return;
    std::sort(rows.begin(), rows.end(),
              [](const Row& a, const Row& b) { return a.offset < b.offset; });
    Expect(rows.size() == static_cast<std::size_t>(cut->end().value),
           "the cut has " + std::to_string(rows.size()) + " rows, not " + to_string(cut->end()));
    std::set<std::string> seen;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Expect(rows[i].offset.value == static_cast<std::int64_t>(i), "offsets are not dense");
      Expect(seen.insert(rows[i].id).second, "doubled: " + rows[i].id);
      Fate& fate = fates_[rows[i].id];
      Expect(fate != Fate::kRefused, "refused, yet there: " + rows[i].id);
      fate = Fate::kAcknowledged;  // Seen is durable: it must stay.
      Expect(sent_[rows[i].id].project == name, "in another project: " + rows[i].id);
    }
    for (const auto& [id, fate] : fates_) {
      if (fate == Fate::kAcknowledged && sent_[id].project == name) {
        Expect(seen.contains(id), "lost: " + id);
      }
    }
    CheckLedger(name, *cut, lake_hash, lake_rows);
  }
  CheckHeld();
}

void CoreLife::CheckLedger(const std::string& project, const tide::Cut& cut,
                           const Hash128& lake_hash, std::uint64_t lake_rows) {
  if (!cut.lake) return;
  const auto ledger = catalog_.state().ledgers.find(cut.lake->table);
  if (!Expect(ledger != catalog_.state().ledgers.end(), "no ledger of " + project)) return;
  Hash128 hash;
  std::uint64_t rows = 0;
  LogOffset at;
  Epoch epoch;
  for (const catalog::LedgerRow& row : ledger->second) {
    if (row.end > cut.settled()) break;
    Expect(row.begin == at, "the ledger jumps");
    Expect(row.epoch >= epoch, "an epoch went back");
    epoch = row.epoch;
    at = row.end;
    rows += row.rows;
    hash += row.rows_hash;
  }
  Expect(at == cut.settled() && rows == lake_rows && hash == lake_hash,
         "the ledger does not account for the lake");
}

void CoreLife::Hold() {
  if (held_.size() == kHeldMax) held_.erase(held_.begin());
  const std::string project(kProjects[dice_.Below(std::size(kProjects))]);
  const auto found = core_->FindProject(project);
  if (!found) return;
  HeldCut held{project, found->cut(), {}, clock_.Now() + options_.pin_deadline};
  std::vector<Row> rows;
  Hash128 hash;
  std::uint64_t lake_rows = 0;
  if (!ReadCut(*held.cut, &rows, &hash, &lake_rows)) return;
  for (Row& row : rows) held.ids.push_back(std::move(row.id));
  std::sort(held.ids.begin(), held.ids.end());
  held_.push_back(std::move(held));
}

void CoreLife::CheckHeld() {
  std::erase_if(held_, [this](const HeldCut& held) { return held.until < clock_.Now(); });
  for (const HeldCut& held : held_) {
    std::vector<Row> rows;
    Hash128 hash;
    std::uint64_t lake_rows = 0;
    if (!ReadCut(*held.cut, &rows, &hash, &lake_rows)) return;
    std::vector<std::string> ids;
    for (Row& row : rows) ids.push_back(std::move(row.id));
    std::sort(ids.begin(), ids.end());
    Expect(ids == held.ids, "a held cut has changed");
  }
}

void CoreLife::MoveClock() {
  clock_.Advance(std::chrono::milliseconds(dice_.Below(20'000)));
  if (dice_.OneIn(20)) {
    // The wall clock alone jumps, in both directions.
    const std::int64_t jump = static_cast<std::int64_t>(dice_.Below(48)) - 24;
    clock_.SetWall(clock_.WallNow() + jump * kMicrosPerHour);
  }
}

void CoreLife::ChangePlagues() {
  const bool well = dice_.OneIn(2);
  disk_.SetOptions(well ? SimDiskOptions{} : plagues_);
  catalog_.SetOptions(well ? SimCatalogOptions{} : catalog_plagues_);
}

void CoreLife::Disaster() {
  if (dice_.OneIn(2)) {
    // In the middle of something: the power goes at a coming call.
    disk_.DieAtCall(1 + dice_.Below(60));
    for (int i = 0; i < 12 && !disk_.dying() && report_.failure.empty(); ++i) {
      switch (dice_.Below(4)) {
        case 0:
          SendBatch();
          break;
        case 1:
          core_->IngestStep();
          break;
        case 2:
          core_->Settle([](const Status& /*settled*/) {});
          break;
        default:
          core_->TideStep();
      }
    }
  }
  Fall();
  Reopen();
}

void CoreLife::Fall() {
  ++report_.crashes;
  held_.clear();
  if (core_) report_.flushes += core_->metrics().flushes.value();
  core_.reset();
  dice_.OneIn(3) ? disk_.Kill() : disk_.Crash();
}

bool CoreLife::Reopen() {
  for (int tries = 0; tries < kOpenTriesMax; ++tries) {
    const bool last = tries + 1 == kOpenTriesMax;
    if (last) Fall();  // Disarms what was armed; the last try is on a healthy machine.
    disk_.SetOptions(last ? SimDiskOptions{} : plagues_);
    catalog_.SetOptions(last ? SimCatalogOptions{} : catalog_plagues_);
    if (!last && dice_.OneIn(3)) disk_.DieAtCall(1 + dice_.Below(80));
    if (OpenOnce()) return true;
    if (!report_.failure.empty()) return false;
    core_.reset();
    if (disk_.dying() || dice_.OneIn(3)) Fall();
  }
  return Expect(false, "the core does not open on a healthy machine");
}

bool CoreLife::OpenOnce() {
  registry_ = std::make_unique<telemetry::Registry>();
  budget_ = std::make_unique<MemoryBudget>(budget_bytes_);
  // What dies inside a flush cannot reach the catalog any more.
  const auto at_step = [this](tide::FlushStep step) {
    if (step == tide::FlushStep::kBeforeCommit && disk_.dying()) {
      SimCatalogOptions dead;
      dead.unavailable_one_in = 1;
      catalog_.SetOptions(dead);
    }
  };
  const tide::CoreParts parts{&disk_,          &store_,    &catalog_,   &writer_,
                              &clock_,         &log_dice_, &tide_dice_, budget_.get(),
                              registry_.get(), [] {},      [] {}};
  auto opened = tide::Core::Open(options_, parts, at_step);
  if (!opened) {
    const Code code = opened.error().code();
    Expect(code == Code::kIoError || code == Code::kUnavailable || code == Code::kOverloaded,
           "opening fails with " + opened.error().ToString());
    return false;
  }
  core_ = std::move(*opened);
  return true;
}

// Faults stop: everything that is durable settles, and nothing is left lying about.
void CoreLife::EndWell() {
  Fall();
  budget_bytes_ = 64_MiB;
  plagues_ = {};
  catalog_plagues_ = {};
  disk_.SetOptions({});
  catalog_.SetOptions({});
  if (!Reopen()) return;
  Look();
  for (int i = 0; i < 20 && report_.failure.empty(); ++i) {
    core_->IngestStep();
    bool settled = false;
    core_->Settle([&settled](const Status& status) { settled = status.has_value(); });
    core_->TideStep();
    Expect(settled, "the tide does not settle on a healthy machine");
    clock_.Advance(std::chrono::minutes(1));
  }
  for (const auto& [name, project] : *core_->AllProjects()) {
    Expect(project->cut()->hot_count() == 0, "events stay hot on a healthy machine");
  }
  Look();
  CheckNoOrphans();
  report_.flushes += core_->metrics().flushes.value();
}

void CoreLife::CheckNoOrphans() {
  Expect(catalog_.state().inflight.empty(), "an in-flight record stays");
  std::set<std::string> live;
  for (const auto& [name, project] : *core_->AllProjects()) {
    if (!project->cut()->lake) continue;
    project->cut()->lake->files->ForEach(
        [&live](const lake::LiveFile& file) { live.insert(file.key); });
  }
  const auto keys = store_.List("");
  if (!Expect(keys.has_value(), "the lake cannot be listed")) return;
  for (const std::string& key : *keys) {
    if (key.find("/data/") != std::string::npos) {
      Expect(live.contains(key), "an orphan stays: " + key);
    }
  }
}

}  // namespace tidemark::sim
