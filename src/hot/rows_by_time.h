// The rows of a closed segment in the order of their times, for questions about few of them: where
// events come in no order of time, nearly every block of rows has some of any hour.
//
// Immutable; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/memory_budget.h"
#include "event/row_source.h"

namespace tidemark::hot {

class RowsByTime {
 public:
  // What it takes of the budget while it lives. Its making takes 16 bytes a row more.
  static constexpr std::uint64_t kBytesARow = sizeof(std::int64_t) + sizeof(std::uint32_t);

  // `times`: of each chunk, the first of its rows' times, in microseconds; all chunks but the last
  // have event::kChunkRows rows, `rows` in all. Null: with it more than half of `budget` would be
  // used, which is for events.
  static std::unique_ptr<const RowsByTime> Make(std::span<const std::int64_t* const> times,
                                                std::uint32_t rows, MemoryBudget* budget);
  RowsByTime(const RowsByTime&) = delete;
  RowsByTime& operator=(const RowsByTime&) = delete;
  ~RowsByTime();

  struct Found {  // Both in the order of times.
    std::span<const std::int64_t> times;
    std::span<const std::uint32_t> rows;  // In the segment.
  };
  // Those whose time lies in `range`; good as long as this.
  Found In(const event::TimeRange& range) const;

 private:
  RowsByTime(std::span<const std::int64_t* const> times, std::uint32_t rows, MemoryBudget* budget);

  MemoryBudget* const budget_;
  std::vector<std::int64_t> times_;
  std::vector<std::uint32_t> rows_;
};

}  // namespace tidemark::hot
