// What memory knows of a segment that is kept on disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "wal/format.h"

namespace tidemark::wal {

// Immutable but for how far it is durable, which only the log's thread moves. Whoever holds a
// pointer keeps the file from being recycled.
struct Segment {
  Segment(std::string file_path, SegmentHeader file_header, std::uint64_t size)
      : path(std::move(file_path)), header(std::move(file_header)), file_bytes(size) {}

  const std::string path;
  const SegmentHeader header;
  const std::uint64_t file_bytes;
  // Where its durable groups end; what follows is not part of the log.
  std::atomic<std::uint64_t> durable_bytes{0};
};

using SegmentList = std::vector<std::shared_ptr<const Segment>>;

}  // namespace tidemark::wal
