// The tide: moves the hot rows of a project into the lake with one fenced commit, in six steps:
// plan, write, manifest, build, commit, publish. A flush covers durable offsets only and begins
// where the table's head ends; a commit whose outcome is unknown is looked up before anything else
// is done, and an append is never retried blindly.
//
// One thread (the tide's).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/directory.h"
#include "engine/data_file.h"
#include "engine/row_lineage.h"
#include "env/clock.h"
#include "env/object_store.h"
#include "env/random.h"
#include "lake/append.h"
#include "tide/flush_plan.h"
#include "tide/metrics.h"
#include "tide/options.h"
#include "tide/project.h"

namespace tidemark::tide {

inline constexpr char kFenced[] = "another process owns this data directory now";

// Steps at which a crash is tried; `Flusher::at_step` is told before each. (C1 to C10 of the
// crash tests.)
enum class FlushStep : std::uint8_t {
  kDataFiles,     // C1: some data files are written.
  kManifests,     // C2: manifests are written, the manifest list is not.
  kBeforeCommit,  // C3: the metadata file is written, the catalog does not know.
  kAfterCommit,   // C4: the catalog knows, readers do not.
  kAfterPublish,  // C6: published; hot rows and log are not released yet.
};

struct FlusherParts {
  env::ObjectStore* store;
  catalog::Catalog* catalog;
  engine::DataFileWriter* writer;
  engine::DataFileReader* reader;
  const env::Clock* clock;
  env::Random* random;
  TideMetrics* metrics;
  lake::KnownParts* known_parts;
  catalog::Directory* directory = nullptr;  // Null: namespaces say nothing of their tables.
};

// What a backfill did.
struct BackfillReport {
  std::uint64_t files = 0;  // Written again.
  std::uint64_t rows = 0;
  // Files with rows that lack the columns still: other engines wrote them or deleted rows of them.
  std::uint64_t files_left = 0;
};

class Flusher {
 public:
  using AtStep = std::function<void(FlushStep)>;

  // All pointers in `parts`, and `options`, must outlive it.
  Flusher(const TideOptions& options, FlusherParts parts, std::string log_id, Epoch epoch);

  // Settles [cut.settled(), end) of the project, or the part of it that fits one flush. True if it
  // settled all of it. After an error nothing is half done: call again later.
  //
  // Errors: kIoError, kUnavailable, kOverloaded; kConflict if another owner has a later epoch (this
  // process must stop); kCorruption.
  Result<bool> Flush(Project& project, LogOffset end);

  // Makes properties columns of the project's table, which is made if there is none, by a commit
  // without rows. When it returns, the published head has them: what the log's thread takes from
  // then on names their number. Returns the columns of that head; those that it had already stay.
  //
  // Errors: those of Flush; kInvalidArgument: CheckPromotion.
  Result<std::shared_ptr<const event::TableSchema>> Promote(
      Project& project, std::span<const event::PropertyColumn> wanted);

  // Does a part of the project's backfill, a data file or the commit: of one project at a time.
  // Rows that are settled when it begins get all promoted columns by one commit, which moves no
  // offset. Nothing: there is more to do. After an error, or a crash, nothing is done.
  //
  // Errors: those of Flush; kUnavailable: another engine has changed the table; ask again.
  Result<std::optional<BackfillReport>> BackfillStep(Project& project);
  // Deletes what the one in hand has written, if there is one.
  void GiveUpBackfill();

  // Whether a commit of the project's has failed that may still be made; the next Flush ends it.
  bool HasPending(const Project& project) const { return pending_.contains(project.name()); }

  // Publishes the head that the catalog names, if others have moved it.
  Status Refresh(Project& project);

  // Deletes garbage that is due, a few objects at a time, and what failed flushes left.
  Status CollectGarbage();

  void set_at_step(AtStep at_step) { at_step_ = std::move(at_step); }
  // Encoded bytes that a hot byte becomes, from the last flush; for the size trigger.
  double encoded_per_hot_byte() const { return encoded_per_hot_byte_; }

