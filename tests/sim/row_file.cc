#include "sim/row_file.h"

#include <algorithm>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "engine/kept_values.h"
#include "sim/event_values.h"

namespace tidemark::sim {
namespace {

using event::ColumnView;

constexpr std::uint64_t kRowFileBytesMax = 64ULL << 20;

// The path on the disk that it calls `native_path`.
std::string PathOf(const env::Disk& disk, std::string_view native_path) {
  const std::string root = disk.NativePath("");
  if (native_path.starts_with(root)) native_path.remove_prefix(root.size());
  return std::string(native_path);
}

bool IsNull(const ColumnView& view, std::size_t row) {
  switch (view.kind) {
    case ColumnView::Kind::kNull:
      return true;
    case ColumnView::Kind::kConstant:
      return false;
    case ColumnView::Kind::kDictionary:
      return view.codes[row] == view.null_code;
    case ColumnView::Kind::kFixed:
    case ColumnView::Kind::kStrings:
      break;
  }
  return !view.IsValid(row);
}

std::size_t WidthOf(event::Type type) {
  switch (type) {
    case event::Type::kBool:
      return 1;
    case event::Type::kInt32:
      return 4;
    default:
      return 8;
  }
}

// A chunk of decoded rows. Owns its memory.
class DecodedRows final : public event::RowSource {
 public:
  struct Values {
    std::vector<event::StringRef> strings;
    std::string fixed;
    std::vector<std::uint64_t> validity;
  };

  explicit DecodedRows(const event::TableSchema& schema)
      : columns(schema.columns.size()), schema_(schema) {}

  std::size_t rows = 0;
  std::vector<Values> columns;  // Without validity: the file lacks it.
  bool mismatch = false;        // A column is of another type in the file.

  std::size_t chunk_count() const override { return rows == 0 ? 0 : 1; }
  std::size_t ChunkRows(std::size_t /*chunk*/) const override { return rows; }
  event::TimeRange ChunkTimes(std::size_t /*chunk*/) const override { return {kTimeMin, kTimeMax}; }
  std::uint64_t row_count() const override { return rows; }
  const event::TableSchema& schema() const override { return schema_; }
  ColumnView Read(std::size_t /*chunk*/, std::size_t column,
                  event::ColumnScratch* /*scratch*/) const override {
    const Values& values = columns[column];
    ColumnView view;
    if (values.validity.empty()) return view;
    const bool text = schema_.columns[column].type == event::Type::kString;
    view.kind = text ? ColumnView::Kind::kStrings : ColumnView::Kind::kFixed;
    view.strings = values.strings.data();
    view.fixed = values.fixed.data();
    view.validity = values.validity.data();
    return view;
  }

