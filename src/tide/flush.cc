#include "tide/flush.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "telemetry/log_line.h"

namespace tidemark::tide {
namespace {

constexpr std::string_view kTableName = "events";

}  // namespace

Flusher::Flusher(const TideOptions& options, FlusherParts parts, std::string log_id, Epoch epoch)
    : options_(options), parts_(parts), log_id_(std::move(log_id)), epoch_(epoch) {}

Uuid Flusher::NewId() {
  return MakeUuidV7(parts_.clock->WallNow(), parts_.random->Next(), parts_.random->Next());
}

Result<bool> Flusher::Flush(Project& project, LogOffset end) {
  if (const auto found = pending_.find(project.name()); found != pending_.end()) {
    TM_ASSIGN(const bool done, Commit(project, &found->second));
    pending_.erase(found);
    if (!done) return false;
  }
  TM_ASSIGN(const auto head, HeadOf(project));
  if (head->visible() >= end) return true;
  TM_ASSIGN(Pending written, Write(project, *head, end));
  Pending& pending = pending_.emplace(project.name(), std::move(written)).first->second;
  const LogOffset settled = pending.end;
  TM_ASSIGN(const bool done, Commit(project, &pending));
  pending_.erase(project.name());
  return done && settled >= end;
}

Result<std::shared_ptr<const lake::TableHead>> Flusher::HeadOf(Project& project) {
  if (auto head = project.cut()->lake) return head;
  // The first flush of a project makes its table.
  const lake::NewEventsTable table{NewId(), project.name(), std::string(kTableName),
                                   log_id_, epoch_,         parts_.clock->WallNow()};
  TM_ASSIGN(const auto found, parts_.catalog->FindTable(project.name(), kTableName));
  if (!found) {
    TM_ASSIGN(const auto leftovers, lake::FindTableLocations(*parts_.store, project.name()));
    if (!leftovers.empty()) {
      return Fail(Code::kCorruption,
                  "the lake has tables of project " + project.name() +
                      " that the catalog does not know; run `tidemark doctor` to register them");
    }
    TM_ASSIGN(const auto record, lake::CreateEventsTable(parts_.store, table));
    TM_TRY(parts_.catalog->CreateTable(record));
  }
  TM_ASSIGN(auto head, Reload(project.name()));
  project.PublishLake(head);
  return head;
}

Result<std::shared_ptr<const lake::TableHead>> Flusher::Reload(const std::string& project) {
  TM_ASSIGN(const auto record, parts_.catalog->FindTable(project, kTableName));
  if (!record) return Fail(Code::kCorruption, "the table of " + project + " left the catalog");
  bool restored = false;
  TM_ASSIGN(auto head, lake::OpenTable(parts_.store, *record, &restored));
  if (restored) parts_.metrics->metadata_restored.Add();
  return head;
}

Result<Flusher::Pending> Flusher::Write(Project& project, const lake::TableHead& head,
                                        LogOffset end) {
  const Duration started = parts_.clock->Now();
  const auto cut = project.cut();
  const LogOffset begin = head.visible();
  TM_CHECK(cut->settled() == begin && end <= cut->end());
  end = std::min(end, begin + static_cast<std::int64_t>(options_.flush_rows_max));
  const TimeMicros now = parts_.clock->WallNow();
  std::shared_ptr<const event::RowSource> rows;
  std::optional<std::vector<PartitionRows>> parts;
  for (;;) {
    rows = cut->hot->View(begin, end);
    // Offsets are dense: a row that is missing here would be lost for good.
    TM_CHECK_EQ(rows->row_count(), static_cast<std::uint64_t>(end - begin));
    parts = PlanFlush(rows, now, options_.flush_files_max);
    if (parts) break;
    TM_CHECK_GT(end - begin, 1);
    end = begin + (end - begin) / 2;
  }
  const Uuid flush_id = NewId();
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < parts->size(); ++i) {
    keys.push_back(
        head.location + "/" +
        lake::DataFilePath((*parts)[i].partition, flush_id, static_cast<std::uint32_t>(i)));
  }
  TM_TRY(parts_.catalog->AddInflight(
      {flush_id, head.table, catalog::CommitKind::kFlush, now, epoch_, keys}));
  auto files = WriteFiles(*parts, keys);
  if (!files) {
    RemoveQuietly(keys);
    TM_TRY(parts_.catalog->RemoveInflight(flush_id));
    return Fail(std::move(files).error());
  }
  std::uint64_t bytes = 0;
  TimeMicros watermark = kTimeMax;
  for (const lake::NewFile& file : *files) {
    bytes += file.bytes;
    watermark = std::min(watermark, file.metrics.time_min.value_or(kTimeMax));
  }
  const Duration written = parts_.clock->Now();
  lake::AppendRequest request{flush_id,  lake::SnapshotIdOf(flush_id),
                              log_id_,   epoch_,
                              begin,     end,
                              watermark, std::move(*files),
                              {}};
  auto append = lake::Append::Prepare(parts_.store, head, std::move(request));
  if (!append) {
    RemoveQuietly(keys);
    TM_TRY(parts_.catalog->RemoveInflight(flush_id));
    return Fail(std::move(append).error());
  }
  At(FlushStep::kManifests);
  if (const std::uint64_t hot_bytes = cut->hot->bytes(); hot_bytes > 0) {
    const double share = static_cast<double>(rows->row_count()) /
                         static_cast<double>(std::max<std::uint64_t>(1, cut->hot->row_count()));
    encoded_per_hot_byte_ =
        static_cast<double>(bytes) / std::max(1.0, share * static_cast<double>(hot_bytes));
  }
  return Pending{flush_id, std::move(*append), std::move(keys), std::nullopt, 0,
                 end,      rows->row_count(),  bytes,           started,      written};
}

