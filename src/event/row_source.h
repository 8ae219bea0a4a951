// Rows by column, in immutable chunks: what hot memory offers and the engine scans, without either
// knowing the other.
//
// Ownership: whoever holds the shared_ptr<const RowSource> holds the memory that every ColumnView
// points to. A source is immutable: any number of threads read it at once.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <forward_list>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bits.h"
#include "base/ids.h"
#include "base/time.h"
#include "event/schema.h"

namespace tidemark::event {

inline constexpr std::size_t kChunkRows = 2048;  // The engine's vector size.
inline constexpr std::size_t kBlockRows = 64;  // Of a chunk, rows whose times are bounded together.

// A string in 16 bytes, in the layout of the engine's string_t (which asserts that it is the same):
// up to 12 bytes are inlined, longer ones have their first 4 bytes here and a pointer to all.
struct StringRef {
  std::uint32_t length;
  char prefix[4];
  union {
    char inlined_rest[8];
    const char* pointer;
  };

  static constexpr std::uint32_t kInlineMax = 12;

  // `bytes` must outlive the reference if it is longer than kInlineMax.
  static StringRef Of(std::string_view bytes) {
    StringRef ref;
    std::memset(static_cast<void*>(&ref), 0, sizeof ref);
    ref.length = static_cast<std::uint32_t>(bytes.size());
    if (bytes.empty()) return ref;  // Which may have no address.
    if (bytes.size() <= kInlineMax) {
      std::memcpy(reinterpret_cast<char*>(&ref) + 4, bytes.data(), bytes.size());
    } else {
      std::memcpy(ref.prefix, bytes.data(), 4);
      ref.pointer = bytes.data();
    }
    return ref;
  }
  std::string_view view() const {
    return {length <= kInlineMax ? reinterpret_cast<const char*>(this) + 4 : pointer, length};
  }
};
static_assert(sizeof(StringRef) == 16);

// One column of one chunk.
struct ColumnView {
  enum class Kind : std::uint8_t {
    kNull,        // Every row is null.
    kConstant,    // Every row has `constant_text` (string columns only).
    kFixed,       // `fixed` points to rows of the type's width.
    kStrings,     // `strings` points to rows.
    kDictionary,  // Row i is dictionary[codes[i]]; code `null_code` is null.
  };
  Kind kind = Kind::kNull;
  const void* fixed = nullptr;  // int64 micros, double, int32, int64 or bool by the column's type.
  const StringRef* strings = nullptr;     // kStrings.
  const std::uint32_t* codes = nullptr;   // kDictionary.
  const StringRef* dictionary = nullptr;  // kDictionary: contiguous, entry `null_code` is unused.
  std::uint32_t dictionary_size = 0;      // Entries that may be read, null's included.
  std::uint32_t null_code = 0;            // Always 0 when kDictionary.
  StringRef constant_text{};
  // kFixed, kStrings: bit i%64 of word i/64 is set if row i is not null; nullptr if none is null.
  const std::uint64_t* validity = nullptr;

  // kFixed, kStrings: the row is not null.
  bool IsValid(std::size_t row) const { return validity == nullptr || TestBit(validity, row); }
};

struct TimeRange {  // Inclusive; empty if min > max.
  TimeMicros min = kTimeMax;
  TimeMicros max = kTimeMin;
};

// The same of the rows of one block, read while more are written: it only grows.
struct BlockTimes {
  std::atomic<std::int64_t> min{kTimeMax.value};
  std::atomic<std::int64_t> max{kTimeMin.value};
};

struct OffsetRange {  // Inclusive.
  LogOffset min{std::numeric_limits<std::int64_t>::min()};
  LogOffset max{std::numeric_limits<std::int64_t>::max()};
};

struct RowRef {
  std::uint32_t chunk = 0;
  std::uint32_t row = 0;  // In the chunk.
};

struct TimedRow {
  RowRef at;
  TimeMicros time;  // Its `timestamp`.
};

// Memory that Read may use to put a column together; reused from call to call. The view that Read
// gave is good until the scratch is used again or dies.
struct ColumnScratch {
  std::array<StringRef, kChunkRows> strings;
  std::array<std::int64_t, kChunkRows> fixed;
  std::array<std::uint32_t, kChunkRows> codes;
  std::array<std::uint64_t, kChunkRows / 64> validity;
  std::forward_list<std::string> texts;  // That `strings` point to and that lie nowhere else.
};

class RowSource {
 public:
  RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;
  virtual ~RowSource() = default;

  virtual std::size_t chunk_count() const = 0;
  // 1 to kChunkRows.
  virtual std::size_t ChunkRows(std::size_t chunk) const = 0;
  // Bounds of `timestamp` in the chunk: may be wider than the rows, never narrower.
  virtual TimeRange ChunkTimes(std::size_t chunk) const = 0;
  // The same by block: element i is of the rows from i * kBlockRows on, and there is one for each
  // row of the chunk. Empty: nothing is known by block.
  virtual std::span<const BlockTimes> ChunkBlocks(std::size_t /*chunk*/) const { return {}; }
  // The same of `log_offset`.
  virtual OffsetRange ChunkOffsets(std::size_t /*chunk*/) const { return {}; }
  // Where a source knows its rows by their time: appends those of the chunks from `chunk` on whose
  // `timestamp` lies in `range`, in order. The first chunk that was not looked at; `chunk` itself:
  // its rows are not known so, or they are too many to be told one by one.
  virtual std::size_t FindRows(std::size_t chunk, const TimeRange& /*range*/,
                               std::vector<TimedRow>* /*found*/) const {
    return chunk;
  }
  // `column` is a place in schema().columns.
  virtual ColumnView Read(std::size_t chunk, std::size_t column, ColumnScratch* scratch) const = 0;
  virtual std::uint64_t row_count() const = 0;
  // Lives as long as the source.
  virtual const TableSchema& schema() const = 0;

  // A column of the events table, whose sources have them at these places.
  ColumnView Read(std::size_t chunk, Column column, ColumnScratch* scratch) const {
    return Read(chunk, Index(column), scratch);
  }
};

// Rows of another source of which a derived class reads columns in its own way, or has more.
class WrappedRows : public RowSource {
 public:
  std::size_t chunk_count() const override { return rows_->chunk_count(); }
  std::size_t ChunkRows(std::size_t chunk) const override { return rows_->ChunkRows(chunk); }
  TimeRange ChunkTimes(std::size_t chunk) const override { return rows_->ChunkTimes(chunk); }
  std::span<const BlockTimes> ChunkBlocks(std::size_t chunk) const override {
    return rows_->ChunkBlocks(chunk);
  }
  OffsetRange ChunkOffsets(std::size_t chunk) const override { return rows_->ChunkOffsets(chunk); }
  std::size_t FindRows(std::size_t chunk, const TimeRange& range,
                       std::vector<TimedRow>* found) const override {
    return rows_->FindRows(chunk, range, found);
  }
  std::uint64_t row_count() const override { return rows_->row_count(); }
  const TableSchema& schema() const override { return rows_->schema(); }

 protected:
  explicit WrappedRows(std::shared_ptr<const RowSource> rows) : rows_(std::move(rows)) {}
  const RowSource& rows() const { return *rows_; }

 private:
  const std::shared_ptr<const RowSource> rows_;
};

}  // namespace tidemark::event
