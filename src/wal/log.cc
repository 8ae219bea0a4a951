#include "wal/log.h"

#include <atomic>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/published.h"
#include "wal/faults.h"
#include "wal/recovery.h"
#include "wal/segment_pool.h"
#include "wal/segment_reader.h"

namespace tidemark::wal {
namespace {

// Payloads below this are copied beside their header: cheaper than a vector of their own.
constexpr std::size_t kCopyBytesMax = 1024;
// Of a segment's size: what its opening leaves of the disk to the others, which have to start too.
constexpr std::uint64_t kLeftShare = 64;

}  // namespace

struct Log::State {
  struct Project {
    LogOffset durable;  // What a void group falls back to.
    LogOffset next;     // With the group in flight.
  };
  using Projects = std::map<std::string, Project, std::less<>>;
  struct Kept {
    std::shared_ptr<Segment> segment;
    Duration since{};  // Sealed at, or opened at if that is later.
  };
  enum class Phase : std::uint8_t { kIdle, kWritten, kSyncing };
  struct Counters {
    std::atomic<std::uint64_t> segments{0}, segment_bytes{0}, durable_frames{0}, groups{0};
    std::atomic<std::uint64_t> group_bytes{0}, failed_groups{0}, replayed_frames{0};
    std::atomic<std::uint64_t> replayed_bytes{0}, torn_bytes{0}, spares{0};
    std::atomic<bool> reserve_ready{false}, failed{false};
  };

  State(env::Disk* d, const env::Clock* c, env::Random* r, LogOptions o)
      : disk(d), clock(c), random(r), options(std::move(o)), pool(disk, options) {}

  Status MakeFolder();
  Status Recovery(const FrameVisitor& replay);
  Status ReplayTail(const Tail& tail, const FrameVisitor& replay);
  Status CheckGroup(std::span<const Append> group, std::uint64_t* body_bytes) const;
  Status NewSegment(const Tail* tail, std::uint64_t group_bytes);
  Status MakeSegment(const Tail* tail, std::optional<std::uint64_t> bytes_wanted);
  Status SmallSegment(const Tail* tail, Error why);
  void SetFailed(Error error);
  void SetHealthy();
  LogOffset TakeOffsets(const Append& append);
  void Encode(std::span<const Append> group, std::uint64_t body_bytes,
              std::vector<LogOffset>* first_offsets);
  void AddPart(std::size_t begin, std::size_t end);
  Status Synced(Status synced);
  tl::unexpected<Error> Void(Error error);
  void DropEmptySegments();
  bool MayGo(const Segment& segment, const Segment& next, const SettledEnd& settled,
             std::uint64_t sequence_end) const;
  Status Reap();
  void PublishSegments();
  void PublishPool();

  env::Disk* disk;
  const env::Clock* clock;
  env::Random* random;
  const LogOptions options;
  Uuid log_id;
  SegmentPool pool;
  Projects projects;
  std::vector<Kept> kept;                         // Oldest first; the last is active.
  std::vector<std::shared_ptr<Segment>> retired;  // No longer part of the log; oldest first.
  std::uint64_t segment_id = 0;                   // The greatest one that was ever tried.
  std::uint64_t sequence = 0;                     // Of the next durable frame.

  std::unique_ptr<env::File> active;
  std::uint64_t seed = 0;
  std::uint64_t write_at = 0;
  std::optional<Error> failed;

  // The group in flight.
  Phase phase = Phase::kIdle;
  std::uint64_t group_frames = 0;
  std::uint64_t group_bytes = 0;
  std::vector<Projects::iterator> touched;
  std::string scratch;
  std::vector<ByteView> parts;
  Hasher64 hasher;

