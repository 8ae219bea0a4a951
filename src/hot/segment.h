// The memory of some thousand hot rows, by column: written by one thread while others read what is
// published of it. Nothing that is below a published end ever changes or moves.
//
// A segment is chunks of event::kChunkRows rows, or one of fewer if it may not have as many. A
// column takes memory in a chunk when it has its first value there, zeroed: rows without a value
// need no write. Text is either codes of the segment's dictionary of that column (code 0 is null),
// or references, for columns whose values seldom repeat or whose dictionary is full. Bytes of text
// lie in the segment's arena.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/memory_budget.h"
#include "event/batch.h"
#include "event/row_source.h"
#include "hot/dictionary.h"
#include "hot/rows_by_time.h"
#include "hot/segment_memory.h"

namespace tidemark::hot {

class Segment;

struct PublishedDictionary {
  const event::StringRef* entries = nullptr;
  std::uint32_t size = 0;  // Null's entry 0 included; 0 if the column has no dictionary yet.
};

// A segment as one publication left it. Immutable.
struct PublishedSegment {
  std::shared_ptr<const Segment> segment;
  std::uint32_t rows = 0;
  std::array<PublishedDictionary, event::kFixedColumnsMax> dictionaries;

  LogOffset begin() const;
  LogOffset end() const;
};

// The columns of a table by how a segment keeps them, a bit each.
struct ColumnSets {
  explicit ColumnSets(const event::TableSchema& schema);

  std::uint32_t texts = 0;       // Come from the event.
  std::uint32_t dictionary = 0;  // Of those: as codes, as long as the dictionary has room.
  std::uint32_t every_row = 0;   // 64-bit values that no row lacks.
};

class Segment {
 public:
  Segment(std::shared_ptr<const event::TableSchema> schema, std::string project,
          LogOffset first_offset, std::uint32_t rows_max, MemoryBudget* budget);
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;
  ~Segment();

  // The writer's side.
  // As many of `events` as its chunk has room for, at least one: their number.
  std::size_t Append(std::span<const event::EventView> events, TimeMicros received_at);
  std::uint32_t rows() const { return rows_; }
  bool full() const { return rows_ == rows_max_; }
  bool at_chunk_start() const { return rows_ % event::kChunkRows == 0; }
  LogOffset end() const { return first_offset_ + rows_; }
  static std::shared_ptr<const PublishedSegment> Publish(const std::shared_ptr<Segment>& segment);

  // Any thread.
  LogOffset begin() const { return first_offset_; }
  std::uint64_t bytes() const { return memory_.bytes(); }

  struct Slice {  // Rows of one chunk.
    std::uint32_t chunk = 0;
    std::uint32_t first = 0;  // Row in the chunk.
    std::uint32_t rows = 0;
  };
  event::ColumnView Read(const PublishedSegment& published, Slice slice, std::size_t column,
                         event::ColumnScratch* scratch) const;
  event::TimeRange ChunkTimes(std::uint32_t chunk) const;
  // Of a whole chunk's rows.
  std::span<const event::BlockTimes> ChunkBlocks(std::uint32_t chunk) const {
    return chunks_[chunk]->blocks;
  }
  // For a closed segment only, one that gets no row beyond the published `rows`. Its rows whose
  // times lie in `range`; nothing: not known, or so many that it is better read chunk by chunk. The
  // order is kept from the second time on that it would have helped, if the budget has room for it.
  std::optional<RowsByTime::Found> RowsIn(const event::TimeRange& range, std::uint32_t rows) const;

 private:
  struct Chunk {
    // Columns that are codes in this chunk; set at its start. Beside what is read with it.
    std::uint32_t dictionary_bits = 0;
    // Null: no row has a value yet. Published with release when the memory is zeroed.
    std::array<std::atomic<std::byte*>, event::kFixedColumnsMax> columns{};
    std::array<event::BlockTimes, event::kChunkRows / event::kBlockRows> blocks{};
  };

  void StartChunk();
  std::byte* StartColumn(std::size_t index);
  void AppendRow(const event::EventView& event, TimeMicros received_at, std::uint32_t row);
  void AppendCodes(std::span<const event::EventView> events, std::size_t index, std::uint32_t row);
  void AppendText(const event::EventView& event, std::uint32_t bits, std::uint32_t row);
  void WidenTimes(std::int64_t time);
  bool FewAreIn(const event::TimeRange& range, std::uint32_t rows) const;
  const RowsByTime* ByTime(std::uint32_t rows) const;

  const std::shared_ptr<const event::TableSchema> schema_;
  const ColumnSets sets_;
  const std::string project_;
  const LogOffset first_offset_;
  const std::uint32_t rows_max_;
  const std::size_t chunk_rows_max_;
  SegmentMemory memory_;
  // Fixed places: readers look at those below their published end only.
  std::unique_ptr<std::unique_ptr<Chunk>[]> chunks_;
  // Bounds of the chunks' times. They lie together, for every statement looks at all of them.
  std::unique_ptr<event::BlockTimes[]> chunk_times_;

  // Readers': made by the one of them whose turn it is.
  mutable std::atomic<std::uint32_t> asked_by_time_{0};
  mutable std::atomic<const RowsByTime*> by_time_{nullptr};
  mutable std::unique_ptr<const RowsByTime> by_time_owner_;

  // The writer's own.
  std::uint32_t rows_ = 0;
  Chunk* chunk_ = nullptr;
  std::array<std::byte*, event::kFixedColumnsMax> now_{};  // chunk_->columns, without the atomics.
  std::array<std::unique_ptr<Dictionary>, event::kFixedColumnsMax> dictionaries_;
  std::uint32_t overflowed_ = 0;  // Columns whose dictionary is full.
};

}  // namespace tidemark::hot
