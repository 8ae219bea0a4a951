#include "tide/flush.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/promoted_rows.h"
#include "env/faults.h"
#include "telemetry/log_line.h"
#include "tide/kept_paths.h"
#include "tide/promotions.h"

namespace tidemark::tide {
namespace {

constexpr std::size_t kAbandonedMax = 64;

// Whether `location` is one that lake::TableLocation could have made for a table of the name.
bool IsLocationOf(std::string_view location, const Project& project) {
  const std::string any = lake::TableLocation(project.project(), project.table(), Uuid());
  const std::size_t name = any.rfind('-') + 1;
  return location.size() == any.size() && location.substr(0, name) == any.substr(0, name);
}

}  // namespace

Flusher::Flusher(const TideOptions& options, FlusherParts parts, std::string log_id, Epoch epoch)
    : options_(options), parts_(parts), log_id_(std::move(log_id)), epoch_(epoch) {}

Uuid Flusher::NewId() {
  return MakeUuidV7(parts_.clock->WallNow(), parts_.random->Next(), parts_.random->Next());
}

Result<bool> Flusher::Flush(Project& project, LogOffset end) {
  TM_ASSIGN(const bool finished, FinishPending(project));
  if (!finished) return false;
  TM_ASSIGN(const auto head, HeadOf(project));
  if (head->visible() >= end) return true;
  TM_ASSIGN(const bool done, WriteAndCommit(project, *head, end));
  return done && project.cut()->settled() >= end;
}

Result<bool> Flusher::FinishPending(Project& project) {
  const auto found = pending_.find(project.name());
  if (found == pending_.end()) return true;
  TM_ASSIGN(const bool done, Commit(project, &found->second));
  pending_.erase(found);
  return done;
}

Result<bool> Flusher::WriteAndCommit(Project& project, const lake::TableHead& head, LogOffset end,
                                     std::shared_ptr<const event::TableSchema> columns) {
  TM_ASSIGN(Pending written, Write(project, head, end, std::move(columns)));
  Pending& pending = pending_.emplace(project.name(), std::move(written)).first->second;
  TM_ASSIGN(const bool done, Commit(project, &pending));
  pending_.erase(project.name());
  return done;
}

Result<std::shared_ptr<const event::TableSchema>> Flusher::Promote(
    Project& project, std::span<const event::PropertyColumn> wanted) {
  for (std::uint32_t attempt = 0; attempt < options_.commit_attempts_max; ++attempt) {
    TM_ASSIGN(const bool finished, FinishPending(project));
    if (!finished) continue;
    TM_ASSIGN(const auto head, HeadOf(project));
    TM_ASSIGN(auto columns, PlanPromotion(*head, wanted));
    if (!columns) return head->columns;
    // A commit that is given up was overtaken; what the other one made of the table is looked at.
    TM_ASSIGN([[maybe_unused]] const bool done,
              WriteAndCommit(project, *head, head->visible(), std::move(columns)));
  }
  return Fail(Code::kUnavailable, "the commit was overtaken too often");
}

Result<std::shared_ptr<const lake::TableHead>> Flusher::HeadOf(Project& project) {
  if (auto head = project.cut()->lake) return head;
  // The first flush of a project makes its table.
  TM_ASSIGN(auto head, CreateTable(project));
  project.PublishLake(head);
  return head;
}

// Another format than those that flushes write is none for these tables.
Result<int> Flusher::FormatOfNew(const Project& project) const {
  if (parts_.directory == nullptr) return options_.table_format_version;
  TM_ASSIGN(const auto ns, parts_.directory->FindNamespace(project.project()));
  if (!ns) return options_.table_format_version;
  const auto said = ns->properties.find(std::string(catalog::kPropertyFormatVersion));
  if (said == ns->properties.end()) return options_.table_format_version;
  if (said->second == "2") return 2;
  return said->second == "3" ? 3 : options_.table_format_version;
}

Result<std::shared_ptr<const lake::TableHead>> Flusher::CreateTable(const Project& project) {
  TM_ASSIGN(const auto found, parts_.catalog->FindTable(project.project(), project.table()));
  if (found) return Reload(project);
  // What an earlier attempt left; refuses if it is more than that.
  TM_ASSIGN(const auto leftovers, lake::FindTableLocations(*parts_.store, project.project()));
  for (const std::string& location : leftovers) {
    if (!IsLocationOf(location, project)) continue;
    TM_TRY(lake::RemoveUnborn(parts_.store, location));
  }
  lake::NewManagedTable table{
      NewId(), project.project(),      std::string(project.table()), log_id_,
      epoch_,  parts_.clock->WallNow()};
  table.schema = project.schema();
  TM_ASSIGN(table.format_version, FormatOfNew(project));
  table.properties = options_.table_properties;
  TM_ASSIGN(const auto record, lake::CreateTable(parts_.store, table));
  if (auto created = parts_.catalog->CreateTable(record);
      !created && created.error().code() != Code::kAlreadyExists) {
    return Fail(std::move(created).error());
  }
  return Reload(project);
}

Result<std::shared_ptr<const lake::TableHead>> Flusher::Reload(
    const Project& project, const std::vector<std::shared_ptr<const lake::TableHead>>& known) {
  TM_ASSIGN(const auto record, parts_.catalog->FindTable(project.project(), project.table()));
  if (!record) {
    return Fail(Code::kCorruption, "the table of " + project.name() + " left the catalog");
  }
  for (const auto& head : known) {
    if (head && head->table == record->uuid && head->metadata_key == record->metadata_key) {
      return head;
    }
  }
  bool restored = false;
  const lake::TableHead* before = known.empty() ? nullptr : known.front().get();
  TM_ASSIGN(auto head, lake::OpenTable(parts_.store, *record, project.schema(), &restored, before,
                                       parts_.known_parts));
  if (restored) parts_.metrics->metadata_restored.Add();
  return head;
}

Status Flusher::Refresh(Project& project) {
  const auto known = project.cut()->lake;
  if (!known) return {};  // The first flush finds it.
  TM_ASSIGN(auto head, Reload(project, {known}));
  if (head != known) project.PublishLake(std::move(head));
  return {};
}

std::vector<PartitionRows> Flusher::PlanRows(const Cut& cut, const lake::TableHead& head,
                                             TimeMicros now, LogOffset* end) const {
  const LogOffset begin = head.visible();
  std::optional<std::vector<PartitionRows>> parts;
  for (;;) {
    const auto rows = cut.hot->View(begin, *end);
    // Offsets are dense: a row that is missing here would be lost for good.
    TM_CHECK_EQ(rows->row_count(), static_cast<std::uint64_t>(*end - begin));
    parts = PlanFlush(rows, now, options_.flush_files_max);
    if (parts) break;
    TM_CHECK_GT(*end - begin, 1);
    *end = begin + (*end - begin) / 2;
  }
  auto first = FirstOffsets(*head.columns, *cut.hot);
  if (env::Planted(env::Bug::kColumnsDecidedAtFlush)) std::ranges::fill(first, LogOffset(0));
  for (PartitionRows& part : *parts) {
    part.rows = engine::WithPromoted(std::move(part.rows), head.columns, first);
  }
  return *std::move(parts);
}

Status Flusher::Announce(const catalog::Inflight& inflight) {
  Status added = parts_.catalog->AddInflight(inflight);
  if (added || added.error().code() != Code::kConflict) return added;
  return Fail(Code::kConflict, kFenced);
}

Result<Flusher::Pending> Flusher::Write(Project& project, const lake::TableHead& head,
                                        LogOffset end,
                                        std::shared_ptr<const event::TableSchema> columns) {
  const Duration started = parts_.clock->Now();
  const auto cut = project.cut();
  const LogOffset begin = head.visible();
  TM_CHECK(cut->settled() == begin && end <= cut->end());
#ifdef TM_PLANTED_BUGS
  project.RememberPlan(cut->hot);
#endif
  end = std::min(end, begin + static_cast<std::int64_t>(options_.flush_rows_max));
  const TimeMicros now = parts_.clock->WallNow();
  const auto parts = PlanRows(*cut, head, now, &end);
  const auto row_count = static_cast<std::uint64_t>(end - begin);
  const Uuid flush_id = NewId();
  catalog::Inflight inflight{flush_id, head.table, catalog::CommitKind::kFlush, now, epoch_, {}};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    inflight.keys.push_back(
        head.location + "/" +
        lake::DataFilePath(parts[i].partition, flush_id, static_cast<std::uint32_t>(i)));
  }
  TM_TRY(Announce(inflight));
  if (!columns) columns = ColumnsAfter(*cut, head, end);
  auto files = WriteFiles(parts, columns ? columns->kept : head.columns->kept,
                          lake::DataCodecOf(*head.metadata), inflight.keys);
  if (!files) {
    Abandon(&project, std::move(inflight));
    return Fail(std::move(files).error());
  }
  std::uint64_t bytes = 0;
  TimeMicros watermark = kTimeMax;
  for (const lake::NewFile& file : *files) {
    bytes += file.bytes;
    watermark = std::min(watermark, file.metrics.time_min.value_or(kTimeMax));
  }
  const Duration written = parts_.clock->Now();
  lake::AppendRequest request{flush_id,
                              lake::SnapshotIdOf(flush_id),
                              log_id_,
                              epoch_,
                              begin,
                              end,
                              watermark,
                              std::move(*files),
                              {},
                              columns,
                              head.metadata->last_column_id,
                              head.metadata->current_schema_id,
                              {},
                              0};
  auto append = lake::Append::Prepare(parts_.store, head, std::move(request));
  if (!append) {
    Abandon(&project, std::move(inflight));
    return Fail(std::move(append).error());
  }
  At(FlushStep::kManifests);
  Measure(*cut, row_count, bytes);
  return Pending{.inflight = std::move(inflight),
                 .append = *std::move(append),
                 .attempts = {},
                 .begin = begin,
                 .end = end,
                 .rows = row_count,
                 .bytes = bytes,
                 .started = started,
                 .written = written};
}

