// The core: log, hot rows, lake heads and the tide that joins them, opened and recovered as one.
//
// Passive: it has no thread of its own. The server gives IngestStep to the log's thread and
// TideStep to the tide's and IndexStep to the index's; the simulation calls them in seeded order.
// Submit, cuts and the numbers are for any thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "dedupe/index.h"
#include "engine/deleted_rows.h"
#include "env/byte_queue.h"
#include "env/disk.h"
#include "lake/known_parts.h"
#include "tide/flush.h"
#include "tide/ingest.h"

namespace tidemark::tide {

struct CoreParts {
  env::Disk* disk;
  env::ObjectStore* store;
  catalog::Catalog* catalog;
  engine::DataFileWriter* writer;
  engine::DataFileReader* reader;
  const env::Clock* clock;
  env::Random* log_random;   // The log's thread.
  env::Random* tide_random;  // The tide's thread.
  MemoryBudget* budget;
  telemetry::Registry* registry;
  std::function<void()> wake_ingest;
  std::function<void()> wake_tide;
  std::function<void()> wake_index;
  // For one that outlives the core, so that the next one need not parse what this one has. May be
  // null. The thread that recovers, then the tide's.
  lake::KnownParts* known_parts = nullptr;
  catalog::Directory* directory = nullptr;  // What namespaces say of new tables; null: nothing.
};

class Core {
 public:
  // Recovers: takes a new epoch, opens every table at the catalog's head, clears what interrupted
  // flushes left, replays the log from there (flushing as it goes when memory is short), continues
  // every project's offsets from max(end of log, end of lake). What was acknowledged before is
  // visible when Open returns. All parts must outlive the core; the caller holds the lock on the
  // data directory.
  //
  // Errors: kCorruption: log, lake and catalog do not belong together, or rot below the durable end
  // of the log (the message names the repair); kIoError.
  static Result<std::unique_ptr<Core>> Open(TideOptions options, CoreParts parts,
                                            Flusher::AtStep at_step = nullptr);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Any thread. See Ingest; kUnavailable too once another process owns the log.
  void Submit(event::Request request, Ingest::Done done);
  // Refuses new batches; what was taken is still written by IngestStep.
  void CloseIngest() { ingest_->Close(); }
  bool ingest_idle() const { return ingest_->idle(); }
  // The log's thread.
  Duration IngestStep() { return ingest_->Step(); }
  // The tide's thread: flushes what is due, then waiters, then garbage.
  Duration TideStep();

  // The index's thread: makes the log's next segment ready, writes and merges what remembers ids.
  // Returns how long it may sleep.
  Duration IndexStep();

  // Settles everything that is durable now in every project, or in the one named, then calls `done`
  // with the outcome, on the tide's thread. Any thread. kOverloaded: too many wait already.
  using Settled = std::function<void(Status)>;
  void Settle(Settled done, std::string project = {});

  // Makes queries of the project see the head that the catalog names: somebody else has moved it,
  // and says so by this. Then calls `done`, on the tide's thread. Any thread. kOverloaded as above.
  void Refresh(std::string project, Settled done);

  // Makes properties columns of the project's events: of those that are taken after `done` is
  // called (on the tide's thread), and of none that was taken before this call. Calls it with the
  // columns that the events have then. Any thread. kInvalidArgument: CheckPromotion; kOverloaded as
  // above; errors of a flush.
  using Promoted = std::function<void(Result<std::shared_ptr<const event::TableSchema>>)>;
  void Promote(std::string project, std::vector<event::PropertyColumn> columns, Promoted done);

  // Gives all events that are durable now the promoted columns: settles them, writes the files
  // again that lack the columns, and puts them into the table by one commit. Then calls `done`, on
  // the tide's thread. Any thread. kOverloaded as above; kUnavailable: another engine came between.
  using Backfilled = std::function<void(Result<BackfillReport>)>;
  void Backfill(std::string project, Backfilled done);

  // A project's events, or another stream by the name of its log. nullptr if nothing was ever sent
  // to it.
  std::shared_ptr<Project> FindProject(std::string_view log_name) const {
    return projects_.Find(log_name);
  }
  // Of all streams of the project, at one moment.
  std::shared_ptr<const Cuts> CutsOf(std::string_view project) const;
  std::shared_ptr<const Projects::Map> AllProjects() const { return projects_.All(); }

