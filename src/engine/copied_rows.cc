#include "engine/copied_rows.h"

#include <optional>
#include <string_view>
#include <utility>

#include "base/bits.h"
#include "base/check.h"
#include "engine/column_values.h"

namespace tidemark::engine {
namespace {

using event::ColumnView;
using event::StringRef;
using Kind = ColumnView::Kind;

}  // namespace

void CopiedRows::CopyTexts(const ColumnView& view, std::size_t rows, Column* column) {
  std::size_t bytes = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const StringRef* text = TextAt(view, row);
    if (text != nullptr && text->length > StringRef::kInlineMax) bytes += text->length;
  }
  column->texts.reserve(bytes);  // So that it does not move.
  column->strings.resize(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    const StringRef* text = TextAt(view, row);
    if (text == nullptr) continue;
    column->any = true;
    SetBit(column->validity.data(), row);
    std::string_view kept = text->view();
    if (kept.size() > StringRef::kInlineMax) {
      const std::size_t at = column->texts.size();
      column->texts += kept;
      kept = std::string_view(column->texts).substr(at);
    }
    column->strings[row] = StringRef::Of(kept);
  }
}

void CopiedRows::CopyFixed(const ColumnView& view, std::size_t rows, std::size_t width,
                           Column* column) {
  TM_CHECK(view.kind == Kind::kFixed);
  const char* values = static_cast<const char*>(view.fixed);
  column->fixed.assign(rows * width, 0);
  for (std::size_t row = 0; row < rows; ++row) {
    if (!view.IsValid(row)) continue;
    column->any = true;
    SetBit(column->validity.data(), row);
    std::memcpy(column->fixed.data() + row * width, values + row * width, width);
  }
}

void CopiedRows::Add(const event::RowSource& rows) {
  const auto scratch = std::make_unique_for_overwrite<event::ColumnScratch>();
  for (std::size_t i = 0; i < rows.chunk_count(); ++i) {
    Chunk chunk;
    chunk.rows = rows.ChunkRows(i);
    chunk.times = rows.ChunkTimes(i);
    chunk.columns.resize(schema_->columns.size());
    for (std::size_t c = 0; c < chunk.columns.size(); ++c) {
      const ColumnView view = rows.Read(i, c, scratch.get());
      if (view.kind == Kind::kNull) continue;
      chunk.columns[c].validity.assign(event::kChunkRows / 64, 0);
      if (schema_->columns[c].type == event::Type::kString) {
        CopyTexts(view, chunk.rows, &chunk.columns[c]);
      } else {
        CopyFixed(view, chunk.rows, WidthOf(schema_->columns[c].type), &chunk.columns[c]);
      }
    }
    row_count_ += chunk.rows;
    chunks_.push_back(std::move(chunk));
  }
}

ColumnView CopiedRows::Read(std::size_t chunk, std::size_t column,
                            event::ColumnScratch* /*scratch*/) const {
  const Column& from = chunks_[chunk].columns[column];
  ColumnView view;
  if (!from.any) return view;
  const bool text = schema_->columns[column].type == event::Type::kString;
  view.kind = text ? Kind::kStrings : Kind::kFixed;
  view.strings = from.strings.data();
  view.fixed = from.fixed.data();
  view.validity = from.validity.data();
  return view;
}

}  // namespace tidemark::engine
