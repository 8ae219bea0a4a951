// Which events of a group are written, and which came before.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "env/faults.h"
#include "telemetry/log_line.h"
#include "tide/ingest.h"

namespace tidemark::tide {

Status Ingest::Decide(std::span<Submission> group) {
  std::size_t ids = 0;
  std::size_t keys = 0;
  for (Submission& submission : group) {
    ClampReceivedAt(&submission);
    submission.events.written = submission.events.count;
    submission.quarantine.written = submission.quarantine.count;
    ids += submission.ids.sent;
    keys += submission.ids.has_key() ? dedupe::kKeysOfRequest : 0;
  }
  if (index_ == nullptr) return {};
  TM_TRY(index_->Begin(ids, keys));
  for (std::size_t i = 0; i < group.size(); ++i) {
    Submission& submission = group[i];
    const auto decided = DecideOne(group.first(i), &submission);
    if (decided && !submission.WritesAny() && env::Planted(env::Bug::kDuplicateAnsweredEarly)) {
      std::exchange(submission.done,
                    [](const Result<event::BatchAnswer>&) {})(AnswerOf(&submission));
    }
    if (decided) continue;
    // The others go on.
    submission.WriteNothing();
    submission.refusal = decided.error();
    if (decided.error().code() == Code::kConflict) continue;
    TM_LOG(kError, "the index of ids cannot be read", {"error", decided.error().ToString()});
    submission.refusal =
        Error(Code::kUnavailable, "it cannot be told which events came before; nothing was taken");
  }
  return {};
}

// One time for all of a request, which no stream of its project has passed.
void Ingest::ClampReceivedAt(Submission* submission) {
  const Part& first = submission->events.count > 0 ? submission->events : submission->quarantine;
  TimeMicros clamped = submission->events_of->ClampReceivedAt(event::BatchReceivedAt(first.batch));
  if (submission->quarantine.count > 0) {
    clamped = submission->quarantine.project->ClampReceivedAt(clamped);
    clamped = submission->events_of->ClampReceivedAt(clamped);
  }
  for (Part* part : {&submission->events, &submission->quarantine}) {
    if (part->count == 0) continue;
    event::ClampBatchReceivedAt(&part->batch, [clamped](TimeMicros /*sent*/) { return clamped; });
  }
}

Status Ingest::DecideOne(std::span<const Submission> before, Submission* submission) {
  const bool has_events = submission->events.count > 0;
  const TimeMicros received_at =
      event::BatchReceivedAt(has_events ? submission->events.batch : submission->quarantine.batch);
  dedupe::BatchIds& ids = submission->ids;
  if (ids.has_key()) {
    TM_TRY(DecideKey(before, submission, received_at));
    if (submission->replay_of) return {};
  }
  if (ids.sent > 0) {
    TM_TRY(index_->FindOrAdd(ids.items, received_at));
    DropDuplicates(submission);
    if (ids.resolves && submission->ConflictsWithOther()) {
      return tidemark::Fail(Code::kConflict,
                            "another event has this event_id, with another content: give it one of "
                            "its own, or drop the item");
    }
  }
  if (!submission->WritesAny()) return {};
  if (ids.has_key()) {
    const auto value = dedupe::KeyedRequest{.body = ids.body}.ToValue();
    index_->PutKey(ids.key, value, received_at);
    if (submission->quarantine.written > 0) {
      index_->PutKey(ids.quarantine_key, value, received_at);
    }
  }
  if (ids.has_producer()) {
    index_->PutKey(ids.producer, dedupe::KeyedRequest{.first = ids.epoch}.ToValue(), received_at);
  }
  index_->Advance(received_at);
  return {};
}

Status Ingest::DecideKey(std::span<const Submission> before, Submission* submission,
                         TimeMicros received_at) {
  const dedupe::BatchIds& ids = submission->ids;
  if (ids.has_producer()) {
    TM_ASSIGN(const auto latest, index_->FindKey(ids.producer, received_at));
    const std::int64_t epoch = latest ? dedupe::KeyedRequest::FromValue(*latest).first : ids.epoch;
    if (epoch > ids.epoch) {
      return tidemark::Fail(Code::kConflict, "the producer is in epoch " + std::to_string(epoch) +
                                                 " now; this request is of epoch " +
                                                 std::to_string(ids.epoch));
    }
  }
  TM_ASSIGN(const auto known, index_->FindKey(ids.key, received_at));
  if (!known) return {};
  const auto first = dedupe::KeyedRequest::FromValue(*known);
  if (first.body != ids.body) {
    return tidemark::Fail(Code::kConflict,
                          ids.resolves ? "the item was resolved otherwise by another request"
                          : ids.has_producer() ? "the producer sent another body with this sequence"
                                               : "the Idempotency-Key came with another body");
  }
  submission->replay_of = first;
  submission->WriteNothing();
  submission->outcomes.assign(submission->events.count, event::Outcome::kDuplicate);
  parts_.index_metrics->replayed_keys.Add();
  if (first.first != dedupe::KeyedRequest::kInGroup) {
    TM_ASSIGN(const auto quarantine, index_->FindKey(ids.quarantine_key, received_at));
    if (quarantine) submission->replay_quarantine = dedupe::KeyedRequest::FromValue(*quarantine);
    return {};
  }
  for (const Submission& other : before) {
    if (other.ids.key == ids.key && other.WritesAny()) submission->replay_in_group = &other;
  }
  TM_CHECK(submission->replay_in_group != nullptr);
  return {};
}

void Ingest::DropDuplicates(Submission* submission) {
  const std::vector<dedupe::Item>& items = submission->ids.items;
  if (std::none_of(items.begin(), items.end(), [](const auto& item) { return item.found; })) return;
  std::vector<bool> drop(items.size());
  std::uint32_t duplicates = 0;
  std::uint32_t conflicts = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!items[i].found || env::Planted(env::Bug::kDuplicatesTaken)) continue;
    if (duplicates++ == 0) submission->outcomes.resize(items.size(), event::Outcome::kAccepted);
    drop[i] = true;
    const bool same =
        std::memcmp(items[i].value.data(), &items[i].own, dedupe::kValueBytes[0]) == 0;
    submission->outcomes[i] = same ? event::Outcome::kDuplicate : event::Outcome::kConflict;
    if (!same) ++conflicts;
  }
  if (duplicates == 0) return;
  parts_.index_metrics->duplicates.Add(duplicates);
  parts_.index_metrics->conflicts.Add(conflicts);
  Part& events = submission->events;
  events.written -= duplicates;
  if (events.written == 0) return;
  auto kept = event::WithoutEvents(events.batch, drop);
  TM_CHECK(kept.has_value());  // It decoded at the door.
  events.batch = *std::move(kept);
}

void Ingest::RememberKeys(std::span<Submission> group) {
  for (const Submission& submission : group) {
    const dedupe::BatchIds& ids = submission.ids;
    if (!ids.has_key() || !submission.WritesAny()) continue;
    // As a start finds it in the frames.
    const Part& events = submission.events;
    index_->ChangeKey(
        ids.key,
        dedupe::KeyedRequest{ids.body, events.written > 0 ? events.first.value : 0, events.written}
            .ToValue());
    const Part& quarantine = submission.quarantine;
    if (quarantine.written == 0) continue;
    index_->ChangeKey(
        ids.quarantine_key,
        dedupe::KeyedRequest{ids.body, quarantine.first.value, quarantine.written}.ToValue());
  }
}

}  // namespace tidemark::tide
