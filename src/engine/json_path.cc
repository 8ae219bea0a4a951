#include "engine/json_path.h"

#include <cstring>
#include <utility>

namespace tidemark::engine {
namespace {

constexpr std::size_t kStepsMax = 64;  // A path with more is left to the engine.
constexpr std::uint64_t kIndexMax = 1'000'000'000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsNumber(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t from = at;
    while (at < text.size() && IsDigit(text[at])) ++at;
    return at > from;
  };
  if (text.starts_with('-')) ++at;
  const std::size_t whole = at;
  if (!digits() || (text[whole] == '0' && at > whole + 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!digits()) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!digits()) return false;
  }
  return at == text.size();
}

// Walks one text. Every call that returns false has met something that it does not read.
class Scan {
 public:
  explicit Scan(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool Take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  char peek() const { return at_ == end_ ? '\0' : *at_; }

  // At a quote: the text between it and its partner.
  bool String(std::string_view* inside, bool* escaped) {
    const char* const begin = ++at_;
    *escaped = false;
    for (;;) {
      const void* found = std::memchr(at_, '"', static_cast<std::size_t>(end_ - at_));
      if (found == nullptr) return false;
      at_ = static_cast<const char*>(found);
      std::size_t backslashes = 0;
      for (const char* back = at_; back > begin && *(back - 1) == '\\'; --back) ++backslashes;
      if (backslashes % 2 == 0) break;
      ++at_;
    }
    *inside = {begin, static_cast<std::size_t>(at_ - begin)};
    *escaped = inside->find('\\') != std::string_view::npos;
    ++at_;
    return true;
  }

  // Any value, without looking at what it is.
  bool Skip() {
    std::string_view inside;
    bool escaped = false;
    if (at_ == end_) return false;
    if (*at_ == '"') return String(&inside, &escaped);
    if (*at_ != '{' && *at_ != '[') return SkipScalar();
    std::size_t depth = 0;
    while (at_ != end_) {
      switch (*at_) {
        case '"':
          if (!String(&inside, &escaped)) return false;
          continue;
        case '{':
        case '[':
          ++depth;
          break;
        case '}':
        case ']':
          if (--depth == 0) {
            ++at_;
            return true;
          }
          break;
        case ' ':
        case '\t':
        case '\n':
        case '\r':
          return false;
        default:
          break;
      }
      ++at_;
    }
    return false;
  }

  JsonFound Value() {
    const char* const begin = at_;
    std::string_view inside;
    bool escaped = false;
    if (peek() == '"') {
      if (!String(&inside, &escaped) || escaped) return {JsonFound::Kind::kUnsure, {}, {}};
      return {JsonFound::Kind::kString, inside, Since(begin)};
    }
    if (!Skip()) return {JsonFound::Kind::kUnsure, {}, {}};
    const std::string_view text = Since(begin);
    if (text == "null") return {JsonFound::Kind::kNull, {}, {}};
    const bool known = text.front() == '{' || text.front() == '[' || text == "true" ||
                       text == "false" || IsNumber(text);
    if (!known) return {JsonFound::Kind::kUnsure, {}, {}};
    return {JsonFound::Kind::kOther, text, {}};
  }

 private:
  bool SkipScalar() {
    const char* const begin = at_;
    while (at_ != end_ && *at_ != ',' && *at_ != '}' && *at_ != ']' && *at_ > ' ') ++at_;
    return at_ != begin && (at_ == end_ || *at_ > ' ');
  }
  std::string_view Since(const char* begin) const {
    return {begin, static_cast<std::size_t>(at_ - begin)};
  }

  const char* at_;
  const char* const end_;
};

enum class Where { kHere, kMissing, kUnsure };

// From an opening bracket to the value of `key`.
Where EnterKey(Scan* scan, std::string_view key) {
  if (!scan->Take('{')) return Where::kMissing;
  if (scan->peek() == '}') return Where::kMissing;
  for (;;) {
    std::string_view name;
    bool escaped = false;
    if (scan->peek() != '"' || !scan->String(&name, &escaped) || escaped || !scan->Take(':')) {
      return Where::kUnsure;
    }
    if (name == key) return Where::kHere;
    if (!scan->Skip()) return Where::kUnsure;
    if (scan->Take(',')) continue;
    return scan->peek() == '}' ? Where::kMissing : Where::kUnsure;
  }
}

Where EnterIndex(Scan* scan, std::uint64_t index) {
  if (!scan->Take('[')) return Where::kMissing;
  if (scan->peek() == ']') return Where::kMissing;
  for (std::uint64_t i = 0; i < index; ++i) {
    if (!scan->Skip()) return Where::kUnsure;
    if (scan->Take(',')) continue;
    return scan->peek() == ']' ? Where::kMissing : Where::kUnsure;
  }
  return Where::kHere;
}

}  // namespace

JsonPath JsonPath::OfIndex(std::uint64_t index) {
  JsonPath path;
  path.steps_.push_back({"", index});
  return path;
}

std::optional<JsonPath> JsonPath::Parse(std::string_view path) {
  if (path.empty() || path.front() == '/') return std::nullopt;
  JsonPath parsed;
  if (path.front() != '$') {
    if (path.find_first_of("\"\\") != std::string_view::npos) return std::nullopt;
    parsed.steps_.push_back({std::string(path), std::nullopt});
    return parsed;
  }
  path.remove_prefix(1);
  while (!path.empty()) {
    if (parsed.steps_.size() == kStepsMax) return std::nullopt;
    Step step;
    std::size_t used = 0;
    if (path.starts_with(".\"")) {
      const std::size_t close = path.find('"', 2);
      if (close == std::string_view::npos) return std::nullopt;
      step.key = path.substr(2, close - 2);
      used = close + 1;
    } else if (path.front() == '.') {
      used = std::min(path.find_first_of(".[", 1), path.size());
      step.key = path.substr(1, used - 1);
      if (step.key.find_first_of("\"*#]$") != std::string::npos) return std::nullopt;
    } else if (path.front() == '[') {
      std::uint64_t index = 0;
      for (used = 1; used < path.size() && IsDigit(path[used]) && index < kIndexMax; ++used) {
        index = index * 10 + static_cast<std::uint64_t>(path[used] - '0');
      }
      if (used == 1 || used == path.size() || path[used] != ']') return std::nullopt;
      ++used;
      step.index = index;
    } else {
      return std::nullopt;
    }
    if (!step.index && (step.key.empty() || step.key.find('\\') != std::string::npos)) {
      return std::nullopt;
    }
    parsed.steps_.push_back(std::move(step));
    path.remove_prefix(used);
  }
  return parsed;
}

JsonFound JsonPath::Find(std::string_view json) const {
  const bool whole = json.size() >= 2 && ((json.front() == '{' && json.back() == '}') ||
                                          (json.front() == '[' && json.back() == ']'));
  if (!whole) return {JsonFound::Kind::kUnsure, {}, {}};
  Scan scan(json);
  for (const Step& step : steps_) {
    const Where where = step.index ? EnterIndex(&scan, *step.index) : EnterKey(&scan, step.key);
    if (where == Where::kMissing) return {};
    if (where == Where::kUnsure) return {JsonFound::Kind::kUnsure, {}, {}};
  }
  return scan.Value();
}

}  // namespace tidemark::engine