std::shared_ptr<const event::TableSchema> Flusher::ColumnsAfter(const Cut& cut,
                                                                const lake::TableHead& head,
                                                                LogOffset end) const {
  const auto rows = cut.hot->View(head.visible(), end);
  auto learned = LearnKeptPaths(*rows, *head.columns, head.metadata->last_column_id, options_);
  auto noted = NoteFirstRows(learned ? *learned : *head.columns, *cut.hot, end);
  return noted ? noted : learned;
}

void Flusher::Measure(const Cut& cut, std::uint64_t rows, std::uint64_t bytes) {
  const std::uint64_t hot_bytes = cut.hot->bytes();
  if (hot_bytes == 0 || rows == 0) return;
  const double share = static_cast<double>(rows) /
                       static_cast<double>(std::max<std::uint64_t>(1, cut.hot->row_count()));
  encoded_per_hot_byte_ =
      static_cast<double>(bytes) / std::max(1.0, share * static_cast<double>(hot_bytes));
}

Result<std::vector<lake::NewFile>> Flusher::WriteFiles(const std::vector<PartitionRows>& parts,
                                                       const event::KeptPaths& kept,
                                                       engine::DataCodec codec,
                                                       const std::vector<std::string>& keys) {
  std::vector<lake::NewFile> files;
  if (parts.empty()) return files;
  lake::MetricsCollector collector(parts.front().rows->schema());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (env::Planted(env::Bug::kRowsMissingFromFile) && i > 0 && i + 1 == parts.size()) break;
    TM_ASSIGN(const std::string path, parts_.store->Stage(keys[i]));
    lake::MeasuredRows rows(parts[i].rows.get(), &collector);
    TM_ASSIGN(auto written, parts_.writer->Write(rows, kept, codec, path));
    TM_CHECK_EQ(written.rows, rows.row_count());
    At(FlushStep::kDataFiles);
    files.push_back({keys[i], parts[i].partition, rows.Finish(), written.bytes,
                     std::move(written.split_offsets), parts[i].sorted, std::move(written.kept),
                     std::move(written.column_bytes)});
    TM_CHECK_EQ(files.back().metrics.rows, written.rows);
  }
  // All are written before the first is synced: late events make many small files, and what a
  // file system has to note of them it then notes together.
  for (const lake::NewFile& file : files) {
    if (!env::Planted(env::Bug::kDataFileNotSealed)) TM_TRY(parts_.store->Seal(file.key));
  }
  return files;
}

