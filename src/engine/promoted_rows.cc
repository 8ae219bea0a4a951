#include "engine/promoted_rows.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

#include "base/bits.h"
#include "base/check.h"
#include "base/time.h"
#include "engine/json_scan.h"

namespace tidemark::engine {
namespace {

using event::ColumnScratch;
using event::ColumnView;
using event::kChunkRows;
using event::StringRef;
using event::Type;
using Kind = ColumnView::Kind;
using RowBits = std::array<std::uint64_t, kChunkRows / 64>;

constexpr std::size_t kMicroDigits = 6;

bool IsString(std::string_view json) { return json.size() >= 2 && json.front() == '"'; }

// A number's digits without zeros at both ends, and the power of ten of the first one.
struct Decimal {
  std::string digits;
  std::int64_t power = 0;
  friend bool operator==(const Decimal&, const Decimal&) = default;
};

// `number` is one as JSON writes it; nothing if its exponent is absurd.
std::optional<Decimal> DecimalOf(std::string_view number) {
  Decimal decimal;
  if (number.starts_with('-')) number.remove_prefix(1);
  std::int64_t exponent = 0;
  if (const std::size_t e = number.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view text = number.substr(e + 1);
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (error != std::errc() || exponent > 1'000 || exponent < -1'000) return std::nullopt;
    number = number.substr(0, e);
  }
  const std::size_t point = std::min(number.find('.'), number.size());
  decimal.power = static_cast<std::int64_t>(point) - 1 + exponent;
  for (const char c : number) {
    if (c != '.') decimal.digits += c;
  }
  const std::size_t first = decimal.digits.find_first_not_of('0');
  if (first == std::string::npos) return Decimal{};
  decimal.power -= static_cast<std::int64_t>(first);
  decimal.digits.erase(0, first);
  decimal.digits.erase(decimal.digits.find_last_not_of('0') + 1);
  return decimal;
}

class PromotedRows final : public event::WrappedRows {
 public:
  PromotedRows(std::shared_ptr<const event::RowSource> wrapped,
               std::shared_ptr<const event::TableSchema> columns, std::vector<LogOffset> since)
      : WrappedRows(std::move(wrapped)), columns_(std::move(columns)), since_(std::move(since)) {
    TM_CHECK_EQ(rows().schema().columns.size(), columns_->fixed_count);
    TM_CHECK_EQ(since_.size(), columns_->promoted.size());
    TM_CHECK(columns_->properties.has_value());
  }

  const event::TableSchema& schema() const override { return *columns_; }

  ColumnView Read(std::size_t chunk, std::size_t column, ColumnScratch* scratch) const override {
    if (column < columns_->fixed_count) return rows().Read(chunk, column, scratch);
    const std::size_t at = column - columns_->fixed_count;
    TM_CHECK_LT(at, since_.size());
    if (rows().ChunkOffsets(chunk).max < since_[at]) return {};
    // The rows' own views need a place of their own.
    const auto inner = std::make_unique_for_overwrite<ColumnScratch>();
    RowBits wanted;
    if (!FindWanted(chunk, since_[at], inner.get(), &wanted)) return {};
    const ColumnView properties = rows().Read(chunk, *columns_->properties, inner.get());
    const Type type = columns_->columns[column].type;
    scratch->validity.fill(0);
    scratch->texts.clear();
    bool any = false;
    for (std::size_t row = 0; row < ChunkRows(chunk); ++row) {
      if (!TestBit(wanted.data(), row)) continue;
      const auto text = TextAt(properties, row);
      const auto json = text ? FindMember(*text, columns_->promoted[at].key) : std::nullopt;
      if (!json || !Put(type, *json, row, scratch)) continue;
      SetBit(scratch->validity.data(), row);
      any = true;
    }
    if (!any) return {};
    ColumnView view;
    view.kind = type == Type::kString ? Kind::kStrings : Kind::kFixed;
    view.strings = scratch->strings.data();
    view.fixed = scratch->fixed.data();
    view.validity = scratch->validity.data();
    return view;
  }

 private:
  // Which rows of the chunk have a column; false if none has.
  bool FindWanted(std::size_t chunk, LogOffset since, ColumnScratch* inner, RowBits* wanted) const {
    wanted->fill(0);
    if (rows().ChunkOffsets(chunk).min >= since) {
      wanted->fill(~0ULL);
      return true;
    }
    const ColumnView offsets = rows().Read(chunk, columns_->log_offset, inner);
    if (offsets.kind != Kind::kFixed) return false;
    bool any = false;
    for (std::size_t row = 0; row < ChunkRows(chunk); ++row) {
      const bool has = offsets.IsValid(row) &&
                       static_cast<const std::int64_t*>(offsets.fixed)[row] >= since.value;
      if (has) SetBit(wanted->data(), row);
      any = any || has;
    }
    return any;
  }

