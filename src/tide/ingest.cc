#include "tide/ingest.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "env/faults.h"
#include "env/held_wakes.h"
#include "telemetry/log_line.h"

namespace tidemark::tide {
namespace {

constexpr Duration kIdlePause = std::chrono::milliseconds(500);
constexpr Duration kBrokenLogPause = std::chrono::milliseconds(100);
constexpr std::size_t kAnswersHeldMax = 64;  // Of a group, before who waits for them is woken.

// Nothing of the group is there: it may be sent again.
Error NotStored(const Error& error) {
  return {Code::kUnavailable,
          "the log could not store the events (" + error.message() + "); nothing was taken"};
}

}  // namespace

Ingest::Ingest(const TideOptions& options, Parts parts)
    : options_(options),
      parts_(std::move(parts)),
      log_(parts_.log),
      index_(parts_.index),
      projects_(parts_.projects),
      budget_(parts_.budget),
      clock_(parts_.clock),
      metrics_(parts_.metrics),
      log_id_(log_->log_id().ToString()),
      queue_(options.queue_bytes_max) {}

Status Ingest::Take(const std::string& project, Stream stream, event::Request::Part from,
                    Part* part) {
  if (from.count == 0) return {};
  const std::uint64_t reserved = hot::ReserveEstimate(from.batch.size(), from.count);
  if (!budget_->TryReserve(reserved)) {
    metrics_->refused_batches.Add();
    return tidemark::Fail(Code::kOverloaded, "memory is full until older events are settled");
  }
  part->reserved_bytes = reserved;
  part->project = projects_->FindOrAdd({project, stream});
  part->batch = std::move(from.batch);
  part->count = from.count;
  return {};
}

Status Ingest::FindIds(Submission* submission) const {
  if (index_ == nullptr) return {};
  const Part& part = submission->events.count > 0 ? submission->events : submission->quarantine;
  auto ids = submission->events.count > 0 ? dedupe::IdsOf(*index_, part.batch, part.count)
                                          : dedupe::KeyOf(*index_, part.batch, part.count);
  if (!ids) return tidemark::Fail(Code::kInvalidArgument, ids.error().message());
  submission->ids = *std::move(ids);
  return {};
}

// Gives back what was reserved for the parts that hot memory does not get.
void Ingest::ReleaseParts(const Submission& submission, InHot in_hot) {
  for (const Part* part : {&submission.events, &submission.quarantine}) {
    if (in_hot == InHot::kNothing || part->written == 0) budget_->Release(part->reserved_bytes);
  }
}

void Ingest::Submit(event::Request request, Done done) {
  const std::uint64_t count = std::uint64_t{request.events.count} + request.quarantine.count;
  const std::uint64_t batch_bytes = request.events.batch.size() + request.quarantine.batch.size();
  if (request.project.empty() ||
      LogNameBytes(request.project, Stream::kQuarantine) > wal::kProjectBytesMax ||
      request.project.find(kStreamSeparator) != std::string::npos || count == 0 ||
      count > wal::kFrameEventsMax ||
      batch_bytes + event::kPromotionBytes > options_.log.frame_bytes_max) {
    done(tidemark::Fail(Code::kInvalidArgument, "the batch is outside the log's limits"));
    return;
  }
  Submission submission;
  Status taken =
      Take(request.project, Stream::kEvents, std::move(request.events), &submission.events);
  if (taken) {
    taken = Take(request.project, Stream::kQuarantine, std::move(request.quarantine),
                 &submission.quarantine);
  }
  if (taken) taken = FindIds(&submission);
  if (!taken) {
    ReleaseParts(submission, InHot::kNothing);
    done(tidemark::Fail(std::move(taken).error()));
    return;
  }
  const std::uint64_t bytes = batch_bytes + submission.ids.bytes();
  submission.events_of = submission.events.project != nullptr
                             ? submission.events.project
                             : projects_->FindOrAdd({request.project, Stream::kEvents});
  submission.arrived = clock_->Now();
  submission.done = std::move(done);
  if (!queue_.Push(std::move(submission), bytes)) {
    // NOLINTNEXTLINE(bugprone-use-after-move): what is refused is untouched.
    ReleaseParts(submission, InHot::kNothing);
    metrics_->refused_batches.Add();
    submission.done(
        tidemark::Fail(Code::kOverloaded, "too much waits for the log, or the server stops"));
    return;
  }
  parts_.wake();
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
      Fail(std::span(taken_).subspan(taken_at_), NotStored(rotated.error()), InHot::kNothing);
      taken_at_ = taken_.size();
      return kBrokenLogPause;
    }
    TM_LOG(kInfo, "the log stores events again");
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
    bytes += taken_[i].bytes();
    if (size > 0 && bytes > options_.group_bytes_max) break;
  }
  return size;
}

void Ingest::WriteGroup(std::span<Submission> group) {
  in_hot_ = InHot::kNothing;
  touched_.clear();
  group_since_ = stage_since_ = clock_->Now();
  auto durable = Decide(group);
  EndStage(metrics_->stages.decide);
  if (durable) durable = MakeDurable(group);
  if (!durable) {
    if (index_ != nullptr && !env::Planted(env::Bug::kIdsOfVoidGroupStay)) index_->Rollback();
    Refuse(group, durable.error());
    return;
  }
  Acknowledge(group);
}

