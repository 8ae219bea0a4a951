#include "hot/segment.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace tidemark::hot {

using event::ColumnScratch;
using event::ColumnView;
using event::kChunkRows;
using event::kFixedColumnsMax;
using event::StringRef;
using event::Type;

namespace {

constexpr std::size_t kValidityBytes = kChunkRows / 8;

// The order of a segment's times is for questions that would have to look for few of its rows, one
// in so many, in so many chunks at least; and that were asked so often before.
constexpr std::uint32_t kFewShare = 8;
constexpr std::size_t kSplitChunksMin = 8;
constexpr std::uint32_t kAskedBefore = 1;

// Every row of log_partition: the embedded log has one partition.
constexpr std::array<std::int32_t, kChunkRows> kZeros{};

std::size_t ChunksOf(std::uint32_t rows) { return (rows + kChunkRows - 1) / kChunkRows; }

// Whether the bounds were too narrow for it.
bool Widen(event::BlockTimes* times, std::int64_t time) {
  const bool first = time < times->min.load(std::memory_order_relaxed);
  const bool last = time > times->max.load(std::memory_order_relaxed);
  if (first) times->min.store(time, std::memory_order_relaxed);
  if (last) times->max.store(time, std::memory_order_relaxed);
  return first || last;
}

std::uint64_t* Validity(std::byte* data) { return reinterpret_cast<std::uint64_t*>(data); }

void SetValid(std::byte* data, std::uint32_t row) {
  // A reader of earlier rows may load the same word.
  std::uint64_t* word = Validity(data) + row / 64;
  __atomic_store_n(word, *word | 1ULL << (row % 64), __ATOMIC_RELAXED);
}

// Validity of `rows` rows from `first`, with bit 0 for the first.
void CopyValidity(const std::byte* data, std::uint32_t first, std::uint32_t rows,
                  std::uint64_t* out) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(data);
  const std::uint32_t shift = first % 64;
  const std::uint32_t last_word = (first + rows - 1) / 64;
  for (std::uint32_t i = 0; i < (rows + 63) / 64; ++i) {
    const std::uint32_t at = first / 64 + i;
    std::uint64_t word = __atomic_load_n(words + at, __ATOMIC_RELAXED) >> shift;
    if (shift != 0 && at + 1 <= last_word) {
      word |= __atomic_load_n(words + at + 1, __ATOMIC_RELAXED) << (64 - shift);
    }
    out[i] = word;
  }
}

}  // namespace

LogOffset PublishedSegment::begin() const { return segment->begin(); }
LogOffset PublishedSegment::end() const { return segment->begin() + rows; }

ColumnSets::ColumnSets(const event::TableSchema& schema)
    : every_row(1U << schema.timestamp | 1U << schema.received_at | 1U << schema.log_offset) {
  for (std::size_t i = 0; i < schema.fixed_count; ++i) {
    const event::TableColumn& column = schema.columns[i];
    if (column.type != Type::kString || i == schema.project_id) continue;
    texts |= 1U << i;
    // Values of the others seldom repeat within a segment: a dictionary would only cost.
    if (column.texts == event::Texts::kFew) dictionary |= 1U << i;
  }
}

Segment::Segment(std::shared_ptr<const event::TableSchema> schema, std::string project,
                 LogOffset first_offset, std::uint32_t rows_max, MemoryBudget* budget)
    : schema_(std::move(schema)),
      sets_(*schema_),
      project_(std::move(project)),
      first_offset_(first_offset),
      rows_max_(rows_max),
      chunk_rows_max_(std::min<std::size_t>(rows_max, kChunkRows)),
      memory_(budget),
      chunks_(std::make_unique<std::unique_ptr<Chunk>[]>(ChunksOf(rows_max))),
      chunk_times_(std::make_unique<event::BlockTimes[]>(ChunksOf(rows_max))) {
  memory_.Count(sizeof(Segment) + project_.size() +
                ChunksOf(rows_max) * (sizeof(std::unique_ptr<Chunk>) + sizeof(event::BlockTimes)));
}

Segment::~Segment() = default;

void Segment::StartChunk() {
  auto chunk = std::make_unique<Chunk>();
  memory_.Count(sizeof(Chunk));
  for (std::uint32_t bits = sets_.dictionary & ~overflowed_; bits != 0; bits &= bits - 1) {
    const auto index = static_cast<std::size_t>(std::countr_zero(bits));
    // Every row of the chunk may bring a new value.
    if (dictionaries_[index] != nullptr && dictionaries_[index]->room() < kChunkRows) {
      overflowed_ |= 1U << index;
    }
  }
  chunk->dictionary_bits = sets_.dictionary & ~overflowed_;
  now_.fill(nullptr);
  chunk_ = chunk.get();
  chunks_[rows_ / kChunkRows] = std::move(chunk);
  for (std::uint32_t bits = sets_.every_row; bits != 0; bits &= bits - 1) {
    StartColumn(static_cast<std::size_t>(std::countr_zero(bits)));
  }
}

