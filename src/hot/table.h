// The hot rows of one project: appended by column in log order, published after they are durable,
// released after they are settled.
//
// Order of calls: Append (rows are invisible), then Publish, or Rollback if the log's sync failed.
// Append, Publish, Rollback and Release are for one thread at a time (the log's writer); Segments()
// and whatever it leads to are for any thread, at any time.
//
// Memory: the door reserves ReserveEstimate() bytes from the budget before the log append, so that
// what was accepted always fits; Append replaces the estimate by what was used, to the byte. Memory
// is allocated by chunks of event::kChunkRows rows, so the budget may be passed by the unused part
// of one chunk and of the dictionaries (at most kOpenSlackBytesMax, commonly 0.3 MiB) for every
// table that is being written.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/memory_budget.h"
#include "base/published.h"
#include "base/result.h"
#include "event/batch.h"
#include "hot/segment_list.h"

namespace tidemark::hot {

class Segment;

struct TableOptions {
  // A segment is sealed when it has so many rows or bytes; it is released as a whole.
  std::uint32_t segment_rows_max = 128 * event::kChunkRows;
  std::uint64_t segment_bytes_max = 32ULL << 20;
  // Where an empty table's rows begin: what the lake has settled, at a start.
  LogOffset begin;
  std::shared_ptr<const event::TableSchema> schema = event::EventsSchema();
};

// Upper bound, over many batches, of the memory that a batch of `count` events in `payload_bytes`
// encoded bytes takes.
std::uint64_t ReserveEstimate(std::uint64_t payload_bytes, std::uint32_t count);

inline constexpr std::uint64_t kOpenSlackBytesMax = 8ULL << 20;

class Table {
 public:
  // `budget` must outlive the table and every view of it.
  Table(std::string project, TableOptions options, MemoryBudget* budget);
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  ~Table();

  // Adds the events of `batch`; event i has log_offset `first_offset` + i. Invisible until
  // Publish. Gives `reserved_bytes` (what the door reserved for it) back to the budget, always.
  //
  // Errors: kCorruption if the batch does not decode, names another project, or a promotion before
  // that of an earlier batch; kInvalidArgument if
  // the offset is below one already appended. Rows of a failed batch are not kept, and what was
  // appended before it and not published goes with it: the caller rolls the group back.
  Status Append(event::BatchReader& batch, LogOffset first_offset, std::uint64_t reserved_bytes);

  // Makes all appended rows visible: one store. Returns the new list, whose end is past them.
  std::shared_ptr<const SegmentList> Publish();

  // Drops what was appended since the last Publish. The offsets may be used again.
  void Rollback();

  // Drops the segments whose rows are all below `settled`. Their memory goes with its last view.
  // Only published rows are dropped.
  std::shared_ptr<const SegmentList> Release(LogOffset settled);

  // The published list. Any thread.
  std::shared_ptr<const SegmentList> Segments() const { return published_.Load(); }

  const std::string& project() const { return project_; }
  // Offset after the last appended row, published or not.
  LogOffset appended_end() const { return appended_end_; }

 private:
  Status AppendRows(event::BatchReader& batch, LogOffset first_offset);
  void OpenSegment(LogOffset offset);
  void Roll();
  std::shared_ptr<const SegmentList> MakeList(SegmentList::Segments segments, LogOffset end);

  const std::string project_;
  const TableOptions options_;
  MemoryBudget* const budget_;
  Published<SegmentList> published_;
  std::vector<std::shared_ptr<Segment>> unpublished_;  // Sealed since the last Publish.
  std::shared_ptr<Segment> open_;                      // Null until the next row wants one.
  LogOffset appended_end_;
  std::vector<event::EventView> decoded_;  // Of a batch, some at a time; room for its largest yet.
  std::vector<PromotedFrom> promoted_;  // Of the rows there are; the first may begin before them.
};

}  // namespace tidemark::hot
