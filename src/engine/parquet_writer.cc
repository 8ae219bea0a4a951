// Writes Parquet files: one pass over the rows, chunk by chunk, all columns of a row group side by
// side, straight from the sources' own codes and references: a chunk is put together once for
// whoever else reads it with us. Source: Apache Parquet format 2.9, parquet.thrift.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/check.h"
#include "engine/kept_values.h"
#include "engine/parquet.h"
#include "engine/parquet_column.h"
#include "engine/thrift_writer.h"

namespace tidemark::engine {
namespace {

using event::Type;

constexpr std::string_view kMagic = "PAR1";
constexpr std::size_t kWriteBytes = 1U << 20;

// The format's numbers.
constexpr std::int32_t kBoolean = 0;
constexpr std::int32_t kInt32 = 1;
constexpr std::int32_t kInt64 = 2;
constexpr std::int32_t kDouble = 5;
constexpr std::int32_t kByteArray = 6;
constexpr std::int32_t kRequired = 0;
constexpr std::int32_t kOptional = 1;
constexpr std::int32_t kUtf8 = 0;
constexpr std::int32_t kTimestampMicros = 10;

std::int32_t PhysicalType(Type type) {
  switch (type) {
    case Type::kString:
      return kByteArray;
    case Type::kDouble:
      return kDouble;
    case Type::kInt32:
      return kInt32;
    case Type::kBool:
      return kBoolean;
    case Type::kTimestamp:
    case Type::kInt64:
      break;
  }
  return kInt64;
}

// A new file that is only appended to.
class OutFile {
 public:
  OutFile(const OutFile&) = delete;
  OutFile& operator=(const OutFile&) = delete;
  explicit OutFile(std::string path)
      : path_(std::move(path)),
        fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {}
  ~OutFile() {
    if (fd_ >= 0) ::close(fd_);
  }

