// What the simulated clients put into `properties` beside its padding: values at three paths, most
// of them of the path's type, some that a typed column would not give back as they were sent. And
// the text that a query of a path must answer. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "env/random.h"
#include "event/row_source.h"

namespace tidemark::sim {

class EventValues {
 public:
  EventValues() = default;  // None.
  // Mostly values of their paths' types. `number` goes into them.
  static EventValues Make(std::uint32_t number, env::Random* dice);

  // {"n":"<padding>",<values>}
  std::string Properties(std::size_t padding) const;
  // The padding of a text that Properties made; nothing if it did not.
  std::optional<std::size_t> PaddingOf(std::string_view properties) const;
  // What `properties->>'<path>'` answers; nothing: null. The path of the padding is not known here.
  std::optional<std::string> TextAt(std::span<const std::string> keys) const;

 private:
  enum class Kind : std::uint8_t {
    kAbsent,
    kNull,
    kInt,
    kDouble,
    kBool,
    kText,
    kEscaped,       // A text with escapes.
    kIntAsText,     // "17"
    kEndsWithZero,  // 5.50: a double has the value, but not the text.
    kExponent,      // 1e3
    kHugeInt,       // Beyond 64 bits.
    kList,
    kEnd,
  };
  static constexpr std::size_t kPathCount = 3;

  // As JSON, and the text of it; both empty if there is none.
  struct Value {
    std::string json;
    std::optional<std::string> text;
  };
  Value At(std::size_t path) const;

  std::uint32_t number_ = 0;
  std::array<Kind, kPathCount> kinds_{};
  std::string tail_ = "\"}";  // Of the text, behind the padding.
};

// The text that SQL makes of a typed value; the row must have one.
std::string TextOf(const event::ColumnView& view, std::size_t row, event::Type type);
// The text of a row of a string column that has one.
std::string_view TextAt(const event::ColumnView& view, std::size_t row);

}  // namespace tidemark::sim