  Published<SegmentList> published{std::make_shared<SegmentList>()};
  Published<std::string> failure;  // Null: none.
  Counters counters;
};

Log::Log(std::unique_ptr<State> state) : state_(std::move(state)) {}
Log::~Log() = default;

const Uuid& Log::log_id() const { return state_->log_id; }

// Opening.

Result<std::unique_ptr<Log>> Log::Open(env::Disk* disk, const env::Clock* clock,
                                       env::Random* random, LogOptions options,
                                       const FrameVisitor& replay) {
  TM_CHECK_LE(options.group_bytes_max, ~std::uint32_t{0});
  TM_CHECK_LE(options.frame_bytes_max, options.group_bytes_max);
  auto state = std::make_unique<State>(disk, clock, random, std::move(options));
  auto recovered = state->Recovery(replay);
  if (!recovered) return Fail(std::move(recovered).error().With("log"));
  return std::unique_ptr<Log>(new Log(std::move(state)));
}

Status Log::State::MakeFolder() {
  TM_TRY(disk->MakeDir(options.folder));
  for (std::string_view folder = options.folder; !folder.empty();) {
    folder = env::ParentOf(folder);
    TM_TRY(disk->SyncDir(folder));
  }
  return {};
}

Status Log::State::Recovery(const FrameVisitor& replay) {
  TM_TRY(MakeFolder());
  TM_ASSIGN(const auto names, disk->List(options.folder));
  TM_ASSIGN(Recovered found, Recover(disk, options.folder, names, replay));
  log_id = found.log_id ? *found.log_id : MakeUuidV4(random->Next(), random->Next());
  segment_id = found.segment_id_max;
  sequence = found.end_sequence;
  for (const auto& [project, end] : found.ends) projects[project] = {end, end};
  for (auto& segment : found.segments) kept.push_back({std::move(segment), clock->Now()});
  counters.replayed_frames = found.frames;
  counters.replayed_bytes = found.payload_bytes;
  counters.torn_bytes = found.torn_bytes;
  TM_TRY(pool.Adopt(names));
  const Tail* const moved = found.tail ? &*found.tail : nullptr;
  Status made = pool.CheckRoom(options.segment_bytes, options.segment_bytes / kLeftShare);
  if (made) made = NewSegment(moved, 0);
  if (!made) TM_TRY(SmallSegment(moved, std::move(made).error()));
  if (found.tail) TM_TRY(ReplayTail(*found.tail, replay));
  DropEmptySegments();
  return Reap();
}

Status Log::State::ReplayTail(const Tail& tail, const FrameVisitor& replay) {
  Ends ends;
  for (const auto& [project, end] : projects) ends[project] = end.durable;
  Status visited;
  const auto counted = [&](const Frame& frame) {
    counters.replayed_bytes += frame.payload.size();
    return replay(frame);
  };
  if (!VisitFrames(tail.body, tail.first_sequence, tail.frame_count, counted, &ends, &visited)) {
    return Fail(Code::kCorruption,
                kept.back().segment->path + ": a frame of the tail is not well formed");
  }
  TM_TRY(std::move(visited));
  for (const auto& [project, end] : ends) projects[project] = {end, end};
  sequence += tail.frame_count;
  counters.replayed_frames += tail.frame_count;
  counters.durable_frames = sequence;
  return {};
}

// What was made by an earlier opening and never used, or held the tail that has moved on.
void Log::State::DropEmptySegments() {
  while (kept.size() > 1) {
    const auto last = kept.end() - 2;
    if (last->segment->header.first_sequence != kept.back().segment->header.first_sequence) break;
    retired.push_back(last->segment);
    kept.erase(last);
  }
  PublishSegments();
}

// Segments.

Status Log::State::NewSegment(const Tail* tail, std::uint64_t bytes_wanted) {
  return MakeSegment(tail, std::optional(bytes_wanted));
}

// For a disk without room: the tail is durable, in a segment that takes no group. The reserve is
// for others, but what was acknowledged comes first.
Status Log::State::SmallSegment(const Tail* tail, Error why) {
  if (auto made = MakeSegment(tail, std::nullopt); !made) {
    TM_TRY(pool.ReleaseReserve());
    TM_TRY(MakeSegment(tail, std::nullopt));
  }
  active.reset();
  SetFailed(std::move(why).With("log"));
  return {};
}

// `bytes_wanted`: for groups to come; nothing: none will.
Status Log::State::MakeSegment(const Tail* tail, std::optional<std::uint64_t> bytes_wanted) {
  SegmentHeader header{.log_id = log_id,
                       .segment_id = ++segment_id,
                       .salt = random->Next(),
                       .first_sequence = sequence,
                       .durable_end = sequence + (tail != nullptr ? tail->frame_count : 0),
                       .ends = {}};
  for (const auto& [name, project] : projects) {
    if (project.durable > LogOffset()) header.ends.emplace(name, project.durable);
  }
  std::string content = EncodeSegmentHeader(header);
  if (tail != nullptr) {
    content += EncodeGroup(tail->first_sequence, tail->frame_count, tail->body, header.Seed());
  }
  active.reset();
  const std::uint64_t file_bytes =
      bytes_wanted ? pool.SizeFor(content.size() + *bytes_wanted) : content.size();
  TM_ASSIGN(auto made, pool.Make(segment_id, content, file_bytes));
  seed = header.Seed();
  write_at = content.size();
  active = std::move(made.file);
  auto segment =
      std::make_shared<Segment>(std::move(made.path), std::move(header), made.file_bytes);
  segment->durable_bytes = write_at;
  if (!kept.empty()) kept.back().since = clock->Now();
  kept.push_back({std::move(segment), clock->Now()});
  PublishSegments();
  PublishPool();
  return {};
}

void Log::State::PublishSegments() {
  auto list = std::make_shared<SegmentList>();
  std::uint64_t bytes = 0;
  for (const Kept& entry : kept) {
    list->push_back(entry.segment);
    bytes += entry.segment->file_bytes;
  }
  published.Store(std::move(list));
  counters.segments = kept.size();
  counters.segment_bytes = bytes;
  counters.durable_frames = sequence;
}

void Log::State::PublishPool() {
  counters.spares = pool.spares();
  counters.reserve_ready = pool.reserve_ready();
}

Status Log::Rotate() {
  State& s = *state_;
  TM_CHECK(s.phase == State::Phase::kIdle);
  if (Planted(Bug::kContinueAfterFailure) && s.failed && s.active) {
    s.write_at += s.group_bytes;
    s.SetHealthy();
    return {};
  }
  auto made = s.NewSegment(nullptr, 0);
  if (!made) {
    // The half-made segment may exist and would cut off what were written to the old one.
    s.SetFailed(s.failed ? *s.failed : made.error());
    return made;
  }
  s.SetHealthy();
  return {};
}

void Log::State::SetFailed(Error error) {
  failure.Store(std::make_shared<const std::string>(error.message()));
  failed = std::move(error);
  counters.failed = true;
}

void Log::State::SetHealthy() {
  failed.reset();
  counters.failed = false;
  failure.Store(nullptr);
}

// Offsets.

LogOffset Log::NextOffset(std::string_view project) const {
  const auto found = state_->projects.find(project);
  return found == state_->projects.end() ? LogOffset() : found->second.durable;
}

std::vector<std::string> Log::Projects() const {
  std::vector<std::string> names;
  for (const auto& [name, project] : state_->projects) {
    if (project.durable > LogOffset()) names.push_back(name);
  }
  return names;
}

bool Log::RaiseOffset(std::string_view project, LogOffset floor) {
  TM_CHECK(state_->phase == State::Phase::kIdle);
  TM_CHECK(!project.empty() && project.size() <= kProjectBytesMax);
  if (floor <= NextOffset(project)) return false;
  state_->projects[std::string(project)] = {floor, floor};
  return true;
}

LogOffset Log::State::TakeOffsets(const Append& append) {
  auto found = projects.find(append.project);
  if (found == projects.end()) {
    found = projects.emplace(append.project, Project{}).first;
  }
  if (found->second.next == found->second.durable) touched.push_back(found);
  const LogOffset first = found->second.next;
  found->second.next += append.count;
  return first;
}

// Groups.

Status Log::State::CheckGroup(std::span<const Append> group, std::uint64_t* body_bytes) const {
  if (group.empty()) return Fail(Code::kInvalidArgument, "log: a group without appends");
  for (const Append& append : group) {
    if (append.project.empty() || append.project.size() > kProjectBytesMax) {
      return Fail(Code::kInvalidArgument, "log: a project name has 1 to 255 bytes");
    }
    if (append.count == 0 || append.count > kFrameEventsMax) {
      return Fail(Code::kInvalidArgument, "log: an append has 1 to 16777216 events");
    }
    if (append.payload.size() > options.frame_bytes_max) {
      return Fail(Code::kInvalidArgument, "log: an append is larger than frame_bytes_max");
    }
    *body_bytes += kFrameHeaderBytes + append.project.size() + append.payload.size();
  }
  if (*body_bytes + kGroupHeaderBytes > options.group_bytes_max) {
    return Fail(Code::kInvalidArgument, "log: a group is larger than group_bytes_max");
  }
  return {};
}

void Log::State::AddPart(std::size_t begin, std::size_t end) {
  if (begin == end) return;
  parts.push_back(AsBytes(std::string_view(scratch).substr(begin, end - begin)));
}

void Log::State::Encode(std::span<const Append> group, std::uint64_t body_bytes,
                        std::vector<LogOffset>* first_offsets) {
  // The scratch must not move while parts point into it.
  std::size_t scratch_bytes = kGroupHeaderBytes + kGroupAlignment;
  for (const Append& append : group) {
    scratch_bytes += kFrameHeaderBytes + append.project.size();
    if (append.payload.size() < kCopyBytesMax) scratch_bytes += append.payload.size();
  }
  scratch.clear();
  scratch.reserve(scratch_bytes);
  parts.clear();
  AppendGroupHeader(&scratch,
                    {.checksum = 0,
                     .first_sequence = sequence,
                     .body_bytes = static_cast<std::uint32_t>(body_bytes),
                     .frame_count = static_cast<std::uint32_t>(group.size())},
                    seed);
  std::size_t begin = 0;
  for (const Append& append : group) {
    const LogOffset first = TakeOffsets(append);
    first_offsets->push_back(first);
    AppendFrameHeader(&scratch, append.project, first, append.count,
                      static_cast<std::uint32_t>(append.payload.size()));
    if (append.payload.size() < kCopyBytesMax) {
      scratch.append(append.payload);
      continue;
    }
    AddPart(begin, scratch.size());
    begin = scratch.size();
    parts.push_back(AsBytes(append.payload));
  }
  const std::size_t body_end = scratch.size();
  scratch.resize(body_end + (group_bytes - kGroupHeaderBytes - body_bytes), '\0');
  TM_CHECK_LE(scratch.size(), scratch_bytes);
  const std::size_t padding = scratch.size() - body_end;
  AddPart(begin, scratch.size());

  hasher.Reset(seed);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::string_view piece = AsText(parts[i]);
    if (i == 0) piece.remove_prefix(kGroupHeaderBytes - CheckedPart(scratch).size());
    if (i + 1 == parts.size() && begin < scratch.size()) piece.remove_suffix(padding);
    hasher.Add(piece);
  }
  PutGroupChecksum(&scratch, 0, hasher.Value());
}