  // Where the next byte goes.
  std::int64_t offset() const { return static_cast<std::int64_t>(written_ + buffer_.size()); }
  std::string* buffer() { return &buffer_; }
  Status FlushIfLarge() { return buffer_.size() < kWriteBytes ? Status() : Flush(); }
  Status Flush() {
    if (fd_ < 0) return Failed("open");
    for (std::string_view rest = buffer_; !rest.empty();) {
      const ssize_t n = ::write(fd_, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Failed("write");
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    if (buffer_.size() >= kWriteBytes) {
      // On its way to the disk at once: a sync of all of it in one go would hold up the log's.
      static_cast<void>(::sync_file_range(fd_, static_cast<off_t>(written_),
                                          static_cast<off_t>(buffer_.size()),
                                          SYNC_FILE_RANGE_WRITE));
    }
    written_ += buffer_.size();
    buffer_.clear();
    return {};
  }

 private:
  Status Failed(const char* operation) const {
    return Fail(Code::kIoError, std::string(operation) + " " + path_ + ": " + std::strerror(errno));
  }

  const std::string path_;
  const int fd_;
  std::uint64_t written_ = 0;
  std::string buffer_;
};

struct RowGroup {
  std::int64_t rows = 0;
  std::int64_t offset = 0;
  std::vector<ColumnChunkInfo> columns;
  std::vector<ColumnChunkInfo> kept;  // By path; of a path that is not complete it means nothing.
};

// The columns of a file: those of the rows, and one a kept path in the struct column behind them.
struct FileColumns {
  const std::vector<event::TableColumn>& columns;
  std::int32_t kept_field_id = 0;
  std::vector<event::TableColumn> kept;
  std::vector<bool> complete;

  std::size_t kept_count() const {
    return static_cast<std::size_t>(std::count(complete.begin(), complete.end(), true));
  }
};

void WriteLeaf(const event::TableColumn& info, ThriftWriter* out) {
  out->BeginElement();
  out->I32(1, PhysicalType(info.type));
  out->I32(3, kOptional);
  out->Binary(4, info.name);
  if (info.type == Type::kString) out->I32(6, kUtf8);
  if (info.type == Type::kTimestamp) out->I32(6, kTimestampMicros);
  out->I32(9, info.field_id);
  if (info.type == Type::kString || info.type == Type::kTimestamp) {
    out->BeginStruct(10);
    if (info.type == Type::kString) {
      out->Empty(1);
    } else {
      out->BeginStruct(8);
      out->Bool(1, true);  // In UTC.
      out->BeginStruct(2);
      out->Empty(2);  // Microseconds.
      out->End();
      out->End();
    }
    out->End();
  }
  out->End();
}

void WriteSchema(const FileColumns& columns, ThriftWriter* out) {
  const std::size_t kept = columns.kept_count();
  const std::size_t top = columns.columns.size() + (kept > 0 ? 1 : 0);
  out->BeginList(2, ThriftWriter::Type::kStruct, top + kept + 1);
  out->BeginElement();
  out->Binary(4, "schema");
  out->I32(5, static_cast<std::int32_t>(top));
  out->End();
  for (const event::TableColumn& info : columns.columns) WriteLeaf(info, out);
  if (kept == 0) return;
  out->BeginElement();
  out->I32(3, kRequired);  // A struct that is there in every row; its fields are not.
  out->Binary(4, event::kKeptColumn);
  out->I32(5, static_cast<std::int32_t>(kept));
  out->I32(9, columns.kept_field_id);
  out->End();
  for (std::size_t i = 0; i < columns.kept.size(); ++i) {
    if (columns.complete[i]) WriteLeaf(columns.kept[i], out);
  }
}

void WriteColumn(const event::TableColumn& info, bool is_kept, const ColumnChunkInfo& chunk,
                 ThriftWriter* out) {
  constexpr std::int32_t kPlain = 0;
  constexpr std::int32_t kRle = 3;
  constexpr std::int32_t kDeltas = 5;
  constexpr std::int32_t kByDictionary = 8;
  out->BeginElement();
  out->I64(2, 0);
  out->BeginStruct(3);
  out->I32(1, PhysicalType(info.type));
  std::vector<std::int32_t> encodings = {kRle};
  if (chunk.plain || chunk.dictionary_offset > 0) encodings.push_back(kPlain);
  if (chunk.differences) encodings.push_back(kDeltas);
  if (chunk.dictionary_offset > 0) encodings.push_back(kByDictionary);
  out->BeginList(2, ThriftWriter::Type::kI32, encodings.size());
  for (const std::int32_t encoding : encodings) out->IntElement(encoding);
  out->BeginList(3, ThriftWriter::Type::kBinary, is_kept ? 2 : 1);
  if (is_kept) out->BinaryElement(event::kKeptColumn);
  out->BinaryElement(info.name);
  out->I32(4, static_cast<std::int32_t>(chunk.codec));
  out->I64(5, chunk.values);
  out->I64(6, chunk.plain_bytes);
  out->I64(7, chunk.bytes);
  out->I64(9, chunk.data_offset);
  if (chunk.dictionary_offset > 0) out->I64(11, chunk.dictionary_offset);
  out->BeginStruct(12);
  out->I64(3, chunk.nulls);
  if (chunk.min && chunk.max) {
    out->Binary(5, *chunk.max);
    out->Binary(6, *chunk.min);
  }
  out->End();
  if (chunk.filter_bytes > 0) {
    out->I64(14, chunk.filter_offset);
    out->I32(15, static_cast<std::int32_t>(chunk.filter_bytes));
  }
  out->End();
  out->End();
}

void WriteRowGroup(const FileColumns& columns, const RowGroup& group, ThriftWriter* out) {
  std::int64_t plain_bytes = 0;
  std::int64_t bytes = 0;
  out->BeginElement();
  const auto write = [&](const event::TableColumn& column, bool is_kept,
                         const ColumnChunkInfo& chunk) {
    WriteColumn(column, is_kept, chunk, out);
    plain_bytes += chunk.plain_bytes;
    bytes += chunk.bytes;
  };
  out->BeginList(1, ThriftWriter::Type::kStruct, group.columns.size() + columns.kept_count());
  for (std::size_t i = 0; i < columns.columns.size(); ++i) {
    write(columns.columns[i], false, group.columns[i]);
  }
  for (std::size_t i = 0; i < columns.kept.size(); ++i) {
    if (columns.complete[i]) write(columns.kept[i], true, group.kept[i]);
  }
  out->I64(2, plain_bytes);
  out->I64(3, group.rows);
  out->I64(5, group.offset);
  out->I64(6, bytes);
  out->End();
}

// Of all row groups, by field id.
std::vector<std::pair<std::int32_t, std::uint64_t>> ColumnBytes(
    const FileColumns& columns, const std::vector<RowGroup>& groups) {
  std::vector<std::pair<std::int32_t, std::uint64_t>> sizes;
  const auto add = [&](const event::TableColumn& column, std::size_t i,
                       std::vector<ColumnChunkInfo> RowGroup::* chunks) {
    std::uint64_t bytes = 0;
    for (const RowGroup& group : groups) {
      bytes += static_cast<std::uint64_t>((group.*chunks)[i].bytes);
    }
    sizes.emplace_back(column.field_id, bytes);
  };
  for (std::size_t i = 0; i < columns.columns.size(); ++i) {
    add(columns.columns[i], i, &RowGroup::columns);
  }
  for (std::size_t i = 0; i < columns.kept.size(); ++i) {
    if (columns.complete[i]) add(columns.kept[i], i, &RowGroup::kept);
  }
  return sizes;
}

// Source: Apache Parquet format 2.9, BloomFilter.md: split blocks, of XXH64, not compressed.
void WriteFilter(ColumnChunkInfo* chunk, OutFile* file) {
  if (chunk->filter.empty()) return;
  chunk->filter_offset = file->offset();
  ThriftWriter header(file->buffer());
  header.I32(1, static_cast<std::int32_t>(chunk->filter.size()));
  for (const int choice : {2, 3, 4}) {
    header.BeginStruct(choice);
    header.Empty(1);
    header.End();
  }
  header.End();
  file->buffer()->append(chunk->filter);
  chunk->filter_bytes = file->offset() - chunk->filter_offset;
  chunk->filter = {};
}

using Encoders = std::vector<std::unique_ptr<ColumnEncoder>>;

void Grow(std::size_t count, PageCodec* packer, Encoders* encoders) {
  while (encoders->size() < count) encoders->push_back(std::make_unique<ColumnEncoder>(packer));
}

// The kept paths of one file while it is written: their values are read while the texts are at
// hand, and encoded side by side.
class KeptEncoders {
 public:
  // `encoders`, one a path, and the others must outlive it.
  KeptEncoders(const event::KeptPaths& kept, const Encoders* encoders, FileColumns* columns)
      : columns_(columns), values_(kept), encoders_(*encoders), count_(kept.paths.size()) {
    columns_->kept_field_id = kept.field_id;
    for (const event::KeptPath& path : kept.paths) {
      columns_->kept.push_back({path.name, path.type, false, path.field_id});
    }
    columns_->complete.assign(kept.paths.size(), true);
  }

  void Begin(DataCodec codec) {
    // Nobody looks for one value of a path by filters: neither the engine nor our pruning.
    for (std::size_t i = 0; i < count_; ++i) {
      encoders_[i]->Begin(columns_->kept[i], codec, ColumnEncoder::Lookup::kNone);
    }
  }
  void Add(const event::ColumnView& properties, std::size_t rows) {
    if (count_ == 0) return;
    values_.Read(properties, rows);
    for (std::size_t i = 0; i < count_; ++i) {
      columns_->complete[i] = values_.complete(i);
      if (columns_->complete[i]) encoders_[i]->Add(values_.View(i), rows);
    }
  }
  // Of a path that turned out not to be complete nothing more is written.
  Status Finish(OutFile* file, std::vector<ColumnChunkInfo>* chunks) {
    chunks->resize(count_);
    for (std::size_t i = 0; i < count_; ++i) {
      if (!columns_->complete[i]) continue;
      (*chunks)[i] = encoders_[i]->Finish(file->offset(), file->buffer());
      TM_TRY(file->FlushIfLarge());
    }
    return {};
  }

 private:
  FileColumns* const columns_;
  KeptValues values_;
  const Encoders& encoders_;
  const std::size_t count_;
};

class ParquetWriter final : public DataFileWriter {
 public:
  explicit ParquetWriter(ParquetOptions options) : options_(std::move(options)) {}

  Result<WrittenFile> Write(const event::RowSource& rows, const event::KeptPaths& kept,
                            DataCodec codec, const std::string& native_path) override {
    OutFile file(native_path);
    file.buffer()->append(kMagic);
    TM_TRY(file.Flush());
    FileColumns columns{rows.schema().columns, 0, {}, {}};
    Grow(columns.columns.size(), &packer_, &encoders_);
    Grow(kept.paths.size(), &packer_, &kept_encoders_);
    KeptEncoders kept_encoders(kept, &kept_encoders_, &columns);
    std::vector<RowGroup> groups;
    for (std::size_t chunk = 0; chunk < rows.chunk_count();) {
      const std::size_t end = GroupEnd(rows, chunk);
      TM_ASSIGN(RowGroup group, WriteGroup(rows, chunk, end, codec, &kept_encoders, &file));
      groups.push_back(std::move(group));
      chunk = end;
    }
    WrittenFile written;
    for (const RowGroup& group : groups) {
      written.rows += static_cast<std::uint64_t>(group.rows);
      written.split_offsets.push_back(group.offset);
    }
    written.column_bytes = ColumnBytes(columns, groups);
    for (std::size_t i = 0; i < columns.kept.size(); ++i) {
      if (!columns.complete[i]) continue;
      KeptColumn& one = written.kept.emplace_back();
      one.field_id = columns.kept[i].field_id;
      one.values = written.rows;
      for (const RowGroup& group : groups) {
        one.nulls += static_cast<std::uint64_t>(group.kept[i].nulls);
      }
    }
    WriteFooter(columns, groups, static_cast<std::int64_t>(written.rows), file.buffer());
    TM_TRY(file.Flush());
    written.bytes = static_cast<std::uint64_t>(file.offset());
    // They hold a whole row group, encoded.
    for (Encoders* encoders : {&encoders_, &kept_encoders_}) {
      for (const auto& encoder : *encoders) encoder->Trim();
    }
    packer_.Trim();
    return written;
  }

 private:
  // The chunks from `chunk` that make one row group.
  std::size_t GroupEnd(const event::RowSource& rows, std::size_t chunk) const {
    std::size_t sum = rows.ChunkRows(chunk++);
    while (chunk < rows.chunk_count() && sum + rows.ChunkRows(chunk) <= options_.row_group_rows) {
      sum += rows.ChunkRows(chunk++);
    }
    return chunk;
  }

  Result<RowGroup> WriteGroup(const event::RowSource& rows, std::size_t begin, std::size_t end,
                              DataCodec codec, KeptEncoders* kept, OutFile* file) {
    RowGroup group;
    group.offset = file->offset();
    const auto scratch = std::make_unique_for_overwrite<event::ColumnScratch>();
    kept->Begin(codec);
    const auto& columns = rows.schema().columns;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      encoders_[i]->Begin(columns[i], codec, ColumnEncoder::Lookup::kByFilter);
    }
    for (std::size_t chunk = begin; chunk < end; ++chunk) {
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const event::ColumnView view = rows.Read(chunk, i, scratch.get());
        encoders_[i]->Add(view, rows.ChunkRows(chunk));
        if (i == rows.schema().properties) kept->Add(view, rows.ChunkRows(chunk));
      }
    }
    for (std::size_t i = 0; i < columns.size(); ++i) {
      group.columns.push_back(encoders_[i]->Finish(file->offset(), file->buffer()));
      TM_TRY(file->FlushIfLarge());
    }
    TM_TRY(kept->Finish(file, &group.kept));
    // Behind all values: reading the footer of a small file brings them along.
    for (ColumnChunkInfo& chunk : group.columns) WriteFilter(&chunk, file);
    TM_TRY(file->FlushIfLarge());
    group.rows = group.columns.front().values;
    return group;
  }

