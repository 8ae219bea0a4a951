// Finds one value in a JSON text by a simple path and gives the text that was sent: the engine's
// own functions read numbers as doubles and write them anew, so that `0.10` and
// `12345678901234567.123` would lose digits. It reads no further than the value, which also makes
// it several times faster.
//
// Value type; any thread. Knows no engine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::engine {

struct JsonFound {
  enum class Kind : std::uint8_t {
    kMissing,  // There is no such value.
    kNull,
    kString,  // `text` is inside the quotes, without escapes.
    kOther,   // A number, true, false, a list or an object; `text` as it stands.
    kUnsure,  // Escapes, blanks, or not JSON: a full parser has to say.
  };
  Kind kind = Kind::kMissing;
  std::string_view text;    // Of kString and kOther. Lies in the searched text.
  std::string_view quoted;  // Of kString: with its quotes.
};

class JsonPath {
 public:
  // `$`, `$.a.b`, `$."a b"[0]`, or a bare key. Nothing for wildcards, negative places, JSON
  // pointers and whatever else is not that simple.
  static std::optional<JsonPath> Parse(std::string_view path);
  // The value at `index` of a list.
  static JsonPath OfIndex(std::uint64_t index);

  // The keys of the path, outermost first; nothing if it has places of lists, or no step.
  std::optional<std::vector<std::string>> Keys() const;

  // Of repeated keys the first counts, as for the engine. What lies after the value is not looked
  // at, but for the last bracket.
  JsonFound Find(std::string_view json) const;

 private:
  struct Step {
    std::string key;
    std::optional<std::uint64_t> index;
  };
  std::vector<Step> steps_;
};

}  // namespace tidemark::engine
