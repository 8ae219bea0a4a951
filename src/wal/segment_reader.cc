#include "wal/segment_reader.h"

#include <algorithm>
#include <utility>

#include "wal/faults.h"

namespace tidemark::wal {
namespace {

constexpr std::uint64_t kWindowBytes = 1_MiB;

}  // namespace

SegmentReader::SegmentReader(std::unique_ptr<env::File> file, std::string path)
    : file_(std::move(file)), path_(std::move(path)) {}

Result<std::unique_ptr<SegmentReader>> SegmentReader::Open(env::Disk* disk, std::string path,
                                                           std::uint64_t segment_id) {
  TM_ASSIGN(auto file, disk->Open(path));
  std::unique_ptr<SegmentReader> reader(new SegmentReader(std::move(file), std::move(path)));
  TM_TRY(reader->ReadHeader(segment_id));
  return reader;
}

Status SegmentReader::ReadHeader(std::uint64_t segment_id) {
  TM_ASSIGN(file_bytes_, file_->Size());
  TM_ASSIGN(const std::string_view fixed, View(0, kSegmentHeaderBytes));
  std::uint32_t version = 0;
  const auto length = SegmentHeaderLength(fixed, &version);
  if (version > kVersion) {
    return Fail(Code::kUnimplemented, path_ + " is of log format " + std::to_string(version) +
                                          ", newer than " + std::to_string(kVersion) +
                                          ": run the newer program");
  }
  if (!length || *length > file_bytes_) return Fail(Corrupt(0, "no segment header"));
  TM_ASSIGN(const std::string_view bytes, View(0, *length));
  auto header = DecodeSegmentHeader(bytes);
  if (!header) return Fail(Corrupt(0, "bad checksum of the segment header"));
  if (header->segment_id != segment_id) return Fail(Corrupt(0, "header of another segment"));
  header_ = *std::move(header);
  seed_ = header_.Seed();
  position_ = *length;
  return {};
}

Result<std::string_view> SegmentReader::View(std::uint64_t offset, std::uint64_t size) {
  size = std::min(size, file_bytes_ > offset ? file_bytes_ - offset : 0);
  if (offset < window_offset_ || offset + size > window_offset_ + window_.size()) {
    TM_ASSIGN(window_, file_->ReadAt(offset, std::max(size, kWindowBytes)));
    window_offset_ = offset;
    size = std::min<std::uint64_t>(size, window_.size());
  }
  return std::string_view(window_).substr(offset - window_offset_, size);
}

Result<std::optional<GroupView>> SegmentReader::Next(std::uint64_t sequence) {
  TM_ASSIGN(std::string_view bytes, View(position_, kGroupHeaderBytes));
  const auto header = DecodeGroupHeader(bytes, seed_);
  if (!header || header->frame_count == 0) return std::nullopt;
  if (header->first_sequence != sequence && !Planted(Bug::kChecksumWithoutSegment)) {
    return std::nullopt;
  }
  // The header's own checksum is right, so the length is one that was written; the file may still
  // have been cut.
  const std::uint64_t length = kGroupHeaderBytes + std::uint64_t{header->body_bytes};
  torn_bytes_ = length;
  if (length > file_bytes_ - position_) return std::nullopt;
  TM_ASSIGN(bytes, View(position_, length));
  if (bytes.size() < length) return std::nullopt;
  const std::string_view body = bytes.substr(kGroupHeaderBytes);
  if (GroupChecksum(bytes, body, seed_) != header->checksum) return std::nullopt;
  const GroupView group{.offset = position_,
                        .first_sequence = sequence,
                        .frame_count = header->frame_count,
                        .body = body};
  position_ = AlignGroup(position_ + length);
  torn_bytes_ = 0;
  return group;
}

Result<std::optional<std::uint64_t>> SegmentReader::FindWitness(std::uint64_t sequence) {
  for (std::uint64_t at = position_; at + kGroupHeaderBytes <= file_bytes_; at += kGroupAlignment) {
    TM_ASSIGN(const std::string_view bytes, View(at, kGroupHeaderBytes));
    // The cheap test first: most of what lies here is zeros or older sequences.
    if (bytes.size() < kGroupHeaderBytes || PeekSequence(bytes) <= sequence) continue;
    if (DecodeGroupHeader(bytes, seed_)) return at;
  }
  return std::nullopt;
}

Error SegmentReader::Corrupt(std::uint64_t offset, std::string_view what) const {
  return {Code::kCorruption, path_ + " at " + std::to_string(offset) + ": " + std::string(what)};
}

}  // namespace tidemark::wal
