#include "engine/gathered_column.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "engine/column_values.h"

namespace tidemark::engine {
namespace {

using event::ColumnView;
using event::StringRef;
using Kind = ColumnView::Kind;

}  // namespace

void GatheredColumn::Put(const ColumnView& view, const std::uint32_t* rows, std::size_t count,
                         std::size_t at) {
  TM_CHECK(at + count <= event::kChunkRows);
  if (memory_ == nullptr) memory_ = std::make_unique_for_overwrite<event::ColumnScratch>();
  if (at == 0) memory_->validity.fill(0);
  if (type_ == event::Type::kString) {
    PutStrings(view, rows, count, at);
  } else if (view.kind == Kind::kFixed) {
    PutFixed(view, rows, count, at);
  }
}

void GatheredColumn::PutFixed(const ColumnView& view, const std::uint32_t* rows, std::size_t count,
                              std::size_t at) {
  const std::size_t width = WidthOf(type_);
  const auto* from = static_cast<const std::byte*>(view.fixed);
  auto* to = reinterpret_cast<std::byte*>(memory_->fixed.data()) + at * width;
  std::memset(to, 0, count * width);
  for (std::size_t i = 0; i < count; ++i) {
    if (!view.IsValid(rows[i])) continue;
    std::memcpy(to + i * width, from + rows[i] * width, width);
    SetBit(memory_->validity.data(), at + i);
  }
}

void GatheredColumn::PutStrings(const ColumnView& view, const std::uint32_t* rows,
                                std::size_t count, std::size_t at) {
  // Whoever reads a null row's text has an empty one.
  std::fill_n(memory_->strings.data() + at, count, StringRef::Of(""));
  for (std::size_t i = 0; i < count; ++i) {
    const StringRef* text = TextAt(view, rows[i]);
    if (text == nullptr) continue;
    memory_->strings[at + i] = *text;
    SetBit(memory_->validity.data(), at + i);
  }
}

ColumnView GatheredColumn::View(std::size_t count) const {
  ColumnView view;
  if (memory_ == nullptr) return view;
  const bool is_text = type_ == event::Type::kString;
  view.kind = is_text ? Kind::kStrings : Kind::kFixed;
  if (is_text) {
    view.strings = memory_->strings.data();
  } else {
    view.fixed = memory_->fixed.data();
  }
  std::size_t row = 0;
  while (row < count && TestBit(memory_->validity.data(), row)) ++row;
  if (row < count) view.validity = memory_->validity.data();
  return view;
}

}  // namespace tidemark::engine