  // Lives as long as the view; one of 12 bytes or less is in the view itself.
  static std::optional<std::string_view> TextAt(const ColumnView& view, std::size_t row) {
    switch (view.kind) {
      case Kind::kNull:
      case Kind::kFixed:
        return std::nullopt;
      case Kind::kConstant:
        return view.constant_text.view();
      case Kind::kDictionary:
        if (view.codes[row] == view.null_code) return std::nullopt;
        return view.dictionary[view.codes[row]].view();
      case Kind::kStrings:
        break;
    }
    if (!view.IsValid(row)) return std::nullopt;
    return view.strings[row].view();
  }

  template <class Value>
  static bool PutFixed(const std::optional<Value>& value, std::size_t row, ColumnScratch* scratch) {
    if (!value) return false;
    std::memcpy(reinterpret_cast<char*>(scratch->fixed.data()) + row * sizeof(Value), &*value,
                sizeof(Value));
    return true;
  }

  // A text is put as it lies in `properties`, whose memory the rows hold, or inline: a text that
  // lies in a reference itself is short enough for another one.
  static bool PutText(std::string_view json, std::size_t row, ColumnScratch* scratch) {
    if (!IsString(json)) return false;
    std::string_view text = json.substr(1, json.size() - 2);
    if (text.find('\\') != std::string_view::npos) {
      std::string unescaped;
      if (!Unescape(text, &unescaped)) return false;
      scratch->texts.push_front(std::move(unescaped));
      text = scratch->texts.front();
    }
    scratch->strings[row] = StringRef::Of(text);
    return true;
  }

  static bool Put(Type type, std::string_view json, std::size_t row, ColumnScratch* scratch) {
    switch (type) {
      case Type::kString:
        return PutText(json, row, scratch);
      case Type::kInt64:
        return PutFixed(PromotedInt(json), row, scratch);
      case Type::kDouble:
        return PutFixed(PromotedDouble(json), row, scratch);
      case Type::kTimestamp:
        return PutFixed(PromotedTime(json), row, scratch);
      case Type::kBool: {
        const bool known = json == "true" || json == "false";
        return PutFixed(known ? std::optional(json == "true") : std::nullopt, row, scratch);
      }
      case Type::kInt32:
        break;
    }
    return false;
  }

  const std::shared_ptr<const event::TableSchema> columns_;
  const std::vector<LogOffset> since_;  // By place in columns_->promoted.
};

}  // namespace

std::optional<std::string_view> FindMember(std::string_view object, std::string_view key) {
  JsonScan scan(object);
  if (!scan.Take('{')) return std::nullopt;
  std::string_view inside;
  std::string unescaped;
  bool escaped = false;
  while (scan.peek() == '"') {
    if (!scan.String(&inside, &escaped) || !scan.Take(':')) return std::nullopt;
    const bool found = escaped ? Unescape(inside, &unescaped) && unescaped == key : inside == key;
    const char* const begin = scan.at();
    if (!scan.Skip()) return std::nullopt;
    if (found) return scan.Since(begin);
    if (!scan.Take(',')) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::int64_t> PromotedInt(std::string_view json) {
  if (!IsNumber(json)) return std::nullopt;
  const std::size_t point = std::min(json.find('.'), json.size());
  const std::string_view whole = json.substr(0, point);
  const std::string_view fraction = json.substr(std::min(point + 1, json.size()));
  if (fraction.find_first_not_of('0') != std::string_view::npos) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), value);
  if (error != std::errc() || end != whole.data() + whole.size()) return std::nullopt;
  return value;
}

std::optional<double> PromotedDouble(std::string_view json) {
  if (!IsNumber(json)) return std::nullopt;
  const auto sent = DecimalOf(json);
  double value = 0;
  const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), value);
  if (!sent || error != std::errc() || !std::isfinite(value)) return std::nullopt;
  std::array<char, 64> text{};
  const auto written = std::to_chars(text.data(), text.data() + text.size(), value);
  if (DecimalOf({text.data(), written.ptr}) != sent) return std::nullopt;
  return value;
}

std::optional<TimeMicros> PromotedTime(std::string_view json) {
  if (!IsString(json)) return std::nullopt;
  const std::string_view text = json.substr(1, json.size() - 2);
  if (const std::size_t point = text.find('.'); point != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789", point + 1), text.size());
    const std::string_view digits = text.substr(point + 1, end - point - 1);
    const bool cut = digits.size() > kMicroDigits &&
                     digits.find_first_not_of('0', kMicroDigits) != std::string_view::npos;
    if (cut) return std::nullopt;
  }
  return ParseTime(text);
}

std::shared_ptr<const event::RowSource> WithPromoted(
    std::shared_ptr<const event::RowSource> rows, std::shared_ptr<const event::TableSchema> columns,
    std::vector<LogOffset> since) {
  if (columns->promoted.empty()) return rows;
  return std::make_shared<const PromotedRows>(std::move(rows), std::move(columns),
                                              std::move(since));
}

}  // namespace tidemark::engine
