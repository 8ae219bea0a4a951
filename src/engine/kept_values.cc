#include "engine/kept_values.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "engine/json_scan.h"
#include "env/faults.h"
#include "event/text_prefetch.h"

namespace tidemark::engine {
namespace {

using event::ColumnView;
using event::kChunkRows;
using event::StringRef;
using event::Type;

constexpr std::size_t kDigitsMax = 15;  // Of a decimal that a double always gives back.
constexpr double kLeast = 1e-4;         // Below, and from kMost on, SQL writes an exponent.
constexpr double kMost = 1e15;

constexpr std::size_t kPrefetchRows = 3;

// Calls visit(row, text) for the rows that have one. `properties` has no dictionary.
template <class Visit>
void ForEachText(const ColumnView& view, std::size_t rows, const Visit& visit) {
  if (view.kind == ColumnView::Kind::kNull) return;
  for (std::size_t row = 0; row < rows; ++row) {
    if (view.kind == ColumnView::Kind::kConstant) {
      visit(row, view.constant_text.view());
    } else if (view.kind == ColumnView::Kind::kDictionary) {
      if (view.codes[row] != view.null_code) visit(row, view.dictionary[view.codes[row]].view());
    } else if (view.IsValid(row)) {
      const std::size_t soon = row + kPrefetchRows;
      if (soon < rows && view.IsValid(soon)) event::PrefetchText(view.strings[soon]);
      visit(row, view.strings[row].view());
    }
  }
}

// Of a key's ends and length: what is equal is found by comparing.
std::uint64_t HashKey(std::string_view key) {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  const char* const end = key.data() + key.size();
  if (key.size() >= 8) {
    std::memcpy(&first, key.data(), 8);
    std::memcpy(&last, end - 8, 8);
  } else if (key.size() >= 4) {
    std::memcpy(&first, key.data(), 4);
    std::memcpy(&last, end - 4, 4);
  } else {
    for (const char c : key) first = first << 8 | static_cast<unsigned char>(c);
  }
  return ((first ^ last * 31 ^ key.size()) * 0x9E3779B97F4A7C15ULL) >> 32;
}

bool IsObject(std::string_view text) {
  return text.size() >= 2 && text.front() == '{' && text.back() == '}';
}

// Keys that a path text can name as they are.
bool IsPlainKey(std::string_view key) {
  return !key.empty() && key.size() <= PathCounts::kKeyBytesMax &&
         std::none_of(key.begin(), key.end(), [](char c) {
           return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
         });
}

}  // namespace

std::optional<std::int64_t> ExactInt(std::string_view text) {
  const std::size_t first = text.starts_with('-') ? 1 : 0;
  if (text.size() == first || !IsDigit(text[first])) return std::nullopt;
  // No -0 and no zero in front, which the number would not give back.
  if (text[first] == '0' && text.size() > 1) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> ExactDouble(std::string_view text) {
  const std::size_t point = text.find('.');
  const std::size_t first = text.starts_with('-') ? 1 : 0;
  if (point == std::string_view::npos || text.size() - first - 1 > kDigitsMax) return std::nullopt;
  if (!IsNumber(text) || text.find_first_of("eE") != std::string_view::npos) return std::nullopt;
  const bool shorter = text.back() == '0' && text.size() - point > 2;
  if (shorter && !env::Planted(env::Bug::kKeptWithoutItsText)) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const double size = std::abs(value);
  if (size == 0) return first == 0 ? std::optional(value) : std::nullopt;
  if (size < kLeast || size >= kMost) return std::nullopt;
  return value;
}

KeptValues::KeptValues(const event::KeptPaths& paths)
    : paths_(paths.paths),
      nodes_(1),
      values_(paths.paths.size()),
      complete_(paths.paths.size(), true) {
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    std::size_t at = 0;
    for (const std::string& key : paths_[i].keys) {
      const Child* child = FindChild(&nodes_[at], key);
      std::size_t next = nodes_.size();
      if (child != nullptr) {
        next = child->node;
      } else {
        AddChild(&nodes_[at], key, next);
        nodes_.emplace_back();
      }
      at = next;
    }
    nodes_[at].path = i;
    if (paths_[i].type == Type::kString) {
      values_[i].strings = std::make_unique_for_overwrite<StringRef[]>(kChunkRows);
    } else {
      values_[i].fixed = std::make_unique_for_overwrite<std::int64_t[]>(kChunkRows);
    }
    values_[i].validity.resize(kChunkRows / 64);
  }
  for (Node& node : nodes_) {
    for (Child& child : node.children) child.place = &nodes_[child.node];
    if (!node.path) continue;
    node.values = &values_[*node.path];
    node.type = paths_[*node.path].type;
  }
}

KeptValues::Child* KeptValues::FindChild(Node* node, std::string_view key) {
  if (node->children.empty()) return nullptr;
  const std::uint64_t hash = HashKey(key);
  const std::size_t mask = node->slots.size() - 1;
  for (std::size_t slot = hash & mask; node->slots[slot] != 0; slot = (slot + 1) & mask) {
    Child& child = node->children[node->slots[slot] - 1U];
    if (child.hash == hash && child.key == key) return &child;
  }
  return nullptr;
}

void KeptValues::AddChild(Node* node, const std::string& key, std::size_t child) {
  node->children.push_back({key, KeyText(key), HashKey(key), child});
  node->slots.assign(std::bit_ceil(node->children.size() * 4), 0);
  const std::size_t mask = node->slots.size() - 1;
  for (std::size_t i = 0; i < node->children.size(); ++i) {
    std::size_t slot = node->children[i].hash & mask;
    while (node->slots[slot] != 0) slot = (slot + 1) & mask;
    node->slots[slot] = static_cast<std::uint16_t>(i + 1);
  }
}

void KeptValues::Read(const ColumnView& properties, std::size_t rows) {
  unescaped_.clear();
  for (Values& values : values_) {
    if (values.any) std::fill(values.validity.begin(), values.validity.end(), 0);
    values.any = false;
  }
  ForEachText(properties, rows, [&](std::size_t row, std::string_view text) {
    ++row_number_;
    if (text == "{}") return;
    JsonScan scan(text);
    if (IsObject(text) && WalkObject(&scan, &nodes_.front(), row)) return;
    // Not what we write: the engine's parser has to say.
    std::fill(complete_.begin(), complete_.end(), false);
  });
}

bool KeptValues::TakeKey(JsonScan* scan, Node* node, std::size_t** guess, Child** child) {
  std::vector<Child>& children = node->children;
  *child = children.empty() ? nullptr : &children[**guess];
  if (*child == nullptr || !scan->TakeKey((*child)->text)) {
    std::string_view key;
    std::string plain;
    bool escaped = false;
    if (scan->peek() != '"' || !scan->String(&key, &escaped) || !scan->Take(':')) return false;
    if (escaped) {
      if (!Unescape(key, &plain)) return false;
      key = plain;
    }
    *child = FindChild(node, key);
    // Behind what no path goes through comes what was expected before.
    if (*child == nullptr) return true;
    **guess = static_cast<std::size_t>(*child - children.data());
  }
  *guess = &(*child)->next;
  return true;
}

bool KeptValues::WalkObject(JsonScan* scan, Node* node, std::size_t row) {
  if (!scan->Take('{')) return false;
  if (scan->Take('}')) return true;
  std::size_t* guess = &node->first;
  for (;;) {
    Child* child = nullptr;
    if (!TakeKey(scan, node, &guess, &child)) return false;
    const bool first = child != nullptr && child->place->row != row_number_;
    if (!(first ? WalkValue(scan, child->place, row) : scan->Skip())) return false;
    if (scan->Take(',')) continue;
    return scan->Take('}');
  }
}

bool KeptValues::TakeTyped(JsonScan* scan, const Node& node, std::size_t row) {
  Values& values = *node.values;
  bool truth = false;
  double number = 0;
  std::string_view inside;
  switch (node.type) {
    case Type::kInt64:
      if (!scan->TakeInt(&values.fixed[row])) return false;
      break;
    case Type::kDouble:
      if (!scan->TakeDouble(&number)) return false;
      std::memcpy(&values.fixed[row], &number, sizeof number);
      break;
    case Type::kBool:
      if (!scan->TakeBool(&truth)) return false;
      reinterpret_cast<bool*>(values.fixed.get())[row] = truth;
      break;
    default:
      if (!scan->TakePlainString(&inside)) return false;
      values.strings[row] = StringRef::Of(inside);
      break;
  }
  SetValid(&values, row);
  return true;
}

bool KeptValues::WalkValue(JsonScan* scan, Node* node, std::size_t row) {
  node->row = row_number_;
  if (node->values != nullptr && TakeTyped(scan, *node, row)) return true;
  const std::optional<std::size_t> path = node->path;
  const char* const begin = scan->at();
  if (scan->peek() == '{' && !node->children.empty()) {
    if (!WalkObject(scan, node, row)) return false;
    if (path) Put(*path, row, scan->Since(begin), false);
    return true;
  }
  if (!path) return scan->Skip();
  const JsonFound found = scan->Value();
  switch (found.kind) {
    case JsonFound::Kind::kMissing:
    case JsonFound::Kind::kNull:
      return true;
    case JsonFound::Kind::kString:
      Put(*path, row, found.text, true);
      return true;
    case JsonFound::Kind::kOther:
      Put(*path, row, found.text, false);
      return true;
    case JsonFound::Kind::kUnsure:
      break;
  }
  // A string with escapes, or something else that is none of ours.
  const std::string_view quoted = scan->Since(begin);
  std::string& plain = unescaped_.emplace_back();
  if (quoted.size() < 2 || quoted.front() != '"' || quoted.back() != '"' ||
      !Unescape(quoted.substr(1, quoted.size() - 2), &plain)) {
    return false;
  }
  Put(*path, row, plain, true);
  return true;
}

void KeptValues::Put(std::size_t path, std::size_t row, std::string_view text, bool is_string) {
  if (Keep(path, row, text, is_string) || env::Planted(env::Bug::kKeptOfSomeRows)) return;
  complete_[path] = false;
}

bool KeptValues::Keep(std::size_t path, std::size_t row, std::string_view text, bool is_string) {
  Values& values = values_[path];
  const Type type = paths_[path].type;
  if (type == Type::kString) {
    values.strings[row] = StringRef::Of(text);
  } else if (is_string) {
    return false;
  } else if (type == Type::kInt64) {
    const auto value = ExactInt(text);
    if (!value) return false;
    values.fixed[row] = *value;
  } else if (type == Type::kDouble) {
    const auto value = ExactDouble(text);
    if (!value) return false;
    std::memcpy(&values.fixed[row], &*value, sizeof *value);
  } else {
    if (text != "true" && text != "false") return false;
    reinterpret_cast<bool*>(values.fixed.get())[row] = text == "true";
  }
  SetValid(&values, row);
  return true;
}

ColumnView KeptValues::View(std::size_t path) const {
  const Values& values = values_[path];
  ColumnView view;
  if (!values.any) return view;
  view.validity = values.validity.data();
  if (paths_[path].type == Type::kString) {
    view.kind = ColumnView::Kind::kStrings;
    view.strings = values.strings.get();
  } else {
    view.kind = ColumnView::Kind::kFixed;
    view.fixed = values.fixed.get();
  }
  return view;
}

void PathCounts::Add(const ColumnView& properties, std::size_t rows) {
  row_count_ += rows;
  ForEachText(properties, rows, [&](std::size_t /*row*/, std::string_view text) {
    JsonScan scan(text);
    std::vector<std::string> keys;
    std::string path;
    last_ = nullptr;
    if (IsObject(text)) WalkObject(&scan, &keys, &path);
  });
}

bool PathCounts::WalkObject(JsonScan* scan, std::vector<std::string>* keys, std::string* path) {
  if (!scan->Take('{')) return false;
  if (scan->Take('}')) return true;
  for (;;) {
    std::string_view key;
    bool escaped = false;
    if (scan->peek() != '"' || !scan->String(&key, &escaped) || !scan->Take(':')) return false;
    if (escaped || !IsPlainKey(key)) {
      if (!scan->Skip()) return false;
    } else {
      const std::size_t length = path->size();
      path->append(key).push_back('\0');
      keys->emplace_back(key);
      const bool read = WalkValue(scan, keys, path);
      keys->pop_back();
      path->resize(length);
      if (!read) return false;
    }
    if (scan->Take(',')) continue;
    return scan->Take('}');
  }
}

PathCounts::Counts* PathCounts::Find(const std::string& path,
                                     const std::vector<std::string>& keys) {
  auto* const guess = last_ != nullptr ? last_->second.next : nullptr;
  if (guess != nullptr && guess->first == path) {
    last_ = guess;
    return &last_->second;
  }
  auto at = counts_.find(path);
  if (at == counts_.end()) {
    if (counts_.size() >= kPathsMax) return nullptr;
    at = counts_.emplace(path, Counts{}).first;
    at->second.keys = keys;
  }
  if (last_ != nullptr) last_->second.next = &*at;
  last_ = &*at;
  return &last_->second;
}

bool PathCounts::WalkValue(JsonScan* scan, std::vector<std::string>* keys, std::string* path) {
  const char* const begin = scan->at();
  const bool container = scan->peek() == '{' || scan->peek() == '[';
  JsonFound found;
  if (scan->peek() == '{' && keys->size() < kDepthMax) {
    if (!WalkObject(scan, keys, path)) return false;
  } else {
    found = scan->Value();
    if (found.kind == JsonFound::Kind::kUnsure && scan->at() == begin) return false;
  }
  Counts* const counted = Find(*path, *keys);
  if (counted == nullptr || found.kind == JsonFound::Kind::kNull) return true;
  Counts& counts = *counted;
  const bool scalar = found.kind == JsonFound::Kind::kOther && !container;
  ++counts.rows;
  counts.bytes += scan->Since(begin).size();
  counts.containers += container ? 1U : 0U;
  counts.ints += scalar && ExactInt(found.text) ? 1U : 0U;
  counts.doubles += scalar && ExactDouble(found.text) ? 1U : 0U;
  counts.bools += scalar && (found.text == "true" || found.text == "false") ? 1U : 0U;
  return true;
}

}  // namespace tidemark::engine
