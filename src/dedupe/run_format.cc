#include "dedupe/run_format.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"
#include "base/check.h"

namespace tidemark::dedupe {
namespace {

constexpr std::uint64_t kHeaderSeed = 0x52554e48;  // "RUNH"
constexpr std::uint64_t kPageSeed = 0x52554e50;    // "RUNP", and the page's number.
constexpr std::uint32_t kBucketBitsMax = 30;

// Most significant byte first: the bytes are in the order of the hashes.
std::array<char, 16> BigEndian(const Hash128& hash) {
  const std::uint64_t halves[2] = {__builtin_bswap64(hash.high), __builtin_bswap64(hash.low)};
  std::array<char, 16> bytes;
  std::memcpy(bytes.data(), halves, sizeof halves);
  return bytes;
}

}  // namespace

std::uint32_t BucketBitsFor(std::uint64_t entries) {
  const std::uint64_t buckets = std::max<std::uint64_t>(1, entries / kBucketEntries);
  return std::min(kBucketBitsMax, static_cast<std::uint32_t>(std::bit_width(buckets) - 1));
}

std::string EncodeRunHeader(const RunHeader& header) {
  std::string page(kRunMagic);
  PutU32(&page, header.version);
  PutU32(&page, header.value_bytes);
  PutU32(&page, header.bucket_bits);
  PutU32(&page, header.tick_seconds);
  PutU32(&page, header.first_tick);
  PutU32(&page, header.second_max);
  PutU64(&page, header.count);
  PutU64(&page, header.filter_bytes);
  PutU64(&page, header.bucket_checksum);
  PutU64(&page, header.filter_checksum);
  PutU64(&page, Hash64(page, kHeaderSeed));
  page.resize(kPageBytes, '\0');
  return page;
}

std::optional<RunHeader> DecodeRunHeader(std::string_view page) {
  ByteReader in(page);
  std::string_view magic;
  RunHeader header;
  in.Bytes(kRunMagic.size(), &magic);
  in.Fixed(&header.version);
  in.Fixed(&header.value_bytes);
  in.Fixed(&header.bucket_bits);
  in.Fixed(&header.tick_seconds);
  in.Fixed(&header.first_tick);
  in.Fixed(&header.second_max);
  in.Fixed(&header.count);
  in.Fixed(&header.filter_bytes);
  in.Fixed(&header.bucket_checksum);
  in.Fixed(&header.filter_checksum);
  const std::size_t length = page.size() - in.remaining();
  std::uint64_t checksum = 0;
  if (!in.Fixed(&checksum) || magic != kRunMagic || header.version < kRunVersionOldest ||
      header.version > kRunVersion || checksum != Hash64(page.substr(0, length), kHeaderSeed)) {
    return std::nullopt;
  }
  if (header.value_bytes > kValueBytesMax || header.bucket_bits > kBucketBitsMax ||
      header.tick_seconds == 0) {
    return std::nullopt;
  }
  return header;
}

void AppendRecord(const RunHeader& header, const Entry& entry, std::string* out) {
  const auto bytes = BigEndian(entry.hash);
  out->append(bytes.data() + header.prefix_bytes(), bytes.size() - header.prefix_bytes());
  const std::uint32_t tick = (entry.second + header.tick_seconds - 1) / header.tick_seconds;
  TM_CHECK_GE(tick, header.first_tick);
  TM_CHECK_LE(tick - header.first_tick, kTicksMax);
  out->push_back(static_cast<char>(static_cast<std::uint8_t>(tick - header.first_tick)));
  out->append(entry.value.data(), header.value_bytes);
}

std::string HashInRecord(const RunHeader& header, const Hash128& hash) {
  const auto bytes = BigEndian(hash);
  return std::string(bytes.begin() + static_cast<std::ptrdiff_t>(header.prefix_bytes()),
                     bytes.end());
}

Entry DecodeRecord(const RunHeader& header, std::uint64_t bucket, const char* record) {
  const std::size_t prefix = header.prefix_bytes();
  const std::uint64_t top =
      header.bucket_bits == 0 ? 0 : __builtin_bswap64(bucket << (64 - header.bucket_bits));
  char bytes[sizeof(Hash128)] = {};
  std::memcpy(bytes, &top, sizeof top);
  std::memcpy(bytes + prefix, record, sizeof bytes - prefix);
  std::uint64_t halves[2];
  std::memcpy(halves, bytes, sizeof halves);
  Entry entry;
  entry.hash = {.low = __builtin_bswap64(halves[1]), .high = __builtin_bswap64(halves[0])};
  const char* after = record + (sizeof bytes - prefix);
  entry.second = (header.first_tick + static_cast<std::uint8_t>(*after)) * header.tick_seconds;
  std::memcpy(entry.value.data(), after + 1, header.value_bytes);
  return entry;
}

void ClosePage(std::uint64_t page, std::string* bytes) {
  TM_CHECK_LE(bytes->size(), kPageRecordBytes);
  bytes->resize(kPageRecordBytes, '\0');
  PutU64(bytes, Hash64(*bytes, kPageSeed + page));
}

bool IsPageSound(std::uint64_t page, std::string_view bytes) {
  if (bytes.size() != kPageBytes) return false;
  std::uint64_t checksum = 0;
  std::memcpy(&checksum, bytes.data() + kPageRecordBytes, sizeof checksum);
  return checksum == Hash64(bytes.substr(0, kPageRecordBytes), kPageSeed + page);
}

}  // namespace tidemark::dedupe
