#include "hot/segment_list.h"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "hot/segment.h"

namespace tidemark::hot {
namespace {

using event::kChunkRows;

class View final : public event::RowSource {
 public:
  View(std::shared_ptr<const event::TableSchema> schema, const SegmentList::Segments& segments,
       LogOffset begin, LogOffset end)
      : schema_(std::move(schema)) {
    for (const auto& published : segments) {
      const LogOffset first = std::max(begin, published->begin());
      const LogOffset last = std::min(end, published->end());
      if (first >= last) continue;
      segments_.push_back(published);
      // A segment that another follows is not written any more.
      const bool closed = published != segments.back();
      AddPieces(*published, closed, static_cast<std::uint32_t>(first - published->begin()),
                static_cast<std::uint32_t>(last - published->begin()));
    }
  }

  std::size_t chunk_count() const override { return pieces_.size(); }
  std::size_t ChunkRows(std::size_t chunk) const override { return pieces_[chunk].slice.rows; }
  event::TimeRange ChunkTimes(std::size_t chunk) const override {
    const Piece& piece = pieces_[chunk];
    return piece.segment->segment->ChunkTimes(piece.slice.chunk);
  }
  std::span<const event::BlockTimes> ChunkBlocks(std::size_t chunk) const override {
    const Piece& piece = pieces_[chunk];
    // Rows that begin inside a chunk are in other blocks of the view.
    if (piece.slice.first != 0) return {};
    return piece.segment->segment->ChunkBlocks(piece.slice.chunk);
  }
  event::OffsetRange ChunkOffsets(std::size_t chunk) const override {
    const Piece& piece = pieces_[chunk];
    const LogOffset first = piece.segment->begin() +
                            static_cast<std::int64_t>(piece.slice.chunk * kChunkRows) +
                            static_cast<std::int64_t>(piece.slice.first);
    return {first, first + (static_cast<std::int64_t>(piece.slice.rows) - 1)};
  }
  std::size_t FindRows(std::size_t chunk, const event::TimeRange& range,
                       std::vector<event::TimedRow>* found) const override {
    const Piece& piece = pieces_[chunk];
    if (piece.pieces_of_closed == 0) return chunk;
    const PublishedSegment& segment = *piece.segment;
    const auto in_range = segment.segment->RowsIn(range, segment.rows);
    if (!in_range) return chunk;
    const std::size_t next = chunk + piece.pieces_of_closed;
    Put(*in_range, chunk, next, found);
    return next;
  }
  event::ColumnView Read(std::size_t chunk, std::size_t column,
                         event::ColumnScratch* scratch) const override {
    const Piece& piece = pieces_[chunk];
    return piece.segment->segment->Read(*piece.segment, piece.slice, column, scratch);
  }
  std::uint64_t row_count() const override { return row_count_; }
  const event::TableSchema& schema() const override { return *schema_; }

 private:
  struct Piece {
    const PublishedSegment* segment;
    Segment::Slice slice;
    std::uint32_t pieces_of_closed = 0;  // Of a closed segment's first: how many they are.
  };

  static std::uint32_t RowOf(const Segment::Slice& slice) {
    return slice.chunk * static_cast<std::uint32_t>(kChunkRows) + slice.first;
  }

  // Puts those of a segment's rows that lie in its pieces `chunk` to `next` - 1 behind `found`, in
  // order: they are counted by chunk first, which costs less than to compare them.
  void Put(const RowsByTime::Found& rows, std::size_t chunk, std::size_t next,
           std::vector<event::TimedRow>* found) const {
    const std::uint32_t begin = RowOf(pieces_[chunk].slice);
    const std::uint32_t end = RowOf(pieces_[next - 1].slice) + pieces_[next - 1].slice.rows;
    const auto is_there = [&](std::uint32_t row) { return row >= begin && row < end; };
    const std::uint32_t first_chunk = pieces_[chunk].slice.chunk;
    std::vector<std::size_t> places(next - chunk + 1, 0);
    for (const std::uint32_t row : rows.rows) {
      if (is_there(row)) ++places[row / kChunkRows - first_chunk + 1];
    }
    places[0] = found->size();
    for (std::size_t i = 1; i < places.size(); ++i) places[i] += places[i - 1];
    found->resize(places.back());
    std::vector<std::size_t> at(places.begin(), places.end() - 1);
    for (std::size_t i = 0; i < rows.rows.size(); ++i) {
      const std::uint32_t row = rows.rows[i];
      if (!is_there(row)) continue;
      const std::size_t piece = row / kChunkRows - first_chunk;
      const std::uint32_t in_piece = row - RowOf(pieces_[chunk + piece].slice);
      (*found)[at[piece]++] = {{static_cast<std::uint32_t>(chunk + piece), in_piece},
                               TimeMicros(rows.times[i])};
    }
    for (std::size_t i = 1; i < places.size(); ++i) {
      std::ranges::sort(found->begin() + static_cast<std::ptrdiff_t>(places[i - 1]),
                        found->begin() + static_cast<std::ptrdiff_t>(places[i]), {},
                        [](const event::TimedRow& row) { return row.at.row; });
    }
  }

  void AddPieces(const PublishedSegment& segment, bool closed, std::uint32_t row,
                 std::uint32_t end) {
    row_count_ += end - row;
    const std::size_t first_piece = pieces_.size();
    while (row < end) {
      const std::uint32_t first = row % kChunkRows;
      const auto rows = std::min(end - row, static_cast<std::uint32_t>(kChunkRows) - first);
      pieces_.push_back({&segment, {static_cast<std::uint32_t>(row / kChunkRows), first, rows}});
      row += rows;
    }
    if (closed) {
      pieces_[first_piece].pieces_of_closed =
          static_cast<std::uint32_t>(pieces_.size() - first_piece);
    }
  }

  const std::shared_ptr<const event::TableSchema> schema_;
  SegmentList::Segments segments_;
  std::vector<Piece> pieces_;
  std::uint64_t row_count_ = 0;
};

}  // namespace

SegmentList::SegmentList(Segments segments, LogOffset end,
                         std::shared_ptr<const event::TableSchema> schema,
                         std::vector<PromotedFrom> promoted)
    : schema_(std::move(schema)),
      segments_(std::move(segments)),
      begin_(segments_.empty() ? end : segments_.front()->begin()),
      end_(end),
      promoted_(std::move(promoted)) {
  for (const auto& segment : segments_) row_count_ += segment->rows;
}

std::uint64_t SegmentList::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& segment : segments_) sum += segment->segment->bytes();
  return sum;
}

LogOffset SegmentList::FirstWith(std::uint32_t promotion) const {
  for (const PromotedFrom& one : promoted_) {
    if (one.number >= promotion) return one.from;
  }
  return LogOffset(std::numeric_limits<std::int64_t>::max());
}

std::shared_ptr<const event::RowSource> SegmentList::View(LogOffset begin, LogOffset end) const {
  return std::make_shared<const hot::View>(schema_, segments_, begin, end);
}

}  // namespace tidemark::hot