Result<bool> Flusher::Commit(Project& project, Pending* pending) {
  for (std::uint32_t attempt = 1; attempt <= options_.commit_attempts_max; ++attempt) {
    if (pending->outcome_unknown) {
      TM_ASSIGN(const bool done, Resolve(project, pending));
      if (done) return true;
    }
    auto head = project.cut()->lake;
    if (attempt > 1) {
      TM_ASSIGN(head, Reload(project, {head}));
    }
    TM_ASSIGN(const Outcome outcome, CommitOnce(project, pending, *head));
    if (outcome == Outcome::kCommitted) return true;
    if (outcome == Outcome::kStale) return false;
  }
  return Fail(Code::kUnavailable, "the commit was overtaken too often");
}

TimeMicros Flusher::ReadersUntil(TimeMicros now) const {
  return now +
         std::chrono::duration_cast<std::chrono::microseconds>(options_.garbage_delay).count();
}

Result<Flusher::Outcome> Flusher::CommitOnce(Project& project, Pending* pending,
                                             const lake::TableHead& head) {
  const TimeMicros now = parts_.clock->WallNow();
  const bool as_built = env::Planted(env::Bug::kForeignHeadOverwritten);
  const auto cut = project.cut();
  const lake::TableHead& base = as_built ? *cut->lake : head;
  auto built = pending->append.Build(base, ++pending->attempt_count, now, ReadersUntil(now));
  if (!built) {
    pending->attempts.push_back({nullptr, pending->append.attempt_keys()});
    if (built.error().code() == Code::kConflict) return Overtaken(project, pending);
    return Fail(std::move(built).error());
  }
  catalog::TableChange& change = built->change;
  change.base_version = head.metadata_version;
  for (const catalog::Garbage& garbage : change.garbage) {
    kept_until_[garbage.key] = parts_.clock->Now() + options_.garbage_delay;
  }
  for (const Attempt& lost : pending->attempts) {
    for (const std::string& key : lost.keys) {
      change.garbage.push_back({key, change.table, "attempt", now});
    }
  }
  At(FlushStep::kBeforeCommit);
  const Status committed = parts_.catalog->Commit(std::span(&change, 1));
  if (committed) {
    if (env::Planted(env::Bug::kReleasedBeforePublished)) {
      project.PublishHot(project.hot().Release(pending->end));
    }
    At(FlushStep::kAfterCommit);
    Publish(project, *pending, built->next);
    return Outcome::kCommitted;
  }
  pending->attempts.push_back({built->next, std::move(built->attempt_keys)});
  switch (committed.error().code()) {
    case Code::kOutcomeUnknown:
      if (env::Planted(env::Bug::kUnknownMeansDone)) {
        Publish(project, *pending, built->next);
        return Outcome::kCommitted;
      }
      if (env::Planted(env::Bug::kUnknownMeansFailed)) {
        Abandon(&project, pending->inflight);
        return Outcome::kStale;
      }
      [[fallthrough]];
    case Code::kAlreadyExists:
      pending->outcome_unknown = true;
      return Outcome::kAgain;
    case Code::kConflict:
      return Overtaken(project, pending);
    default:
      return Fail(committed.error());
  }
}

