// Which events of a group are written, and which came before.
#include <cstring>
#include <utility>

#include "base/check.h"
#include "env/faults.h"
#include "telemetry/log_line.h"
#include "tide/ingest.h"

namespace tidemark::tide {
namespace {

constexpr std::size_t kKeysOfRequest = 2;  // The key, and the producer's epoch.

TimeMicros ReceivedAt(const std::string& batch) {
  const auto reader = event::BatchReader::Open(batch);
  TM_CHECK(reader.has_value());
  return reader->received_at();
}

}  // namespace

Status Ingest::Decide(std::span<Submission> group) {
  std::size_t ids = 0;
  std::size_t keys = 0;
  for (Submission& submission : group) {
    event::ClampBatchReceivedAt(&submission.batch, [&](TimeMicros received_at) {
      return submission.project->ClampReceivedAt(received_at);
    });
    submission.written = submission.count;
    ids += submission.ids.sent;
    keys += submission.ids.has_key() ? kKeysOfRequest : 0;
  }
  if (index_ == nullptr) return {};
  TM_TRY(index_->Begin(ids, keys));
  for (std::size_t i = 0; i < group.size(); ++i) {
    Submission& submission = group[i];
    const auto decided = DecideOne(group.first(i), &submission);
    if (decided && submission.written == 0 && env::Planted(env::Bug::kDuplicateAnsweredEarly)) {
      std::exchange(submission.done,
                    [](const Result<event::BatchAnswer>&) {})(AnswerOf(&submission));
    }
    if (decided) continue;
    // The others go on.
    submission.written = 0;
    submission.refusal = decided.error();
    if (decided.error().code() == Code::kConflict) continue;
    TM_LOG(kError, "the index of ids cannot be read", {"error", decided.error().ToString()});
    submission.refusal =
        Error(Code::kUnavailable, "it cannot be told which events came before; nothing was taken");
  }
  return {};
}

Status Ingest::DecideOne(std::span<const Submission> before, Submission* submission) {
  const TimeMicros received_at = ReceivedAt(submission->batch);
  dedupe::BatchIds& ids = submission->ids;
  if (ids.has_key()) {
    TM_TRY(DecideKey(before, submission, received_at));
    if (submission->replay_of) return {};
  }
  if (ids.sent > 0) {
    TM_TRY(index_->FindOrAdd(ids.items, received_at));
    DropDuplicates(submission);
  }
  if (submission->written == 0) return {};
  if (ids.has_key()) {
    index_->PutKey(ids.key, dedupe::KeyedRequest{.body = ids.body}.ToValue(), received_at);
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
    return tidemark::Fail(Code::kConflict, ids.has_producer()
                                               ? "the producer sent another body with this sequence"
                                               : "the Idempotency-Key came with another body");
  }
  submission->replay_of = first;
  submission->written = 0;
  submission->outcomes.assign(submission->count, event::Outcome::kDuplicate);
  parts_.index_metrics->replayed_keys.Add();
  if (first.first != dedupe::KeyedRequest::kInGroup) return {};
  for (const Submission& other : before) {
    if (other.ids.key == ids.key && other.written > 0) submission->replay_in_group = &other;
  }
  TM_CHECK(submission->replay_in_group != nullptr);
  return {};
}

void Ingest::DropDuplicates(Submission* submission) {
  const std::vector<dedupe::Item>& items = submission->ids.items;
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
  submission->written -= duplicates;
  if (submission->written == 0) return;
  auto kept = event::WithoutEvents(submission->batch, drop);
  TM_CHECK(kept.has_value());  // It decoded at the door.
  submission->batch = *std::move(kept);
}

void Ingest::RememberKeys(std::span<Submission> group) {
  for (const Submission& submission : group) {
    if (!submission.ids.has_key() || submission.written == 0) continue;
    index_->ChangeKey(
        submission.ids.key,
        dedupe::KeyedRequest{submission.ids.body, submission.first.value, submission.written}
            .ToValue());
  }
}

}  // namespace tidemark::tide