std::byte* Segment::StartColumn(std::size_t index) {
  const std::uint32_t bit = 1U << index;
  std::size_t bytes = kValidityBytes + chunk_rows_max_ * sizeof(StringRef);
  if ((bit & sets_.every_row) != 0) {
    bytes = chunk_rows_max_ * sizeof(std::int64_t);
  } else if (index == schema_->value) {
    bytes = kValidityBytes + chunk_rows_max_ * sizeof(double);
  } else if ((bit & chunk_->dictionary_bits) != 0) {
    bytes = chunk_rows_max_ * sizeof(std::uint32_t);
    if (dictionaries_[index] == nullptr) {
      dictionaries_[index] = std::make_unique<Dictionary>(&memory_);
    }
  }
  std::byte* data = memory_.Allocate(bytes, /*zeroed=*/true);
  now_[index] = data;
  chunk_->columns[index].store(data, std::memory_order_release);
  return data;
}

std::size_t Segment::Append(std::span<const event::EventView> events, TimeMicros received_at) {
  TM_CHECK_LT(rows_, rows_max_);
  const std::uint32_t row = rows_ % kChunkRows;
  if (row == 0) StartChunk();
  events = events.first(std::min<std::size_t>(
      {events.size(), Dictionary::kTogetherMax, kChunkRows - row, rows_max_ - rows_}));
  std::uint32_t present = 0;
  for (const event::EventView& event : events) present |= event.present;
  for (std::uint32_t bits = present & chunk_->dictionary_bits; bits != 0; bits &= bits - 1) {
    AppendCodes(events, static_cast<std::size_t>(std::countr_zero(bits)), row);
  }
  for (std::size_t i = 0; i < events.size(); ++i) {
    AppendRow(events[i], received_at, row + static_cast<std::uint32_t>(i));
  }
  return events.size();
}

// A column of codes, from `row` on.
void Segment::AppendCodes(std::span<const event::EventView> events, std::size_t index,
                          std::uint32_t row) {
  std::byte* data = now_[index];
  if (data == nullptr) [[unlikely]]
    data = StartColumn(index);
  auto* const codes = reinterpret_cast<std::uint32_t*>(data) + row;
  Dictionary& dictionary = *dictionaries_[index];
  // One alone has nothing to be asked for together with.
  if (events.size() == 1 || !dictionary.is_large()) {
    for (std::size_t i = 0; i < events.size(); ++i) {
      if ((events[i].present >> index & 1) != 0) codes[i] = dictionary.Code(events[i].text[index]);
    }
    return;
  }
  std::array<std::string_view, Dictionary::kTogetherMax> texts;
  std::array<std::uint32_t, Dictionary::kTogetherMax> found;
  std::size_t count = 0;
  for (const event::EventView& event : events) {
    if ((event.present >> index & 1) != 0) texts[count++] = event.text[index];
  }
  dictionary.Codes(std::span(texts).first(count), found.data());
  count = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if ((events[i].present >> index & 1) != 0) codes[i] = found[count++];
  }
}

void Segment::AppendRow(const event::EventView& event, TimeMicros received_at, std::uint32_t row) {
  const auto put = [&](std::size_t column, std::int64_t value) {
    reinterpret_cast<std::int64_t*>(now_[column])[row] = value;
  };
  const std::int64_t time = event.timestamp.value;
  put(schema_->timestamp, time);
  put(schema_->received_at, received_at.value);
  put(schema_->log_offset, (first_offset_ + rows_).value);
  WidenTimes(time);
  if (schema_->value && event.Has(event::Column::kValue)) {
    std::byte* data = now_[*schema_->value];
    if (data == nullptr) data = StartColumn(*schema_->value);
    reinterpret_cast<double*>(data + kValidityBytes)[row] = event.value;
    SetValid(data, row);
  }
  AppendText(event, event.present & sets_.texts & ~chunk_->dictionary_bits, row);
  ++rows_;
}

void Segment::WidenTimes(std::int64_t time) {
  // What is outside the chunk's bounds is outside the block's, too.
  if (Widen(&chunk_->blocks[rows_ % kChunkRows / event::kBlockRows], time)) {
    Widen(&chunk_times_[rows_ / kChunkRows], time);
  }
}

// Columns that are no codes.
void Segment::AppendText(const event::EventView& event, std::uint32_t bits, std::uint32_t row) {
  for (; bits != 0; bits &= bits - 1) {
    const auto index = static_cast<std::size_t>(std::countr_zero(bits));
    std::byte* data = now_[index];
    if (data == nullptr) [[unlikely]]
      data = StartColumn(index);
    const std::string_view text = event.text[index];
    const std::string_view kept = text.size() > StringRef::kInlineMax
                                      ? std::string_view(memory_.Keep(text), text.size())
                                      : text;
    reinterpret_cast<StringRef*>(data + kValidityBytes)[row] = MakeRef(kept);
    SetValid(data, row);
  }
}

std::shared_ptr<const PublishedSegment> Segment::Publish(const std::shared_ptr<Segment>& segment) {
  auto published = std::make_shared<PublishedSegment>();
  published->segment = segment;
  published->rows = segment->rows_;
  for (std::size_t i = 0; i < kFixedColumnsMax; ++i) {
    const Dictionary* dictionary = segment->dictionaries_[i].get();
    if (dictionary == nullptr) continue;
    published->dictionaries[i] = {dictionary->entries(), dictionary->size()};
  }
  return published;
}

