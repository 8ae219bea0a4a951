// Table metadata, format v2 (read: v1 to v3): the model, its parser and its writer. Format: Iceberg
// table spec, "Table Metadata and Snapshots", appendix C.
//
// Tolerant on input (what another engine wrote), strict on output. What the model does not know is
// kept as it was and written back: unknown keys, and whole schemas, specs, sort orders, snapshots
// and refs, which are kept as their JSON text. Value types, cheap to copy: the long lists are
// shared. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "base/uuid.h"
#include "engine/data_file.h"
#include "event/schema.h"
#include "lake/partition.h"

namespace tidemark::lake {

// Unless the table's properties say otherwise: the window of snapshots that it keeps, which is
// contiguous; the metadata files before the head's; the manifests that make a commit merge some.
inline constexpr std::size_t kSnapshotsMax = 500;
inline constexpr std::size_t kMetadataLogMax = 20;
inline constexpr std::size_t kManifestsBeforeMerge = 100;
inline constexpr std::string_view kPropertySnapshotsMax = "tidemark.snapshots-max";
inline constexpr std::string_view kPropertyMetadataLogMax = "write.metadata.previous-versions-max";
inline constexpr std::string_view kPropertyManifestsBeforeMerge =
    "commit.manifest.min-count-to-merge";
inline constexpr std::uint64_t kMetadataBytesMax = 256U << 20;  // Inflated.

// Table properties and summary keys that are ours. docs: "tidemark.*".
inline constexpr std::string_view kPropertyManaged = "tidemark.managed";
inline constexpr std::string_view kPropertyLogId = "tidemark.log-id";
// The logs that fed the table before, given up as lost: [{"log-id","settled","accepted-at-ms"}].
inline constexpr std::string_view kPropertyLostLogs = "tidemark.lost-logs";
inline constexpr std::string_view kPropertyOffsets = "tidemark.ingest.offsets";
inline constexpr std::string_view kPropertyFloor = "tidemark.ingest.floor";  // Of a rollback.
// Which columns are promoted properties: table_columns.h.
inline constexpr std::string_view kPropertyPromoted = "tidemark.promoted-columns";
inline constexpr std::string_view kSummaryKind = "tidemark.kind";
inline constexpr std::string_view kSummaryLogId = "tidemark.log-id";
inline constexpr std::string_view kSummaryOffsets = "tidemark.offsets";
inline constexpr std::string_view kSummaryBegin = "tidemark.begin";
inline constexpr std::string_view kSummaryCommitId = "tidemark.commit-id";
inline constexpr std::string_view kSummaryEpoch = "tidemark.epoch";
inline constexpr std::string_view kSummaryWatermark = "tidemark.watermark-ms";
inline constexpr std::string_view kSummaryRowsHash = "tidemark.rows-hash";
inline constexpr std::string_view kSummaryDropped = "tidemark.dropped";

struct SchemaField {
  std::int32_t id = 0;
  std::string name;
  bool required = false;
  std::string type;  // "string", "long", ...; the JSON text of a nested type.
};

struct Schema {
  std::int32_t schema_id = 0;
  std::vector<SchemaField> fields;
  std::string json;

  const SchemaField* FindField(std::int32_t id) const;
};

struct PartitionField {
  std::int32_t source_id = 0;
  std::int32_t field_id = 0;
  std::string name;
  Transform transform = Transform::kOther;
};

struct PartitionSpec {
  std::int32_t spec_id = 0;
  std::vector<PartitionField> fields;
  std::string json;
};

struct Snapshot {
  SnapshotId id;
  std::optional<SnapshotId> parent;
  std::int64_t sequence_number = 0;
  std::int64_t timestamp_ms = 0;
  std::string manifest_list;  // URI; empty: a snapshot of v1 that names its manifests itself.
  std::vector<std::string> manifests = {};  // URIs; only then.
  std::optional<std::int32_t> schema_id;
  std::optional<std::int64_t> first_row_id = {}, added_rows = {};  // v3.
  std::map<std::string, std::string> summary;                      // `operation` included.
  std::string json;                                                // Made by the parser or by Seal.

