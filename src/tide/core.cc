#include "tide/core.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "env/faults.h"
#include "lake/catalog_age.h"
#include "meta/project_name.h"
#include "telemetry/log_line.h"

namespace tidemark::tide {
namespace {

constexpr std::uint64_t kWaitersMax = 1'024;
constexpr std::uint64_t kBackfillsMax = 16;  // That wait.
constexpr Duration kIndexRetryPause = std::chrono::seconds(1);

// Where the store has tables of projects, each with the name of the log that feeds it.
Result<std::vector<std::pair<std::string, std::string>>> LocationsIn(
    const env::ObjectStore& store) {
  std::vector<std::pair<std::string, std::string>> locations;
  TM_ASSIGN(const auto folders, store.Names(""));
  for (const std::string& project : folders) {
    if (!meta::IsProjectName(project)) continue;
    TM_ASSIGN(const auto tables, store.Names(project + "/"));
    for (const std::string& table : tables) {
      std::string location = project + "/" + table;
      auto log_name = LogNameAt(location);
      if (log_name) locations.emplace_back(std::move(location), *std::move(log_name));
    }
  }
  return locations;
}

}  // namespace

Core::Core(TideOptions options, CoreParts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      metrics_(*parts_.registry),
      index_metrics_(*parts_.registry),
      projects_(options_.hot, parts_.budget),
      waiters_(kWaitersMax),
      refreshes_(kWaitersMax),
      promotions_(kWaitersMax),
      backfill_queue_(kBackfillsMax) {}

Result<std::unique_ptr<Core>> Core::Open(TideOptions options, CoreParts parts,
                                         Flusher::AtStep at_step) {
  std::unique_ptr<Core> core(new Core(std::move(options), std::move(parts)));
  TM_TRY(core->OpenTables());
  TM_TRY(core->OpenIndex());
  TM_TRY(core->OpenLog());
  if (!env::Planted(env::Bug::kRefusedTooLate)) TM_TRY(core->CheckLake());
  TM_TRY(core->JoinIndex());
  const CoreParts& own = core->parts_;
  core->flusher_ = std::make_unique<Flusher>(
      core->options_,
      FlusherParts{own.store, own.catalog, own.writer, own.reader, own.clock, own.tide_random,
                   &core->metrics_, core->known_parts(), own.directory},
      core->log_id_, core->epoch_);
  core->flusher_->set_at_step(std::move(at_step));
  core->ingest_ = std::make_unique<Ingest>(
      core->options_,
      Ingest::Parts{core->log_.get(), &core->projects_, core->index_.get(), &core->index_metrics_,
                    own.budget, own.clock, &core->metrics_, own.wake_ingest, own.wake_index});
  TM_TRY(core->ClearInflight());
  if (env::Planted(env::Bug::kRefusedTooLate)) TM_TRY(core->CheckLake());
  TM_TRY(core->FinishReplay());
  return core;
}

Status Core::OpenTables() {
  TM_ASSIGN(const auto tables, parts_.catalog->ListTables());
  for (const catalog::TableRecord& record : tables) {
    if (!record.managed) continue;
    const auto stream = FindStream(record.name);
    if (!stream) {
      return Fail(Code::kCorruption, "a later version made the table " + record.ns + "." +
                                         record.name + ": this one cannot keep it");
    }
    const auto project = projects_.FindOrAdd({record.ns, *stream});
    const auto known = project->cut()->lake;
    if (known && known->table == record.uuid &&
        known->metadata_version == record.metadata_version) {
      continue;
    }
    bool restored = false;
    auto opened =
        lake::OpenTable(parts_.store, record, SchemaOf(*stream), &restored, nullptr, known_parts());
    if (!opened) {
      const Error& error = opened.error();
      if (error.code() != Code::kCorruption) return Fail(error);
      return Fail(Code::kCorruption, "table " + record.ns + "." + record.name + ": " +
                                         error.message() +
                                         "; put it back from a copy: `tidemark doctor` names what"
                                         " is wrong with the tables");
    }
    std::shared_ptr<const lake::TableHead> head = *std::move(opened);
    if (restored) {
      metrics_.metadata_restored.Add();
      TM_LOG(kWarning, "a metadata file was written again from the catalog's copy",
             {"project", record.ns}, {"table", record.name});
    }
    // The log may no longer have the events that the next one must not be older than.
    head->files->ForEach([&project](const lake::LiveFile& file) {
      if (file.ours && file.received_max) project->ClampReceivedAt(*file.received_max);
    });
    project->PublishLake(std::move(head));
  }
  return {};
}

Status Core::OpenLog() {
  const auto replay = [this](const wal::Frame& frame) -> Status {
    TM_TRY(ReplayIds(frame));
    TM_ASSIGN(const bool taken, Replay(frame));
    if (!taken) replay_incomplete_.try_emplace(std::string(frame.project), true);
    return {};
  };
  TM_ASSIGN(log_,
            wal::Log::Open(parts_.disk, parts_.clock, parts_.log_random, options_.log, replay));
  log_id_ = log_->log_id().ToString();
  TM_ASSIGN(const auto tables, parts_.catalog->ListTables());
  TM_TRY(CheckLogId(tables));
  if (tables.empty() && log_->stats().replayed_frames > 0) TM_TRY(CheckKnown());
  TM_ASSIGN(epoch_, parts_.catalog->BeginEpoch(log_id_));
  // An owner before this one may have committed until now; from now on it cannot.
  return OpenTables();
}

Status Core::OpenIndex() {
  if (options_.dedupe.window <= Duration::zero()) return {};
  TM_ASSIGN(index_,
            dedupe::Index::Open(options_.dedupe, {parts_.disk, parts_.clock, parts_.log_random,
                                                  parts_.budget, &index_metrics_}));
  return {};
}

Status Core::ReplayIds(const wal::Frame& frame) {
  if (!index_ || frame.sequence < index_->sequence()) return {};
  if (env::Planted(env::Bug::kIdsNotReplayed)) return {};
  if (frame.project.find(kStreamSeparator) == std::string_view::npos) {
    TM_TRY(dedupe::Remember(index_.get(), frame.payload, frame.count, frame.first_offset));
  } else if (!env::Planted(env::Bug::kQuarantineKeyForgotten)) {
    TM_TRY(
        dedupe::RememberQuarantine(index_.get(), frame.payload, frame.count, frame.first_offset));
  }
  index_->Commit(frame.sequence + 1);
  while (index_->has_work()) TM_TRY(index_->Work());
  return {};
}

// A log that was put back from a backup ends before the index, and another log has nothing of it:
// ids whose events are nowhere must not be told to be duplicates.
Status Core::JoinIndex() {
  if (!index_) return {};
  const bool same = index_->log_id().empty() || index_->log_id() == log_id_;
  if (!same || index_->sequence() > log_->stats().durable_frames) {
    TM_LOG(kError, "the index of ids is not of this log as it is; it is begun anew",
           {"index_sequence", index_->sequence()}, {"log_sequence", log_->stats().durable_frames});
    TM_TRY(index_->Reset());
    log_.reset();
    TM_ASSIGN(log_, wal::Log::Open(parts_.disk, parts_.clock, parts_.log_random, options_.log,
                                   [this](const wal::Frame& frame) { return ReplayIds(frame); }));
  }
  index_->SetLogId(log_id_);
  index_->EndReplay();
  return {};
}

// A log is owned before anything is written to it.
Status Core::CheckKnown() const {
  TM_ASSIGN(const Epoch before, parts_.catalog->CurrentEpoch(log_id_));
  if (before != Epoch(0)) return {};
  return Fail(Code::kCorruption,
              "the catalog has never known the log in this data directory (" + log_id_ +
                  "), which has events: put meta.db back from a backup, or move it away and run"
                  " `tidemark doctor --rebuild-catalog`");
}

Status Core::CheckLogId(const std::vector<catalog::TableRecord>& tables) const {
  for (const catalog::TableRecord& record : tables) {
    if (!record.managed || record.log_id == log_id_) continue;
    if (env::Planted(env::Bug::kLogIdNotChecked)) continue;
    return Fail(Code::kCorruption,
                "the log in this data directory (" + log_id_ + ") is not the one that table " +
                    record.ns + "." + record.name + " was settled from (" + record.log_id +
                    "): put the right `log` folder back; what is settled can be read from lake/ by"
                    " any engine. If the log is lost, `tidemark doctor` says what is, and goes on"
                    " without it");
  }
  return {};
}

Result<bool> Core::Replay(const wal::Frame& frame) {
  if (replay_incomplete_.contains(frame.project)) return false;
  const auto stream = ParseLogName(frame.project);
  if (!stream) {
    return Fail(Code::kCorruption, "a later version wrote " + std::string(frame.project) +
                                       " into the log: this one cannot keep it");
  }
  const auto project = projects_.FindOrAdd(*stream);
  const LogOffset settled = project->cut()->settled();
  if (frame.end_offset() <= settled) return true;
  if (env::Planted(env::Bug::kReplayOffByOne) && frame.first_offset == settled) return true;
  hot::Table& hot = project->hot();
  const LogOffset expected = std::max(settled, hot.appended_end());
  if (frame.first_offset > expected && !env::Planted(env::Bug::kGapAccepted)) {
    return Fail(Code::kCorruption, "the log of project " + project->name() + " begins at offset " +
                                       to_string(frame.first_offset) + ", above " +
                                       to_string(expected) +
                                       " where the lake ends: events between them are missing; run"
                                       " `tidemark doctor`");
  }
  std::string changed;
  std::string_view payload = frame.payload;
  if (env::Planted(env::Bug::kReplayReadsClock)) {
    changed = payload;
    event::ClampBatchReceivedAt(&changed, [this](TimeMicros) { return parts_.clock->WallNow(); });
    payload = changed;
  }
  const auto lake = project->cut()->lake;
  const std::uint32_t promotions = lake ? lake->columns->promotions : 0;
  if (env::Planted(env::Bug::kColumnsDecidedAtReplay) && promotions > 0) {
    changed = payload;
    event::SetBatchPromotion(&changed, promotions);
    payload = changed;
  }
  TM_ASSIGN(auto batch, event::BatchReader::Open(payload));
  if (batch.promotion() > promotions) {
    return Fail(Code::kCorruption,
                "the log of project " + project->name() + " has events of promotion " +
                    std::to_string(batch.promotion()) + ", its table knows " +
                    std::to_string(promotions) +
                    ": the catalog is older than the log; run `tidemark doctor`");
  }
  project->ClampReceivedAt(batch.received_at());
  const std::uint64_t reserved = hot::ReserveEstimate(frame.payload.size(), frame.count);
  if (!parts_.budget->TryReserve(reserved)) return false;
  TM_TRY(hot.Append(batch, frame.first_offset, reserved));
  return true;
}

// What is settled and neither catalog nor log knows of would be in no answer from now on. Of this
// nothing may be changed that a right catalog would miss: what it has written, its ids.
Status Core::CheckLake() const {
  if (env::Planted(env::Bug::kOlderStateTaken)) return {};
  std::set<std::string> known;
  const auto projects = projects_.All();
  for (const auto& [name, project] : *projects) {
    const auto head = project->cut()->lake;
    if (head == nullptr) continue;
    TM_ASSIGN(const auto state, lake::KnownStateOf(*parts_.store, *head->metadata,
                                                   head->metadata_version, log_->NextOffset(name)));
    TM_TRY(lake::CheckCatalogIsNewest(*parts_.store, state));
    known.insert(state.location);
  }
  if (env::Planted(env::Bug::kUnknownTableTaken)) return {};
  TM_ASSIGN(const auto locations, LocationsIn(*parts_.store));
  for (const auto& [location, log_name] : locations) {
    if (known.contains(location)) continue;
    TM_TRY(lake::CheckCatalogIsNewest(
        *parts_.store,
        {.location = location, .log_id = log_id_, .log_end = log_->NextOffset(log_name)}));
  }
  return {};
}

Status Core::FinishReplay() {
  const auto projects = projects_.All();
  for (const auto& [name, project] : *projects) project->PublishHot(project->hot().Publish());
  for (const auto& [name, project] : *projects) {
    if (replay_incomplete_.erase(name) > 0) TM_TRY(ReplayRest(*project));
    TM_TRY(JoinLog(*project));
  }
  for (const std::string& name : log_->Projects()) {
    const auto project = projects_.Find(name);
    const LogOffset end = project ? project->cut()->end() : LogOffset(0);
    if (log_->NextOffset(name) == end || env::Planted(env::Bug::kGapAccepted)) continue;
    return Fail(Code::kCorruption,
                "the log of project " + name + " ends at offset " +
                    to_string(log_->NextOffset(name)) + " but neither log nor lake has the events" +
                    " from " + to_string(end) +
                    " on: the catalog is older than the log; run `tidemark doctor`");
  }
  return {};
}

Status Core::JoinLog(Project& project) {
  const LogOffset settled = project.cut()->settled();
  if (env::Planted(env::Bug::kRaiseOffsetSkipped)) return {};
  if (log_->RaiseOffset(project.name(), settled)) {
    metrics_.log_behind_lake.Add();
    TM_LOG(kError, "the log ends below what is settled; it goes on from there",
           {"project", project.name()}, {"settled", settled.value});
  }
  return {};
}

// What has no room in memory is read from the log part by part, and what is in memory is settled
// before each part: that of every project, for any of them may hold the room that is missing.
Status Core::ReplayRest(Project& project) {
  for (bool complete = false; !complete;) {
    const auto projects = projects_.All();
    for (const auto& [name, other] : *projects) {
      TM_TRY(FlushTo(*other, other->cut()->end()));
      other->ReleaseSettled();
    }
    complete = true;
    const LogOffset from = project.cut()->end();
    TM_TRY(log_->Read(project.name(), from, [&](const wal::Frame& frame) -> Status {
      if (!complete) return {};
      TM_ASSIGN(complete, Replay(frame));
      return {};
    }));
    project.PublishHot(project.hot().Publish());
    if (!complete && project.cut()->end() == from) {
      return Fail(Code::kOverloaded, "the memory budget is too small to replay the log");
    }
  }
  return {};
}

// After BeginEpoch: nobody can commit these any more.
Status Core::ClearInflight() {
  if (env::Planted(env::Bug::kInflightNotCleared)) return {};
  TM_ASSIGN(const auto inflight, parts_.catalog->ListInflight());
  for (const catalog::Inflight& write : inflight) {
    TM_ASSIGN(const auto committed, parts_.catalog->FindCommit(write.table, write.id));
    TM_ASSIGN(const auto record, parts_.catalog->FindTable(write.table));
    const bool skip = committed && !env::Planted(env::Bug::kCommittedLeftoversDeleted);
    if (record && !skip) {
      const auto stream = FindStream(record->name);
      TM_CHECK(stream.has_value());
      const auto project = projects_.Find(LogName(record->ns, *stream));
      TM_CHECK(project != nullptr && project->cut()->lake != nullptr);
      TM_TRY(lake::RemoveLeftovers(parts_.store, write, *project->cut()->lake));
    }
    TM_TRY(parts_.catalog->RemoveInflight(write.id));
  }
  return {};
}

std::shared_ptr<const Cuts> Core::CutsOf(std::string_view project) const {
  for (std::size_t i = 0; i < kStreamCount; ++i) {
    if (const auto found = projects_.Find(LogName(project, static_cast<Stream>(i)))) {
      return found->cuts();
    }
  }
  return std::make_shared<const Cuts>(EmptyCuts());
}

void Core::Submit(event::Request request, Ingest::Done done) {
  if (fenced()) {
    done(Fail(Code::kUnavailable, kFenced));
    return;
  }
  ingest_->Submit(std::move(request), std::move(done));
}

Duration Core::TideStep() {
  const Duration now = parts_.clock->Now();
  AnswerRefreshes();
  AnswerPromotions();
  if (!fenced()) FlushDue(now);
  AnswerWaiters();
  const bool more = StepBackfills();
  if (fenced()) return options_.pause;  // The lake is another's.
  if (const auto collected = flusher_->CollectGarbage(); !collected) {
    TM_LOG(kWarning, "garbage stays for now", {"error", collected.error().ToString()});
  }
  return more ? Duration::zero() : options_.pause;
}

Duration Core::IndexStep() {
  if (fenced()) return options_.pause;
  // A segment of the log that is about to be full comes first.
  if (log_->Prepare()) return Duration::zero();
  if (!index_) return options_.index_pause;
  const auto more = index_->Work();
  if (!more) {
    TM_LOG(kError, "writing the index of ids failed and will be tried again",
           {"error", more.error().ToString()});
    return kIndexRetryPause;
  }
  return *more ? Duration::zero() : options_.index_pause;
}

void Core::FlushDue(Duration now) {
  std::int64_t unsettled[kStreamCount] = {};
  const auto projects = projects_.All();
  for (const auto& [name, project] : *projects) {
    const auto cut = project->cut();
    unsettled[Index(project->stream())] += cut->end() - cut->settled();
    if (!Due(*project, now)) continue;
    const Status flushed = FlushTo(*project, cut->end());
    if (!flushed) Failed(name, flushed.error(), now);
  }
  metrics_.unsettled_events.Set(unsettled[Index(Stream::kEvents)]);
  metrics_.unsettled_records.Set(unsettled[Index(Stream::kQuarantine)]);
}

bool Core::Due(const Project& project, Duration now) {
  Schedule& schedule = schedules_[project.name()];
  const auto cut = project.cut();
  if (cut->hot_count() == 0) {
    schedule.waiting = false;
    // A commit without rows, of promoted columns, may have failed: it comes to an end by itself.
    return flusher_->HasPending(project) && now >= schedule.retry_at;
  }
  if (!schedule.waiting || schedule.seen_settled != cut->settled()) {
    schedule.waiting = true;
    schedule.seen_settled = cut->settled();
    schedule.since = now;
  }
  if (now < schedule.retry_at) return false;
  if (now - schedule.since >= options_.flush_age) return true;
  const std::uint64_t hot_bytes = cut->hot->bytes();
  const double encoded = static_cast<double>(hot_bytes) * flusher_->encoded_per_hot_byte();
  if (hot_bytes >= options_.flush_hot_bytes ||
      encoded >= static_cast<double>(options_.flush_encoded_bytes)) {
    return true;
  }
  const double budget = static_cast<double>(parts_.budget->bytes_max());
  return static_cast<double>(parts_.budget->used_bytes()) > budget * options_.flush_memory_share &&
         static_cast<double>(hot_bytes) > budget * options_.flush_memory_share / 16;
}

Status Core::FlushTo(Project& project, LogOffset end) {
  for (bool done = false; !done;) {
    const LogOffset before = project.cut()->settled();
    TM_ASSIGN(done, flusher_->Flush(project, end));
    if (project.cut()->settled() > before) parts_.wake_ingest();  // Releases hot rows, trims.
  }
  Schedule& schedule = schedules_[project.name()];
  schedule.retry_at = Duration::zero();
  schedule.retry_pause = Duration::zero();
  return {};
}

void Core::Failed(const std::string& project, const Error& error, Duration now) {
  metrics_.failed_flushes.Add();
  if (error.code() == Code::kConflict) fenced_.store(true, std::memory_order_relaxed);
  TM_LOG(kError, "a flush failed and will be tried again", {"project", project},
         {"error", error.ToString()});
  Schedule& schedule = schedules_[project];
  schedule.retry_pause =
      std::clamp(schedule.retry_pause * 2, options_.retry_first, options_.retry_last);
  schedule.retry_at = now + schedule.retry_pause;
}

void Core::Settle(Settled done, std::string project) {
  Waiter waiter{std::move(done), std::move(project)};
  if (!waiters_.Push(std::move(waiter), 1)) {
    // NOLINTNEXTLINE(bugprone-use-after-move): what is refused is untouched.
    waiter.done(Fail(Code::kOverloaded, "too many requests wait for the tide"));
    return;
  }
  parts_.wake_tide();
}

std::string Core::NativePath(const std::string& key, bool in_store) const {
  if (in_store) return parts_.store->NativePath(key);
  const std::size_t path = key.starts_with("file:/") ? key.find_first_not_of('/', 5) : 0;
  return path == 0 || path == std::string::npos ? key : key.substr(path - 1);
}

std::vector<engine::DeleteFile> Core::DeletesOf(const lake::LiveFile& file) const {
  std::vector<engine::DeleteFile> deletes;
  if (!file.deletes) return deletes;
  for (const lake::LiveDelete& one : *file.deletes) {
    deletes.push_back({NativePath(one.key, one.in_store), one.equality_ids, one.vector});
  }
  return deletes;
}

void Core::Refresh(std::string project, Settled done) {
  Refreshed one{std::move(project), std::move(done)};
  if (!refreshes_.Push(std::move(one), 1)) {
    // NOLINTNEXTLINE(bugprone-use-after-move): what is refused is untouched.
    one.done(Fail(Code::kOverloaded, "too many requests wait for the tide"));
    return;
  }
  parts_.wake_tide();
}

void Core::AnswerRefreshes() {
  std::vector<Refreshed> refreshes;
  refreshes_.TakeAll(&refreshes);
  for (Refreshed& one : refreshes) {
    Status refreshed;
    if (fenced()) refreshed = Fail(Code::kConflict, kFenced);
    const auto projects = projects_.All();
    for (const auto& [log_name, project] : *projects) {
      if (!refreshed) break;
      if (project->project() == one.project) refreshed = flusher_->Refresh(*project);
    }
    one.done(std::move(refreshed));
  }
}

void Core::Promote(std::string project, std::vector<event::PropertyColumn> columns, Promoted done) {
  Promotion one{std::move(project), std::move(columns), std::move(done)};
  if (!promotions_.Push(std::move(one), 1)) {
    // NOLINTNEXTLINE(bugprone-use-after-move): what is refused is untouched.
    one.done(Fail(Code::kOverloaded, "too many requests wait for the tide"));
    return;
  }
  parts_.wake_tide();
}

void Core::AnswerPromotions() {
  std::vector<Promotion> promotions;
  promotions_.TakeAll(&promotions);
  for (Promotion& one : promotions) {
    if (fenced()) {
      one.done(Fail(Code::kUnavailable, kFenced));
      continue;
    }
    const auto project = projects_.FindOrAdd({one.project, Stream::kEvents});
    auto promoted = flusher_->Promote(*project, one.columns);
    if (!promoted && promoted.error().code() != Code::kInvalidArgument) {
      Failed(project->name(), promoted.error(), parts_.clock->Now());
    }
    one.done(std::move(promoted));
  }
}

void Core::Backfill(std::string project, Backfilled done) {
  WaitingBackfill one{std::move(project), std::move(done)};
  if (!backfill_queue_.Push(std::move(one), 1)) {
    // NOLINTNEXTLINE(bugprone-use-after-move): what is refused is untouched.
    one.done(Fail(Code::kOverloaded, "too many backfills wait for the tide"));
    return;
  }
  parts_.wake_tide();
}

bool Core::StepBackfills() {
  if (backfills_.empty()) {
    backfill_queue_.TakeAll(&backfills_);
    std::ranges::reverse(backfills_);
  }
  if (backfills_.empty()) return false;
  WaitingBackfill& one = backfills_.back();
  const auto project = projects_.FindOrAdd({one.project, Stream::kEvents});
  Result<std::optional<BackfillReport>> done = std::nullopt;
  if (fenced()) {
    flusher_->GiveUpBackfill();
    done = Fail(Code::kUnavailable, kFenced);
  } else if (!one.begun) {
    const Status settled = FlushTo(*project, project->cut()->end());
    if (!settled) done = Fail(settled.error());
    one.begun = true;
  } else {
    done = flusher_->BackfillStep(*project);
  }
  if (done && !*done) return true;
  if (!done && !fenced()) Failed(project->name(), done.error(), parts_.clock->Now());
  const WaitingBackfill ended = std::move(one);
  backfills_.pop_back();
  if (done) {
    ended.done(**done);
  } else {
    ended.done(Fail(done.error()));
  }
  return !backfills_.empty();
}

void Core::AnswerWaiters() {
  std::vector<Waiter> waiters;
  waiters_.TakeAll(&waiters);
  if (waiters.empty()) return;
  const auto projects = projects_.All();
  for (const auto& [name, project] : *projects) {
    if (fenced()) break;
    const auto waits = [&](const Waiter& waiter) { return waiter.WaitsFor(*project); };
    const auto cut = project->cut();
    if (cut->hot_count() == 0 || std::ranges::none_of(waiters, waits)) continue;
    const Status flushed = FlushTo(*project, cut->end());
    if (flushed) continue;
    Failed(name, flushed.error(), parts_.clock->Now());
    for (Waiter& waiter : waiters) {
      if (waits(waiter)) waiter.settled = flushed;
    }
  }
  for (Waiter& waiter : waiters) {
    if (fenced() && waiter.settled) {
      waiter.settled = Fail(Code::kConflict, kFenced);
    }
    waiter.done(std::move(waiter.settled));
  }
}

}  // namespace tidemark::tide
