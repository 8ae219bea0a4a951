#include "lake/file_metrics.h"

#include <bit>
#include <cmath>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "event/text_prefetch.h"
#include "lake/bounds.h"

namespace tidemark::lake {
namespace {

using event::ColumnScratch;
using event::ColumnView;
using event::kChunkRows;
using event::RowSource;
using event::StringRef;
using event::TableColumn;
using event::Type;

// Bounds of free text help no query.
bool HasTextBounds(const TableColumn& column) { return column.texts != event::Texts::kFree; }

std::size_t CountNulls(const std::uint64_t* validity, std::size_t rows) {
  if (validity == nullptr) return 0;
  std::size_t set = 0;
  for (std::size_t word = 0; word < rows / 64; ++word) {
    set += static_cast<std::size_t>(std::popcount(validity[word]));
  }
  if (rows % 64 != 0) {
    const std::uint64_t mask = (std::uint64_t{1} << (rows % 64)) - 1;
    set += static_cast<std::size_t>(std::popcount(validity[rows / 64] & mask));
  }
  return rows - set;
}

// The first 8 bytes as a number that sorts as they do.
std::uint64_t Prefix(std::string_view text) {
  std::uint64_t prefix = 0;
  if (text.size() >= 8) {
    std::memcpy(&prefix, text.data(), 8);
  } else {
    std::memcpy(&prefix, text.data(), text.size());
  }
  return __builtin_bswap64(prefix);
}

// The least and the greatest string seen, found by their prefixes nearly always.
class TextRange {
 public:
  // Tells by the four bytes that a reference carries, if they do.
  void See(const StringRef& text) {
    std::uint32_t head = 0;
    std::memcpy(&head, text.prefix, sizeof head);
    head = __builtin_bswap32(head);
    if (any_ && head > low_prefix_ >> 32 && head < high_prefix_ >> 32) return;
    See(text.view());
  }
  void See(std::string_view text) {
    const std::uint64_t prefix = Prefix(text);
    if (!any_) {
      any_ = true;
      SetLow(text, prefix);
      SetHigh(text, prefix);
      return;
    }
    if (prefix < low_prefix_ || (prefix == low_prefix_ && text < low_)) SetLow(text, prefix);
    if (prefix > high_prefix_ || (prefix == high_prefix_ && text > high_)) SetHigh(text, prefix);
  }
  bool any() const { return any_; }
  const std::string& low() const { return low_; }
  const std::string& high() const { return high_; }

 private:
  void SetLow(std::string_view text, std::uint64_t prefix) {
    low_ = text;
    low_prefix_ = prefix;
  }
  void SetHigh(std::string_view text, std::uint64_t prefix) {
    high_ = text;
    high_prefix_ = prefix;
  }
  bool any_ = false;
  std::uint64_t low_prefix_ = 0;
  std::uint64_t high_prefix_ = 0;
  std::string low_;
  std::string high_;
};

struct Range {
  bool any = false;
  std::int64_t min = 0;
  std::int64_t max = 0;
  double double_min = 0;
  double double_max = 0;
  TextRange text;
};

// The canonical bytes of rows, one after the other. They are put together for kBlockRows rows at a
// time, column by column: few enough that they stay in the cache until they are hashed.
constexpr std::size_t kBlockRows = 128;
class RowBytes {
 public:
  static constexpr std::size_t kSlackBytes = StringRef::kInlineMax;

  // Sizes are counted first, so that every write is a plain copy.
  void Reset(std::size_t rows) { sizes_.assign(rows, 0); }
  void AddSize(std::size_t row, std::uint32_t bytes) { sizes_[row] += bytes; }
  std::uint32_t* sizes() { return sizes_.data(); }

  // Makes room for rows `from` to `to`.
  void Lay(std::size_t from, std::size_t to) {
    std::size_t total = 0;
    for (std::size_t row = from; row < to; ++row) {
      ends_[row - from] = total;
      total += sizes_[row] + kSlackBytes;
    }
    from_ = from;
    if (bytes_.size() < total) bytes_.resize(total + total / 4);
  }
  // Behind the value that goes there, kSlackBytes may be written over.
  char* At(std::size_t row) { return bytes_.data() + ends_[row - from_]; }
  void Advance(std::size_t row, std::size_t bytes) { ends_[row - from_] += bytes; }
  std::string_view Row(std::size_t row) const {
    return {bytes_.data() + ends_[row - from_] - sizes_[row], sizes_[row]};
  }

