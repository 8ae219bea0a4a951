// Manifests and manifest lists of any writer: found by field id, what is unknown is skipped, what
// is missing has its default.
#include <charconv>
#include <limits>
#include <set>
#include <utility>

#include "lake/avro.h"
#include "lake/bounds.h"
#include "lake/manifest.h"
#include "lake/manifest_fields.h"

namespace tidemark::lake {
namespace {

enum class ManifestContent : std::uint8_t { kData = 0, kDeletes = 1 };

using avro::Decoder;
using Field = avro::Schema::Field;

// Older writers left the ids out.
std::int32_t IdOf(const Field& field,
                  std::initializer_list<std::pair<std::string_view, std::int32_t>> names) {
  if (field.field_id >= 0) return field.field_id;
  for (const auto& [name, id] : names) {
    if (field.name == name) return id;
  }
  return -1;
}

// A number that is an int in the specification, however wide it was written.
std::int32_t Int(Decoder* in, const avro::Schema& type, std::int32_t otherwise) {
  const std::int64_t value = in->Long(type).value_or(otherwise);
  if (std::in_range<std::int32_t>(value)) return static_cast<std::int32_t>(value);
  in->Stop();
  return otherwise;
}

// One of the numbers 0 to `last`.
template <class Enum>
Enum OneOf(Decoder* in, const avro::Schema& type, Enum last) {
  const std::int64_t value = in->Long(type).value_or(0);
  if (value >= 0 && value <= static_cast<std::int64_t>(last)) return static_cast<Enum>(value);
  in->Stop();
  return Enum();
}

FieldCounts ReadCounts(Decoder* in, const avro::Schema& schema) {
  FieldCounts counts;
  in->Array(schema, [&](const avro::Schema& item) {
    std::int32_t id = -1;
    std::int64_t count = -1;
    in->Record(item, [&](const Field& field) {
      if (field.name == "key") {
        id = Int(in, *field.type, -1);
      } else {
        count = in->Long(*field.type).value_or(-1);
      }
    });
    // What is not counted is not known.
    if (count >= 0) counts.emplace_back(id, count);
  });
  return counts;
}

FieldBounds ReadBounds(Decoder* in, const avro::Schema& schema) {
  FieldBounds bounds;
  in->Array(schema, [&](const avro::Schema& item) {
    std::int32_t id = -1;
    std::string bound;
    in->Record(item, [&](const Field& field) {
      if (field.name == "key") {
        id = Int(in, *field.type, -1);
      } else {
        bound = in->Bytes(*field.type).value_or("");
      }
    });
    bounds.emplace_back(id, std::move(bound));
  });
  return bounds;
}

// The branch of an optional value, and the value's kind.
const avro::Schema& Inner(const avro::Schema& type) {
  if (type.kind != avro::Schema::Kind::kUnion) return type;
  for (const auto& item : type.items) {
    if (item->kind != avro::Schema::Kind::kNull) return *item;
  }
  return type;
}

// Numbers are the same whatever width they were written in; texts and bytes by their bytes.
void AppendKey(Decoder* in, const avro::Schema& type, std::string* key,
               std::optional<std::int64_t>* number, std::optional<std::string>* value) {
  using Kind = avro::Schema::Kind;
  avro::Encoder out;
  const Kind kind = Inner(type).kind;
  switch (kind) {
    case Kind::kInt:
    case Kind::kLong:
    case Kind::kBool:
    case Kind::kEnum:
      *number = in->Long(type);
      out.Long(number->has_value() ? 1 : 0);
      if (!number->has_value()) break;
      out.Long(**number);
      *value = kind == Kind::kBool ? BoundOf(**number != 0)
               : kind == Kind::kInt && std::in_range<std::int32_t>(**number)
                   ? BoundOf(static_cast<std::int32_t>(**number))
                   : BoundOf(**number);
      break;
    case Kind::kBytes:
    case Kind::kString:
    case Kind::kFixed: {
      const auto bytes = in->Bytes(type);
      out.Long(bytes.has_value() ? 2 : 0);
      if (bytes.has_value()) out.Bytes(*bytes);
      if (bytes.has_value()) *value = std::string(*bytes);
      break;
    }
    default: {
      const std::size_t begin = in->position();
      in->Skip(type);
      out.Long(3);
      const std::string_view raw = in->Since(begin);
      out.Bytes(raw);
      // Floats as Avro has them; before them the branch of a union, which alone is null.
      const std::size_t width = kind == Kind::kFloat ? 4 : kind == Kind::kDouble ? 8 : 0;
      if (width > 0 && raw.size() >= width) *value = std::string(raw.substr(raw.size() - width));
    }
  }
  *key += *out.bytes();
}

void ReadPartition(Decoder* in, const avro::Schema& schema, DataFile* file) {
  in->Record(schema, [&](const Field& field) {
    std::optional<std::int64_t> value;
    AppendKey(in, *field.type, &file->partition_key, &value,
              &file->partition_values.emplace_back());
    file->partition_fields.push_back(field.field_id);
    auto& slot = file->partition.emplace_back();
    if (value.has_value() && std::in_range<std::int32_t>(*value)) {
      slot = static_cast<std::int32_t>(*value);
    }
  });
}

void ReadDataFileField(Decoder* in, const Field& field, DataFile* file) {
  const avro::Schema& type = *field.type;
  switch (IdOf(field, {{"file_path", manifest_field::kFilePath},
                       {"file_format", manifest_field::kFileFormat},
                       {"partition", manifest_field::kPartition},
                       {"record_count", manifest_field::kRecordCount},
                       {"file_size_in_bytes", manifest_field::kFileSize}})) {
    case manifest_field::kFileContent:
      file->content = OneOf(in, type, FileContent::kEqualityDeletes);
      return;
    case manifest_field::kFilePath:
      file->path = in->Bytes(type).value_or("");
      return;
    case manifest_field::kFileFormat:
      file->format = in->Bytes(type).value_or("");
      return;
    case manifest_field::kPartition:
      return ReadPartition(in, type, file);
    case manifest_field::kRecordCount:
      file->rows = in->Long(type).value_or(-1);
      return;
    case manifest_field::kFileSize:
      file->bytes = in->Long(type).value_or(0);
      return;
    case manifest_field::kValueCounts:
      file->value_counts = ReadCounts(in, type);
      return;
    case manifest_field::kNullCounts:
      file->null_counts = ReadCounts(in, type);
      return;
    case manifest_field::kNanCounts:
      file->nan_counts = ReadCounts(in, type);
      return;
    case manifest_field::kLowerBounds:
      file->lower_bounds = ReadBounds(in, type);
      return;
    case manifest_field::kUpperBounds:
      file->upper_bounds = ReadBounds(in, type);
      return;
    case manifest_field::kSplitOffsets:
      in->Array(type, [&](const avro::Schema& item) {
        file->split_offsets.push_back(in->Long(item).value_or(0));
      });
      return;
    case manifest_field::kEqualityIds:
      in->Array(type,
                [&](const avro::Schema& item) { file->equality_ids.push_back(Int(in, item, -1)); });
      return;
    case manifest_field::kSortOrderId: {
      const std::int32_t order = Int(in, type, -1);
      if (order >= 0) file->sort_order_id = order;
      return;
    }
    case manifest_field::kReferencedFile:
      if (const auto path = in->Bytes(type)) file->referenced_file = std::string(*path);
      return;
    case manifest_field::kFirstRowId:
      file->first_row_id = in->Long(type);
      return;
    case manifest_field::kContentOffset:
      file->content_offset = in->Long(type);
      return;
    case manifest_field::kContentSize:
      file->content_bytes = in->Long(type);
      return;
    default:
      in->Skip(type);
  }
}

void ReadEntryField(Decoder* in, const Field& field, ManifestEntry* entry) {
  const avro::Schema& type = *field.type;
  switch (IdOf(field, {{"status", manifest_field::kStatus},
                       {"snapshot_id", manifest_field::kSnapshotId},
                       {"data_file", manifest_field::kDataFile}})) {
    case manifest_field::kStatus:
      entry->status = OneOf(in, type, EntryStatus::kDeleted);
      return;
    case manifest_field::kSnapshotId: {
      const auto id = in->Long(type);
      if (id.has_value()) entry->snapshot = SnapshotId(*id);
      return;
    }
    case manifest_field::kSequenceNumber:
      entry->sequence_number = in->Long(type);
      return;
    case manifest_field::kFileSequenceNumber:
      entry->file_sequence_number = in->Long(type);
      return;
    case manifest_field::kDataFile:
      in->Record(type, [&](const Field& inner) { ReadDataFileField(in, inner, &entry->file); });
      return;
    default:
      in->Skip(type);
  }
}

void Inherit(const ManifestFile& from, ManifestEntry* entry) {
  if (!entry->snapshot.has_value()) entry->snapshot = from.added_snapshot;
  // Only entries that the manifest's own commit added may lack numbers; version 1 has none: 0.
  const std::int64_t inherited = entry->status == EntryStatus::kAdded ? from.sequence_number : 0;
  if (!entry->sequence_number.has_value()) entry->sequence_number = inherited;
  if (!entry->file_sequence_number.has_value()) entry->file_sequence_number = inherited;
}

// Those of files without their own follow each other from the manifest's.
Status InheritRowIds(const ManifestFile& from, std::vector<ManifestEntry>* entries) {
  if (!from.first_row_id) return {};
  std::int64_t next = *from.first_row_id;
  for (ManifestEntry& entry : *entries) {
    const bool is_data = entry.file.content == FileContent::kData;
    if (!is_data || entry.status == EntryStatus::kDeleted || entry.file.first_row_id) continue;
    if (next < 0 || next > std::numeric_limits<std::int64_t>::max() - entry.file.rows) {
      return Fail(Code::kCorruption, "a manifest with row ids beyond all numbers");
    }
    entry.file.first_row_id = next;
    next += entry.file.rows;
  }
  return {};
}

Status CheckEntry(const ManifestEntry& entry) {
  const DataFile& file = entry.file;
  if (file.path.empty()) return Fail(Code::kCorruption, "manifest entry without path");
  if (file.rows < 0) {
    return Fail(Code::kCorruption, "manifest entry without a number of rows: " + file.path);
  }
  const bool sound = file.bytes >= 0 && entry.sequence_number.value_or(0) >= 0 &&
                     entry.file_sequence_number.value_or(0) >= 0 &&
                     file.first_row_id.value_or(0) >= 0;
  if (!sound) return Fail(Code::kCorruption, "manifest entry with negative numbers: " + file.path);
  return {};
}

std::uint64_t MemoryOf(const ManifestEntry& entry) {
  const DataFile& file = entry.file;
  std::uint64_t bytes = sizeof entry + file.path.capacity() + file.partition_key.capacity() +
                        entry.encoded_file.capacity() +
                        sizeof(std::int64_t) * file.split_offsets.capacity() +
                        sizeof(std::int32_t) * file.equality_ids.capacity();
  for (const auto* counts : {&file.value_counts, &file.null_counts, &file.nan_counts}) {
    bytes += sizeof(FieldCounts::value_type) * counts->capacity();
  }
  for (const auto* bounds : {&file.lower_bounds, &file.upper_bounds}) {
    bytes += sizeof(FieldBounds::value_type) * bounds->capacity();
    for (const auto& [id, bound] : *bounds) bytes += bound.capacity();
  }
  return bytes;
}

Status TooMuch() {
  return Fail(Code::kCorruption, "it has more entries than " +
                                     std::to_string(kManifestMemoryMax >> 20) + " MiB can hold");
}

Status CheckListed(const ManifestFile& manifest) {
  if (manifest.path.empty()) return Fail(Code::kCorruption, "manifest list entry without path");
  const bool sound = manifest.length >= 0 && manifest.sequence_number >= 0 &&
                     manifest.added_files >= 0 && manifest.existing_files >= 0 &&
                     manifest.deleted_files >= 0 && manifest.added_rows >= 0 &&
                     manifest.existing_rows >= 0 && manifest.deleted_rows >= 0 &&
                     manifest.first_row_id.value_or(0) >= 0;
  if (sound) return {};
  return Fail(Code::kCorruption,
              "manifest list entry with negative numbers: " + std::string(manifest.path));
}

FieldSummary ReadSummary(Decoder* in, const avro::Schema& item) {
  FieldSummary summary;
  in->Record(item, [&](const Field& field) {
    switch (IdOf(field, {{"contains_null", manifest_field::kContainsNull},
                         {"lower_bound", manifest_field::kSummaryLower},
                         {"upper_bound", manifest_field::kSummaryUpper}})) {
      case manifest_field::kContainsNull:
        summary.contains_null = in->Long(*field.type).value_or(1) != 0;
        return;
      case manifest_field::kContainsNan: {
        const auto nan = in->Long(*field.type);
        if (nan.has_value()) summary.contains_nan = *nan != 0;
        return;
      }
      case manifest_field::kSummaryLower:
        summary.lower = in->Bytes(*field.type);
        return;
      case manifest_field::kSummaryUpper:
        summary.upper = in->Bytes(*field.type);
        return;
      default:
        in->Skip(*field.type);
    }
  });
  return summary;
}

bool ReadListNumber(Decoder* in, std::int32_t id, const avro::Schema& type,
                    ManifestFile* manifest) {
  switch (id) {
    case manifest_field::kManifestLength:
      manifest->length = in->Long(type).value_or(0);
      return true;
    case manifest_field::kSpecId:
      manifest->spec_id = Int(in, type, 0);
      return true;
    case manifest_field::kManifestContent:
      manifest->is_deletes =
          OneOf(in, type, ManifestContent::kDeletes) == ManifestContent::kDeletes;
      return true;
    case manifest_field::kManifestSequenceNumber:
      manifest->sequence_number = in->Long(type).value_or(0);
      return true;
    case manifest_field::kMinSequenceNumber:
      manifest->min_sequence_number = in->Long(type).value_or(0);
      return true;
    case manifest_field::kAddedSnapshotId:
      manifest->added_snapshot = SnapshotId(in->Long(type).value_or(0));
      return true;
    case manifest_field::kAddedFiles:
      manifest->added_files = Int(in, type, 0);
      return true;
    case manifest_field::kExistingFiles:
      manifest->existing_files = Int(in, type, 0);
      return true;
    case manifest_field::kDeletedFiles:
      manifest->deleted_files = Int(in, type, 0);
      return true;
    case manifest_field::kAddedRows:
      manifest->added_rows = in->Long(type).value_or(0);
      return true;
    case manifest_field::kExistingRows:
      manifest->existing_rows = in->Long(type).value_or(0);
      return true;
    case manifest_field::kDeletedRows:
      manifest->deleted_rows = in->Long(type).value_or(0);
      return true;
    case manifest_field::kManifestFirstRowId:
      manifest->first_row_id = in->Long(type);
      return true;
    default:
      return false;
  }
}

void ReadListField(Decoder* in, const Field& field, ManifestFile* manifest) {
  const avro::Schema& type = *field.type;
  const std::int32_t id = IdOf(field, {{"manifest_path", manifest_field::kManifestPath},
                                       {"manifest_length", manifest_field::kManifestLength},
                                       {"partition_spec_id", manifest_field::kSpecId},
                                       {"added_snapshot_id", manifest_field::kAddedSnapshotId},
                                       {"partitions", manifest_field::kPartitions}});
  if (id == manifest_field::kManifestPath) {
    manifest->path = in->Bytes(type).value_or("");
  } else if (id == manifest_field::kPartitions) {
    in->Array(type, [&](const avro::Schema& item) {
      manifest->partitions.push_back(ReadSummary(in, item));
    });
  } else if (!ReadListNumber(in, id, type, manifest)) {
    in->Skip(type);
  }
}

}  // namespace

Result<std::vector<ManifestEntry>> ReadManifest(std::string_view bytes,
                                                const ManifestFile& list_entry,
                                                avro::SchemaCache* schemas) {
  TM_ASSIGN(const avro::Reader reader, avro::Reader::Open(bytes, schemas));
  std::vector<ManifestEntry> entries;
  std::uint64_t memory = 0;
  Status sound;
  const Status decoded = reader.ForEach([&](Decoder* in) {
    ManifestEntry& entry = entries.emplace_back();
    entry.file.rows = -1;
    in->Record(reader.schema(), [&](const Field& field) { ReadEntryField(in, field, &entry); });
    Inherit(list_entry, &entry);
    if (in->failed()) return;
    sound = CheckEntry(entry);
    memory += MemoryOf(entry);
    if (memory > kManifestMemoryMax) sound = TooMuch();
    if (!sound) in->Stop();
  });
  TM_TRY(std::move(sound));
  TM_TRY(decoded);
  TM_TRY(InheritRowIds(list_entry, &entries));
  return entries;
}

Result<ManifestFile> DescribeManifest(std::string_view bytes) {
  TM_ASSIGN(const avro::Reader reader, avro::Reader::Open(bytes));
  ManifestFile manifest;
  manifest.length = static_cast<std::int64_t>(bytes.size());
  const auto& header = reader.header();
  const auto content = header.find("content");
  manifest.is_deletes = content != header.end() && content->second == "deletes";
  const auto spec = header.find("partition-spec-id");
  if (spec != header.end()) {
    const std::string& text = spec->second;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), manifest.spec_id);
    if (error != std::errc() || end != text.data() + text.size()) {
      return Fail(Code::kCorruption, "manifest of partition spec " + text);
    }
  }
  TM_ASSIGN(const auto entries, ReadManifest(bytes, manifest));
  const ManifestFile counted = SummarizeManifest({}, entries, SnapshotId(0));
  manifest.added_files = counted.added_files;
  manifest.existing_files = counted.existing_files;
  manifest.deleted_files = counted.deleted_files;
  manifest.added_rows = counted.added_rows;
  manifest.existing_rows = counted.existing_rows;
  manifest.deleted_rows = counted.deleted_rows;
  return manifest;
}