Result<bool> Flusher::Resolve(Project& project, Pending* pending) {
  const catalog::Inflight& inflight = pending->inflight;
  TM_ASSIGN(const auto row, parts_.catalog->FindCommit(inflight.table, inflight.id));
  if (!row) return false;
  std::vector<std::shared_ptr<const lake::TableHead>> known;
  for (const Attempt& attempt : pending->attempts) known.push_back(attempt.next);
  TM_ASSIGN(auto head, Reload(project, known));
  if (const lake::Snapshot* landed = head->metadata->FindSnapshot(row->snapshot)) {
    std::vector<catalog::Garbage> garbage;
    for (const Attempt& attempt : pending->attempts) {
      if (attempt.next &&
          attempt.next->metadata->current()->manifest_list == landed->manifest_list) {
        continue;
      }
      for (const std::string& key : attempt.keys) {
        garbage.push_back({key, inflight.table, "attempt", parts_.clock->WallNow()});
      }
    }
    if (!garbage.empty()) TM_TRY(parts_.catalog->AddGarbage(garbage));
  }
  Publish(project, *pending, std::move(head));
  return true;
}

// Somebody else moved the table, or this process is no longer its owner.
Result<Flusher::Outcome> Flusher::Overtaken(Project& project, Pending* pending) {
  TM_ASSIGN(const Epoch current, parts_.catalog->CurrentEpoch(log_id_));
  const bool unchecked =
      env::Planted(env::Bug::kEpochNotChecked) || env::Planted(env::Bug::kStalePlanAppended);
  const bool fenced = current != epoch_ && !unchecked;
  std::shared_ptr<const lake::TableHead> latest;
  if (!fenced) {
    TM_ASSIGN(latest, Reload(project, {project.cut()->lake}));
    // Had an attempt of ours come in, it would not be so; one that moves nothing of this is found
    // by its commit id when the next attempt is made.
    if (latest->visible() == pending->begin && pending->append.Fits(*latest)) {
      return Outcome::kAgain;
    }
    if (env::Planted(env::Bug::kStalePlanAppended)) return Outcome::kAgain;
  }
  // What moved table or epoch may have been an attempt of ours whose answer was lost, or have come
  // after it. If there is none now there never will be one: this is the one time to look.
  TM_ASSIGN(const bool came_in, Resolve(project, pending));
  if (came_in) return Outcome::kCommitted;
  Abandon(&project, pending->inflight);
  // The new owner may have looked for leftovers before these were.
  if (fenced) return Fail(Code::kConflict, kFenced);
  // Somebody else settled rows of ours: the plan is stale. Never append anyway.
  project.PublishLake(std::move(latest));
  return Outcome::kStale;
}