// What began where the stage before it ended.
void Ingest::EndStage(telemetry::Histogram& stage) {
  const Duration now = clock_->Now();
  stage.Record(now - std::exchange(stage_since_, now));
}

void Ingest::Refuse(std::span<Submission> group, const Error& error) {
  metrics_->failed_groups.Add();
  TM_LOG(kError, "a group was refused", {"error", error.ToString()});
  if (!log_->stats().failed) {  // Nothing was written.
    Fail(group, error.code() == Code::kIoError ? NotStored(error) : error, in_hot_);
    return;
  }
  const auto released = log_->ReleaseReserve();  // If the disk is full, the commit needs room.
  if (!released) {
    TM_LOG(kWarning, "the reserve of the log could not be given back",
           {"error", released.error().ToString()});
  }
  const bool cut_off = log_->Rotate().has_value();
  Fail(group,
       cut_off ? NotStored(error)
               : Error(Code::kOutcomeUnknown, "the log failed; the events may be there or not"),
       in_hot_);
}

// Which columns a row has is decided here, once, and written with it.
void Ingest::NumberColumns(Part* part) {
  const auto lake = part->project->cut()->lake;
  const std::uint32_t promotion = lake ? lake->columns->promotions : 0;
  if (promotion > 0) event::SetBatchPromotion(&part->batch, promotion);
}

Status Ingest::MakeDurable(std::span<Submission> group) {
  appends_.clear();
  std::uint64_t bytes = 0;
  ForEachWritten(group, [&](Part& part) {
    NumberColumns(&part);
    appends_.push_back({part.project->name(), part.written, part.batch});
    bytes += part.batch.size();
  });
  if (appends_.empty()) return {};  // Their firsts are visible already.
  TM_TRY(WriteLog(group));
  EndStage(metrics_->stages.write);
  const bool overlap = bytes >= options_.overlap_bytes_min;
  Duration start = stage_since_;
  if (overlap) log_->StartSync();
  BuildHot(group);
  EndStage(metrics_->stages.build);
  if (!overlap) start = stage_since_;
  TM_TRY(overlap ? log_->WaitSync() : log_->SyncNow());
  EndStage(metrics_->stages.sync);
  metrics_->sync_seconds.Record(stage_since_ - start);
  metrics_->groups.Add();
  metrics_->log_bytes.Add(bytes);
  return {};
}

Status Ingest::WriteLog(std::span<Submission> group) {
  if (env::Planted(env::Bug::kQuarantineInAnotherGroup)) return WriteLogApart(group);
  std::vector<LogOffset> firsts;
  TM_TRY(log_->WriteGroup(appends_, &firsts));
  auto first = firsts.begin();
  ForEachWritten(group, [&first](Part& part) { part.first = *first++; });
  RememberKeys(group);
  return {};
}

Status Ingest::WriteLogApart(std::span<Submission> group) {
  for (const Stream stream : {Stream::kEvents, Stream::kQuarantine}) {
    std::vector<wal::Append> appends;
    std::vector<LogOffset> firsts;
    ForEachWritten(group, [&](const Part& part) {
      if (part.project->stream() != stream) return;
      appends.push_back({part.project->name(), part.written, part.batch});
    });
    if (appends.empty()) continue;
    TM_TRY(log_->WriteGroup(appends, &firsts));
    auto first = firsts.begin();
    ForEachWritten(group, [&](Part& part) {
      if (part.project->stream() == stream) part.first = *first++;
    });
    // The last group is synced by the caller.
    if (stream == Stream::kEvents && appends.size() < appends_.size()) TM_TRY(log_->SyncNow());
  }
  RememberKeys(group);
  return {};
}

void Ingest::BuildHot(std::span<Submission> group) {
  in_hot_ = InHot::kWritten;
  ForEachWritten(group, [this](const Part& part) {
    Project* project = part.project.get();
    if (std::find(touched_.begin(), touched_.end(), project) == touched_.end()) {
      touched_.push_back(project);
    }
    auto batch = event::BatchReader::Open(part.batch);
    // The batch was made by our own builder: one that does not decode is a bug, and the log holds
    // it already.
    TM_CHECK(batch.has_value());
    const auto appended = project->hot().Append(*batch, part.first, part.reserved_bytes);
    TM_CHECK(appended.has_value());
  });
  if (env::Planted(env::Bug::kVisibleBeforeDurable)) {
    for (Project* project : touched_) project->PublishHot(project->hot().Publish());
  }
}

