#include "sim/event_values.h"

#include <algorithm>
#include <charconv>

namespace tidemark::sim {
namespace {

using event::ColumnView;

constexpr std::string_view kHead = "{\"n\":\"";
constexpr std::uint64_t kOddOneIn = 80;  // Of another type than the path's.

}  // namespace

EventValues EventValues::Make(std::uint32_t number, env::Random* dice) {
  EventValues values;
  values.number_ = number;
  constexpr std::array<Kind, kPathCount> kUsual = {Kind::kInt, Kind::kDouble, Kind::kBool};
  for (std::size_t path = 0; path < kPathCount; ++path) {
    Kind& kind = values.kinds_[path];
    kind = kUsual[path];
    if (dice->OneIn(8)) kind = dice->OneIn(2) ? Kind::kAbsent : Kind::kNull;
    if (dice->OneIn(kOddOneIn)) {
      kind = static_cast<Kind>(dice->Below(static_cast<std::uint64_t>(Kind::kEnd)));
    }
  }
  std::string& tail = values.tail_;
  tail = '"';
  const std::string k = values.At(0).json;
  const std::string q = values.At(1).json;
  const std::string b = values.At(2).json;
  if (!k.empty()) tail += ",\"k\":" + k;
  tail += ",\"o\":{" + (q.empty() ? q : "\"q\":" + q) + "}";
  if (!b.empty()) tail += ",\"b\":" + b;
  tail += '}';
  return values;
}

std::string EventValues::Properties(std::size_t padding) const {
  std::string text(kHead);
  text.append(padding, 'x').append(tail_);
  return text;
}

std::optional<std::size_t> EventValues::PaddingOf(std::string_view properties) const {
  const std::size_t around = kHead.size() + tail_.size();
  if (properties.size() < around || !properties.starts_with(kHead) || !properties.ends_with(tail_))
    return std::nullopt;
  const std::string_view padding = properties.substr(kHead.size(), properties.size() - around);
  if (padding.find_first_not_of('x') != std::string_view::npos) return std::nullopt;
  return padding.size();
}

std::optional<std::string> EventValues::TextAt(std::span<const std::string> keys) const {
  if (keys.size() == 1 && keys[0] == "k") return At(0).text;
  if (keys.size() == 2 && keys[0] == "o" && keys[1] == "q") return At(1).text;
  if (keys.size() == 1 && keys[0] == "b") return At(2).text;
  return std::nullopt;
}

EventValues::Value EventValues::At(std::size_t path) const {
  const std::string number = std::to_string(number_);
  const auto bare = [](std::string text) { return Value{text, text}; };
  switch (kinds_[path]) {
    case Kind::kAbsent:
    case Kind::kEnd:
      return {};
    case Kind::kNull:
      return {"null", std::nullopt};
    case Kind::kInt:
      return bare((number_ % 3 == 0 ? "-1" : "") + number);
    case Kind::kDouble:
      return bare(number + (number_ % 3 == 0 ? ".0" : ".25"));
    case Kind::kBool:
      return bare(number_ % 3 == 0 ? "true" : "false");
    case Kind::kText:
      return {"\"t" + number + "\"", "t" + number};
    case Kind::kEscaped:
      return {"\"\\\"" + number + "\\u00e9\\n\"", "\"" + number + "\xC3\xA9\n"};
    case Kind::kIntAsText:
      return {"\"" + number + "\"", number};
    case Kind::kEndsWithZero:
      return bare(number + ".50");
    case Kind::kExponent:
      return bare(number + "e3");
    case Kind::kHugeInt:
      return bare("9999999999999999" + number + "9999");
    case Kind::kList:
      return bare("[" + number + ",true]");
  }
  return {};
}

std::string_view TextAt(const ColumnView& view, std::size_t row) {
  switch (view.kind) {
    case ColumnView::Kind::kConstant:
      return view.constant_text.view();
    case ColumnView::Kind::kDictionary:
      return view.dictionary[view.codes[row]].view();
    case ColumnView::Kind::kStrings:
      return view.strings[row].view();
    default:
      return {};
  }
}

std::string TextOf(const ColumnView& view, std::size_t row, event::Type type) {
  switch (type) {
    case event::Type::kInt64:
      return std::to_string(static_cast<const std::int64_t*>(view.fixed)[row]);
    case event::Type::kBool:
      return static_cast<const bool*>(view.fixed)[row] ? "true" : "false";
    case event::Type::kDouble: {
      std::array<char, 32> digits{};
      const double value = static_cast<const double*>(view.fixed)[row];
      const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
      std::string text(digits.data(), written.ptr);
      return text.find('.') == std::string::npos ? text + ".0" : text;
    }
    default:
      return std::string(TextAt(view, row));
  }
}

}  // namespace tidemark::sim
