// What the WHERE of a statement asks of single columns, so far as bounds of them can answer it:
// whether any row of a file or chunk may match. Never says no where a row does. Value types; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tidemark::engine {

// Whole numbers, times and booleans; doubles, which are never NaN here; text, compared by bytes.
using BoundValue = std::variant<std::int64_t, double, std::string>;

// What is known of some values. The default says nothing.
struct ValueRange {
  bool may_be_null = true;
  bool may_have_value = true;
  bool may_be_nan = true;           // Greater than every other value, and equal to itself.
  std::optional<BoundValue> lower;  // Of those that are not NaN, inclusive.
  std::optional<BoundValue> upper;
  // Whether a text between them may be there; empty: it may. Asked only if all else allows it.
  std::function<bool(const std::string& text)> may_have_text = {};
};

// Of longer lists it is not asked: some of so many would be taken for texts that are there.
inline constexpr std::ptrdiff_t kAskedTextsMax = 32;

struct Predicate {
  enum class Kind : std::uint8_t {
    kAnything,  // Not understood, or true.
    kNothing,   // False or null for every row.
    kAll,       // Of `children`.
    kAny,
    // The operand is not null, and this:
    kEqual,  // To one of `values`, which are sorted.
    kUnequal,
    kLess,
    kLessOrEqual,
    kGreater,
    kGreaterOrEqual,
    kPrefix,
    kNotNull,
    // The operand is null.
    kNull,
  };

  Kind kind = Kind::kAnything;
  std::size_t operand = 0;              // A number that its maker gives a meaning.
  std::vector<BoundValue> values = {};  // All of one type; but for kEqual only one.
  std::vector<Predicate> children = {};

  static Predicate Nothing() { return {.kind = Kind::kNothing}; }
};

// Whether a row may match whose operands lie in their ranges. `range_of` is asked for those that
// matter.
bool MayMatch(const Predicate& predicate, const std::function<ValueRange(std::size_t)>& range_of);

struct WholeRange {  // Inclusive; empty if min > max.
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};

// Where a row's operands that are `wanted` lie if the row matches, and are whole numbers or times:
// null or elsewhere means that it does not match. The whole range if nothing is known.
WholeRange RangeWanted(const Predicate& predicate, const std::function<bool(std::size_t)>& wanted);
// Whether that range is all that is asked.
bool IsRange(const Predicate& predicate, const std::function<bool(std::size_t)>& wanted);

}  // namespace tidemark::engine
