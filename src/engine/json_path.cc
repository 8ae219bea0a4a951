#include "engine/json_path.h"

#include <utility>

#include "engine/json_scan.h"

namespace tidemark::engine {
namespace {

constexpr std::size_t kStepsMax = 64;  // A path with more is left to the engine.
constexpr std::uint64_t kIndexMax = 1'000'000'000;

enum class Where { kHere, kMissing, kUnsure };

// From an opening bracket to the value of `key`.
Where EnterKey(JsonScan* scan, std::string_view key) {
  if (!scan->Take('{')) return Where::kMissing;
  if (scan->peek() == '}') return Where::kMissing;
  std::string plain;
  for (;;) {
    std::string_view name;
    bool escaped = false;
    if (scan->peek() != '"' || !scan->String(&name, &escaped)) return Where::kUnsure;
    if (escaped && !Unescape(name, &plain)) return Where::kUnsure;
    if (!scan->Take(':')) return Where::kUnsure;
    if (escaped) name = plain;
    if (name == key) return Where::kHere;
    if (!scan->Skip()) return Where::kUnsure;
    if (scan->Take(',')) continue;
    return scan->peek() == '}' ? Where::kMissing : Where::kUnsure;
  }
}

Where EnterIndex(JsonScan* scan, std::uint64_t index) {
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
      for (used = 1;
           used < path.size() && path[used] >= '0' && path[used] <= '9' && index < kIndexMax;
           ++used) {
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

std::optional<std::vector<std::string>> JsonPath::Keys() const {
  std::vector<std::string> keys;
  for (const Step& step : steps_) {
    if (step.index) return std::nullopt;
    keys.push_back(step.key);
  }
  if (keys.empty()) return std::nullopt;
  return keys;
}

JsonFound JsonPath::Find(std::string_view json) const {
  const bool whole = json.size() >= 2 && ((json.front() == '{' && json.back() == '}') ||
                                          (json.front() == '[' && json.back() == ']'));
  if (!whole) return {JsonFound::Kind::kUnsure, {}, {}};
  JsonScan scan(json);
  for (const Step& step : steps_) {
    const Where where = step.index ? EnterIndex(&scan, *step.index) : EnterKey(&scan, step.key);
    if (where == Where::kMissing) return {};
    if (where == Where::kUnsure) return {JsonFound::Kind::kUnsure, {}, {}};
  }
  return scan.Value();
}

}  // namespace tidemark::engine