Result<std::vector<lake::NewFile>> Flusher::WriteFiles(const std::vector<PartitionRows>& parts,
                                                       const std::vector<std::string>& keys) {
  std::vector<lake::NewFile> files;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    TM_ASSIGN(const std::string path, parts_.store->Stage(keys[i]));
    TM_ASSIGN(auto written, parts_.writer->Write(*parts[i].rows, path));
    TM_CHECK_EQ(written.rows, parts[i].rows->row_count());
    At(FlushStep::kDataFiles);
    TM_TRY(parts_.store->Seal(keys[i]));
    files.push_back({keys[i], parts[i].partition, lake::MeasureRows(*parts[i].rows), written.bytes,
                     std::move(written.split_offsets), parts[i].sorted});
    TM_CHECK_EQ(files.back().metrics.rows, written.rows);
  }
  return files;
}

Result<bool> Flusher::Commit(Project& project, Pending* pending) {
  if (pending->attempt) {
    TM_ASSIGN(const bool done, Resolve(project, pending));
    if (done) return true;
  }
  for (std::uint32_t attempt = 1; attempt <= options_.commit_attempts_max; ++attempt) {
    auto head = project.cut()->lake;
    if (attempt > 1) {
      TM_ASSIGN(head, Reload(project.name()));
    }
    auto done = CommitOnce(project, pending, *head);
    if (!done && done.error().code() == Code::kConflict) {
      TM_ASSIGN(const Epoch current, parts_.catalog->CurrentEpoch(log_id_));
      if (current != epoch_) {
        return Fail(Code::kConflict, "another process owns this data directory now");
      }
      TM_ASSIGN(const auto latest, Reload(project.name()));
      if (latest->visible() != head->visible() || head->visible() >= pending->end) {
        // Somebody else settled rows of ours: the plan is stale. Never append anyway.
        TM_TRY(GiveUp(pending));
        project.PublishLake(latest);
        return false;
      }
      continue;
    }
    return done;
  }
  return Fail(Code::kUnavailable, "the commit was overtaken too often");
}

Result<bool> Flusher::CommitOnce(Project& project, Pending* pending, const lake::TableHead& head) {
  const TimeMicros now = parts_.clock->WallNow();
  const std::int64_t delay_micros =
      std::chrono::duration_cast<std::chrono::microseconds>(options_.garbage_delay).count();
  TM_ASSIGN(pending->attempt,
            pending->append.Build(head, ++pending->attempts, now, now + delay_micros));
  At(FlushStep::kBeforeCommit);
  const catalog::TableChange& change = pending->attempt->change;
  const Status committed = parts_.catalog->Commit(std::span(&change, 1));
  if (committed) {
    At(FlushStep::kAfterCommit);
    Publish(project, pending, pending->attempt->next);
    return true;
  }
  switch (committed.error().code()) {
    case Code::kOutcomeUnknown:
    case Code::kAlreadyExists:
      return Resolve(project, pending);
    default:
      break;
  }
  DropAttempt(&*pending->attempt);
  pending->attempt.reset();
  return Fail(committed.error());
}

Result<bool> Flusher::Resolve(Project& project, Pending* pending) {
  const auto& next = pending->attempt->next;
  TM_ASSIGN(const auto row, parts_.catalog->FindCommit(next->table, pending->flush_id));
  if (row) {
    TM_ASSIGN(auto head, Reload(project.name()));
    Publish(project, pending, std::move(head));
    return true;
  }
  DropAttempt(&*pending->attempt);
  pending->attempt.reset();
  return false;
}

void Flusher::Publish(Project& project, Pending* pending,
                      std::shared_ptr<const lake::TableHead> head) {
  TM_CHECK(head->visible() >= pending->end);
  project.PublishLake(std::move(head));
  const Duration now = parts_.clock->Now();
  parts_.metrics->flushes.Add();
  parts_.metrics->settled_events.Add(pending->rows);
  parts_.metrics->settled_bytes.Add(pending->bytes);
  parts_.metrics->flush_seconds.Record(now - pending->started);
  parts_.metrics->commit_seconds.Record(now - pending->written);
  At(FlushStep::kAfterPublish);
}

void Flusher::DropAttempt(lake::PreparedCommit* attempt) { RemoveQuietly(attempt->attempt_keys); }

Status Flusher::GiveUp(Pending* pending) {
  RemoveQuietly(pending->data_keys);
  RemoveQuietly(pending->append.manifest_keys());
  return parts_.catalog->RemoveInflight(pending->flush_id);
}

void Flusher::RemoveQuietly(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    // What stays behind is found by its in-flight record after the next start.
    if (const auto removed = parts_.store->Remove(key);
        !removed && removed.error().code() != Code::kNotFound) {
      TM_LOG(kWarning, "a file could not be removed", {"error", removed.error().ToString()});
    }
  }
}

Status Flusher::CollectGarbage() {
  TM_ASSIGN(const auto due,
            parts_.catalog->DueGarbage(parts_.clock->WallNow(), options_.garbage_per_step_max));
  std::vector<std::string> gone;
  for (const catalog::Garbage& garbage : due) {
    const auto removed = parts_.store->Remove(garbage.key);
    if (removed || removed.error().code() == Code::kNotFound) gone.push_back(garbage.key);
  }
  return gone.empty() ? Status() : parts_.catalog->RemoveGarbage(gone);
}

}  // namespace tidemark::tide