 private:
  std::vector<std::uint32_t> sizes_;
  std::array<std::size_t, kBlockRows> ends_{};  // Where the next value of a row goes.
  std::size_t from_ = 0;
  std::vector<char> bytes_;
};

constexpr std::size_t kPrefetchRows = 8;

constexpr std::uint32_t kFixedBytes = 1 + 8;
constexpr std::uint32_t kTextHeadBytes = 1 + 4;

template <class Visit>
void ForEachText(const ColumnView& view, std::size_t from, std::size_t to, const Visit& visit) {
  switch (view.kind) {
    case ColumnView::Kind::kNull:
    case ColumnView::Kind::kFixed:
      return;
    case ColumnView::Kind::kConstant:
      for (std::size_t row = from; row < to; ++row) visit(row, view.constant_text);
      return;
    case ColumnView::Kind::kStrings:
      for (std::size_t row = from; row < to; ++row) {
        if (view.IsValid(row)) visit(row, view.strings[row]);
      }
      return;
    case ColumnView::Kind::kDictionary:
      for (std::size_t row = from; row < to; ++row) {
        const std::uint32_t code = view.codes[row];
        if (code != view.null_code) visit(row, view.dictionary[code]);
      }
      return;
  }
}

std::int64_t FixedBits(const ColumnView& view, Type type, std::size_t row) {
  if (type == Type::kInt32) return static_cast<const std::int32_t*>(view.fixed)[row];
  if (type == Type::kBool) return static_cast<const bool*>(view.fixed)[row] ? 1 : 0;
  std::int64_t bits = 0;
  std::memcpy(&bits, static_cast<const char*>(view.fixed) + row * sizeof bits, sizeof bits);
  return bits;
}

}  // namespace

struct MetricsCollector::State {
  const event::TableSchema& schema;
  std::uint64_t rows = 0;
  Hash128 hash;
  std::vector<ColumnMetrics> columns;
  std::vector<Range> ranges;
  // One a column: a chunk's views are all alive at once. Not zeroed: 1.6 MB that a source writes
  // before it reads, if it needs them at all.
  std::unique_ptr<ColumnScratch[]> scratch;
  std::vector<ColumnView> views;
  std::vector<std::uint64_t> seen;  // Codes of a dictionary, a bit each.
  RowBytes bytes;

  explicit State(const event::TableSchema& of)
      : schema(of),
        columns(of.columns.size()),
        ranges(of.columns.size()),
        scratch(std::make_unique_for_overwrite<ColumnScratch[]>(of.columns.size())),
        views(of.columns.size()) {}