 private:
  struct Attempt {
    std::shared_ptr<const lake::TableHead> next;  // Null: it never got as far.
    std::vector<std::string> keys;
  };
  // A flush whose files are written, until its commit is known to have happened or not.
  struct Pending {
    catalog::Inflight inflight;
    lake::Append append;
    // All that did not come in for certain. One whose answer was lost may come in as long as no
    // other one has, so their files stay; they are garbage of the attempt that does.
    std::vector<Attempt> attempts;
    std::uint32_t attempt_count = 0;  // Each writes files of its own name.
    bool outcome_unknown = false;
    LogOffset begin;
    LogOffset end;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    Duration started{};
    Duration written{};
  };
  // A backfill that is being written. Memory: the rows of one file at a time.
  struct Backfill {
    Project* project = nullptr;
    std::shared_ptr<const lake::TableHead> head;  // That it was planned on.
    catalog::Inflight inflight;
    std::vector<lake::LiveFile> files;                   // To be written again, in this order.
    std::vector<lake::NewFile> written;                  // The first of them, as they are now.
    std::map<std::string, engine::FileLineage> lineage;  // v3: by key, of files that have row ids.
    BackfillReport report;
    Duration started{};
  };
  // A write that was given up and whose files are not gone yet.
  struct Abandoned {
    Project* project;
    catalog::Inflight inflight;
  };
  enum class Outcome : std::uint8_t {
    kCommitted,  // And published.
    kStale,      // Given up: plan again.
    kAgain,      // Did not happen, or it is not known: look, then try again.
  };

  Result<std::shared_ptr<const lake::TableHead>> HeadOf(Project& project);
  Result<std::shared_ptr<const lake::TableHead>> CreateTable(const Project& project);
  // The Iceberg format of a table that the project is about to get.
  Result<int> FormatOfNew(const Project& project) const;
  // The table's head as the catalog names it now; read only if it is none of `known`.
  Result<std::shared_ptr<const lake::TableHead>> Reload(
      const Project& project,
      const std::vector<std::shared_ptr<const lake::TableHead>>& known = {});
  // Ends a flush that an error has left open. False: it was given up.
  Result<bool> FinishPending(Project& project);
  // Rows up to `end`, or fewer. With `columns`, which the commit makes the table's, none are
  // learned.
  Result<Pending> Write(Project& project, const lake::TableHead& head, LogOffset end,
                        std::shared_ptr<const event::TableSchema> columns = nullptr);
  Result<bool> WriteAndCommit(Project& project, const lake::TableHead& head, LogOffset end,
                              std::shared_ptr<const event::TableSchema> columns = nullptr);
  // The rows of a flush by file, with the columns that each has.
  std::vector<PartitionRows> PlanRows(const Cut& cut, const lake::TableHead& head, TimeMicros now,
                                      LogOffset* end) const;
  Status PlanBackfill(Project& project);
  // True: done.
  Result<bool> StepBackfill();
  Result<bool> CommitBackfill(const lake::TableHead& head);
  Result<lake::NewFile> RewriteFile(const lake::LiveFile& file, const std::string& key);
  // The table's columns when its rows below `end` are settled; null if they stay.
  std::shared_ptr<const event::TableSchema> ColumnsAfter(const Cut& cut,
                                                         const lake::TableHead& head,
                                                         LogOffset end) const;
  Result<std::vector<lake::NewFile>> WriteFiles(const std::vector<PartitionRows>& parts,
                                                const event::KeptPaths& kept,
                                                engine::DataCodec codec,
                                                const std::vector<std::string>& keys);
  // True: committed and published. False: given up, its files are deleted; plan again.
  Result<bool> Commit(Project& project, Pending* pending);
  Result<Outcome> CommitOnce(Project& project, Pending* pending, const lake::TableHead& head);
  // Looks whether the commit happened; publishes it if it did.
  Result<bool> Resolve(Project& project, Pending* pending);
  Result<Outcome> Overtaken(Project& project, Pending* pending);
  void Publish(Project& project, const Pending& pending,
               std::shared_ptr<const lake::TableHead> head);
  // Before the first file of a write. kConflict: this process is no longer the owner.
  Status Announce(const catalog::Inflight& inflight);
  // Its files go now or, if the store or the catalog does not answer, a little later.
  void Abandon(Project* project, catalog::Inflight inflight);
  Status ClearAbandoned();
  void Measure(const Cut& cut, std::uint64_t rows, std::uint64_t bytes);
  TimeMicros ReadersUntil(TimeMicros now) const;
  void At(FlushStep step) const {
    if (at_step_) at_step_(step);
  }
  Uuid NewId();

  const TideOptions& options_;
  const FlusherParts parts_;
  const std::string log_id_;
  const Epoch epoch_;
  std::map<std::string, Pending> pending_;  // By log name.
  std::vector<Abandoned> abandoned_;
  std::optional<Backfill> backfill_;
  BackfillReport backfilled_;  // The last one that was committed.
  // Garbage of this process's commits must outlive the cuts that this process holds, however the
  // wall clock jumps.
  std::map<std::string, Duration> kept_until_;
  AtStep at_step_;
  double encoded_per_hot_byte_ = 0.15;
};

}  // namespace tidemark::tide
