#include "hot/rows_by_time.h"

#include <algorithm>

namespace tidemark::hot {
namespace {

struct TimedRow {
  std::int64_t time;
  std::uint32_t row;
};

}  // namespace

std::unique_ptr<const RowsByTime> RowsByTime::Make(std::span<const std::int64_t* const> times,
                                                   std::uint32_t rows, MemoryBudget* budget) {
  const std::uint64_t making = rows * sizeof(TimedRow);
  const std::uint64_t all = making + rows * kBytesARow;
  if (budget->used_bytes() + all > budget->bytes_max() / 2) return nullptr;
  if (!budget->TryReserve(all)) return nullptr;
  std::unique_ptr<const RowsByTime> made(new RowsByTime(times, rows, budget));
  budget->Release(making);
  return made;
}

RowsByTime::RowsByTime(std::span<const std::int64_t* const> times, std::uint32_t rows,
                       MemoryBudget* budget)
    : budget_(budget) {
  std::vector<TimedRow> timed;
  timed.reserve(rows);
  for (std::uint32_t row = 0; row < rows; ++row) {
    timed.push_back({times[row / event::kChunkRows][row % event::kChunkRows], row});
  }
  std::ranges::sort(timed, {}, &TimedRow::time);
  times_.reserve(rows);
  rows_.reserve(rows);
  for (const TimedRow& one : timed) {
    times_.push_back(one.time);
    rows_.push_back(one.row);
  }
}

RowsByTime::~RowsByTime() { budget_->Release(rows_.size() * kBytesARow); }

RowsByTime::Found RowsByTime::In(const event::TimeRange& range) const {
  const auto first = std::ranges::lower_bound(times_, range.min.value);
  const auto last = std::ranges::upper_bound(first, times_.end(), range.max.value);
  const auto begin = static_cast<std::size_t>(first - times_.begin());
  const auto count = static_cast<std::size_t>(last - first);
  return {std::span(times_).subspan(begin, count), std::span(rows_).subspan(begin, count)};
}

}  // namespace tidemark::hot
