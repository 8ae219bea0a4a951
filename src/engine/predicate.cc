#include "engine/predicate.h"

#include <algorithm>

namespace tidemark::engine {
namespace {

using Kind = Predicate::Kind;

// Values of two types say nothing of each other: neither is less.
bool Less(const BoundValue& a, const BoundValue& b) { return a.index() == b.index() && a < b; }
// The bound, if it is known and of the value's type.
const BoundValue* BoundLike(const std::optional<BoundValue>& bound, const BoundValue& value) {
  return bound.has_value() && bound->index() == value.index() ? &*bound : nullptr;
}

bool MayEqualAny(const ValueRange& range, const std::vector<BoundValue>& values) {
  auto first = values.begin();
  if (range.lower) {
    first = std::lower_bound(values.begin(), values.end(), *range.lower, Less);
  }
  const auto is_between = [&](const BoundValue& value) {
    return !(range.upper && Less(*range.upper, value));
  };
  if (first == values.end() || !is_between(*first)) return false;
  if (!range.may_have_text || !std::holds_alternative<std::string>(*first)) return true;
  const auto last = std::find_if_not(first, values.end(), is_between);
  return last - first > kAskedTextsMax || std::any_of(first, last, [&](const BoundValue& value) {
           return range.may_have_text(std::get<std::string>(value));
         });
}

// Whether all rows that are not null have exactly this value.
bool IsOnly(const ValueRange& range, const BoundValue& value) {
  return range.lower == value && range.upper == value && !range.may_be_nan;
}

// Texts that begin with `prefix` lie from it to just before the next one.
bool MayBeginWith(const ValueRange& range, const BoundValue& prefix) {
  if (range.upper && Less(*range.upper, prefix)) return false;
  const BoundValue* bound = BoundLike(range.lower, prefix);
  if (bound == nullptr || !std::holds_alternative<std::string>(prefix)) return true;
  const auto& lower = std::get<std::string>(*bound);
  const auto& text = std::get<std::string>(prefix);
  return lower.compare(0, text.size(), text) <= 0;
}

bool MayCompare(const Predicate& predicate, const ValueRange& range) {
  if (!range.may_have_value || predicate.values.empty()) return false;
  const BoundValue& value = predicate.values.front();
  const BoundValue* lower = BoundLike(range.lower, value);
  const BoundValue* upper = BoundLike(range.upper, value);
  switch (predicate.kind) {
    case Kind::kEqual:
      return MayEqualAny(range, predicate.values);
    case Kind::kUnequal:
      return !IsOnly(range, value);
    case Kind::kLess:
      return lower == nullptr || *lower < value;
    case Kind::kLessOrEqual:
      return lower == nullptr || *lower <= value;
    case Kind::kGreater:
      return range.may_be_nan || upper == nullptr || *upper > value;
    case Kind::kGreaterOrEqual:
      return range.may_be_nan || upper == nullptr || *upper >= value;
    case Kind::kPrefix:
      return MayBeginWith(range, value);
    default:
      return true;
  }
}

}  // namespace

bool MayMatch(const Predicate& predicate, const std::function<ValueRange(std::size_t)>& range_of) {
  const auto may = [&](const Predicate& child) { return MayMatch(child, range_of); };
  switch (predicate.kind) {
    case Kind::kAnything:
      return true;
    case Kind::kNothing:
      return false;
    case Kind::kAll:
      return std::all_of(predicate.children.begin(), predicate.children.end(), may);
    case Kind::kAny:
      return std::any_of(predicate.children.begin(), predicate.children.end(), may);
    case Kind::kNull:
      return range_of(predicate.operand).may_be_null;
    case Kind::kNotNull:
      return range_of(predicate.operand).may_have_value;
    default:
      return MayCompare(predicate, range_of(predicate.operand));
  }
}

WholeRange RangeWanted(const Predicate& predicate, const std::function<bool(std::size_t)>& wanted) {
  WholeRange range;
  if (predicate.kind == Kind::kNothing) return {.min = 0, .max = -1};
  if (predicate.kind == Kind::kAll) {
    for (const Predicate& child : predicate.children) {
      const WholeRange of_child = RangeWanted(child, wanted);
      range.min = std::max(range.min, of_child.min);
      range.max = std::min(range.max, of_child.max);
    }
    return range;
  }
  if (predicate.values.empty() || !wanted(predicate.operand)) return range;
  const auto* first = std::get_if<std::int64_t>(&predicate.values.front());
  const auto* last = std::get_if<std::int64_t>(&predicate.values.back());
  if (first == nullptr || last == nullptr) return range;
  // Less than the least of all and greater than the greatest is too rare to be told.
  if (predicate.kind == Kind::kEqual) return {.min = *first, .max = *last};
  if (predicate.kind == Kind::kLess && *first > range.min) range.max = *first - 1;
  if (predicate.kind == Kind::kLessOrEqual) range.max = *first;
  if (predicate.kind == Kind::kGreater && *first < range.max) range.min = *first + 1;
  if (predicate.kind == Kind::kGreaterOrEqual) range.min = *first;
  return range;
}

bool IsRange(const Predicate& predicate, const std::function<bool(std::size_t)>& wanted) {
  switch (predicate.kind) {
    case Kind::kAll:
      return std::ranges::all_of(predicate.children,
                                 [&](const Predicate& child) { return IsRange(child, wanted); });
    case Kind::kEqual:
    case Kind::kLess:
    case Kind::kLessOrEqual:
    case Kind::kGreater:
    case Kind::kGreaterOrEqual:
      return wanted(predicate.operand) && predicate.values.size() == 1 &&
             std::holds_alternative<std::int64_t>(predicate.values.front());
    default:
      return false;
  }
}

}  // namespace tidemark::engine