void Flusher::Publish(Project& project, const Pending& pending,
                      std::shared_ptr<const lake::TableHead> head) {
  TM_CHECK(head->visible() >= pending.end);
  project.PublishLake(std::move(head));
  const Duration now = parts_.clock->Now();
  parts_.metrics->flushes.Add();
  const bool events = project.stream() == Stream::kEvents;
  (events ? parts_.metrics->settled_events : parts_.metrics->settled_records).Add(pending.rows);
  parts_.metrics->settled_bytes.Add(pending.bytes);
  parts_.metrics->flush_seconds.Record(now - pending.started);
  parts_.metrics->commit_seconds.Record(now - pending.written);
  At(FlushStep::kAfterPublish);
}

void Flusher::Abandon(Project* project, catalog::Inflight inflight) {
  if (env::Planted(env::Bug::kAbandonedForgotten)) return;
  // What is forgotten here is found by its in-flight record after the next start.
  if (abandoned_.size() < kAbandonedMax) abandoned_.push_back({project, std::move(inflight)});
  if (const auto cleared = ClearAbandoned(); !cleared) {
    TM_LOG(kWarning, "files of a failed flush stay for now", {"error", cleared.error().ToString()});
  }
}

Status Flusher::ClearAbandoned() {
  while (!abandoned_.empty()) {
    const Abandoned& write = abandoned_.back();
    TM_TRY(lake::RemoveLeftovers(parts_.store, write.inflight, *write.project->cut()->lake));
    TM_TRY(parts_.catalog->RemoveInflight(write.inflight.id));
    abandoned_.pop_back();
  }
  return {};
}

Status Flusher::CollectGarbage() {
  TM_TRY(ClearAbandoned());
  TimeMicros wall = parts_.clock->WallNow();
  if (env::Planted(env::Bug::kGarbageAtOnce)) wall = kTimeMax;
  TM_ASSIGN(const auto due, parts_.catalog->DueGarbage(wall, options_.garbage_per_step_max));
  std::vector<std::string> gone;
  for (const catalog::Garbage& garbage : due) {
    const auto kept = kept_until_.find(garbage.key);
    if (kept != kept_until_.end() && kept->second > parts_.clock->Now() &&
        !env::Planted(env::Bug::kGarbageByWallClock) && !env::Planted(env::Bug::kGarbageAtOnce)) {
      continue;
    }
    const auto removed = parts_.store->Remove(garbage.key);
    if (!removed && removed.error().code() != Code::kNotFound) continue;
    gone.push_back(garbage.key);
    if (kept != kept_until_.end()) kept_until_.erase(kept);
  }
  return gone.empty() ? Status() : parts_.catalog->RemoveGarbage(gone);
}

}  // namespace tidemark::tide
