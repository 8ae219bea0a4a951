// Reads the groups of one segment in order, through a window of bounded size.
//
// Owned by the thread that made it. Errors: kCorruption with file and offset in the message,
// kIoError; kUnimplemented for a segment of a newer format.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "env/disk.h"
#include "wal/format.h"

namespace tidemark::wal {

// Valid until the next call on its reader.
struct GroupView {
  std::uint64_t offset = 0;  // In the file.
  std::uint64_t first_sequence = 0;
  std::uint32_t frame_count = 0;
  std::string_view body;

  std::uint64_t end_sequence() const { return first_sequence + frame_count; }
};

class SegmentReader {
 public:
  // Reads and verifies the header; the file must be the one of `segment_id`. `disk` must outlive
  // the reader.
  static Result<std::unique_ptr<SegmentReader>> Open(env::Disk* disk, std::string path,
                                                     std::uint64_t segment_id);

  const SegmentHeader& header() const { return header_; }
  const std::string& path() const { return path_; }
  std::uint64_t file_bytes() const { return file_bytes_; }
  // Where the next group begins, if there is one.
  std::uint64_t position() const { return position_; }

  // The group at position(), which must begin with `sequence`; nothing if there is none that is
  // whole. Goes on to the next one only if there was one.
  Result<std::optional<GroupView>> Next(std::uint64_t sequence);

  // Of the unfinished group at position(), if Next found a header without its body.
  std::uint64_t torn_bytes() const { return torn_bytes_; }

  // Looks behind position(), where Next found nothing, for a group header of this segment with a
  // sequence above `sequence`. It was written when all before it was durable: what is missing at
  // position() has rotted. Returns where it lies.
  Result<std::optional<std::uint64_t>> FindWitness(std::uint64_t sequence);

  // "corruption: <path> at <offset>: <what>".
  Error Corrupt(std::uint64_t offset, std::string_view what) const;

 private:
  SegmentReader(std::unique_ptr<env::File> file, std::string path);
  Status ReadHeader(std::uint64_t segment_id);
  // Up to `size` bytes from `offset`; fewer at the end of the file.
  Result<std::string_view> View(std::uint64_t offset, std::uint64_t size);

  std::unique_ptr<env::File> file_;
  std::string path_;
  std::uint64_t file_bytes_ = 0;
  SegmentHeader header_;
  std::uint64_t seed_ = 0;
  std::uint64_t position_ = 0;
  std::uint64_t torn_bytes_ = 0;
  std::string window_;
  std::uint64_t window_offset_ = 0;
};

}  // namespace tidemark::wal
