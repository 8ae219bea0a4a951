// The bytes of a run: docs/format/dedupe.md, version 2. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dedupe/entry.h"

namespace tidemark::dedupe {

inline constexpr std::string_view kRunMagic = "TIDERUN1";
inline constexpr std::uint32_t kRunVersion = 2;
// Its filter has other blocks: it is not used, and every look reads a page until a merge.
inline constexpr std::uint32_t kRunVersionOldest = 1;
inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::size_t kPageRecordBytes = kPageBytes - sizeof(std::uint64_t);
inline constexpr std::uint64_t kBucketEntries = 64;  // On average.
inline constexpr std::uint32_t kTicksMax = 255;      // From a run's first tick to its last.

struct RunHeader {
  std::uint32_t version = kRunVersion;
  std::uint32_t value_bytes = 0;
  std::uint32_t bucket_bits = 0;   // Of the hash, from its most significant bit on.
  std::uint32_t tick_seconds = 1;  // Times are kept in ticks of so many seconds, rounded up.
  std::uint32_t first_tick = 0;    // Added to each record's own.
  std::uint32_t second_max = 0;    // Of all entries, as they read back.
  std::uint64_t count = 0;         // Entries.
  std::uint64_t filter_bytes = 0;  // 0: none.
  std::uint64_t bucket_checksum = 0;
  std::uint64_t filter_checksum = 0;

  // Whole bytes of the hash that the bucket says.
  std::size_t prefix_bytes() const { return bucket_bits / 8; }
  std::size_t record_bytes() const { return sizeof(Hash128) - prefix_bytes() + 1 + value_bytes; }
  std::uint64_t records_per_page() const { return kPageRecordBytes / record_bytes(); }
  std::uint64_t pages() const { return (count + records_per_page() - 1) / records_per_page(); }
  std::uint64_t page_at(std::uint64_t page) const { return kPageBytes * (1 + page); }
  std::uint64_t bucket_count() const { return 1ULL << bucket_bits; }
  // One u32 more than buckets: where each begins, and the end.
  std::uint64_t bucket_table_bytes() const { return (bucket_count() + 1) * sizeof(std::uint32_t); }
  std::uint64_t buckets_at() const { return page_at(pages()); }
  std::uint64_t filter_at() const { return buckets_at() + bucket_table_bytes(); }
  std::uint64_t file_bytes() const { return filter_at() + filter_bytes; }
  std::uint64_t BucketOf(const Hash128& hash) const {
    return bucket_bits == 0 ? 0 : hash.high >> (64 - bucket_bits);
  }
};

// How many bits for so many entries.
std::uint32_t BucketBitsFor(std::uint64_t entries);

// One page of kPageBytes.
std::string EncodeRunHeader(const RunHeader& header);
// Nothing if it is none, or is damaged.
std::optional<RunHeader> DecodeRunHeader(std::string_view page);

// Appends a record.
void AppendRecord(const RunHeader& header, const Entry& entry, std::string* out);
// A hash's bytes as every record of its bucket has them.
std::string HashInRecord(const RunHeader& header, const Hash128& hash);
// `bucket` is the record's.
Entry DecodeRecord(const RunHeader& header, std::uint64_t bucket, const char* record);
// Fills a page of records up and closes it with its checksum.
void ClosePage(std::uint64_t page, std::string* bytes);
bool IsPageSound(std::uint64_t page, std::string_view bytes);

}  // namespace tidemark::dedupe
