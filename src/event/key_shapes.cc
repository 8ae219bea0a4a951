#include "event/key_shapes.h"

#include <algorithm>
#include <atomic>

namespace tidemark::event {
namespace {

constexpr std::size_t kPadding = 16;

std::uint64_t Mask(std::size_t bytes) { return bytes >= 8 ? ~0ULL : (1ULL << (bytes * 8)) - 1; }

// Numbers for one more tree.
std::uint64_t TakeNumbers() {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(KeyShapes::kShapesMax, std::memory_order_relaxed);
}

}  // namespace

KeyShapes::KeyShapes() { Clear(); }

void KeyShapes::Clear() {
  first_number_ = TakeNumbers();
  misses_ = 0;
  nodes_.assign(2, {});
  links_.assign(2, {});
}

// What differs first is within the text: its closing quote at the latest.
bool KeyShapes::IsLong(Shape shape, const char* at) const {
  if (nodes_[shape].size == kNoKey) return false;
  return std::strncmp(links_[shape].key.c_str(), at, nodes_[shape].size + 1) == 0;
}

KeyShapes::Shape KeyShapes::Search(Shape from, const char* at) {
  for (Shape child = links_[from].first_child; child != kNone; child = links_[child].sibling) {
    if (IsAt(child, at)) return nodes_[from].guess = child;
  }
  return kNone;
}

KeyShapes::Shape KeyShapes::Next(Shape from, std::string_view key) {
  std::uint32_t children = 0;
  for (Shape child = links_[from].first_child; child != kNone; child = links_[child].sibling) {
    if (KeyOf(child) == key) return nodes_[from].guess = child;
    ++children;
  }
  if (key.size() > kKeyBytesMax || links_[from].depth >= kKeysMax) return kNone;
  bool repeated = false;
  ForEachKey(from, [&](std::string_view other) { repeated |= other == key; });
  if (repeated) return kNone;
  if (children >= kChildrenMax || nodes_.size() >= kShapesMax) {
    ++misses_;
    return kNone;
  }
  return nodes_[from].guess = Add(from, key);
}

KeyShapes::Shape KeyShapes::Add(Shape from, std::string_view key) {
  const auto shape = static_cast<Shape>(nodes_.size());
  Link& link = links_.emplace_back();
  link.parent = from;
  link.sibling = links_[from].first_child;
  link.depth = links_[from].depth + 1;
  link.key.reserve(key.size() + 1 + kPadding);
  link.key.append(key).append(1, ':').append(kPadding, '\0');
  links_[from].first_child = shape;
  Node& node = nodes_.emplace_back();
  const std::size_t bytes = key.size() + 1;
  node.masks = {Mask(bytes), bytes <= 8 ? 0 : Mask(bytes - 8)};
  std::memcpy(node.words.data(), link.key.data(), sizeof node.words);
  node.size = static_cast<std::uint32_t>(key.size());
  node.field = &FindField(KeyOf(shape).substr(1, key.size() - 2));
  return shape;
}

}  // namespace tidemark::event
