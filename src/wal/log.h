// The log: one physical write-ahead log for the events of all projects.
//
// One request is one append is one frame: all of its events survive a crash, or none. Appends that
// arrive together are one group: one write, one sync. The order is
//
//   WriteGroup -> StartSync -> (build what will be published) -> WaitSync -> publish -> acknowledge
//
// and a group that is not synced is never followed by another one. If a write or a sync fails the
// group is void: its offsets are given again, and the log refuses every group, with the first
// error, until Rotate() has opened a new segment that cuts off whatever the void group left on the
// disk. Only then may its clients be told that it did not happen; before, it may come back after
// a crash, whole.
//
// The log knows nothing of events: a payload is bytes. Format: docs/format/wal.md.
//
// Threads: one thread at a time (the log's worker) but for Read() and stats(), which any thread may
// call at any time. Passive: no thread, clock, file or dice but the ones handed in.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/units.h"
#include "base/uuid.h"
#include "env/clock.h"
#include "env/disk.h"
#include "env/random.h"

namespace tidemark::wal {

inline constexpr std::size_t kProjectBytesMax = 255;
inline constexpr std::uint32_t kFrameEventsMax = 1U << 24;

struct LogOptions {
  std::string folder = "log";  // Of the disk.
  // Size a segment is preallocated with; a group that is larger gets a segment of its own size.
  std::uint64_t segment_bytes = 64_MiB;
  // Largest payload of one append, and of all appends of one group with their headers. Also the
  // most memory that replay needs.
  std::uint64_t frame_bytes_max = 64_MiB;
  std::uint64_t group_bytes_max = 128_MiB;
  // Settled segments are kept until they are this old or all segments have this many bytes,
  // whichever comes first.
  Duration retention = std::chrono::hours(24);
  std::uint64_t retention_bytes = 8_GiB;
  // Prepared segments kept in store, and bytes kept for the way out of a full disk.
  std::uint32_t spares = 1;
  std::uint64_t reserve_bytes = 64_MiB;
  // Tend() leaves this much of the disk free beside what it prepares.
  std::uint64_t free_bytes_min = 64_MiB;
  // What one Tend() writes and syncs at most: small, so that it fits between two groups. Prepare(),
  // beside them, four times as much.
  std::uint64_t tend_bytes = 256_KiB;
};

struct Append {
  std::string_view project;  // 1 to kProjectBytesMax bytes.
  std::uint32_t count = 0;   // Events (or control records) in it, 1 to kFrameEventsMax.
  std::string_view payload;  // At most frame_bytes_max.
};

// A durable append. The views die with the call that hands them out.
struct Frame {
  std::string_view project;
  LogOffset first_offset;
  std::uint32_t count = 0;
  std::string_view payload;
  std::uint64_t sequence = 0;  // Its number in the whole log, from 0.

  LogOffset end_offset() const { return first_offset + count; }
};

// An error ends the reading and is returned from it.
using FrameVisitor = std::function<Status(const Frame&)>;

struct LogStats {
  std::uint64_t segments = 0;         // Active one included.
  std::uint64_t segment_bytes = 0;    // Their sizes on disk.
  std::uint64_t durable_frames = 0;   // Since the log was made: the sequence of the next one.
  std::uint64_t groups = 0;           // Synced since Open.
  std::uint64_t group_bytes = 0;      // Written by them, headers included.
  std::uint64_t failed_groups = 0;    // Void since Open.
  std::uint64_t replayed_frames = 0;  // By Open.
  std::uint64_t replayed_bytes = 0;   // Their payloads.
  std::uint64_t torn_bytes = 0;       // Of an unfinished group, dropped by Open.
  std::uint64_t spares = 0;
  bool reserve_ready = false;
  bool failed = false;  // Waits for Rotate(); failure() says why.
};

class Log {
 public:
  // Opens the log, or makes one, and replays it: `replay` gets every durable frame that is still
  // kept, oldest first. A torn tail is dropped. What is replayed is durable when Open returns: no
  // later crash takes it back. A new segment is begun; an old one is never continued.
  //
  // `disk`, `clock` and `random` must outlive the log. The caller holds the lock on the data
  // directory.
  //
  // Without room for a segment the new one has only what must be durable, and the log waits for
  // Rotate(), as after a void group: all of it can be read.
  //
  // Errors: kCorruption for bytes that were durable once and are wrong now (message names file and
  // offset; nothing is changed on disk); kIoError; what `replay` returned. After an error Open may
  // be called again; `replay` starts from the beginning.
  static Result<std::unique_ptr<Log>> Open(env::Disk* disk, const env::Clock* clock,
                                           env::Random* random, LogOptions options,
                                           const FrameVisitor& replay);

  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log();