Result<std::vector<ManifestEntry>> ReadManifestForMerge(std::string_view bytes,
                                                        const ManifestFile& list_entry,
                                                        const PartitionSpec& spec) {
  TM_ASSIGN(const avro::Reader reader, avro::Reader::Open(bytes));
  const auto schema = reader.header().find("avro.schema");
  if (schema == reader.header().end() || schema->second != ManifestSchema(spec)) {
    return ReadManifest(bytes, list_entry);
  }
  std::vector<ManifestEntry> entries;
  TM_TRY(reader.ForEach([&](Decoder* in) {
    ManifestEntry& entry = entries.emplace_back();
    in->Record(reader.schema(), [&](const Field& field) {
      if (field.field_id != manifest_field::kDataFile) return ReadEntryField(in, field, &entry);
      const std::size_t begin = in->position();
      in->Record(*field.type, [&](const Field& inner) {
        const bool wanted = inner.field_id == manifest_field::kPartition ||
                            inner.field_id == manifest_field::kRecordCount;
        wanted ? ReadDataFileField(in, inner, &entry.file) : in->Skip(*inner.type);
      });
      entry.encoded_file = in->Since(begin);
    });
    Inherit(list_entry, &entry);
  }));
  return entries;
}

Result<std::vector<ManifestFile>> ReadManifestList(std::string_view bytes) {
  TM_ASSIGN(const avro::Reader reader, avro::Reader::Open(bytes));
  std::vector<ManifestFile> manifests;
  std::uint64_t memory = 0;
  Status sound;
  const Status decoded = reader.ForEach([&](Decoder* in) {
    ManifestFile& manifest = manifests.emplace_back();
    in->Record(reader.schema(), [&](const Field& field) { ReadListField(in, field, &manifest); });
    if (in->failed()) return;
    sound = CheckListed(manifest);
    memory += sizeof manifest + manifest.path.capacity() +
              sizeof(FieldSummary) * manifest.partitions.capacity();
    if (memory > kManifestMemoryMax) sound = TooMuch();
    if (!sound) in->Stop();
  });
  TM_TRY(std::move(sound));
  TM_TRY(decoded);
  std::set<std::string_view> paths;
  for (const ManifestFile& manifest : manifests) {
    if (paths.insert(manifest.path).second) continue;
    // Every row of it would be there twice.
    return Fail(Code::kCorruption, "it names manifest " + manifest.path + " twice");
  }
  return manifests;
}

}  // namespace tidemark::lake
