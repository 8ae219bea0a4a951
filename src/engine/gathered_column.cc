#include "engine/gathered_column.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace tidemark::engine {
namespace {

using event::ColumnView;
using event::StringRef;
using Kind = ColumnView::Kind;

std::size_t Width(event::Type type) {
  switch (type) {
    case event::Type::kBool:
      return sizeof(bool);
    case event::Type::kInt32:
      return sizeof(std::int32_t);
    default:
      return sizeof(std::int64_t);
  }
}

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
  const std::size_t width = Width(type_);
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
  const auto put = [&](std::size_t i, const StringRef& text) {
    memory_->strings[at + i] = text;
    SetBit(memory_->validity.data(), at + i);
  };
  // Whoever reads a null row's text has an empty one.
  std::fill_n(memory_->strings.data() + at, count, StringRef::Of(""));
  for (std::size_t i = 0; i < count; ++i) {
    if (view.kind == Kind::kConstant) {
      put(i, view.constant_text);
    } else if (view.kind == Kind::kDictionary && view.codes[rows[i]] != view.null_code) {
      put(i, view.dictionary[view.codes[rows[i]]]);
    } else if (view.kind == Kind::kStrings && view.IsValid(rows[i])) {
      put(i, view.strings[rows[i]]);
    }
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
