// Reads a log folder as a crash left it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wal/segment.h"

namespace tidemark::wal {

// The last group of the last segment. Nothing behind it proves that it was ever durable: it may be
// seen only because it is in the page cache, even of a file whose sync failed. Recovery writes it
// again, into the next segment, which cuts off the old copy.
struct Tail {
  std::uint64_t first_sequence = 0;
  std::uint32_t frame_count = 0;
  std::string body;
};

struct Recovered {
  std::optional<Uuid> log_id;                      // Nothing if there is no segment.
  std::vector<std::shared_ptr<Segment>> segments;  // Oldest first.
  std::optional<Tail> tail;
  std::uint64_t end_sequence = 0;  // Without the tail.
  Ends ends;                       // Without the tail.
  std::uint64_t segment_id_max = 0;
  std::uint64_t frames = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t torn_bytes = 0;
};

// Visits every frame but the tail's. `names` is what is in the folder. Changes nothing on disk.
// Errors: kCorruption with file and offset; kIoError; what `replay` returned.
Result<Recovered> Recover(env::Disk* disk, const std::string& folder,
                          const std::vector<std::string>& names, const FrameVisitor& replay);

// Visits the frames of a body and moves the ends. False if the body is not exactly `frame_count`
// frames or an offset goes back; what `visit` returned in `status`.
bool VisitFrames(std::string_view body, std::uint64_t first_sequence, std::uint32_t frame_count,
                 const FrameVisitor& visit, Ends* ends, Status* status);

// For who only reads the log: visits the tail's frames, if there is a tail, and counts them in
// `ends`, `frames` and `end_sequence`. kCorruption; what `visit` returned.
Status VisitTail(Recovered* log, const FrameVisitor& visit);

}  // namespace tidemark::wal
