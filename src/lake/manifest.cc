#include "lake/manifest.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "base/json_writer.h"
#include "base/published.h"
#include "lake/avro.h"
#include "lake/bounds.h"
#include "lake/manifest_fields.h"

namespace tidemark::lake {
namespace {

// Fields with an optional type are ["null", T].
struct SchemaText {
  std::string json;
  JsonWriter out{&json};

  SchemaText& Begin(std::string_view record) {
    out.BeginObject().Field("type", "record").Field("name", record).Key("fields").BeginArray();
    return *this;
  }
  SchemaText& End() {
    out.EndArray().EndObject();
    return *this;
  }
  // `type` is JSON.
  SchemaText& Required(std::string_view name, std::int32_t id, std::string_view type) {
    out.BeginObject().Field("name", name).Key("type").Raw(type);
    out.Field("field-id", id).EndObject();
    return *this;
  }
  SchemaText& Optional(std::string_view name, std::int32_t id, std::string_view type) {
    out.BeginObject().Field("name", name);
    out.Key("type").BeginArray().String("null").Raw(type).EndArray();
    out.Key("default").Null().Field("field-id", id).EndObject();
    return *this;
  }
};

// A map with int keys: an array of records of key and value, as the reference implementation does.
std::string MapType(std::int32_t key_id, std::int32_t value_id, std::string_view value) {
  SchemaText record;
  record.Begin("k" + std::to_string(key_id) + "_v" + std::to_string(value_id))
      .Required("key", key_id, R"("int")")
      .Required("value", value_id, value)
      .End();
  return R"({"type":"array","items":)" + record.json + R"(,"logicalType":"map"})";
}

std::string ListType(std::int32_t element_id, std::string_view element) {
  return R"({"type":"array","items":)" + std::string(element) + R"(,"element-id":)" +
         std::to_string(element_id) + "}";
}

std::string PartitionType(const PartitionSpec& spec) {
  SchemaText record;
  record.Begin("r102");
  for (const PartitionField& field : spec.fields) {
    record.Optional(
        field.name, field.field_id,
        field.transform == Transform::kDay ? R"({"type":"int","logicalType":"date"})" : R"("int")");
  }
  return std::move(record.End().json);
}

std::string DataFileType(const PartitionSpec& spec, int format_version) {
  SchemaText record;
  record.Begin("r2")
      .Required("content", manifest_field::kFileContent, R"("int")")
      .Required("file_path", manifest_field::kFilePath, R"("string")")
      .Required("file_format", manifest_field::kFileFormat, R"("string")")
      .Required("partition", manifest_field::kPartition, PartitionType(spec))
      .Required("record_count", manifest_field::kRecordCount, R"("long")")
      .Required("file_size_in_bytes", manifest_field::kFileSize, R"("long")")
      .Optional("column_sizes", manifest_field::kColumnSizes, MapType(117, 118, R"("long")"))
      .Optional("value_counts", manifest_field::kValueCounts, MapType(119, 120, R"("long")"))
      .Optional("null_value_counts", manifest_field::kNullCounts, MapType(121, 122, R"("long")"))
      .Optional("nan_value_counts", manifest_field::kNanCounts, MapType(138, 139, R"("long")"))
      .Optional("lower_bounds", manifest_field::kLowerBounds, MapType(126, 127, R"("bytes")"))
      .Optional("upper_bounds", manifest_field::kUpperBounds, MapType(129, 130, R"("bytes")"))
      .Optional("key_metadata", manifest_field::kFileKeyMetadata, R"("bytes")")
      .Optional("split_offsets", manifest_field::kSplitOffsets, ListType(133, R"("long")"))
      .Optional("equality_ids", manifest_field::kEqualityIds, ListType(136, R"("int")"))
      .Optional("sort_order_id", manifest_field::kSortOrderId, R"("int")");
  if (format_version >= 3) {
    record.Optional("first_row_id", manifest_field::kFirstRowId, R"("long")")
        .Optional("referenced_data_file", manifest_field::kReferencedFile, R"("string")")
        .Optional("content_offset", manifest_field::kContentOffset, R"("long")")
        .Optional("content_size_in_bytes", manifest_field::kContentSize, R"("long")");
  }
  record.End();
  return std::move(record.json);
}

std::string EntryType(const PartitionSpec& spec, int format_version) {
  SchemaText record;
  record.Begin("manifest_entry")
      .Required("status", manifest_field::kStatus, R"("int")")
      .Optional("snapshot_id", manifest_field::kSnapshotId, R"("long")")
      .Optional("sequence_number", manifest_field::kSequenceNumber, R"("long")")
      .Optional("file_sequence_number", manifest_field::kFileSequenceNumber, R"("long")")
      .Required("data_file", manifest_field::kDataFile, DataFileType(spec, format_version))
      .End();
  return std::move(record.json);
}

std::string ListEntryType(int format_version) {
  SchemaText summary;
  summary.Begin("r508")
      .Required("contains_null", manifest_field::kContainsNull, R"("boolean")")
      .Optional("contains_nan", manifest_field::kContainsNan, R"("boolean")")
      .Optional("lower_bound", manifest_field::kSummaryLower, R"("bytes")")
      .Optional("upper_bound", manifest_field::kSummaryUpper, R"("bytes")")
      .End();
  SchemaText record;
  record.Begin("manifest_file")
      .Required("manifest_path", manifest_field::kManifestPath, R"("string")")
      .Required("manifest_length", manifest_field::kManifestLength, R"("long")")
      .Required("partition_spec_id", manifest_field::kSpecId, R"("int")")
      .Required("content", manifest_field::kManifestContent, R"("int")")
      .Required("sequence_number", manifest_field::kManifestSequenceNumber, R"("long")")
      .Required("min_sequence_number", manifest_field::kMinSequenceNumber, R"("long")")
      .Required("added_snapshot_id", manifest_field::kAddedSnapshotId, R"("long")")
      .Required("added_files_count", manifest_field::kAddedFiles, R"("int")")
      .Required("existing_files_count", manifest_field::kExistingFiles, R"("int")")
      .Required("deleted_files_count", manifest_field::kDeletedFiles, R"("int")")
      .Required("added_rows_count", manifest_field::kAddedRows, R"("long")")
      .Required("existing_rows_count", manifest_field::kExistingRows, R"("long")")
      .Required("deleted_rows_count", manifest_field::kDeletedRows, R"("long")")
      .Optional("partitions", manifest_field::kPartitions,
                ListType(manifest_field::kPartitionSummary, summary.json))
      .Optional("key_metadata", manifest_field::kManifestKeyMetadata, R"("bytes")");
  if (format_version >= 3) {
    record.Optional("first_row_id", manifest_field::kManifestFirstRowId, R"("long")");
  }
  record.End();
  return std::move(record.json);
}

std::string SpecFieldsJson(const PartitionSpec& spec) {
  std::string json;
  JsonWriter out(&json);
  out.BeginArray();
  for (const PartitionField& field : spec.fields) {
    out.BeginObject().Field("name", std::string_view(field.name));
    out.Field("transform", TransformName(field.transform)).Field("source-id", field.source_id);
    out.Field("field-id", field.field_id).EndObject();
  }
  out.EndArray();
  return json;
}

constexpr std::size_t kEntryTypesMax = 64;
using EntryTypes = std::map<std::string, std::shared_ptr<const std::string>, std::less<>>;

Published<EntryTypes>& KnownEntryTypes() {
  static Published<EntryTypes> known(std::make_shared<const EntryTypes>());
  return known;
}

// The same for each manifest of a table's spec.
std::shared_ptr<const std::string> EntryTypeOf(const PartitionSpec& spec, int format_version) {
  const std::string key = SpecFieldsJson(spec) + std::to_string(format_version);
  const auto known = KnownEntryTypes().Load();
  if (const auto found = known->find(key); found != known->end()) return found->second;
  auto type = std::make_shared<const std::string>(EntryType(spec, format_version));
  KnownEntryTypes().Update([&](const EntryTypes& current) {
    auto next =
        std::make_shared<EntryTypes>(current.size() < kEntryTypesMax ? current : EntryTypes());
    next->emplace(key, type);
    return std::shared_ptr<const EntryTypes>(std::move(next));
  });
  return type;
}

template <class T>
void PutOptional(avro::Encoder* out, const std::optional<T>& value) {
  if (!value.has_value()) return out->Null();
  out->Some();
  if constexpr (std::is_same_v<T, SnapshotId>) {
    out->Long(value->value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    out->Bytes(*value);
  } else {
    out->Long(*value);
  }
}

void PutCounts(avro::Encoder* out, const FieldCounts& counts) {
  if (counts.empty()) return out->Null();
  out->Some();
  out->BeginArray(counts.size());
  for (const auto& [id, count] : counts) {
    out->Long(id);
    out->Long(count);
  }
  out->EndArray();
}

void PutBounds(avro::Encoder* out, const FieldBounds& bounds) {
  if (bounds.empty()) return out->Null();
  out->Some();
  out->BeginArray(bounds.size());
  for (const auto& [id, bound] : bounds) {
    out->Long(id);
    out->Bytes(bound);
  }
  out->EndArray();
}

void PutDataFile(avro::Encoder* out, const PartitionSpec& spec, const DataFile& file,
                 int format_version) {
  out->Long(static_cast<std::int64_t>(file.content));
  out->Bytes(file.path);
  out->Bytes(file.format);
  for (std::size_t i = 0; i < spec.fields.size(); ++i) {
    PutOptional(out, i < file.partition.size() ? file.partition[i] : std::nullopt);
  }
  out->Long(file.rows);
  out->Long(file.bytes);
  PutCounts(out, file.column_sizes);
  PutCounts(out, file.value_counts);
  PutCounts(out, file.null_counts);
  PutCounts(out, file.nan_counts);
  PutBounds(out, file.lower_bounds);
  PutBounds(out, file.upper_bounds);
  out->Null();  // key_metadata
  if (file.split_offsets.empty()) {
    out->Null();
  } else {
    out->Some();
    out->BeginArray(file.split_offsets.size());
    for (const std::int64_t offset : file.split_offsets) out->Long(offset);
    out->EndArray();
  }
  out->Null();  // equality_ids
  PutOptional(out, file.sort_order_id);
  if (format_version < 3) return;
  PutOptional(out, file.first_row_id);
  for (int i = 0; i < 3; ++i) out->Null();  // Of delete files.
}

}  // namespace

const std::string* DataFile::Lower(std::int32_t field_id) const {
  for (const auto& [id, bound] : lower_bounds) {
    if (id == field_id) return &bound;
  }
  return nullptr;
}

const std::string* DataFile::Upper(std::int32_t field_id) const {
  for (const auto& [id, bound] : upper_bounds) {
    if (id == field_id) return &bound;
  }
  return nullptr;
}

namespace {

avro::Codec CodecOf(bool deflate) { return deflate ? avro::Codec::kDeflate : avro::Codec::kNull; }

}  // namespace

std::string ManifestSchema(const PartitionSpec& spec, int format_version) {
  return *EntryTypeOf(spec, format_version);
}

std::string WriteManifest(const TableMetadata& metadata, const PartitionSpec& spec,
                          const std::vector<ManifestEntry>& entries, const Uuid& sync) {
  const Schema* schema = metadata.FindSchema(metadata.current_schema_id);
  const int version = metadata.format_version >= 3 ? 3 : 2;
  const auto entry_type = EntryTypeOf(spec, version);
  avro::Writer writer(*entry_type,
                      {{"schema", schema == nullptr ? "" : schema->json},
                       {"schema-id", std::to_string(metadata.current_schema_id)},
                       {"partition-spec", SpecFieldsJson(spec)},
                       {"partition-spec-id", std::to_string(spec.spec_id)},
                       {"format-version", std::to_string(version)},
                       {"content", "data"}},
                      CodecOf(DeflatesManifests(metadata)), sync);
  for (const ManifestEntry& entry : entries) {
    avro::Encoder* out = writer.Record();
    out->Long(static_cast<std::int64_t>(entry.status));
    PutOptional(out, entry.snapshot);
    PutOptional(out, entry.sequence_number);
    PutOptional(out, entry.file_sequence_number);
    if (entry.encoded_file.empty()) {
      PutDataFile(out, spec, entry.file, version);
    } else {
      out->Fixed(entry.encoded_file);
    }
  }
  return std::move(writer).Finish();
}

namespace {

FieldSummary SummarizeField(const std::vector<ManifestEntry>& entries, std::size_t index) {
  FieldSummary summary;
  summary.contains_nan = false;
  std::int32_t low = std::numeric_limits<std::int32_t>::max();
  std::int32_t high = std::numeric_limits<std::int32_t>::min();
  for (const ManifestEntry& entry : entries) {
    const auto& partition = entry.file.partition;
    if (index >= partition.size() || !partition[index].has_value()) {
      summary.contains_null = true;
      continue;
    }
    low = std::min(low, *partition[index]);
    high = std::max(high, *partition[index]);
  }
  if (low <= high) {
    summary.lower = BoundOf(low);
    summary.upper = BoundOf(high);
  }
  return summary;
}

}  // namespace

ManifestFile SummarizeManifest(const PartitionSpec& spec, const std::vector<ManifestEntry>& entries,
                               SnapshotId added_by) {
  ManifestFile manifest;
  manifest.spec_id = spec.spec_id;
  manifest.added_snapshot = added_by;
  for (const ManifestEntry& entry : entries) {
    switch (entry.status) {
      case EntryStatus::kAdded:
        ++manifest.added_files;
        manifest.added_rows += entry.file.rows;
        break;
      case EntryStatus::kExisting:
        ++manifest.existing_files;
        manifest.existing_rows += entry.file.rows;
        break;
      case EntryStatus::kDeleted:
        ++manifest.deleted_files;
        manifest.deleted_rows += entry.file.rows;
        break;
    }
  }
  for (std::size_t i = 0; i < spec.fields.size(); ++i) {
    manifest.partitions.push_back(SummarizeField(entries, i));
  }
  return manifest;
}

void AssignRowIds(std::int64_t next_row_id, std::vector<ManifestFile>* manifests,
                  Snapshot* snapshot) {
  snapshot->first_row_id = next_row_id;
  for (ManifestFile& manifest : *manifests) {
    if (manifest.is_deletes || manifest.first_row_id) continue;
    manifest.first_row_id = next_row_id;
    next_row_id += manifest.added_rows + manifest.existing_rows;
  }
  snapshot->added_rows = next_row_id - *snapshot->first_row_id;
}

std::string WriteManifestList(const Snapshot& snapshot, const std::vector<ManifestFile>& manifests,
                              const Uuid& sync, bool deflate) {
  static const std::string kType2 = ListEntryType(2);
  static const std::string kType3 = ListEntryType(3);
  const bool has_row_ids = snapshot.first_row_id.has_value();
  std::vector<std::pair<std::string, std::string>> header = {
      {"snapshot-id", to_string(snapshot.id)},
      {"parent-snapshot-id", snapshot.parent.has_value() ? to_string(*snapshot.parent) : "null"},
      {"sequence-number", std::to_string(snapshot.sequence_number)},
      {"format-version", has_row_ids ? "3" : "2"}};
  if (has_row_ids) header.emplace_back("first-row-id", std::to_string(*snapshot.first_row_id));
  avro::Writer writer(has_row_ids ? kType3 : kType2, header, CodecOf(deflate), sync);
  for (const ManifestFile& manifest : manifests) {
    avro::Encoder* out = writer.Record();
    out->Bytes(manifest.path);
    out->Long(manifest.length);
    out->Long(manifest.spec_id);
    out->Long(manifest.is_deletes ? 1 : 0);
    out->Long(manifest.sequence_number);
    out->Long(manifest.min_sequence_number);
    out->Long(manifest.added_snapshot.value);
    out->Long(manifest.added_files);
    out->Long(manifest.existing_files);
    out->Long(manifest.deleted_files);
    out->Long(manifest.added_rows);
    out->Long(manifest.existing_rows);
    out->Long(manifest.deleted_rows);
    out->Some();
    out->BeginArray(manifest.partitions.size());
    for (const FieldSummary& field : manifest.partitions) {
      out->Bool(field.contains_null);
      if (field.contains_nan.has_value()) {
        out->Some();
        out->Bool(*field.contains_nan);
      } else {
        out->Null();
      }
      PutOptional(out, field.lower);
      PutOptional(out, field.upper);
    }
    out->EndArray();
    out->Null();  // key_metadata
    if (!has_row_ids) continue;
    PutOptional(out, manifest.is_deletes ? std::nullopt : manifest.first_row_id);
  }
  return std::move(writer).Finish();
}

}  // namespace tidemark::lake
