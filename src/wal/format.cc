#include "wal/format.h"

#include <cstdio>

#include "base/bytes.h"
#include "base/check.h"
#include "wal/faults.h"

namespace tidemark::wal {
namespace {

constexpr std::size_t kSegmentChecksumAt = 64;
constexpr std::size_t kGroupCheckedAt = 8;
constexpr std::size_t kGroupFieldsBytes = 16;
// Separates the header's checksum from the group's.
constexpr std::uint64_t kHeaderSeedStep = 0x9E3779B97F4A7C15ULL;
constexpr std::string_view kSegmentSuffix = ".log";

template <class Int>
Int Get(std::string_view bytes, std::size_t at) {
  Int value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::uint64_t SegmentChecksum(std::string_view bytes, std::string_view table) {
  return Hash64(table, Hash64(bytes.substr(0, kSegmentChecksumAt)));
}

}  // namespace

std::uint64_t SegmentHeader::Seed() const {
  if (Planted(Bug::kChecksumWithoutSegment)) return 0;
  std::string bytes(reinterpret_cast<const char*>(log_id.bytes.data()), log_id.bytes.size());
  PutU64(&bytes, segment_id);
  PutU64(&bytes, salt);
  return Hash64(bytes);
}

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string table;
  for (const auto& [project, end] : header.ends) {
    table.push_back(static_cast<char>(project.size()));
    table.append(project);
    PutFixed(&table, end.value);
  }
  std::string out(kMagic);
  PutU32(&out, kVersion);
  PutU32(&out, static_cast<std::uint32_t>(table.size()));
  out.append(reinterpret_cast<const char*>(header.log_id.bytes.data()), header.log_id.bytes.size());
  PutU64(&out, header.segment_id);
  PutU64(&out, header.salt);
  PutU64(&out, header.first_sequence);
  PutU64(&out, header.durable_end);
  PutU64(&out, SegmentChecksum(out, table));
  TM_CHECK_EQ(out.size(), kSegmentHeaderBytes);
  out.append(table);
  out.resize(AlignGroup(out.size()), '\0');
  return out;
}

std::optional<std::uint64_t> SegmentHeaderLength(std::string_view fixed, std::uint32_t* version) {
  *version = 0;
  if (fixed.size() < kSegmentHeaderBytes || !fixed.starts_with(kMagic)) return std::nullopt;
  *version = Get<std::uint32_t>(fixed, 8);
  return AlignGroup(kSegmentHeaderBytes + Get<std::uint32_t>(fixed, 12));
}

std::optional<SegmentHeader> DecodeSegmentHeader(std::string_view bytes) {
  std::uint32_t version = 0;
  const auto length = SegmentHeaderLength(bytes, &version);
  if (!length || version != kVersion || bytes.size() < *length) return std::nullopt;
  const std::string_view table = bytes.substr(kSegmentHeaderBytes, Get<std::uint32_t>(bytes, 12));
  if (Get<std::uint64_t>(bytes, kSegmentChecksumAt) != SegmentChecksum(bytes, table)) {
    return std::nullopt;
  }
  SegmentHeader header;
  std::memcpy(header.log_id.bytes.data(), bytes.data() + 16, header.log_id.bytes.size());
  header.segment_id = Get<std::uint64_t>(bytes, 32);
  header.salt = Get<std::uint64_t>(bytes, 40);
  header.first_sequence = Get<std::uint64_t>(bytes, 48);
  header.durable_end = Get<std::uint64_t>(bytes, 56);
  for (ByteReader reader(table); reader.remaining() > 0;) {
    std::uint8_t size = 0;
    std::string_view project;
    LogOffset end;
    if (!reader.Fixed(&size) || !reader.Bytes(size, &project) || !reader.Fixed(&end.value)) {
      return std::nullopt;
    }
    header.ends.emplace(project, end);
  }
  return header;
}

void AppendGroupHeader(std::string* out, const GroupHeader& header, std::uint64_t seed) {
  const std::size_t at = out->size();
  PutU64(out, 0);
  PutU64(out, header.first_sequence);
  PutU32(out, header.body_bytes);
  PutU32(out, header.frame_count);
  const std::string_view fields =
      std::string_view(*out).substr(at + kGroupCheckedAt, kGroupFieldsBytes);
  PutU64(out, Hash64(fields, seed + kHeaderSeedStep));
}

std::string_view CheckedPart(std::string_view encoded_header) {
  return encoded_header.substr(kGroupCheckedAt, kGroupHeaderBytes - kGroupCheckedAt);
}

void PutGroupChecksum(std::string* out, std::size_t header_at, std::uint64_t checksum) {
  std::memcpy(out->data() + header_at, &checksum, sizeof checksum);
}

std::optional<GroupHeader> DecodeGroupHeader(std::string_view bytes, std::uint64_t seed) {
  if (bytes.size() < kGroupHeaderBytes) return std::nullopt;
  const std::uint64_t check =
      Hash64(bytes.substr(kGroupCheckedAt, kGroupFieldsBytes), seed + kHeaderSeedStep);
  if (check != Get<std::uint64_t>(bytes, 24)) return std::nullopt;
  return GroupHeader{.checksum = Get<std::uint64_t>(bytes, 0),
                     .first_sequence = Get<std::uint64_t>(bytes, 8),
                     .body_bytes = Get<std::uint32_t>(bytes, 16),
                     .frame_count = Get<std::uint32_t>(bytes, 20)};
}

std::uint64_t PeekSequence(std::string_view bytes) { return Get<std::uint64_t>(bytes, 8); }

std::uint64_t GroupChecksum(std::string_view encoded_header, std::string_view body,
                            std::uint64_t seed) {
  Hasher64 hasher;
  hasher.Reset(seed);
  hasher.Add(CheckedPart(encoded_header));
  hasher.Add(body);
  return hasher.Value();
}

void AppendFrameHeader(std::string* out, std::string_view project, LogOffset first_offset,
                       std::uint32_t count, std::uint32_t payload_bytes) {
  PutFixed(out, first_offset.value);
  PutU32(out, count);
  PutU32(out, payload_bytes);
  out->push_back(static_cast<char>(project.size()));
  out->append(project);
}

bool TakeFrame(std::string_view* body, Frame* frame) {
  ByteReader reader(*body);
  std::uint32_t payload_bytes = 0;
  std::uint8_t project_bytes = 0;
  const bool whole = reader.Fixed(&frame->first_offset.value) && reader.Fixed(&frame->count) &&
                     reader.Fixed(&payload_bytes) && reader.Fixed(&project_bytes) &&
                     reader.Bytes(project_bytes, &frame->project) &&
                     reader.Bytes(payload_bytes, &frame->payload);
  if (!whole || frame->first_offset.value < 0 || frame->count == 0 ||
      frame->count > kFrameEventsMax || frame->project.empty()) {
    return false;
  }
  body->remove_prefix(body->size() - reader.remaining());
  return true;
}

std::string EncodeGroup(std::uint64_t first_sequence, std::uint32_t frame_count,
                        std::string_view body, std::uint64_t seed) {
  std::string out;
  AppendGroupHeader(&out,
                    {.checksum = 0,
                     .first_sequence = first_sequence,
                     .body_bytes = static_cast<std::uint32_t>(body.size()),
                     .frame_count = frame_count},
                    seed);
  PutGroupChecksum(&out, 0, GroupChecksum(out, body, seed));
  out.append(body);
  out.resize(AlignGroup(out.size()), '\0');
  return out;
}

std::string SegmentName(std::uint64_t segment_id) {
  char name[24];
  std::snprintf(name, sizeof name, "%016llx.log", static_cast<unsigned long long>(segment_id));
  return name;
}

std::optional<std::uint64_t> ParseSegmentName(std::string_view name) {
  if (name.size() != 16 + kSegmentSuffix.size() || !name.ends_with(kSegmentSuffix)) {
    return std::nullopt;
  }
  std::uint64_t id = 0;
  for (const char c : name.substr(0, 16)) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && !(c >= 'a' && c <= 'f')) return std::nullopt;
    id = id * 16 + static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return id;
}

}  // namespace tidemark::wal
