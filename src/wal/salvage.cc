#include "wal/salvage.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "wal/recovery.h"
#include "wal/segment_reader.h"

namespace tidemark::wal {
namespace {

constexpr auto kNoStop = std::numeric_limits<std::uint64_t>::max();

class Salvager {
 public:
  Salvager(env::Disk* disk, std::optional<Uuid> log_id, const FrameVisitor& visit)
      : disk_(disk), log_id_(log_id), visit_(visit) {}

  Result<Salvaged> Run(const std::string& folder, const std::vector<std::string>& names) {
    for (const std::string& name : names) {  // Sorted: ids have a fixed width.
      const auto id = ParseSegmentName(name);
      if (!id) continue;
      std::string path = folder;
      path.append("/").append(name);
      TM_TRY(Open(path, *id));
    }
    for (std::size_t i = 0; i < readers_.size(); ++i) {
      const bool last = i + 1 == readers_.size();
      TM_TRY(Read(readers_[i].get(), last ? kNoStop : readers_[i + 1]->header().first_sequence));
    }
    return std::move(out_);
  }

 private:
  // Nothing if it is damage, which is told.
  Status Note(Error error) {
    if (error.code() != Code::kCorruption) return Fail(std::move(error));
    out_.problems.push_back(error.message());
    return {};
  }

  Status Open(const std::string& path, std::uint64_t id) {
    auto reader = SegmentReader::Open(disk_, path, id);
    if (!reader) return Note(std::move(reader).error());
    const SegmentHeader& header = (*reader)->header();
    if (!log_id_) log_id_ = header.log_id;
    if (header.log_id != *log_id_) return Note((*reader)->Corrupt(0, "a segment of another log"));
    out_.log_id = header.log_id;
    if (!readers_.empty() && header.first_sequence < readers_.back()->header().first_sequence) {
      return Note((*reader)->Corrupt(0, "begins before the segment before it"));
    }
    ++out_.segments;
    readers_.push_back(*std::move(reader));
    return {};
  }

  void Know(const Ends& ends) {
    for (const auto& [project, end] : ends) {
      LogOffset& known = out_.ends[project];
      known = std::max(known, end);
    }
  }

  // `stop`: the first sequence of the next segment that is there.
  Status Read(SegmentReader* reader, std::uint64_t stop) {
    std::uint64_t at = reader->header().first_sequence;
    Ends ends = reader->header().ends;
    while (at < stop) {
      const std::uint64_t offset = reader->position();
      auto group = reader->Next(at);
      if (!group) return Note(std::move(group).error());
      if (!*group || (*group)->end_sequence() > stop) break;
      Status visited;
      const GroupView& view = **group;
      if (!VisitFrames(view.body, view.first_sequence, view.frame_count, visit_, &ends, &visited)) {
        return Note(reader->Corrupt(offset, "a frame is not well formed"));
      }
      TM_TRY(std::move(visited));
      out_.frames += view.frame_count;
      at = view.end_sequence();
    }
    Know(ends);
    return at < stop ? NoteGap(reader, at, stop) : Status();
  }

  Status NoteGap(SegmentReader* reader, std::uint64_t at, std::uint64_t stop) {
    std::string gone = "from here on ";
    if (stop != kNoStop) {
      gone.append(std::to_string(stop - at)).append(" requests are gone, up to the next segment");
    } else {
      TM_ASSIGN(const auto witness, reader->FindWitness(at));
      if (!witness) return {};
      gone.append("requests are gone; a later group is at ").append(std::to_string(*witness));
    }
    return Note(reader->Corrupt(reader->position(), gone));
  }

  env::Disk* disk_;
  std::optional<Uuid> log_id_;
  const FrameVisitor& visit_;
  std::vector<std::unique_ptr<SegmentReader>> readers_;
  Salvaged out_;
};

}  // namespace

Result<Salvaged> Salvage(env::Disk* disk, const std::string& folder,
                         const std::vector<std::string>& names, std::optional<Uuid> log_id,
                         const FrameVisitor& visit) {
  return Salvager(disk, log_id, visit).Run(folder, names);
}

}  // namespace tidemark::wal
