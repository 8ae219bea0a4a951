// Rows of a data file that are deleted, by their place in it. Immutable once shared; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bits.h"

namespace tidemark::engine {

// Where a deletion vector is in its file, and how many rows it deletes.
struct VectorPlace {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t rows = 0;
  friend bool operator==(const VectorPlace&, const VectorPlace&) = default;
};

// A delete file of the lake, as a manifest names it.
struct DeleteFile {
  std::string native_path;
  std::vector<std::int32_t> equality_ids;  // None: positions, or a vector.
  std::optional<VectorPlace> vector = {};  // It is in a Puffin file then.
};

class DeletedRows {
 public:
  // Of a file of `rows` rows.
  explicit DeletedRows(std::uint64_t rows) : rows_(rows), words_((rows + 63) / 64) {}

  // False: the file has no such row, or more rows than it was said to have.
  [[nodiscard]] bool Add(std::int64_t place) {
    if (place < 0 || static_cast<std::uint64_t>(place) >= rows_) return false;
    const auto bit = static_cast<std::size_t>(place);
    if (TestBit(words_.data(), bit)) return true;
    SetBit(words_.data(), bit);
    ++count_;
    return true;
  }
  bool Has(std::uint64_t place) const { return place < rows_ && TestBit(words_.data(), place); }
  std::uint64_t rows() const { return rows_; }
  std::uint64_t count() const { return count_; }
  std::uint64_t bytes() const { return words_.size() * sizeof(std::uint64_t); }

 private:
  std::uint64_t rows_;
  std::vector<std::uint64_t> words_;
  std::uint64_t count_ = 0;
};

}  // namespace tidemark::engine