  // 128 random bits made once, in every segment: a table settled from this log names it.
  const Uuid& log_id() const;
  // The offset that the project's next event gets, were the group in flight void. 0 if unknown.
  LogOffset NextOffset(std::string_view project) const;
  // Every project that has an offset, in the order of names.
  std::vector<std::string> Projects() const;
  // Continues a project's log from `floor` if it ends below (the log was lost or put back behind
  // what is settled); true if it did: raise an alarm. Not with a group in flight. Is remembered by
  // the disk with the next group or segment only: call it after every Open.
  bool RaiseOffset(std::string_view project, LogOffset floor);

  // Gives each append its offsets (those of a project are dense and follow the order of the group)
  // and writes the group. `first_offsets` gets one per append. The views must live until the call
  // returns. Opens the next segment itself when the group does not fit.
  //
  // Errors: kInvalidArgument for an append or group outside the limits: nothing was written, the
  // log goes on (no Rotate). kIoError: the group is void, Rotate() is needed.
  Status WriteGroup(std::span<const Append> group, std::vector<LogOffset>* first_offsets);
  // After a WriteGroup that succeeded, once; then WaitSync, once. Or SyncNow, once.
  void StartSync();
  // Success: the group is durable. kIoError: the group is void, Rotate() is needed.
  Status WaitSync();

  // StartSync and WaitSync in one, on the caller's thread: for a small group the hand-over to
  // another one costs more than what it could do meanwhile.
  Status SyncNow();

  // Opens a new segment that cuts off a void group. May be retried for ever. Also allowed on a
  // healthy log without a group in flight. kIoError.
  Status Rotate();

  // Gives back old segments: those whose every offset is below `settled(project)` and every frame
  // below `sequence_end`, that are past retention and that no Read() is in. Oldest first; stops at
  // the first that must stay. Errors: kIoError; to be called again.
  using SettledEnd = std::function<LogOffset(std::string_view project)>;
  Status Trim(const SettledEnd& settled, std::uint64_t sequence_end = ~std::uint64_t{0});

  // Takes a spare that Prepare has made and asks for one that is missing; then one slice of the
  // reserve, at most tend_bytes written. True if there is more to do at once; false if all is
  // ready, is being made or the disk has no room for it. Call it when idle and, under load, after
  // every group: without a spare the group that fills a segment waits until a whole new one is
  // written. kIoError is harmless to the log. Not with a group in flight.
  Result<bool> Tend();
  // Whether Tend has asked for something since the last call: Prepare's thread is to be woken.
  bool TakeAsked();
  // One slice of what Tend has asked for; false: it has asked for nothing. One thread at a time,
  // which may be another than the log's; what fails, Tend tells.
  bool Prepare();
  // Gives the reserve's bytes back to the disk, for the commit that lets Trim free the log.
  // Tend() makes it again when there is room. kIoError.
  Status ReleaseReserve();

  // The project's durable frames that end above `from`, oldest first, as far as they were durable
  // at the call. Any thread. kCorruption, kIoError, what `visit` returned; kNotFound if offsets
  // from `from` on were trimmed already.
  Status Read(std::string_view project, LogOffset from, const FrameVisitor& visit) const;

  // Any thread.
  LogStats stats() const;
  // What went wrong, while the log waits for Rotate(); else empty. Any thread.
  std::string failure() const;

 private:
  struct State;
  explicit Log(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Gives the reserve's bytes back to the disk before there is a log: the start of the others needs
// them more. kIoError.
Status DropReserve(env::Disk* disk, const LogOptions& options);

}  // namespace tidemark::wal