  void WriteFooter(const FileColumns& columns, const std::vector<RowGroup>& groups,
                   std::int64_t rows, std::string* out) const {
    const std::size_t begin = out->size();
    ThriftWriter footer(out);
    footer.I32(1, 1);
    WriteSchema(columns, &footer);
    footer.I64(3, rows);
    footer.BeginList(4, ThriftWriter::Type::kStruct, groups.size());
    for (const RowGroup& group : groups) WriteRowGroup(columns, group, &footer);
    if (!options_.key_values.empty()) {
      footer.BeginList(5, ThriftWriter::Type::kStruct, options_.key_values.size());
      for (const auto& [key, value] : options_.key_values) {
        footer.BeginElement();
        footer.Binary(1, key);
        footer.Binary(2, value);
        footer.End();
      }
    }
    footer.Binary(6, "tidemark");
    const std::size_t leaves = columns.columns.size() + columns.kept_count();
    footer.BeginList(7, ThriftWriter::Type::kStruct, leaves);
    for (std::size_t i = 0; i < leaves; ++i) {
      footer.BeginElement();
      footer.Empty(1);  // Bounds sort as the column's type does.
      footer.End();
    }
    footer.End();
    PutU32(out, static_cast<std::uint32_t>(out->size() - begin));
    out->append(kMagic);
  }

  const ParquetOptions options_;
  PageCodec packer_;
  Encoders encoders_;       // By column.
  Encoders kept_encoders_;  // By kept path.
};

}  // namespace

std::unique_ptr<DataFileWriter> MakeParquetWriter(ParquetOptions options) {
  TM_CHECK_GT(options.row_group_rows, 0U);
  return std::make_unique<ParquetWriter>(std::move(options));
}

}  // namespace tidemark::engine
