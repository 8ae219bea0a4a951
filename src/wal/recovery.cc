#include "wal/recovery.h"

#include <algorithm>
#include <utility>

#include "wal/faults.h"
#include "wal/segment_reader.h"

namespace tidemark::wal {
namespace {

class Recovery {
 public:
  Recovery(env::Disk* disk, const FrameVisitor& replay) : disk_(disk), replay_(replay) {}

  Result<Recovered> Run(const std::string& folder, const std::vector<std::string>& names) {
    std::vector<std::unique_ptr<SegmentReader>> readers;
    TM_TRY(OpenAll(folder, names, &readers));
    for (std::size_t i = 0; i < readers.size(); ++i) {
      const SegmentReader* next = i + 1 < readers.size() ? readers[i + 1].get() : nullptr;
      TM_TRY(ReadSegment(readers[i].get(), next));
      readers[i].reset();
    }
    return std::move(out_);
  }

 private:
  // Headers first: the sequence that a segment begins with ends the one before.
  Status OpenAll(const std::string& folder, const std::vector<std::string>& names,
                 std::vector<std::unique_ptr<SegmentReader>>* readers) {
    for (const std::string& name : names) {  // Sorted: ids have a fixed width.
      const auto id = ParseSegmentName(name);
      if (!id) continue;
      TM_ASSIGN(auto reader, SegmentReader::Open(disk_, folder + "/" + name, *id));
      const SegmentHeader& header = reader->header();
      if (!out_.log_id) out_.log_id = header.log_id;
      if (*out_.log_id != header.log_id) {
        return Fail(reader->Corrupt(0, "a segment of another log"));
      }
      if (!readers->empty() && header.first_sequence < readers->back()->header().first_sequence) {
        return Fail(reader->Corrupt(0, "begins before the segment before it"));
      }
      out_.segment_id_max = *id;
      readers->push_back(std::move(reader));
    }
    return {};
  }

  Status ReadSegment(SegmentReader* reader, const SegmentReader* next) {
    const SegmentHeader& header = reader->header();
    if (out_.segments.empty()) out_.end_sequence = header.first_sequence;
    TM_TRY(CheckEnds(*reader));
    auto segment = std::make_shared<Segment>(reader->path(), header, reader->file_bytes());
    if (next != nullptr) {
      TM_TRY(ReadSealed(reader, next->header().first_sequence));
    } else {
      TM_TRY(ReadLast(reader));
    }
    segment->durable_bytes = reader->position();
    if (out_.tail) segment->durable_bytes = tail_offset_;
    out_.segments.push_back(std::move(segment));
    return {};
  }

  // The table of ends agrees with what was read so far; only a raise may lie between.
  Status CheckEnds(const SegmentReader& reader) {
    const Ends& said = reader.header().ends;
    for (const auto& [project, end] : out_.ends) {
      const auto found = said.find(project);
      if (found == said.end() || found->second < end) {
        return Fail(reader.Corrupt(0, "a project ends before frames that were read"));
      }
    }
    out_.ends = said;
    return {};
  }

  Status ReadSealed(SegmentReader* reader, std::uint64_t stop) {
    while (out_.end_sequence < stop || Planted(Bug::kNoCutOff)) {
      const std::uint64_t at = reader->position();
      TM_ASSIGN(const auto group, reader->Next(out_.end_sequence));
      if (!group) {
        if (Planted(Bug::kTornIsSkipped) || Planted(Bug::kNoCutOff)) break;
        return Fail(reader->Corrupt(at, "a group that was durable is gone or damaged"));
      }
      if (group->end_sequence() > stop && !Planted(Bug::kNoCutOff)) {
        return Fail(reader->Corrupt(at, "a group runs over the next segment's first sequence"));
      }
      TM_TRY(Visit(*reader, *group));
    }
    if (Planted(Bug::kTornIsSkipped)) out_.end_sequence = stop;
    return {};
  }

  Status ReadLast(SegmentReader* reader) {
    for (;;) {
      const std::uint64_t at = reader->position();
      TM_ASSIGN(const auto group, reader->Next(out_.end_sequence + TailFrames()));
      if (!group) break;
      // The one behind it proves the one before.
      TM_TRY(AcceptTail(*reader));
      out_.tail = Tail{.first_sequence = group->first_sequence,
                       .frame_count = group->frame_count,
                       .body = std::string(group->body)};
      tail_offset_ = at;
    }
    const std::uint64_t at = reader->position();
    const std::uint64_t end = out_.end_sequence + TailFrames();
    out_.torn_bytes = reader->torn_bytes();
    if (end < reader->header().durable_end && !Planted(Bug::kTornIsSkipped)) {
      return Fail(reader->Corrupt(at, "the group that the segment began with is damaged"));
    }
    TM_ASSIGN(const auto witness, reader->FindWitness(end));
    if (witness && !Planted(Bug::kTornIsSkipped)) {
      return Fail(
          reader->Corrupt(at, "a group that was durable is gone or damaged; a later one is at " +
                                  std::to_string(*witness)));
    }
    if (Planted(Bug::kTailNotRewritten)) {
      TM_TRY(AcceptTail(*reader));
      out_.tail.reset();
    }
    return {};
  }

  std::uint64_t TailFrames() const { return out_.tail ? out_.tail->frame_count : 0; }

  Status AcceptTail(const SegmentReader& reader) {
    if (!out_.tail) return {};
    return Visit(reader, {.offset = tail_offset_,
                          .first_sequence = out_.tail->first_sequence,
                          .frame_count = out_.tail->frame_count,
                          .body = out_.tail->body});
  }

  Status Visit(const SegmentReader& reader, const GroupView& group) {
    Status visited;
    const auto counted = [this](const Frame& frame) {
      out_.payload_bytes += frame.payload.size();
      return replay_(frame);
    };
    if (!VisitFrames(group.body, group.first_sequence, group.frame_count, counted, &out_.ends,
                     &visited)) {
      return Fail(reader.Corrupt(group.offset, "a frame is not well formed"));
    }
    out_.frames += group.frame_count;
    out_.end_sequence = group.end_sequence();
    return visited;
  }

  env::Disk* disk_;
  const FrameVisitor& replay_;
  Recovered out_;
  std::uint64_t tail_offset_ = 0;
};

}  // namespace

bool VisitFrames(std::string_view body, std::uint64_t first_sequence, std::uint32_t frame_count,
                 const FrameVisitor& visit, Ends* ends, Status* status) {
  for (std::uint32_t i = 0; i < frame_count; ++i) {
    Frame frame;
    if (!TakeFrame(&body, &frame)) return false;
    frame.sequence = first_sequence + i;
    auto found = ends->find(frame.project);
    if (found == ends->end()) found = ends->emplace(frame.project, LogOffset()).first;
    if (frame.first_offset < found->second) return false;
    found->second = frame.end_offset();
    *status = visit(frame);
    if (!*status) return true;
  }
  return body.empty();
}

Result<Recovered> Recover(env::Disk* disk, const std::string& folder,
                          const std::vector<std::string>& names, const FrameVisitor& replay) {
  return Recovery(disk, replay).Run(folder, names);
}

Status VisitTail(Recovered* log, const FrameVisitor& visit) {
  if (!log->tail) return {};
  const Tail& tail = *log->tail;
  Status visited;
  if (!VisitFrames(tail.body, tail.first_sequence, tail.frame_count, visit, &log->ends, &visited)) {
    return Fail(Code::kCorruption, "the log's last group: a frame is not well formed");
  }
  log->frames += tail.frame_count;
  log->end_sequence += tail.frame_count;
  return visited;
}

}  // namespace tidemark::wal