Status Log::WriteGroup(std::span<const Append> group, std::vector<LogOffset>* first_offsets) {
  State& s = *state_;
  TM_CHECK(s.phase == State::Phase::kIdle);
  first_offsets->clear();
  if (s.failed) return Fail(*s.failed);
  std::uint64_t body_bytes = 0;
  TM_TRY(s.CheckGroup(group, &body_bytes));
  s.group_bytes = AlignGroup(kGroupHeaderBytes + body_bytes);
  if (s.write_at + s.group_bytes > s.kept.back().segment->file_bytes) {
    if (auto made = s.NewSegment(nullptr, s.group_bytes); !made) {
      return s.Void(std::move(made).error());
    }
  }
  s.group_frames = group.size();
  s.Encode(group, body_bytes, first_offsets);
  if (auto written = s.active->WriteAt(s.write_at, s.parts); !written) {
    first_offsets->clear();
    return s.Void(std::move(written).error());
  }
  s.phase = State::Phase::kWritten;
  return {};
}

void Log::StartSync() {
  TM_CHECK(state_->phase == State::Phase::kWritten);
  state_->phase = State::Phase::kSyncing;
  if (!Planted(Bug::kAckBeforeSync)) state_->active->StartSync();
}

Status Log::WaitSync() {
  State& s = *state_;
  TM_CHECK(s.phase == State::Phase::kSyncing);
  return s.Synced(Planted(Bug::kAckBeforeSync) ? Status() : s.active->WaitSync());
}

