// The hot rows of one project that may be read: an immutable list of segments. Publishing or
// releasing rows makes a new list; whoever holds an old one, or a view of it, still reads the same.
//
// Ownership: a list and a view share the segments they name; a segment's memory goes, and leaves
// the budget, with its last holder. Immutable: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/ids.h"
#include "event/row_source.h"

namespace tidemark::hot {

struct PublishedSegment;  // hot/segment.h: a segment with the end up to which it may be read.

// From this offset on rows have the columns of the promotion, and of those before it.
struct PromotedFrom {
  std::uint32_t number = 0;
  LogOffset from;
};

class SegmentList {
 public:
  using Segments = std::vector<std::shared_ptr<const PublishedSegment>>;

  // `end` is at or past the last segment's.
  explicit SegmentList(Segments segments = {}, LogOffset end = LogOffset(0),
                       std::shared_ptr<const event::TableSchema> schema = event::EventsSchema(),
                       std::vector<PromotedFrom> promoted = {});

  // Offset after the last row that may be read; the end given at the last publication even if all
  // rows are released.
  LogOffset end() const { return end_; }
  // Offset of the first row that is held; end() if there is none.
  LogOffset begin() const { return begin_; }
  std::uint64_t row_count() const { return row_count_; }
  // Memory of the listed segments, unpublished rows included.
  std::uint64_t bytes() const;
  const Segments& segments() const { return segments_; }
  // The columns of its rows.
  const std::shared_ptr<const event::TableSchema>& schema() const { return schema_; }

  // The first of its rows that has the columns of a promotion, as its log record says; an offset
  // that no row has if there is none.
  LogOffset FirstWith(std::uint32_t promotion) const;

  // The rows with begin <= log_offset < end, in offset order, without a copy; they hold the memory
  // they need. Rows that the list does not have are not there: the caller's cut says which it
  // needs.
  std::shared_ptr<const event::RowSource> View(LogOffset begin, LogOffset end) const;

 private:
  std::shared_ptr<const event::TableSchema> schema_;
  Segments segments_;
  LogOffset begin_;
  LogOffset end_;
  std::uint64_t row_count_ = 0;
  std::vector<PromotedFrom> promoted_;  // Both members rise.
};

}  // namespace tidemark::hot
