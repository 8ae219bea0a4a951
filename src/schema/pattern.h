// A regular expression of a schema (ECMA-262, without anchoring), matched in linear time by RE2.
// What RE2 cannot do in linear time (lookaround, back references) is refused when it is made.
// Immutable; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace tidemark::schema {

inline constexpr std::size_t kPatternBytesMax = 2'048;
inline constexpr std::int64_t kPatternMemoryMax = 1 << 20;  // Of one compiled pattern.

class Pattern {
 public:
  // kInvalidArgument says what of it is not understood.
  static Result<Pattern> Make(std::string_view ecma);
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  // Somewhere in the text.
  bool Matches(std::string_view text) const;
  const std::string& source() const { return source_; }

 private:
  Pattern(std::string source, std::unique_ptr<re2::RE2> compiled);

  std::string source_;
  std::unique_ptr<re2::RE2> compiled_;
};

// The same pattern in RE2's words. For tests; kInvalidArgument as Make.
Result<std::string> ToRe2(std::string_view ecma);

}  // namespace tidemark::schema