Status Log::SyncNow() {
  State& s = *state_;
  TM_CHECK(s.phase == State::Phase::kWritten);
  return s.Synced(Planted(Bug::kAckBeforeSync) ? Status() : s.active->Sync());
}

Status Log::State::Synced(Status synced) {
  if (!synced && Planted(Bug::kRetryFailedSync)) synced = active->Sync();
  if (!synced) return Void(std::move(synced).error());
  for (const auto& project : touched) project->second.durable = project->second.next;
  touched.clear();
  sequence += group_frames;
  write_at += group_bytes;
  // Release: a reader that sees the new end sees a file that has the bytes.
  kept.back().segment->durable_bytes.store(write_at, std::memory_order_release);
  counters.durable_frames = sequence;
  counters.groups += 1;
  counters.group_bytes += group_bytes;
  phase = Phase::kIdle;
  return {};
}

tl::unexpected<Error> Log::State::Void(Error error) {
  for (const auto& project : touched) {
    if (Planted(Bug::kOffsetsNotGivenBack)) {
      project->second.durable = project->second.next;
    }
    project->second.next = project->second.durable;
  }
  touched.clear();
  phase = Phase::kIdle;
  SetFailed(std::move(error).With("log"));
  counters.failed_groups += 1;
  if (!Planted(Bug::kContinueAfterFailure)) active.reset();
  return Fail(*failed);
}

// Trimming.

