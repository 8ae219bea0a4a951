// What a data file's metadata says of the values in its columns: which may be null, and between
// which bounds the others lie. Packed into one block of bytes, as thousands of files have one each.
//
// Bounds are in Iceberg's single-value binary form (table spec, appendix D): numbers and times
// little-endian, text and bytes as they are. Those of text may be cut: lower <= every value <=
// upper, compared byte by byte. NaN is never within them. Value types; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::engine {

inline constexpr std::size_t kBoundedColumnsMax = 64;     // Of a file; more are not known.
inline constexpr std::size_t kColumnBoundBytesMax = 255;  // A longer bound is not known.

// What holds of one column. The default says nothing.
struct ColumnBound {
  bool may_be_null = true;
  bool may_have_value = true;  // False: every row is null.
  bool may_be_nan = true;
  std::optional<std::string_view> lower;
  std::optional<std::string_view> upper;
};

class ColumnBounds {
 public:
  // What is not known of a column need not be added. Columns beyond the limit are left out.
  void Add(std::int32_t field_id, const ColumnBound& bound);
  // Views into this. A column that was not added may hold anything.
  ColumnBound Find(std::int32_t field_id) const;

  bool empty() const { return count_ == 0; }
  std::size_t bytes() const { return packed_.size(); }

 private:
  std::size_t count_ = 0;
  std::string packed_;
};

}  // namespace tidemark::engine
