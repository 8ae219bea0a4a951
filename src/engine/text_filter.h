// The Bloom filters of one text column of a Parquet file, as any writer leaves them there: whether
// a row may have a text, without its pages. Source: Apache Parquet format 2.9, parquet.thrift and
// BloomFilter.md.
//
// Internal to this folder. Immutable once read; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::engine {

inline constexpr std::uint64_t kFooterBytesMax = 64U << 20;      // Larger ones are not looked into.
inline constexpr std::uint64_t kTextFilterBytesMax = 16U << 20;  // Of a column in a file.

// Where the filters of the column with this field id are, one for each row group; empty: not every
// row group has one, or the bytes are no footer.
struct FilterPlace {
  std::int64_t offset = 0;
  std::int64_t bytes = 0;  // With the header.
};
std::vector<FilterPlace> FilterPlacesOf(std::string_view footer, std::int32_t field_id);

class TextFilter {
 public:
  // Empty: any text may be there.
  TextFilter() = default;
  // Of a local file. Empty if it has no filter of that column for every row group, or one that is
  // too large or not understood: whoever reads the rows finds what is wrong with the file.
  static TextFilter Read(const std::string& native_path, std::int32_t field_id);

  // False: no row of the file has it.
  bool MayHave(std::string_view text) const;
  std::uint64_t bytes() const;

 private:
  std::vector<std::string> groups_;  // Blocks.
};

}  // namespace tidemark::engine