void Ingest::Acknowledge(std::span<Submission> group) {
  if (index_ != nullptr) index_->Commit(log_->stats().durable_frames);
  if (env::Planted(env::Bug::kAckBeforePublish)) {
    for (Submission& submission : group) {
      std::exchange(submission.done,
                    [](const Result<event::BatchAnswer>&) {})(AnswerOf(&submission));
    }
  }
  Publish();
  EndStage(metrics_->stages.publish);
  const Duration now = stage_since_;
  std::uint64_t events = 0;
  std::uint64_t quarantined = 0;
  env::HeldWakes wakes;  // Those that wait for answers get them all at once.
  std::size_t answered = 0;
  for (Submission& submission : group) {
    events += submission.events.written;
    quarantined += submission.quarantine.written;
    metrics_->stages.queue.Record(group_since_ - submission.arrived);
    metrics_->ack_seconds.Record(now - submission.arrived);
    ReleaseParts(submission, InHot::kWritten);
    submission.done(AnswerOf(&submission));
    if (++answered % kAnswersHeldMax == 0) wakes.Release();
  }
  metrics_->accepted_events.Add(events);
  metrics_->quarantine_records.Add(quarantined);
}

void Ingest::Publish() {
  for (Project*& project : touched_) {
    if (project == nullptr || project->stream() == Stream::kEvents) continue;
    const auto events = std::find_if(touched_.begin(), touched_.end(), [&](const Project* other) {
      return other != nullptr && other != project && other->shared_cuts() == project->shared_cuts();
    });
    if (events == touched_.end()) continue;
    Project::PublishBoth(*events, project);
    *events = project = nullptr;
  }
  for (Project* project : touched_) {
    if (project != nullptr) project->PublishHot(project->hot().Publish());
  }
}

// After the group is visible.
Result<event::BatchAnswer> Ingest::AnswerOf(Submission* submission) const {
  if (submission->refusal) return tidemark::Fail(*submission->refusal);
  event::BatchAnswer answer;
  answer.outcomes = std::move(submission->outcomes);
  answer.replayed = submission->replay_of.has_value();
  answer.spent = std::move(submission->events.batch);
  event::Receipt& receipt = answer.receipt;
  receipt.log_id = log_id_;
  if (answer.replayed && submission->replay_in_group == nullptr) {
    const dedupe::KeyedRequest& quarantine = submission->replay_quarantine;
    receipt.first = LogOffset(submission->replay_of->first);
    receipt.count = submission->replay_of->count;
    receipt.quarantine_first = LogOffset(quarantine.count > 0 ? quarantine.first : 0);
    receipt.quarantine_count = quarantine.count;
    return answer;
  }
  const Submission* wrote =
      answer.replayed ? submission->replay_in_group : static_cast<const Submission*>(submission);
  receipt.first = wrote->events.written > 0 ? wrote->events.first : LogOffset(0);
  receipt.count = wrote->events.written;
  if (wrote->quarantine.written > 0) receipt.quarantine_first = wrote->quarantine.first;
  receipt.quarantine_count = wrote->quarantine.written;
  if (!wrote->WritesAny()) receipt.first = submission->events_of->cut()->end();
  return answer;
}

void Ingest::Fail(std::span<Submission> group, const Error& error, InHot in_hot) {
  if (in_hot == InHot::kWritten && !env::Planted(env::Bug::kRollbackSkipped)) {
    for (Project* project : touched_) project->hot().Rollback();
  }
  for (Submission& submission : group) {
    if (!env::Planted(env::Bug::kReservationLeaks)) ReleaseParts(submission, in_hot);
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
  const std::uint64_t checkpoint = index_ != nullptr ? index_->checkpoint() : 0;
  if (settled > settled_sum_ || checkpoint > checkpoint_ || clock_->Now() >= trim_at_) {
    Trim();
    settled_sum_ = settled;
    checkpoint_ = checkpoint;
  }
  const bool index_waits = index_ != nullptr && index_->Tend();
  const auto more = log_->Tend();
  if (log_->TakeAsked() || index_waits) parts_.wake_index();
  if (!more) TM_LOG(kWarning, "preparing segments failed", {"error", more.error().ToString()});
  return more.has_value() && *more;
}

void Ingest::Trim() {
  const auto projects = projects_->All();
  // What the index has only in memory it must find again.
  const bool unbound = index_ == nullptr || env::Planted(env::Bug::kTrimIgnoresIndex);
  const std::uint64_t sequence_end = unbound ? ~std::uint64_t{0} : index_->checkpoint();
  const auto trimmed = log_->Trim(
      [&projects](std::string_view name) {
        if (env::Planted(env::Bug::kTrimIgnoresTide))
          return LogOffset(std::numeric_limits<std::int64_t>::max());
        if (env::Planted(env::Bug::kTrimFollowsEvents) && name.find(kStreamSeparator) != name.npos)
          return LogOffset(std::numeric_limits<std::int64_t>::max());
        const auto found = projects->find(name);
        return found == projects->end() ? LogOffset(0) : found->second->cut()->settled();
      },
      sequence_end);
  if (!trimmed) TM_LOG(kWarning, "trim failed", {"error", trimmed.error().ToString()});
  // After a failure too: it is tried again then.
  trim_at_ = clock_->Now() + options_.trim_pause;
  metrics_->log_segments.Set(static_cast<std::int64_t>(log_->stats().segments));
}

}  // namespace tidemark::tide
