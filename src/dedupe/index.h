// The index of ids: which ids, and which keys of requests, came within the window. Exact: a 128-bit
// keyed hash stands for the id. Bounded in memory: the newest entries are in a table, the others in
// sorted runs on the disk, found by way of a filter.
//
// It follows the log. What the log's thread decides for a group is in the table at once; Commit
// keeps it when the group is durable, Rollback takes it back when the group is void. After a start
// the frames from `sequence()` on are replayed into it; they must be kept by the log until
// `checkpoint()` has passed them.
//
// Passive. Threads: HashOf is for any thread; those marked so belong to the log's thread (or to
// recovery, before there are threads); Work and nothing else belongs to the index's own.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_budget.h"
#include "base/published.h"
#include "dedupe/entry.h"
#include "dedupe/manifest.h"
#include "dedupe/merge.h"
#include "dedupe/metrics.h"
#include "dedupe/options.h"
#include "dedupe/run.h"
#include "dedupe/table.h"
#include "dedupe/window_clock.h"
#include "env/clock.h"
#include "env/disk.h"
#include "env/random.h"

namespace tidemark::dedupe {

// Bytes that a family keeps about each entry: 3 of an event's body; body, offset and count of the
// request that brought a key.
inline constexpr std::size_t kValueBytes[kFamilies] = {3, 20};

struct IndexParts {
  env::Disk* disk;
  const env::Clock* clock;
  env::Random* random;  // Recovery's; for the secret of a new index.
  MemoryBudget* budget;
  IndexMetrics* metrics;
};

class Index {
 public:
  // Opens what the manifest names, or begins anew; clears what interrupted writes left. All parts
  // must outlive it. kCorruption names the file; kIoError.
  static Result<std::unique_ptr<Index>> Open(IndexOptions options, IndexParts parts);
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;
  ~Index();

  // Never zero. `kind` separates ids from other things that are hashed.
  Hash128 HashOf(char kind, std::string_view project, std::string_view id) const;

  // The log's thread.

  // Before a group: makes room for so many entries. kOverloaded: what is full waits for the disk.
  Status Begin(std::size_t ids, std::size_t keys);
  // Looks each item up, and remembers those that are new; of two equal items the second is found.
  // Items without a hash are passed over. kIoError, kCorruption: none was remembered.
  Status FindOrAdd(std::span<Item> ids, TimeMicros received_at);
  Result<std::optional<Value>> FindKey(const Hash128& hash, TimeMicros received_at);
  void PutKey(const Hash128& hash, const Value& value, TimeMicros received_at);
  // Of a key that this group has put.
  void ChangeKey(const Hash128& hash, const Value& value);
  // A batch that will be a frame: the window's time goes on before the next one is decided.
  void Advance(TimeMicros received_at);
  // The group is void.
  void Rollback();
  // The group is durable; its frames end before `sequence`.
  void Commit(std::uint64_t sequence);
  // Between groups: hands the table over to Work if it is old. True if Work has more to do.
  bool Tend();

  // Of the budget. With all threads at rest.
  std::uint64_t memory_bytes() const;

  // First frame that is to be replayed, and the log that it belongs to ("" for any).
  std::uint64_t sequence() const { return committed_; }
  const std::string& log_id() const { return manifest_.log_id; }
  void SetLogId(std::string log_id) { manifest_.log_id = std::move(log_id); }
  // Forgets everything: it was not of this log. Then all frames are to be replayed.
  Status Reset();

  // After the replay, before there are threads: what was replayed is as old as it is by the wall
  // clock, so that lives shorter than `checkpoint_age` come to a checkpoint, too.
  void EndReplay();

  // Frames below are in durable runs: the log may give them back. Any thread.
  std::uint64_t checkpoint() const { return checkpoint_.load(std::memory_order_acquire); }

  // The index's thread: writes a table, or a slice of a merge. True if there is more to do at once.
  // After an error what waits still waits: call again later.
  Result<bool> Work();
  // Whether Work has something to do. Any thread.
  bool has_work() const { return !state_.Load()->sealed.empty(); }

 private:
  using RunList = std::vector<std::shared_ptr<const Run>>;
  // What was in memory when the log's durable end was `sequence`. Immutable.
  struct Sealed {
    std::shared_ptr<const Table> tables[kFamilies];
    std::uint64_t sequence = 0;
    WindowClock::State clock;
  };
  struct State {  // Oldest first.
    std::vector<std::shared_ptr<const Sealed>> sealed;
    RunList runs[kFamilies];
  };

  Index(IndexOptions options, IndexParts parts);
  Status Load();
  Status RemoveStrangers();
  void NewTables();
  bool Seal();
  std::uint32_t SecondMin(std::uint32_t second) const;
  Status FindInRuns(const State& state, std::span<Item> items, std::uint32_t second_min);
  Result<std::optional<Entry>> FindInRun(const Run& run, const Hash128& hash);

  // The index's thread.
  Status WriteSealed(const Sealed& sealed);
  Result<std::shared_ptr<const Run>> WriteTable(Family family, const Table& table,
                                                std::uint32_t second_min);
  Result<bool> MergeSome();
  Result<bool> StartMerge(Family family);
  Status FinishMerge();
  // The runs of `state` as of now are what counts. kConflict: another process has the folder.
  Status WriteManifest(const Manifest& manifest);
  Status PublishManifest(const State& state, std::uint64_t sequence, WindowClock::State clock);
  // Publishes the runs of `next`. What the log's thread sealed meanwhile stays, but for the oldest
  // where that was written as a run.
  enum class OldestSealed : std::uint8_t { kStays, kWritten };
  void PublishRuns(const State& next, OldestSealed oldest);
  std::string NewRunPath(Family family);
  void RemoveLater(const std::string& path) { garbage_.push_back(path); }
  bool DropOld(State* state) const;
  Result<bool> DropOldRuns();
  void Measure(const State& state);

  const IndexOptions options_;
  const IndexParts parts_;
  const std::uint32_t window_seconds_;
  const std::uint32_t tick_seconds_;
  Manifest manifest_;  // As last written; the index's thread after recovery.
  std::string secret_;

  // The log's thread.
  std::shared_ptr<Table> active_[kFamilies];
  WindowClock clock_;
  WindowClock clock_before_;  // The group in hand.
  std::uint64_t committed_ = 0;
  Duration active_since_{};
  std::optional<TimeMicros> oldest_received_;  // Of the frames that are in no run.
  bool sealed_now_ = false;                    // Since the last Tend.

  Published<State> state_;
  std::atomic<std::uint64_t> checkpoint_{0};
  std::atomic<std::uint32_t> now_second_{0};  // Of the window's clock, for merges.

  // The index's thread.
  struct Merging {
    Family family;
    std::string path;
    std::unique_ptr<Merge> merge;
  };
  std::optional<Merging> merging_;
  std::vector<std::string> garbage_;  // Removed after the next manifest.
  // Of the manifest that is on the disk: the last one, or one whose writing failed half way. With
  // any other there is another owner. Empty: there is none yet.
  std::vector<std::uint64_t> manifest_hashes_;
};

}  // namespace tidemark::dedupe
