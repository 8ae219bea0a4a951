#include "tide/ingest.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "env/faults.h"
#include "telemetry/log_line.h"

namespace tidemark::tide {
namespace {

constexpr Duration kIdlePause = std::chrono::milliseconds(500);
constexpr Duration kBrokenLogPause = std::chrono::milliseconds(100);

}  // namespace

Ingest::Ingest(const TideOptions& options, wal::Log* log, Projects* projects, MemoryBudget* budget,
               const env::Clock* clock, TideMetrics* metrics, std::function<void()> wake)
    : options_(options),
      log_(log),
      projects_(projects),
      budget_(budget),
      clock_(clock),
      metrics_(metrics),
      wake_(std::move(wake)),
      log_id_(log->log_id().ToString()),
      queue_(options.queue_bytes_max) {}

void Ingest::Submit(std::string project, std::string batch, std::uint32_t count, Done done) {
  if (project.empty() || project.size() > wal::kProjectBytesMax || count == 0 ||
      count > wal::kFrameEventsMax || batch.size() > options_.log.frame_bytes_max) {
    done(tidemark::Fail(Code::kInvalidArgument, "the batch is outside the log's limits"));
    return;
  }
  const std::uint64_t reserved = hot::ReserveEstimate(batch.size(), count);
  if (!budget_->TryReserve(reserved)) {
    metrics_->refused_batches.Add();
    done(tidemark::Fail(Code::kOverloaded, "memory is full until older events are settled"));
    return;
  }
  const std::uint64_t bytes = batch.size();
  Submission submission{projects_->FindOrAdd(project),
                        std::move(batch),
                        count,
                        reserved,
                        clock_->Now(),
                        std::move(done)};
  if (!queue_.Push(std::move(submission), bytes)) {
    budget_->Release(reserved);
    metrics_->refused_batches.Add();
    submission.done(
        tidemark::Fail(Code::kOverloaded, "too much waits for the log, or the server stops"));
    return;
  }
  wake_();
}

void Ingest::Close() { queue_.Close(); }

Duration Ingest::Step() {
  if (taken_at_ == taken_.size()) {
    taken_.clear();
    taken_at_ = 0;
    queue_.TakeAll(&taken_);
  }
  if (log_->stats().failed) {
    // Whatever the void group left must be cut off before anything else is written.
    if (auto rotated = log_->Rotate(); !rotated) {
      Fail(std::span(taken_).subspan(taken_at_), rotated.error(), false);
      taken_at_ = taken_.size();
      return kBrokenLogPause;
    }
  }
  const bool idle = taken_at_ == taken_.size();
  if (!idle) {
    const std::size_t size = GroupSize();
    WriteGroup(std::span(taken_).subspan(taken_at_, size));
    taken_at_ += size;
  }
  const bool more = !log_->stats().failed && KeepHouse();
  return idle && !more ? kIdlePause : Duration::zero();
}

std::size_t Ingest::GroupSize() const {
  std::uint64_t bytes = 0;
  std::size_t size = 0;
  for (std::size_t i = taken_at_; i < taken_.size(); ++i, ++size) {
    bytes += taken_[i].batch.size();
    if (size > 0 && bytes > options_.group_bytes_max) break;
  }
  return size;
}

void Ingest::WriteGroup(std::span<Submission> group) {
  std::vector<LogOffset> firsts;
  built_ = false;
  if (auto durable = MakeDurable(group, &firsts); !durable) {
    Refuse(group, durable.error());
    return;
  }
  Acknowledge(group, firsts);
}

void Ingest::Refuse(std::span<Submission> group, const Error& error) {
  metrics_->failed_groups.Add();
  TM_LOG(kError, "the log refused a group", {"error", error.ToString()});
  if (!log_->stats().failed) {  // Outside the limits: nothing was written.
    Fail(group, error, built_);
    return;
  }
  const auto released = log_->ReleaseReserve();  // If the disk is full, the commit needs room.
  if (!released) {
    TM_LOG(kWarning, "the reserve of the log could not be given back",
           {"error", released.error().ToString()});
  }
  const bool cut_off = log_->Rotate().has_value();
  Fail(group,
       cut_off ? Error(Code::kUnavailable, "the log could not store the events; nothing was taken")
               : Error(Code::kOutcomeUnknown, "the log failed; the events may be there or not"),
       built_);
}

Status Ingest::MakeDurable(std::span<Submission> group, std::vector<LogOffset>* firsts) {
  appends_.clear();
  std::uint64_t bytes = 0;
  for (Submission& submission : group) {
    event::ClampBatchReceivedAt(&submission.batch, [&](TimeMicros received_at) {
      return submission.project->ClampReceivedAt(received_at);
    });
    appends_.push_back({submission.project->name(), submission.count, submission.batch});
    bytes += submission.batch.size();
  }
  TM_TRY(log_->WriteGroup(appends_, firsts));
  const bool overlap = bytes >= options_.overlap_bytes_min;
  if (!overlap) BuildHot(group, *firsts);
  const Duration start = clock_->Now();
  if (overlap) {
    log_->StartSync();
    BuildHot(group, *firsts);
    TM_TRY(log_->WaitSync());
  } else {
    TM_TRY(log_->SyncNow());
  }
  metrics_->sync_seconds.Record(clock_->Now() - start);
  metrics_->groups.Add();
  metrics_->log_bytes.Add(bytes);
  return {};
}

void Ingest::BuildHot(std::span<Submission> group, const std::vector<LogOffset>& firsts) {
  built_ = true;
  touched_.clear();
  for (std::size_t i = 0; i < group.size(); ++i) {
    Project* project = group[i].project.get();
    if (std::find(touched_.begin(), touched_.end(), project) == touched_.end()) {
      touched_.push_back(project);
    }
    auto batch = event::BatchReader::Open(group[i].batch);
    // The batch was made by our own builder: one that does not decode is a bug, and the log holds
    // it already.
    TM_CHECK(batch.has_value());
    const auto appended = project->hot().Append(*batch, firsts[i], group[i].reserved_bytes);
    TM_CHECK(appended.has_value());
  }
  if (env::Planted(env::Bug::kVisibleBeforeDurable)) {
    for (Project* project : touched_) project->PublishHot(project->hot().Publish());
  }
}

void Ingest::Acknowledge(std::span<Submission> group, const std::vector<LogOffset>& firsts) {
  if (env::Planted(env::Bug::kAckBeforePublish)) {
    for (std::size_t i = 0; i < group.size(); ++i) {
      std::exchange(group[i].done, [](const Result<event::BatchAnswer>&) {})(
          event::BatchAnswer{.receipt = {log_id_, 0, firsts[i], group[i].count}, .outcomes = {}});
    }
  }
  for (Project* project : touched_) project->PublishHot(project->hot().Publish());
  const Duration now = clock_->Now();
  std::uint64_t events = 0;
  for (std::size_t i = 0; i < group.size(); ++i) {
    events += group[i].count;
    metrics_->ack_seconds.Record(now - group[i].arrived);
    group[i].done(
        event::BatchAnswer{.receipt = {log_id_, 0, firsts[i], group[i].count}, .outcomes = {}});
  }
  metrics_->accepted_events.Add(events);
}

void Ingest::Fail(std::span<Submission> group, const Error& error, bool built) {
  if (built && !env::Planted(env::Bug::kRollbackSkipped)) {
    for (Project* project : touched_) project->hot().Rollback();
  }
  for (Submission& submission : group) {
    if (!built && !env::Planted(env::Bug::kReservationLeaks)) {
      budget_->Release(submission.reserved_bytes);
    }
    submission.done(tidemark::Fail(error));
  }
}

bool Ingest::KeepHouse() {
  std::int64_t settled = 0;
  const auto projects = projects_->All();
  for (const auto& [name, project] : *projects) {
    project->ReleaseSettled();
    settled += project->cut()->settled().value;
  }
  metrics_->memory_used_bytes.Set(static_cast<std::int64_t>(budget_->used_bytes()));
  if (env::Planted(env::Bug::kHouseNeverKept)) return false;
  if (settled > settled_sum_ || clock_->Now() >= trim_at_) {
    Trim();
    settled_sum_ = settled;
  }
  const auto more = log_->Tend();
  if (!more) TM_LOG(kWarning, "preparing segments failed", {"error", more.error().ToString()});
  return more.has_value() && *more;
}

void Ingest::Trim() {
  const auto projects = projects_->All();
  const auto trimmed = log_->Trim([&projects](std::string_view name) {
    if (env::Planted(env::Bug::kTrimIgnoresTide))
      return LogOffset(std::numeric_limits<std::int64_t>::max());
    const auto found = projects->find(name);
    return found == projects->end() ? LogOffset(0) : found->second->cut()->settled();
  });
  if (!trimmed) TM_LOG(kWarning, "trim failed", {"error", trimmed.error().ToString()});
  // After a failure too: it is tried again then.
  trim_at_ = clock_->Now() + options_.trim_pause;
  metrics_->log_segments.Set(static_cast<std::int64_t>(log_->stats().segments));
}

}  // namespace tidemark::tide
