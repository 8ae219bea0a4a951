// The log's loop: takes what arrived, makes it durable as one group, publishes it to hot and
// acknowledges, in that order and no other. Group commit without a timer: a group is whatever
// waited while the one before was synced. Hot columns are built while the sync is in flight, so
// that publication is one store after it.
//
// Here, and nowhere else, it is decided which events are duplicates: against what is durable or in
// the group in hand. A duplicate is answered with its group, so the first one is visible by then.
//
// Threads: Submit is for any thread; Step and what it calls belong to the log's thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "base/result.h"
#include "dedupe/batch_ids.h"
#include "dedupe/index.h"
#include "env/byte_queue.h"
#include "env/clock.h"
#include "event/batch_answer.h"
#include "event/request.h"
#include "tide/metrics.h"
#include "tide/options.h"
#include "tide/project.h"
#include "wal/log.h"

namespace tidemark::tide {

class Ingest {
 public:
  // An answer: durable and visible. kOverloaded, kUnavailable: nothing was taken. kOutcomeUnknown:
  // the events may come back after a restart, or not. kConflict: its request key came before with
  // another body, or the producer has a later epoch.
  using Done = std::function<void(Result<event::BatchAnswer>)>;

  struct Parts {
    wal::Log* log;
    Projects* projects;
    dedupe::Index* index;  // Null: nothing is a duplicate.
    dedupe::IndexMetrics* index_metrics;
    MemoryBudget* budget;
    const env::Clock* clock;
    TideMetrics* metrics;
    std::function<void()> wake;        // The log's thread has something to do.
    std::function<void()> wake_index;  // The index's has.
  };
  // All pointers must outlive it.
  Ingest(const TideOptions& options, Parts parts);

  // Takes one request, all of it or nothing. Never blocks; `done` is called once, on this thread if
  // the request is refused, else on the log's.
  void Submit(event::Request request, Done done);
  // Everything later is refused with kUnavailable; what waits is still written.
  void Close();

  // Writes one group if any waits, then keeps house a little. Returns how long it may sleep.
  Duration Step();
  bool idle() const { return queue_.bytes() == 0 && taken_.empty(); }

 private:
  // What a request brings to one stream: one frame, or nothing.
  struct Part {
    std::shared_ptr<Project> project;  // Null: nothing.
    std::string batch;
    std::uint32_t count = 0;
    std::uint64_t reserved_bytes = 0;
    // Decided with its group.
    LogOffset first;            // Of what it wrote.
    std::uint32_t written = 0;  // Rows of it that are in the group.
  };
  struct Submission {
    std::shared_ptr<Project> events_of;  // The stream of the project's events.
    Part events;
    Part quarantine;
    Duration arrived{};
    Done done;
    dedupe::BatchIds ids;
    // Decided with its group.
    std::vector<event::Outcome> outcomes;
    // Its key is known: the answer is that of the first request, which may be of the same group.
    std::optional<dedupe::KeyedRequest> replay_of;
    dedupe::KeyedRequest replay_quarantine;  // What that one wrote into the quarantine.
    const Submission* replay_in_group = nullptr;
    std::optional<Error> refusal;  // Its own; the group goes on.

    bool WritesAny() const { return events.written > 0 || quarantine.written > 0; }
    bool ConflictsWithOther() const {
      return std::find(outcomes.begin(), outcomes.end(), event::Outcome::kConflict) !=
             outcomes.end();
    }
    void WriteNothing() { events.written = quarantine.written = 0; }
    std::uint64_t bytes() const { return events.batch.size() + quarantine.batch.size(); }
  };
  // Events first: those of one request follow one another in the group.
  template <class Visit>
  static void ForEachWritten(std::span<Submission> group, const Visit& visit) {
    for (Submission& submission : group) {
      if (submission.events.written > 0) visit(submission.events);
      if (submission.quarantine.written > 0) visit(submission.quarantine);
    }
  }
  // Makes a part ready for its stream, its memory reserved.
  Status Take(const std::string& project, Stream stream, event::Request::Part from, Part* part);
  Status FindIds(Submission* submission) const;
  // What hot memory has been given of a group: nothing, or what is written of it.
  enum class InHot : std::uint8_t { kNothing, kWritten };
  void ReleaseParts(const Submission& submission, InHot in_hot);

  std::size_t GroupSize() const;
  void WriteGroup(std::span<Submission> group);
  static void NumberColumns(Part* part);
  Status MakeDurable(std::span<Submission> group);
  Status WriteLog(std::span<Submission> group);
  // Planted: the parts of one request in two groups.
  Status WriteLogApart(std::span<Submission> group);
  void BuildHot(std::span<Submission> group);
  void EndStage(telemetry::Histogram& stage);
  // One store for each project, however many of its streams were written.
  void Publish();
  void Acknowledge(std::span<Submission> group);
  Result<event::BatchAnswer> AnswerOf(Submission* submission) const;
  static void ClampReceivedAt(Submission* submission);
  // Tells duplicates from what is written.
  Status Decide(std::span<Submission> group);
  Status DecideOne(std::span<const Submission> before, Submission* submission);
  Status DecideKey(std::span<const Submission> before, Submission* submission,
                   TimeMicros received_at);
  void DropDuplicates(Submission* submission);
  // The offsets of the group's request keys are known now.
  void RememberKeys(std::span<Submission> group);
  // Answers for a group that was not taken.
  void Refuse(std::span<Submission> group, const Error& error);
  void Fail(std::span<Submission> group, const Error& error, InHot in_hot);
  // One slice of the log's upkeep; true if there is more to do at once.
  bool KeepHouse();
  void Trim();

  const TideOptions& options_;
  const Parts parts_;
  wal::Log* const log_;
  dedupe::Index* const index_;
  Projects* const projects_;
  MemoryBudget* const budget_;
  const env::Clock* const clock_;
  TideMetrics* const metrics_;
  const std::string log_id_;

  env::ByteQueue<Submission> queue_;
  std::vector<Submission> taken_;  // From the queue, not yet written; from taken_at_ on.
  std::size_t taken_at_ = 0;
  std::vector<wal::Append> appends_;
  std::vector<Project*> touched_;
  InHot in_hot_ = InHot::kNothing;
  Duration group_since_{};
  Duration stage_since_{};        // Of the group in hand.
  std::uint64_t checkpoint_ = 0;  // The index's, at the last trim.
  std::int64_t settled_sum_ = 0;  // At the last trim that went well.
  Duration trim_at_{};            // The next one, even if nothing is settled: segments grow old.
};

}  // namespace tidemark::tide
