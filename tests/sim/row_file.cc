#include "sim/row_file.h"

#include <vector>

#include "base/bytes.h"
#include "base/hash.h"

namespace tidemark::sim {
namespace {

using event::Column;
using event::ColumnView;

constexpr std::string_view kNativePrefix = "sim:/";
constexpr std::uint64_t kFileBytesMax = 64ULL << 20;

std::string_view PathOf(std::string_view native_path) {
  if (native_path.starts_with(kNativePrefix)) native_path.remove_prefix(kNativePrefix.size());
  return native_path;
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
  return view.validity != nullptr && (view.validity[row / 64] >> (row % 64) & 1U) == 0;
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

std::size_t WidthOf(event::Type type) { return type == event::Type::kInt32 ? 4 : 8; }

// A chunk of decoded rows. Owns its memory.
class DecodedRows final : public event::RowSource {
 public:
  std::size_t rows = 0;
  std::array<std::vector<event::StringRef>, event::kColumnCount> strings;
  std::array<std::string, event::kColumnCount> fixed;
  std::array<std::vector<std::uint64_t>, event::kColumnCount> validity;

  std::size_t chunk_count() const override { return rows == 0 ? 0 : 1; }
  std::size_t ChunkRows(std::size_t /*chunk*/) const override { return rows; }
  event::TimeRange ChunkTimes(std::size_t /*chunk*/) const override { return {kTimeMin, kTimeMax}; }
  std::uint64_t row_count() const override { return rows; }
  ColumnView Read(std::size_t /*chunk*/, Column column,
                  event::ColumnScratch* /*scratch*/) const override {
    const std::size_t i = event::Index(column);
    ColumnView view;
    const bool text = event::Info(column).type == event::Type::kString;
    view.kind = text ? ColumnView::Kind::kStrings : ColumnView::Kind::kFixed;
    view.strings = strings[i].data();
    view.fixed = fixed[i].data();
    view.validity = validity[i].data();
    return view;
  }
};

void AppendChunk(const event::RowSource& rows, std::size_t chunk, std::string* out) {
  event::ColumnScratch scratch;
  const std::size_t count = rows.ChunkRows(chunk);
  PutU32(out, static_cast<std::uint32_t>(count));
  for (const event::ColumnInfo& info : event::kColumns) {
    const ColumnView view = rows.Read(chunk, info.column, &scratch);
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

bool ReadChunk(ByteReader* in, DecodedRows* out) {
  std::uint32_t count = 0;
  if (!in->Fixed(&count) || count > event::kChunkRows) return false;
  out->rows = count;
  for (const event::ColumnInfo& info : event::kColumns) {
    const std::size_t i = event::Index(info.column);
    out->validity[i].assign(event::kChunkRows / 64, 0);
    for (std::size_t row = 0; row < count; ++row) {
      std::uint8_t present = 0;
      std::string_view bytes;
      if (!in->Fixed(&present)) return false;
      if (present != 0) out->validity[i][row / 64] |= 1ULL << (row % 64);
      if (info.type == event::Type::kString) {
        if (present != 0 && !in->String(&bytes)) return false;
        out->strings[i].push_back(event::StringRef::Of(bytes));
      } else {
        const std::size_t width = WidthOf(info.type);
        if (present != 0 && !in->Bytes(width, &bytes)) return false;
        out->fixed[i].append(present != 0 ? std::string(bytes) : std::string(width, '\0'));
      }
    }
  }
  return true;
}

}  // namespace

Result<engine::WrittenFile> RowFileWriter::Write(const event::RowSource& rows,
                                                 const std::string& native_path) {
  std::string bytes;
  for (std::size_t chunk = 0; chunk < rows.chunk_count(); ++chunk) AppendChunk(rows, chunk, &bytes);
  PutU64(&bytes, Hash64(bytes));
  TM_ASSIGN(auto file, disk_->Create(PathOf(native_path)));
  TM_TRY(file->WriteAt(0, bytes));
  return engine::WrittenFile{rows.row_count(), bytes.size(), {4}};
}

Status RowFileReader::Read(const std::string& native_path,
                           const std::function<Status(const event::RowSource&)>& visit) {
  TM_ASSIGN(const std::string bytes, env::ReadFile(*disk_, PathOf(native_path), kFileBytesMax));
  std::uint64_t sum = 0;
  if (bytes.size() < sizeof sum) return Fail(Code::kCorruption, native_path + " is cut short");
  const std::string_view body = std::string_view(bytes).substr(0, bytes.size() - sizeof sum);
  std::memcpy(&sum, bytes.data() + body.size(), sizeof sum);
  if (Hash64(body) != sum) return Fail(Code::kCorruption, native_path + " has a bad checksum");
  ByteReader in(body);
  while (in.remaining() > 0) {
    DecodedRows rows;
    if (!ReadChunk(&in, &rows)) return Fail(Code::kCorruption, native_path + " does not decode");
    TM_TRY(visit(rows));
  }
  return {};
}

}  // namespace tidemark::sim