  // Forgets the rows, not the memory.
  void Reset() {
    rows = 0;
    hash = {};
    columns.assign(schema.columns.size(), {});
    ranges.assign(schema.columns.size(), {});
  }
  void AddChunk(const RowSource& source, std::size_t chunk);
  // Copies of what `properties` have are no part of a row's hash.
  bool IsHashed(std::size_t index) const { return index < schema.fixed_count; }
  void CountFixed(std::size_t index, std::size_t count);
  void CountText(std::size_t index, std::size_t count);
  void SeeDictionary(std::size_t index, std::size_t count, TextRange* range, std::uint64_t* nulls);
  void WriteFixed(std::size_t index, std::size_t from, std::size_t to);
  void WriteText(std::size_t index, std::size_t from, std::size_t to);
  void HashBlock(std::size_t from, std::size_t to);
  void Close(std::size_t index);
};

MetricsCollector::MetricsCollector(const event::TableSchema& schema)
    : state_(std::make_unique<State>(schema)) {}
MetricsCollector::~MetricsCollector() = default;

void MetricsCollector::State::CountFixed(std::size_t index, std::size_t count) {
  const TableColumn& info = schema.columns[index];
  const ColumnView& view = views[index];
  ColumnMetrics& metrics = columns[index];
  Range& range = ranges[index];
  if (view.kind == ColumnView::Kind::kNull) {
    metrics.nulls += count;
    return;
  }
  TM_CHECK(view.kind == ColumnView::Kind::kFixed);
  metrics.nulls += CountNulls(view.validity, count);
  const bool hashed = IsHashed(index);
  const auto see = [&](std::size_t row) {
    if (hashed) bytes.AddSize(row, kFixedBytes);
    const std::int64_t bits = FixedBits(view, info.type, row);
    if (info.type == Type::kDouble) {
      const auto value = std::bit_cast<double>(bits);
      if (std::isnan(value)) {
        ++metrics.nans;
        return;
      }
      range.double_min = range.any ? std::min(range.double_min, value) : value;
      range.double_max = range.any ? std::max(range.double_max, value) : value;
    } else {
      range.min = range.any ? std::min(range.min, bits) : bits;
      range.max = range.any ? std::max(range.max, bits) : bits;
    }
    range.any = true;
  };
  for (std::size_t row = 0; row < count; ++row) {
    if (view.IsValid(row)) see(row);
  }
}

void MetricsCollector::State::SeeDictionary(std::size_t index, std::size_t count, TextRange* range,
                                            std::uint64_t* nulls) {
  const ColumnView& view = views[index];
  const bool hashed = IsHashed(index);
  seen.assign(view.dictionary_size / 64 + 1, 0);
  std::uint32_t* sizes = bytes.sizes();
  for (std::size_t row = 0; row < count; ++row) {
    const std::uint32_t code = view.codes[row];
    if (code == view.null_code) {
      ++*nulls;
      continue;
    }
    if (hashed) sizes[row] += kTextHeadBytes + view.dictionary[code].length;
    std::uint64_t& word = seen[code / 64];
    const std::uint64_t bit = std::uint64_t{1} << (code % 64);
    if ((word & bit) != 0) continue;
    word |= bit;
    range->See(view.dictionary[code]);
  }
}

void MetricsCollector::State::CountText(std::size_t index, std::size_t count) {
  const TableColumn& info = schema.columns[index];
  const ColumnView& view = views[index];
  ColumnMetrics& metrics = columns[index];
  TextRange& range = ranges[index].text;
  if (view.kind == ColumnView::Kind::kNull) {
    metrics.nulls += count;
    return;
  }
  if (view.kind == ColumnView::Kind::kDictionary) {
    SeeDictionary(index, count, &range, &metrics.nulls);
    return;
  }
  if (view.kind == ColumnView::Kind::kConstant) range.See(view.constant_text);
  if (view.kind == ColumnView::Kind::kStrings) metrics.nulls += CountNulls(view.validity, count);
  const bool each = view.kind == ColumnView::Kind::kStrings && HasTextBounds(info);
  const bool hashed = IsHashed(index);
  ForEachText(view, 0, count, [&](std::size_t row, const StringRef& text) {
    if (hashed) bytes.AddSize(row, kTextHeadBytes + text.length);
    if (each) range.See(text);
  });
}

void MetricsCollector::State::WriteFixed(std::size_t index, std::size_t from, std::size_t to) {
  const TableColumn& info = schema.columns[index];
  const ColumnView& view = views[index];
  if (view.kind == ColumnView::Kind::kNull) return;
  for (std::size_t row = from; row < to; ++row) {
    if (!view.IsValid(row)) continue;
    char* at = bytes.At(row);
    const std::int64_t bits = FixedBits(view, info.type, row);
    at[0] = static_cast<char>(info.field_id);
    std::memcpy(at + 1, &bits, sizeof bits);
    bytes.Advance(row, kFixedBytes);
  }
}

void MetricsCollector::State::WriteText(std::size_t index, std::size_t from, std::size_t to) {
  const TableColumn& info = schema.columns[index];
  const ColumnView& view = views[index];
  const bool far = view.kind == ColumnView::Kind::kStrings;
  if (far) {
    for (std::size_t row = from; row < std::min(to, from + kPrefetchRows); ++row) {
      if (view.IsValid(row)) event::PrefetchText(view.strings[row]);
    }
  }
  ForEachText(view, from, to, [&](std::size_t row, const StringRef& text) {
    if (const std::size_t soon = row + kPrefetchRows; far && soon < to && view.IsValid(soon)) {
      event::PrefetchText(view.strings[soon]);
    }
    char* at = bytes.At(row);
    const std::uint32_t length = text.length;
    at[0] = static_cast<char>(info.field_id);
    std::memcpy(at + 1, &length, sizeof length);
    if (length <= StringRef::kInlineMax) {  // All that there may be: without a call.
      std::memcpy(at + kTextHeadBytes, text.view().data(), StringRef::kInlineMax);
    } else {
      std::memcpy(at + kTextHeadBytes, text.pointer, length);
    }
    bytes.Advance(row, kTextHeadBytes + length);
  });
}

void MetricsCollector::State::AddChunk(const RowSource& source, std::size_t chunk) {
  const std::size_t count = source.ChunkRows(chunk);
  bytes.Reset(count);
  for (std::size_t i = 0; i < views.size(); ++i) {
    views[i] = source.Read(chunk, i, &scratch[i]);
    columns[i].values += count;
    if (schema.columns[i].type == Type::kString) {
      CountText(i, count);
    } else {
      CountFixed(i, count);
    }
  }
  for (std::size_t from = 0; from < count; from += kBlockRows) {
    HashBlock(from, std::min(count, from + kBlockRows));
  }
  rows += count;
}

void MetricsCollector::State::HashBlock(std::size_t from, std::size_t to) {
  bytes.Lay(from, to);
  for (std::size_t i = 0; i < schema.fixed_count; ++i) {  // In the order of field ids.
    if (schema.columns[i].type == Type::kString) {
      WriteText(i, from, to);
    } else {
      WriteFixed(i, from, to);
    }
  }
  for (std::size_t row = from; row < to; ++row) hash += HashRow(bytes.Row(row));
}

void MetricsCollector::Add(const event::RowSource& rows) {
  for (std::size_t chunk = 0; chunk < rows.chunk_count(); ++chunk) state_->AddChunk(rows, chunk);
}

const std::vector<ColumnView>& MetricsCollector::AddChunk(const event::RowSource& rows,
                                                          std::size_t chunk) {
  state_->AddChunk(rows, chunk);
  return state_->views;
}

void MetricsCollector::State::Close(std::size_t index) {
  const TableColumn& info = schema.columns[index];
  ColumnMetrics& metrics = columns[index];
  const Range& range = ranges[index];
  if (info.type == Type::kString) {
    if (!range.text.any() || !HasTextBounds(info)) return;
    metrics.lower = LowerBoundOf(range.text.low());
    metrics.upper = UpperBoundOf(range.text.high());
    return;
  }
  if (!range.any) return;
  switch (info.type) {
    case Type::kDouble:
      // Zeros of both signs are equal to min and max, but not to every reader.
      metrics.lower = BoundOf(range.double_min == 0 ? -0.0 : range.double_min);
      metrics.upper = BoundOf(range.double_max == 0 ? 0.0 : range.double_max);
      return;
    case Type::kBool:
      metrics.lower = BoundOf(range.min != 0);
      metrics.upper = BoundOf(range.max != 0);
      return;
    case Type::kInt32:
      metrics.lower = BoundOf(static_cast<std::int32_t>(range.min));
      metrics.upper = BoundOf(static_cast<std::int32_t>(range.max));
      return;
    default:
      metrics.lower = BoundOf(range.min);
      metrics.upper = BoundOf(range.max);
  }
}

FileMetrics MetricsCollector::Finish() {
  for (std::size_t i = 0; i < state_->columns.size(); ++i) state_->Close(i);
  FileMetrics metrics;
  metrics.rows = state_->rows;
  metrics.rows_hash = state_->hash;
  metrics.columns = std::move(state_->columns);
  const Range& time = state_->ranges[state_->schema.timestamp];
  if (time.any) {
    metrics.time_min = TimeMicros(time.min);
    metrics.time_max = TimeMicros(time.max);
  }
  const Range& offset = state_->ranges[state_->schema.log_offset];
  if (offset.any) {
    metrics.offset_first = LogOffset(offset.min);
    metrics.offset_last = LogOffset(offset.max);
  }
  state_->Reset();
  return metrics;
}

FileMetrics MeasureRows(const event::RowSource& rows) {
  MetricsCollector collector(rows.schema());
  collector.Add(rows);
  return collector.Finish();
}

ColumnView MeasuredRows::Read(std::size_t chunk, std::size_t column, ColumnScratch* scratch) const {
  if (chunk == measured_) {
    last_ = &collector_->AddChunk(rows(), chunk);
    ++measured_;
  }
  return chunk + 1 == measured_ ? (*last_)[column] : rows().Read(chunk, column, scratch);
}

FileMetrics MeasuredRows::Finish() {
  for (; measured_ < chunk_count(); ++measured_) collector_->AddChunk(rows(), measured_);
  return collector_->Finish();
}

}  // namespace tidemark::lake
