// The bytes of the log: docs/format/wal.md, version 1. Pure functions; any thread. Decoders never
// read past what they are given and never allocate by a length they have not verified.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/uuid.h"
#include "wal/log.h"

namespace tidemark::wal {

inline constexpr std::string_view kMagic = "TIDELOG1";
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kSegmentHeaderBytes = 72;  // Without the table of ends.
inline constexpr std::size_t kGroupHeaderBytes = 32;
inline constexpr std::size_t kFrameHeaderBytes = 17;
inline constexpr std::uint64_t kGroupAlignment = 8;

constexpr std::uint64_t AlignGroup(std::uint64_t offset) {
  return (offset + kGroupAlignment - 1) / kGroupAlignment * kGroupAlignment;
}

// The next offset of each project.
using Ends = std::map<std::string, LogOffset, std::less<>>;

struct SegmentHeader {
  Uuid log_id;
  std::uint64_t segment_id = 0;
  std::uint64_t salt = 0;  // Random: two attempts at one segment id differ.
  std::uint64_t first_sequence = 0;
  // The log's durable end when the segment got its name: above first_sequence if it was born with
  // the tail of the one before.
  std::uint64_t durable_end = 0;
  Ends ends;  // Before the segment's first frame.

  // Seeds every checksum of the segment's groups.
  std::uint64_t Seed() const;
};
// With its table of ends, padded to where the first group begins.
std::string EncodeSegmentHeader(const SegmentHeader& header);
// How long the header of a segment is that begins with these kSegmentHeaderBytes bytes, table
// included; nothing if they are none. `version` is set if at least the magic is right.
std::optional<std::uint64_t> SegmentHeaderLength(std::string_view fixed, std::uint32_t* version);
// `bytes` has at least the length above.
std::optional<SegmentHeader> DecodeSegmentHeader(std::string_view bytes);

struct GroupHeader {
  std::uint64_t checksum = 0;  // Of the rest of the header and the body.
  std::uint64_t first_sequence = 0;
  std::uint32_t body_bytes = 0;
  std::uint32_t frame_count = 0;
};
// Everything but the checksum, which PutGroupChecksum sets once the body is known.
void AppendGroupHeader(std::string* out, const GroupHeader& header, std::uint64_t seed);
// The part of an encoded header that its group's checksum covers, before the body.
std::string_view CheckedPart(std::string_view encoded_header);
void PutGroupChecksum(std::string* out, std::size_t header_at, std::uint64_t checksum);
// Nothing if the header's own checksum is wrong.
std::optional<GroupHeader> DecodeGroupHeader(std::string_view bytes, std::uint64_t seed);
// The first sequence that a header claims, unverified. `bytes` has kGroupHeaderBytes.
std::uint64_t PeekSequence(std::string_view bytes);
std::uint64_t GroupChecksum(std::string_view encoded_header, std::string_view body,
                            std::uint64_t seed);

// All of a frame but the payload.
void AppendFrameHeader(std::string* out, std::string_view project, LogOffset first_offset,
                       std::uint32_t count, std::uint32_t payload_bytes);
// Takes the next frame from `body`. False if it is none; then `body` is empty or wrong.
bool TakeFrame(std::string_view* body, Frame* frame);

// A group of frames that were decoded before, for another segment: recovery moves the tail.
std::string EncodeGroup(std::uint64_t first_sequence, std::uint32_t frame_count,
                        std::string_view body, std::uint64_t seed);

// File names inside the log's folder.
std::string SegmentName(std::uint64_t segment_id);
std::optional<std::uint64_t> ParseSegmentName(std::string_view name);

}  // namespace tidemark::wal