bool Log::State::MayGo(const Segment& segment, const Segment& next, const SettledEnd& settled,
                       std::uint64_t sequence_end) const {
  if (next.header.first_sequence == segment.header.first_sequence) return true;
  if (next.header.first_sequence > sequence_end) return false;
  const bool young = clock->Now() - kept.front().since < options.retention;
  if (young && counters.segment_bytes <= options.retention_bytes) return false;
  for (const auto& [project, end] : next.header.ends) {
    const auto before = segment.header.ends.find(project);
    if (before != segment.header.ends.end() && before->second == end) continue;
    if (settled(project) < end) return false;
    if (Planted(Bug::kTrimIgnoresOneProject)) break;
  }
  return true;
}

Status Log::Trim(const SettledEnd& settled, std::uint64_t sequence_end) {
  State& s = *state_;
  bool changed = false;
  while (s.kept.size() > 1 &&
         s.MayGo(*s.kept[0].segment, *s.kept[1].segment, settled, sequence_end)) {
    s.retired.push_back(std::move(s.kept.front().segment));
    s.kept.erase(s.kept.begin());
    s.counters.segment_bytes -= s.retired.back()->file_bytes;
    changed = true;
  }
  if (changed) s.PublishSegments();
  return s.Reap();
}

Status Log::State::Reap() {
  // In order, each durably gone before the next: a gap in the middle would look like lost log.
  while (!retired.empty()) {
    if (retired.front().use_count() > 1) return {};  // A reader is in it.
    std::atomic_thread_fence(std::memory_order_acquire);
    TM_TRY(pool.Recycle(retired.front()->path, retired.front()->file_bytes));
    retired.erase(retired.begin());
    PublishPool();
  }
  return {};
}

Result<bool> Log::Tend() {
  TM_CHECK(state_->phase == State::Phase::kIdle);
  auto more = state_->pool.Tend();
  state_->PublishPool();
  return more;
}

bool Log::TakeAsked() { return state_->pool.TakeAsked(); }
bool Log::Prepare() { return state_->pool.Prepare(); }

Status Log::ReleaseReserve() {
  auto released = state_->pool.ReleaseReserve();
  state_->PublishPool();
  return released;
}

// Reading.

namespace {

Status ReadDurable(env::Disk* disk, const Segment& segment, std::string_view project,
                   LogOffset from, const FrameVisitor& visit) {
  const std::uint64_t end = segment.durable_bytes.load(std::memory_order_acquire);
  TM_ASSIGN(const auto reader, SegmentReader::Open(disk, segment.path, segment.header.segment_id));
  std::uint64_t sequence = segment.header.first_sequence;
  while (reader->position() < end) {
    const std::uint64_t at = reader->position();
    TM_ASSIGN(const auto group, reader->Next(sequence));
    if (!group) return Fail(reader->Corrupt(at, "a durable group is gone or damaged"));
    sequence = group->end_sequence();
    std::string_view body = group->body;
    for (std::uint32_t i = 0; i < group->frame_count; ++i) {
      Frame frame;
      if (!TakeFrame(&body, &frame)) return Fail(reader->Corrupt(at, "not a frame"));
      frame.sequence = group->first_sequence + i;
      if (frame.project == project && frame.end_offset() > from) TM_TRY(visit(frame));
    }
  }
  return {};
}

}  // namespace

Status Log::Read(std::string_view project, LogOffset from, const FrameVisitor& visit) const {
  const auto list = state_->published.Load();
  TM_CHECK(!list->empty());
  const auto& oldest = list->front()->header.ends;
  if (const auto start = oldest.find(project); start != oldest.end() && start->second > from) {
    return Fail(Code::kNotFound, "the log begins at offset " + to_string(start->second));
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (i + 1 < list->size()) {
      // The next segment's table says where this one ends.
      const auto& ends = (*list)[i + 1]->header.ends;
      const auto end = ends.find(project);
      if (end == ends.end() || end->second <= from) continue;
    }
    TM_TRY(ReadDurable(state_->disk, *(*list)[i], project, from, visit));
  }
  return {};
}

std::string Log::failure() const {
  const auto failure = state_->failure.Load();
  return failure == nullptr ? std::string() : *failure;
}

LogStats Log::stats() const {
  const State::Counters& c = state_->counters;
  return {.segments = c.segments,
          .segment_bytes = c.segment_bytes,
          .durable_frames = c.durable_frames,
          .groups = c.groups,
          .group_bytes = c.group_bytes,
          .failed_groups = c.failed_groups,
          .replayed_frames = c.replayed_frames,
          .replayed_bytes = c.replayed_bytes,
          .torn_bytes = c.torn_bytes,
          .spares = c.spares,
          .reserve_ready = c.reserve_ready,
          .failed = c.failed};
}

}  // namespace tidemark::wal
