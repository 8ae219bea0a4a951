#include "sim/row_file.h"

#include <algorithm>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"

namespace tidemark::sim {
namespace {

using event::ColumnView;

constexpr std::uint64_t kFileBytesMax = 64ULL << 20;

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

std::string_view TextAt(const ColumnView& view, std::size_t row) {
  switch (view.kind) {
    case ColumnView::Kind::kConstant:
      return view.constant_text.view();
    case ColumnView::Kind::kDictionary:
      return view.dictionary[view.codes[row]].view();
    default:
      return view.strings[row].view();
  }
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

void AppendChunk(const event::RowSource& rows, std::size_t chunk, std::string* out) {
  event::ColumnScratch scratch;
  const std::size_t count = rows.ChunkRows(chunk);
  const auto& columns = rows.schema().columns;
  PutU32(out, static_cast<std::uint32_t>(count));
  PutU32(out, static_cast<std::uint32_t>(columns.size()));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const event::TableColumn& info = columns[i];
    PutU32(out, static_cast<std::uint32_t>(info.field_id));
    out->push_back(static_cast<char>(info.type));
    const ColumnView view = rows.Read(chunk, i, &scratch);
    for (std::size_t row = 0; row < count; ++row) {
      const bool null = IsNull(view, row);
      out->push_back(null ? 0 : 1);
      if (null) continue;
      if (info.type == event::Type::kString) {
        PutString(out, TextAt(view, row));
      } else {
        const std::size_t width = WidthOf(info.type);
        out->append(static_cast<const char*>(view.fixed) + row * width, width);
      }
    }
  }
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
                                                 const event::KeptPaths& /*kept*/,
                                                 const std::string& native_path) {
  std::string bytes;
  for (std::size_t chunk = 0; chunk < rows.chunk_count(); ++chunk) AppendChunk(rows, chunk, &bytes);
  PutU64(&bytes, Hash64(bytes));
  TM_ASSIGN(auto file, disk_->Create(PathOf(*disk_, native_path)));
  TM_TRY(file->WriteAt(0, bytes));
  return engine::WrittenFile{rows.row_count(), bytes.size(), {4}, {}};
}

Status RowFileReader::Read(const std::string& native_path,
                           const std::shared_ptr<const event::TableSchema>& schema,
                           const std::function<Status(const event::RowSource&)>& visit) {
  TM_ASSIGN(const std::string bytes,
            env::ReadFile(*disk_, PathOf(*disk_, native_path), kFileBytesMax));
  std::uint64_t sum = 0;
  if (bytes.size() < sizeof sum) return Fail(Code::kCorruption, native_path + " is cut short");
  const std::string_view body = std::string_view(bytes).substr(0, bytes.size() - sizeof sum);
  std::memcpy(&sum, bytes.data() + body.size(), sizeof sum);
  if (Hash64(body) != sum) return Fail(Code::kCorruption, native_path + " has a bad checksum");
  ByteReader in(body);
  while (in.remaining() > 0) {
    DecodedRows rows(*schema);
    if (!ReadChunk(&in, &rows)) return Fail(Code::kCorruption, native_path + " does not decode");
    TM_TRY(visit(rows));
  }
  return {};
}

}  // namespace tidemark::sim