  const std::string& log_id() const { return log_id_; }
  Epoch epoch() const { return epoch_; }
  const wal::Log& log() const { return *log_; }
  const env::ObjectStore& store() const { return *parts_.store; }
  // What the engine opens to read an object of the lake.
  std::string NativePath(std::string_view key) const { return parts_.store->NativePath(key); }
  // ... a data file, wherever it is, and what takes rows of it away.
  std::string NativePath(const lake::LiveFile& file) const {
    return NativePath(file.key, file.in_store);
  }
  std::vector<engine::DeleteFile> DeletesOf(const lake::LiveFile& file) const;
  const TideOptions& options() const { return options_; }
  const TideMetrics& metrics() const { return metrics_; }
  // Null if the window of ids is off.
  const dedupe::Index* index() const { return index_.get(); }
  // Set when another process took over: this one must stop.
  bool fenced() const { return fenced_.load(std::memory_order_relaxed); }

 private:
  Core(TideOptions options, CoreParts parts);

  // Publishes the head of every table whose head is not known yet or has moved.
  Status OpenTables();
  Status CheckLogId(const std::vector<catalog::TableRecord>& tables) const;
  Status CheckKnown() const;
  // kCorruption: the lake is of a later time than catalog and log.
  Status CheckLake() const;
  Status ClearInflight();
  Status OpenIndex();
  Status OpenLog();
  // Gives the index the frames that it does not have yet.
  Status ReplayIds(const wal::Frame& frame);
  // The index must be of this log, and not ahead of it.
  Status JoinIndex();
  // Adds a frame's rows to hot memory. False: there is no memory for it now.
  Result<bool> Replay(const wal::Frame& frame);
  Status FinishReplay();
  // Log and lake must meet: no offset that neither has.
  Status JoinLog(Project& project);
  Status ReplayRest(Project& project);

  bool Due(const Project& project, Duration now);
  void FlushDue(Duration now);
  Status FlushTo(Project& project, LogOffset end);
  std::string NativePath(const std::string& key, bool in_store) const;
  lake::KnownParts* known_parts() {
    return parts_.known_parts != nullptr ? parts_.known_parts : &own_known_parts_;
  }
  void AnswerWaiters();
  void AnswerRefreshes();
  void AnswerPromotions();
  // True: there is more to do at once.
  bool StepBackfills();
  void Failed(const std::string& project, const Error& error, Duration now);

  struct Waiter {
    Settled done;
    std::string project;  // Empty: all.
    Status settled = {};

    bool WaitsFor(const Project& one) const { return project.empty() || project == one.project(); }
  };
  struct Refreshed {
    std::string project;
    Settled done;
  };
  struct Promotion {
    std::string project;
    std::vector<event::PropertyColumn> columns;
    Promoted done;
  };
  struct WaitingBackfill {
    std::string project;
    Backfilled done;
    bool begun = false;  // What was durable is settled.
  };
  struct Schedule {
    LogOffset seen_settled;  // The cut's, when `since` was set.
    Duration since{};        // When the oldest unsettled event was first seen.
    bool waiting = false;    // There are unsettled events.
    Duration retry_at{};
    Duration retry_pause{};
  };

  const TideOptions options_;
  const CoreParts parts_;
  lake::KnownParts own_known_parts_;
  TideMetrics metrics_;
  dedupe::IndexMetrics index_metrics_;
  Projects projects_;
  std::string log_id_;
  Epoch epoch_;
  std::unique_ptr<dedupe::Index> index_;
  std::unique_ptr<wal::Log> log_;
  std::unique_ptr<Ingest> ingest_;
  std::unique_ptr<Flusher> flusher_;
  env::ByteQueue<Waiter> waiters_;
  env::ByteQueue<Refreshed> refreshes_;
  env::ByteQueue<Promotion> promotions_;
  env::ByteQueue<WaitingBackfill> backfill_queue_;
  std::vector<WaitingBackfill> backfills_;                      // The last is the one in hand.
  std::map<std::string, Schedule> schedules_;                   // By log name.
  std::map<std::string, bool, std::less<>> replay_incomplete_;  // Projects whose rest must wait.
  std::atomic<bool> fenced_{false};
};

}  // namespace tidemark::tide