event::TimeRange Segment::ChunkTimes(std::uint32_t chunk) const {
  const event::BlockTimes& times = chunk_times_[chunk];
  return {TimeMicros(times.min.load(std::memory_order_relaxed)),
          TimeMicros(times.max.load(std::memory_order_relaxed))};
}

// Whether, as times are spread evenly, few rows of many chunks are in the range.
bool Segment::FewAreIn(const event::TimeRange& range, std::uint32_t rows) const {
  event::TimeRange all;
  std::size_t split = 0;  // Chunks with rows on both sides of an end of the range.
  for (std::uint32_t chunk = 0; chunk < ChunksOf(rows); ++chunk) {
    const event::TimeRange there = ChunkTimes(chunk);
    all.min = std::min(all.min, there.min);
    all.max = std::max(all.max, there.max);
    if (there.max < range.min || there.min > range.max) continue;
    if (there.min < range.min || there.max > range.max) ++split;
  }
  if (split < kSplitChunksMin) return false;
  const auto micros = [](TimeMicros from, TimeMicros to) {
    return static_cast<double>(to.value) - static_cast<double>(from.value) + 1;
  };
  const double wanted = micros(std::max(range.min, all.min), std::min(range.max, all.max));
  return wanted * kFewShare <= micros(all.min, all.max);
}

// Null until it has been asked for before.
const RowsByTime* Segment::ByTime(std::uint32_t rows) const {
  if (const RowsByTime* made = by_time_.load(std::memory_order_acquire)) return made;
  // Exactly one comes at its turn.
  if (asked_by_time_.fetch_add(1, std::memory_order_relaxed) != kAskedBefore) return nullptr;
  std::vector<const std::int64_t*> times;
  for (std::uint32_t chunk = 0; chunk < ChunksOf(rows); ++chunk) {
    const auto& column = chunks_[chunk]->columns[schema_->timestamp];
    times.push_back(reinterpret_cast<const std::int64_t*>(column.load(std::memory_order_acquire)));
  }
  auto made = RowsByTime::Make(times, rows, memory_.budget());
  if (made == nullptr) {
    asked_by_time_.store(0, std::memory_order_relaxed);  // There may be room another time.
    return nullptr;
  }
  by_time_owner_ = std::move(made);
  by_time_.store(by_time_owner_.get(), std::memory_order_release);
  return by_time_owner_.get();
}

std::optional<RowsByTime::Found> Segment::RowsIn(const event::TimeRange& range,
                                                 std::uint32_t rows) const {
  if (!FewAreIn(range, rows)) return std::nullopt;
  const RowsByTime* const by_time = ByTime(rows);
  if (by_time == nullptr) return std::nullopt;
  const auto found = by_time->In(range);
  if (found.rows.size() > rows / kFewShare) return std::nullopt;
  return found;
}

ColumnView Segment::Read(const PublishedSegment& published, Slice slice, std::size_t column,
                         ColumnScratch* scratch) const {
  ColumnView view;
  if (column == schema_->project_id) {
    view.kind = ColumnView::Kind::kConstant;
    view.constant_text = StringRef::Of(project_);
    return view;
  }
  if (column == schema_->log_partition) {
    view.kind = ColumnView::Kind::kFixed;
    view.fixed = kZeros.data();
    return view;
  }
  const Chunk& chunk = *chunks_[slice.chunk];
  const std::byte* data = chunk.columns[column].load(std::memory_order_acquire);
  if (data == nullptr) return view;
  const std::uint32_t bit = 1U << column;
  if ((bit & sets_.every_row) != 0) {
    view.kind = ColumnView::Kind::kFixed;
    view.fixed = reinterpret_cast<const std::int64_t*>(data) + slice.first;
    return view;
  }
  if ((bit & chunk.dictionary_bits) != 0) {
    const PublishedDictionary& dictionary = published.dictionaries[column];
    if (dictionary.size == 0) return view;  // Its first value is above the published end.
    view.kind = ColumnView::Kind::kDictionary;
    view.codes = reinterpret_cast<const std::uint32_t*>(data) + slice.first;
    view.dictionary = dictionary.entries;
    view.dictionary_size = dictionary.size;
    return view;
  }
  if (slice.first == 0 && slice.rows == kChunkRows) {
    view.validity = reinterpret_cast<const std::uint64_t*>(data);
  } else {
    CopyValidity(data, slice.first, slice.rows, scratch->validity.data());
    view.validity = scratch->validity.data();
  }
  if (column == schema_->value) {
    view.kind = ColumnView::Kind::kFixed;
    view.fixed = reinterpret_cast<const double*>(data + kValidityBytes) + slice.first;
  } else {
    view.kind = ColumnView::Kind::kStrings;
    view.strings = reinterpret_cast<const StringRef*>(data + kValidityBytes) + slice.first;
  }
  return view;
}

}  // namespace tidemark::hot