  // Makes `json` from the other members.
  void Seal();
  // A summary value; "" if it is absent.
  std::string_view Summary(std::string_view key) const;
};

struct SnapshotLogEntry {
  SnapshotId snapshot;
  std::int64_t timestamp_ms = 0;
};

struct MetadataLogEntry {
  std::string metadata_file;  // URI.
  std::int64_t timestamp_ms = 0;
};

struct SnapshotRef {
  SnapshotId snapshot;
  bool is_branch = true;
  std::string json;
};

struct TableMetadata {
  std::int32_t format_version = 2;
  Uuid table_uuid;
  std::string location;  // URI, no '/' at the end.
  std::int64_t last_sequence_number = 0;
  std::int64_t last_updated_ms = 0;
  std::int32_t last_column_id = 0;
  std::vector<std::shared_ptr<const Schema>> schemas;
  std::int32_t current_schema_id = 0;
  std::vector<PartitionSpec> specs;
  std::int32_t default_spec_id = 0;
  std::int32_t last_partition_id = 999;
  std::string sort_orders_json;  // The whole list.
  std::int32_t default_sort_order_id = 0;
  std::map<std::string, std::string> properties;
  std::optional<SnapshotId> current_snapshot_id;
  std::vector<std::shared_ptr<const Snapshot>> snapshots;  // In the order they were added.
  std::vector<SnapshotLogEntry> snapshot_log;
  std::vector<MetadataLogEntry> metadata_log;
  std::int64_t next_row_id = 0;  // v3.
  std::map<std::string, SnapshotRef> refs;
  std::vector<std::pair<std::string, std::string>> unknown;  // Other top-level keys, as JSON.

  const Schema* FindSchema(std::int32_t id) const;
  const PartitionSpec* FindSpec(std::int32_t id) const;
  const Snapshot* FindSnapshot(SnapshotId id) const;
  const Snapshot* current() const;                        // nullptr: no snapshot.
  std::string_view Property(std::string_view key) const;  // "" if it is absent.
  // A property that is a count from 1 to 10,000; `otherwise` if it is none.
  std::size_t Count(std::string_view key, std::size_t otherwise) const;
};

struct KnownParts;

// Reads the bytes of a metadata file, gzipped or not. kCorruption says what is wrong. `known`: what
// of it need not be parsed again; may be null.
Result<TableMetadata> ParseMetadata(std::string_view bytes, KnownParts* known = nullptr);
// What a reader must be able to rely on beyond that: an id means one snapshot, schema, spec; main
// is the current snapshot; times are times. kCorruption says what no two readers would read alike.
// For metadata that others wrote.
Status CheckUnambiguous(const TableMetadata& metadata);
// The same metadata as JSON.
std::string WriteMetadataJson(const TableMetadata& metadata);
// What the table's properties say about its own files: metadata files are gzipped unless
// `write.metadata.compression-codec` is "none", manifests deflated unless
// `write.avro.compression-codec` is "uncompressed". Data files are compressed by zstd unless
// `write.parquet.compression-codec`, in any case, is "snappy", "uncompressed" or "none"; of another
// codec only its name is known here, and zstd is every reader's.
inline constexpr std::string_view kPropertyMetadataCodec = "write.metadata.compression-codec";
inline constexpr std::string_view kPropertyAvroCodec = "write.avro.compression-codec";
inline constexpr std::string_view kPropertyDataCodec = "write.parquet.compression-codec";
bool GzipsMetadata(const TableMetadata& metadata);
bool DeflatesManifests(const TableMetadata& metadata);
engine::DataCodec DataCodecOf(const TableMetadata& metadata);
// As the bytes of a metadata file of the table, gzipped or not as it says itself.
std::string WriteMetadataFile(const TableMetadata& metadata);

// Adds a snapshot and makes it main's head: sequence number, log, ref and `last-updated-ms` follow
// (times never go back: `snapshot.timestamp_ms` must be NextTimestamp's). Drops what is beyond the
// window and returns the dropped snapshots.
std::vector<std::shared_ptr<const Snapshot>> AddSnapshot(TableMetadata* metadata,
                                                         Snapshot snapshot);
// Notes the file that this metadata replaces; returns the URIs that fell out of the log.
std::vector<std::string> PushMetadataLog(TableMetadata* metadata, std::string previous_file);
// `now` in milliseconds, but never before what the table has seen.
std::int64_t NextTimestamp(const TableMetadata& metadata, TimeMicros now);

// `{"v":1,"p":{"0":1234}}` and back; kCorruption if it is something else.
std::string OffsetsJson(LogOffset offset);
Result<LogOffset> ParseOffsets(std::string_view json);

// What is needed to make a table.
struct NewTable {
  Uuid uuid;
  std::string location_uri;
  std::string log_id;
  LogOffset floor;  // 0, but for a table that is made again.
  TimeMicros now;
  std::shared_ptr<const event::TableSchema> schema = event::EventsSchema();
  std::map<std::string, std::string> properties = {};  // Instead of the defaults of their names.
};
// Metadata of an empty table: its schema, specs hour, day and month of `timestamp`, sort order by
// event_type and timestamp, the default properties.
TableMetadata MakeTableMetadata(const NewTable& table);

}  // namespace tidemark::lake
