#include "tide/flush_plan.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "hot/selection.h"

namespace tidemark::tide {
namespace {

// A row's place in its file: the type's rank above, the time within the partition below.
constexpr unsigned kTimeBits = 42;  // A month has 2.7e12 microseconds.
constexpr std::uint64_t kRankMax = (1ULL << (64 - kTimeBits)) - 1;

struct SortRow {
  std::uint64_t key = 0;
  event::RowRef row;
};

struct Part {
  lake::TimeBounds bounds;
  std::vector<SortRow> rows;
};

// Numbers event types in the order they are met.
class TypeNumbers {
 public:
  std::uint32_t Of(std::string_view type) {
    const auto [place, added] = numbers_.try_emplace(type, numbers_.size());
    return place->second;
  }
  // Rank of each number in the order of the types' bytes.
  std::vector<std::uint64_t> Ranks() const {
    std::vector<std::pair<std::string_view, std::uint32_t>> sorted(numbers_.begin(),
                                                                   numbers_.end());
    std::sort(sorted.begin(), sorted.end());
    std::vector<std::uint64_t> ranks(sorted.size());
    for (std::size_t i = 0; i < sorted.size(); ++i) ranks[sorted[i].second] = i;
    return ranks;
  }

 private:
  std::unordered_map<std::string_view, std::uint32_t> numbers_;
};

// The event type of each row of a chunk, by number.
void NumberTypes(const event::RowSource& source, std::size_t chunk, event::ColumnScratch* scratch,
                 TypeNumbers* numbers, std::vector<std::uint32_t>* types) {
  constexpr std::uint32_t kUnknown = ~0U;
  const std::size_t rows = source.ChunkRows(chunk);
  const event::ColumnView view = source.Read(chunk, source.schema().event_type, scratch);
  types->resize(rows);
  switch (view.kind) {
    case event::ColumnView::Kind::kStrings:
      for (std::size_t i = 0; i < rows; ++i) (*types)[i] = numbers->Of(view.strings[i].view());
      return;
    case event::ColumnView::Kind::kConstant:
      std::fill(types->begin(), types->end(), numbers->Of(view.constant_text.view()));
      return;
    case event::ColumnView::Kind::kDictionary: {
      std::vector<std::uint32_t> by_code(view.dictionary_size, kUnknown);
      for (std::size_t i = 0; i < rows; ++i) {
        std::uint32_t& number = by_code[view.codes[i]];
        if (number == kUnknown) number = numbers->Of(view.dictionary[view.codes[i]].view());
        (*types)[i] = number;
      }
      return;
    }
    case event::ColumnView::Kind::kNull:
    case event::ColumnView::Kind::kFixed:
      TM_CHECK(false && "event_type is required text");
  }
}

}  // namespace

std::optional<std::vector<PartitionRows>> PlanFlush(
    const std::shared_ptr<const event::RowSource>& source, TimeMicros now, std::size_t files_max) {
  std::map<lake::Partition, Part> parts;
  TypeNumbers numbers;
  std::vector<std::uint32_t> types;
  event::ColumnScratch type_scratch;
  event::ColumnScratch time_scratch;
  Part* part = nullptr;
  for (std::size_t chunk = 0; chunk < source->chunk_count(); ++chunk) {
    NumberTypes(*source, chunk, &type_scratch, &numbers, &types);
    const event::ColumnView times = source->Read(chunk, source->schema().timestamp, &time_scratch);
    TM_CHECK(times.kind == event::ColumnView::Kind::kFixed);
    const auto* micros = static_cast<const std::int64_t*>(times.fixed);
    for (std::size_t i = 0; i < types.size(); ++i) {
      const TimeMicros time(micros[i]);
      if (part == nullptr || time < part->bounds.first || time > part->bounds.last) {
        const lake::Partition partition = lake::PartitionFor(time, now);
        const auto [place, added] = parts.try_emplace(partition);
        if (added && parts.size() > files_max) return std::nullopt;
        part = &place->second;
        if (added) part->bounds = lake::BoundsOf(partition);
      }
      part->rows.push_back({static_cast<std::uint64_t>(time - part->bounds.first) |
                                std::uint64_t{types[i]} << kTimeBits,
                            {static_cast<std::uint32_t>(chunk), static_cast<std::uint32_t>(i)}});
    }
  }
  const std::vector<std::uint64_t> ranks = numbers.Ranks();
  // More types than ranks: the rows are still all there, only not in order.
  const bool sortable = ranks.size() <= kRankMax;
  std::vector<PartitionRows> plan;
  for (auto& [partition, rows] : parts) {
    if (sortable) {
      constexpr std::uint64_t kTimeMask = (1ULL << kTimeBits) - 1;
      for (SortRow& row : rows.rows) {
        row.key = (row.key & kTimeMask) | ranks[row.key >> kTimeBits] << kTimeBits;
      }
      std::stable_sort(rows.rows.begin(), rows.rows.end(),
                       [](const SortRow& a, const SortRow& b) { return a.key < b.key; });
    }
    std::vector<event::RowRef> refs;
    refs.reserve(rows.rows.size());
    for (const SortRow& row : rows.rows) refs.push_back(row.row);
    plan.push_back({partition, hot::Select(source, std::move(refs)), sortable});
    std::vector<SortRow>().swap(rows.rows);
  }
  return plan;
}

}  // namespace tidemark::tide
