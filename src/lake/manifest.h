// Manifests and manifest lists: Avro files that name a table's data files. Format: Iceberg table
// spec v2 (read: v1 to v3), "Manifests". Record names and headers are those of the reference
// implementation, because some readers insist on them. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/uuid.h"
#include "lake/avro.h"
#include "lake/metadata.h"

namespace tidemark::lake {

inline constexpr std::uint64_t kManifestBytesMax = 64U << 20;  // What we read at once.
// Of the entries of a manifest or list in memory: a small file may say that it has any number.
inline constexpr std::uint64_t kManifestMemoryMax = 1U << 30;

enum class EntryStatus : std::uint8_t { kExisting = 0, kAdded = 1, kDeleted = 2 };
enum class FileContent : std::uint8_t { kData = 0, kPositionDeletes = 1, kEqualityDeletes = 2 };

// (field id, number) and (field id, bytes) pairs, by field id.
using FieldCounts = std::vector<std::pair<std::int32_t, std::int64_t>>;
using FieldBounds = std::vector<std::pair<std::int32_t, std::string>>;

struct DataFile {
  FileContent content = FileContent::kData;
  std::string path;  // URI, exactly as written.
  std::string format = "PARQUET";
  // One value a field of the spec: int fields only are modelled; nothing for null and for types
  // that we do not write (identity of a string, say): they match every predicate.
  std::vector<std::optional<std::int32_t>> partition;
  // From ReadManifest: the whole tuple, whatever its types; equal if and only if the tuples are.
  std::string partition_key;
  std::vector<std::int32_t> partition_fields;  // Their field ids; -1: the writer left it out.
  // The same as single values (Iceberg table spec, appendix D); nothing for null.
  std::vector<std::optional<std::string>> partition_values;
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
  FieldCounts column_sizes;  // Bytes in the file; ReadManifest leaves them out.
  FieldCounts value_counts;
  FieldCounts null_counts;
  FieldCounts nan_counts;
  FieldBounds lower_bounds;
  FieldBounds upper_bounds;
  std::vector<std::int64_t> split_offsets;
  std::optional<std::int32_t> sort_order_id;
  // Of delete files: what rows are equal by; the one data file that positions are of.
  std::vector<std::int32_t> equality_ids;
  std::optional<std::string> referenced_file;  // URI.
  // Of a deletion vector: where it is in its Puffin file.
  std::optional<std::int64_t> content_offset;
  std::optional<std::int64_t> content_bytes;
  std::optional<std::int64_t> first_row_id;  // v3, of a data file.

  const std::string* Lower(std::int32_t field_id) const;
  const std::string* Upper(std::int32_t field_id) const;
};

struct ManifestEntry {
  EntryStatus status = EntryStatus::kAdded;
  // Nothing: inherited from the manifest list. Readers of ReadManifest see them filled in.
  std::optional<SnapshotId> snapshot;
  std::optional<std::int64_t> sequence_number;
  std::optional<std::int64_t> file_sequence_number;
  DataFile file;
  // From ReadManifestForMerge: the file as it is encoded; then `file` has partition and rows alone.
  std::string encoded_file;
};

struct FieldSummary {
  bool contains_null = false;
  std::optional<bool> contains_nan;
  std::optional<std::string> lower;
  std::optional<std::string> upper;
};

// An entry of a manifest list.
struct ManifestFile {
  std::string path;  // URI.
  std::int64_t length = 0;
  std::int32_t spec_id = 0;
  bool is_deletes = false;
  std::int64_t sequence_number = 0;
  std::int64_t min_sequence_number = 0;
  SnapshotId added_snapshot;
  std::int32_t added_files = 0, existing_files = 0, deleted_files = 0;
  std::int64_t added_rows = 0, existing_rows = 0, deleted_rows = 0;
  std::vector<FieldSummary> partitions;
  std::optional<std::int64_t> first_row_id;  // v3, of data manifests.

  std::int32_t live_files() const { return added_files + existing_files; }
};

// The bytes of a manifest of data files of one spec. Entries with nothing for their snapshot and
// numbers are written as null. `metadata` gives schema, spec and format version.
std::string WriteManifest(const TableMetadata& metadata, const PartitionSpec& spec,
                          const std::vector<ManifestEntry>& entries, const Uuid& sync);
// Counts and partition summaries of those entries; path, length and numbers are the caller's.
ManifestFile SummarizeManifest(const PartitionSpec& spec, const std::vector<ManifestEntry>& entries,
                               SnapshotId added_by);
// Reads any manifest of any writer. `list_entry` gives what entries inherit; `schemas` saves work
// when many are read. kCorruption, also of what no reader could make sense of: an unknown status or
// content, negative numbers, a file without a number of rows.
Result<std::vector<ManifestEntry>> ReadManifest(std::string_view bytes,
                                                const ManifestFile& list_entry,
                                                avro::SchemaCache* schemas = nullptr);

// What the list of a snapshot would say of a manifest: spec, length and counts, but not its path
// and the snapshot that added it. Sequence numbers are 0, as version 1 has none. kCorruption.
Result<ManifestFile> DescribeManifest(std::string_view bytes);

// v3: gives row ids to the data manifests that have none, in order and from the table's next one,
// and notes in `snapshot` what it took.
void AssignRowIds(std::int64_t next_row_id, std::vector<ManifestFile>* manifests,
                  Snapshot* snapshot);

// The same as ReadManifest, faster, for entries that go into another manifest of the spec: a file
// that is encoded as WriteManifest does it stays so.
Result<std::vector<ManifestEntry>> ReadManifestForMerge(std::string_view bytes,
                                                        const ManifestFile& list_entry,
                                                        const PartitionSpec& spec);

// The Avro schema that WriteManifest writes for a spec.
std::string ManifestSchema(const PartitionSpec& spec, int format_version = 2);

// Of format v3 if the snapshot has a first row id.
std::string WriteManifestList(const Snapshot& snapshot, const std::vector<ManifestFile>& manifests,
                              const Uuid& sync, bool deflate = true);
Result<std::vector<ManifestFile>> ReadManifestList(std::string_view bytes);

}  // namespace tidemark::lake
