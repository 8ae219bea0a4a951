// The values of a column's view one by one, whatever its kind.
#pragma once

#include <cstddef>
#include <cstdint>

#include "event/row_source.h"

namespace tidemark::engine {

// Bytes of a value of a column that is not of texts.
inline std::size_t WidthOf(event::Type type) {
  switch (type) {
    case event::Type::kBool:
      return sizeof(bool);
    case event::Type::kInt32:
      return sizeof(std::int32_t);
    default:
      return sizeof(std::int64_t);
  }
}

// nullptr: the row is null. Of a view of texts; good as long as the view.
inline const event::StringRef* TextAt(const event::ColumnView& view, std::size_t row) {
  using Kind = event::ColumnView::Kind;
  switch (view.kind) {
    case Kind::kNull:
    case Kind::kFixed:
      return nullptr;
    case Kind::kConstant:
      return &view.constant_text;
    case Kind::kDictionary:
      return view.codes[row] == view.null_code ? nullptr : &view.dictionary[view.codes[row]];
    case Kind::kStrings:
      break;
  }
  return view.IsValid(row) ? &view.strings[row] : nullptr;
}

}  // namespace tidemark::engine
