#include "engine/wildcard.h"

#include <optional>

namespace tidemark::engine {
namespace {

// The byte after the character that begins at `at`.
std::size_t NextCharacter(std::string_view text, std::size_t at) {
  ++at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80) ++at;
  return at;
}

// Where text and pattern go on after one part of the pattern that is not `any`.
struct Step {
  std::size_t text = 0;
  std::size_t pattern = 0;
};

struct Like {
  static constexpr char kAny = '%';
  char escape;

  static std::size_t Next(std::string_view text, std::size_t at) { return NextCharacter(text, at); }
  bool IsAny(char c) const { return c == kAny && c != escape; }
  std::optional<Step> One(std::string_view text, std::size_t at, std::string_view pattern,
                          std::size_t in_pattern) const {
    char wanted = pattern[in_pattern];
    if (escape != '\0' && wanted == escape) {
      wanted = pattern[++in_pattern];  // There is one: MatchesLike has looked.
    } else if (wanted == '_') {
      return Step{NextCharacter(text, at), in_pattern + 1};
    }
    if (text[at] != wanted) return std::nullopt;
    return Step{at + 1, in_pattern + 1};
  }
};

struct Glob {
  static constexpr char kAny = '*';

  static std::size_t Next(std::string_view, std::size_t at) { return at + 1; }
  static bool IsAny(char c) { return c == kAny; }
  static std::optional<Step> One(std::string_view text, std::size_t at, std::string_view pattern,
                                 std::size_t in_pattern) {
    char wanted = pattern[in_pattern];
    if (wanted == '?') return Step{at + 1, in_pattern + 1};
    if (wanted == '[') return OneOf(text, at, pattern, in_pattern + 1);
    if (wanted == '\\') {
      if (++in_pattern == pattern.size()) return std::nullopt;
      wanted = pattern[in_pattern];
    }
    if (text[at] != wanted) return std::nullopt;
    return Step{at + 1, in_pattern + 1};
  }

 private:
  // `from` is behind the bracket. A bracket that is not closed matches nothing.
  static std::optional<Step> OneOf(std::string_view text, std::size_t at, std::string_view pattern,
                                   std::size_t from) {
    const bool others = from < pattern.size() && pattern[from] == '!';
    if (others) ++from;
    bool found = false;
    for (std::size_t i = from; i < pattern.size();) {
      if (pattern[i] == ']' && i > from) {
        if (found == others) return std::nullopt;
        return Step{at + 1, i + 1};
      }
      if (i + 1 < pattern.size() && pattern[i + 1] == '-') {
        if (i + 2 >= pattern.size()) return std::nullopt;
        found |= text[at] >= pattern[i] && text[at] <= pattern[i + 2];
        i += 3;
      } else {
        found |= text[at] == pattern[i];
        ++i;
      }
    }
    return std::nullopt;
  }
};

// Only the last `any` is ever tried at another place: what the ones before it took stays right.
template <class Language>
bool Matches(std::string_view text, std::string_view pattern, const Language& language) {
  std::size_t at = 0;
  std::size_t in_pattern = 0;
  std::optional<Step> again;  // Behind the last `any`.
  while (at < text.size()) {
    if (in_pattern < pattern.size() && language.IsAny(pattern[in_pattern])) {
      again = Step{at, ++in_pattern};
      continue;
    }
    if (in_pattern < pattern.size()) {
      if (const auto step = language.One(text, at, pattern, in_pattern)) {
        at = step->text;
        in_pattern = step->pattern;
        continue;
      }
    }
    if (!again) return false;
    at = again->text = Language::Next(text, again->text);
    in_pattern = again->pattern;
  }
  while (in_pattern < pattern.size() && language.IsAny(pattern[in_pattern])) ++in_pattern;
  return in_pattern == pattern.size();
}

}  // namespace

Result<bool> MatchesLike(std::string_view text, std::string_view pattern, char escape) {
  for (std::size_t i = 0; escape != '\0' && i < pattern.size(); ++i) {
    if (pattern[i] != escape) continue;
    if (++i == pattern.size()) {
      return Fail(Code::kInvalidArgument, "a pattern of LIKE must not end in its escape character");
    }
  }
  return Matches(text, pattern, Like{escape});
}

bool MatchesGlob(std::string_view text, std::string_view pattern) {
  return Matches(text, pattern, Glob{});
}

}  // namespace tidemark::engine