 private:
  const event::TableSchema& schema_;
};

// Returns how many rows have no value.
std::size_t AppendColumn(std::int32_t field_id, event::Type type, const ColumnView& view,
                         std::size_t count, std::string* out) {
  std::size_t nulls = 0;
  PutU32(out, static_cast<std::uint32_t>(field_id));
  out->push_back(static_cast<char>(type));
  for (std::size_t row = 0; row < count; ++row) {
    const bool null = IsNull(view, row);
    out->push_back(null ? 0 : 1);
    nulls += null ? 1U : 0U;
    if (null) continue;
    if (type == event::Type::kString) {
      PutString(out, TextAt(view, row));
    } else {
      const std::size_t width = WidthOf(type);
      out->append(static_cast<const char*>(view.fixed) + row * width, width);
    }
  }
  return nulls;
}

void AppendChunk(const event::RowSource& rows, std::size_t chunk, std::size_t more_columns,
                 std::string* out) {
  event::ColumnScratch scratch;
  const std::size_t count = rows.ChunkRows(chunk);
  const auto& columns = rows.schema().columns;
  PutU32(out, static_cast<std::uint32_t>(count));
  PutU32(out, static_cast<std::uint32_t>(columns.size() + more_columns));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    AppendColumn(columns[i].field_id, columns[i].type, rows.Read(chunk, i, &scratch), count, out);
  }
}

// The copies of kept paths that a file gets: of those that have every row's value.
struct KeptCopies {
  std::vector<engine::KeptColumn> columns;
  std::vector<std::string> chunks;  // The columns' bytes in each.
};
KeptCopies CopyKept(const event::RowSource& rows, const event::KeptPaths& kept) {
  KeptCopies copies;
  copies.chunks.resize(rows.chunk_count());
  if (kept.paths.empty() || !rows.schema().properties) return copies;
  engine::KeptValues values(kept);
  const std::size_t count = kept.paths.size();
  std::vector<std::vector<std::string>> bytes(rows.chunk_count(), std::vector<std::string>(count));
  std::vector<std::uint64_t> nulls(count, 0);
  event::ColumnScratch scratch;
  for (std::size_t chunk = 0; chunk < rows.chunk_count(); ++chunk) {
    const std::size_t in_chunk = rows.ChunkRows(chunk);
    values.Read(rows.Read(chunk, *rows.schema().properties, &scratch), in_chunk);
    for (std::size_t i = 0; i < count; ++i) {
      nulls[i] += AppendColumn(kept.paths[i].field_id, kept.paths[i].type, values.View(i), in_chunk,
                               &bytes[chunk][i]);
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (!values.complete(i)) continue;
    copies.columns.push_back({kept.paths[i].field_id, rows.row_count(), nulls[i]});
    for (std::size_t chunk = 0; chunk < bytes.size(); ++chunk) {
      copies.chunks[chunk] += bytes[chunk][i];
    }
  }
  std::ranges::sort(copies.columns, {}, &engine::KeptColumn::field_id);
  return copies;
}

// One column of a chunk; a column that the schema has not is read past.
bool ReadColumn(ByteReader* in, std::size_t count, event::Type type, DecodedRows::Values* out) {
  out->validity.assign(event::kChunkRows / 64, 0);
  for (std::size_t row = 0; row < count; ++row) {
    std::uint8_t present = 0;
    std::string_view bytes;
    if (!in->Fixed(&present)) return false;
    if (present != 0) out->validity[row / 64] |= 1ULL << (row % 64);
    if (type == event::Type::kString) {
      if (present != 0 && !in->String(&bytes)) return false;
      out->strings.push_back(event::StringRef::Of(bytes));
    } else {
      const std::size_t width = WidthOf(type);
      if (present != 0 && !in->Bytes(width, &bytes)) return false;
      out->fixed.append(present != 0 ? std::string(bytes) : std::string(width, '\0'));
    }
  }
  return true;
}

bool ReadChunk(ByteReader* in, DecodedRows* out) {
  std::uint32_t count = 0;
  std::uint32_t columns = 0;
  if (!in->Fixed(&count) || count > event::kChunkRows || !in->Fixed(&columns)) return false;
  out->rows = count;
  for (std::uint32_t i = 0; i < columns; ++i) {
    std::int32_t field_id = 0;
    std::uint8_t type = 0;
    if (!in->Fixed(&field_id) || !in->Fixed(&type)) return false;
    const auto& known = out->schema().columns;
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&](const auto& c) { return c.field_id == field_id; });
    out->mismatch =
        out->mismatch || (found != known.end() && found->type != static_cast<event::Type>(type));
    DecodedRows::Values unknown;
    DecodedRows::Values* values =
        found == known.end() ? &unknown
                             : &out->columns[static_cast<std::size_t>(found - known.begin())];
    if (!ReadColumn(in, count, static_cast<event::Type>(type), values)) return false;
  }
  return true;
}

}  // namespace

Result<engine::WrittenFile> RowFileWriter::Write(const event::RowSource& rows,
                                                 const event::KeptPaths& kept,
                                                 engine::DataCodec /*codec*/,
                                                 const std::string& native_path) {
  std::string bytes;
  KeptCopies copies = CopyKept(rows, kept);
  for (std::size_t chunk = 0; chunk < rows.chunk_count(); ++chunk) {
    AppendChunk(rows, chunk, copies.columns.size(), &bytes);
    bytes += copies.chunks[chunk];
  }
  PutU64(&bytes, Hash64(bytes));
  TM_ASSIGN(auto file, disk_->Create(PathOf(*disk_, native_path)));
  TM_TRY(file->WriteAt(0, bytes));
  return engine::WrittenFile{rows.row_count(), bytes.size(), {4}, std::move(copies.columns)};
}

Status RowFileReader::Read(const std::string& native_path,
                           const std::shared_ptr<const event::TableSchema>& schema,
                           const std::function<Status(const event::RowSource&)>& visit) {
  TM_ASSIGN(const std::string bytes,
            env::ReadFile(*disk_, PathOf(*disk_, native_path), kRowFileBytesMax));
  std::uint64_t sum = 0;
  if (bytes.size() < sizeof sum) return Fail(Code::kCorruption, native_path + " is cut short");
  const std::string_view body = std::string_view(bytes).substr(0, bytes.size() - sizeof sum);
  std::memcpy(&sum, bytes.data() + body.size(), sizeof sum);
  if (Hash64(body) != sum) return Fail(Code::kCorruption, native_path + " has a bad checksum");
  ByteReader in(body);
  while (in.remaining() > 0) {
    DecodedRows rows(*schema);
    if (!ReadChunk(&in, &rows)) return Fail(Code::kCorruption, native_path + " does not decode");
    if (rows.mismatch) return Fail(Code::kCorruption, native_path + " has another type");
    TM_TRY(visit(rows));
  }
  return {};
}

}  // namespace tidemark::sim
