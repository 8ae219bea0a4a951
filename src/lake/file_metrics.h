// What a data file's manifest entry says of its columns, and the order-free hash of its rows,
// computed by us in one pass over the rows (never taken from the file: engines get bounds wrong).
//
// The row hash: XXH3-128 over, for every non-null column in field-id order, its field id (one
// byte) and its value, promoted columns and learned copies left out: integers, booleans and times
// as 64 bit, doubles as their 64 bits, strings as a 32-bit length and their bytes, all
// little-endian; summed modulo 2^128. The same rows have the same hash in hot memory, in any file
// and in any order.
//
// MetricsCollector, MeasuredRows: one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"
#include "event/row_source.h"
#include "event/schema.h"

namespace tidemark::lake {

struct ColumnMetrics {
  std::uint64_t values = 0;  // Nulls included.
  std::uint64_t nulls = 0;
  std::uint64_t nans = 0;  // Doubles only.
  // Serialised as Iceberg's single-value binary form; strings cut to 16 code points. Nothing: no
  // bound is known (all null, only NaN, no finite upper bound, or a column that has none).
  std::optional<std::string> lower;
  std::optional<std::string> upper;
};

struct FileMetrics {
  std::uint64_t rows = 0;
  Hash128 rows_hash;
  std::vector<ColumnMetrics> columns;  // As in the rows' schema.

  // Exact, from the columns above. Nothing if there is no row (or no offset).
  std::optional<TimeMicros> time_min, time_max;        // timestamp
  std::optional<LogOffset> offset_first, offset_last;  // log_offset, both inclusive
};

class MetricsCollector {
 public:
  // `schema`, that of all rows, must outlive the collector.
  explicit MetricsCollector(const event::TableSchema& schema);
  MetricsCollector(const MetricsCollector&) = delete;
  MetricsCollector& operator=(const MetricsCollector&) = delete;
  ~MetricsCollector();

  // Adds every row of `rows`.
  void Add(const event::RowSource& rows);
  // Adds the rows of one chunk. Its columns, read once; good until the next call.
  const std::vector<event::ColumnView>& AddChunk(const event::RowSource& rows, std::size_t chunk);
  // Of all that was added since the last call; the collector begins anew.
  FileMetrics Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

FileMetrics MeasureRows(const event::RowSource& rows);

// Rows that are measured while somebody else reads them: a chunk is put together once for both.
// Cheap if it is read chunk by chunk; any other order is right too.
class MeasuredRows final : public event::WrappedRows {
 public:
  // Both must outlive it.
  MeasuredRows(const event::RowSource* rows, MetricsCollector* collector)
      : WrappedRows({std::shared_ptr<void>(), rows}), collector_(collector) {}

  event::ColumnView Read(std::size_t chunk, std::size_t column,
                         event::ColumnScratch* scratch) const override;

  // Measures what nobody has read, and ends.
  FileMetrics Finish();

 private:
  MetricsCollector* const collector_;
  mutable std::size_t measured_ = 0;                              // Chunks.
  mutable const std::vector<event::ColumnView>* last_ = nullptr;  // Of the last one measured.
};

}  // namespace tidemark::lake
