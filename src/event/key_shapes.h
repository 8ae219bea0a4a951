// The sequences of names that JSON objects had, numbered. Most objects have the names of one before
// them in the same order: what was found out of that one, that no name is repeated, which columns
// they are, what a schema says of them, is not found out again.
//
// A tree: a node is a sequence, its children are the sequences with one more name; each node
// guesses the child that came last. In memory only; bounded. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "event/json_names.h"

namespace tidemark::event {

class KeyShapes {
 public:
  using Shape = std::uint32_t;
  static constexpr Shape kNone = ~0U;
  static constexpr Shape kEvent = 0;   // An event before its first name.
  static constexpr Shape kObject = 1;  // The same of any other object.

  static constexpr std::uint32_t kShapesMax = 4'096;
  static constexpr std::uint32_t kChildrenMax = 16;
  static constexpr std::uint32_t kKeysMax = 64;      // Of one object.
  static constexpr std::uint32_t kKeyBytesMax = 64;  // With its quotes.
  // Names for which there was no room, until everything is forgotten and learned anew.
  static constexpr std::uint32_t kMissesMax = 4'096;

  KeyShapes();

  // The sequence `from` with the name that begins at `at` and has its colon right behind it; kNone
  // if it is not known. 16 bytes are read at least, and no more than the text has with its padding
  // (json_tokens.h).
  Shape Known(Shape from, const char* at) {
    const Shape guess = nodes_[from].guess;
    return IsAt(guess, at) ? guess : Search(from, at);
  }
  // The same of any name, which is learned: kNone if the object has it already, or there is no room
  // for it. `key`: with its quotes, without escapes.
  Shape Next(Shape from, std::string_view key);
  // Bytes of the last name, with its quotes.
  std::uint32_t KeyBytes(Shape shape) const { return nodes_[shape].size; }
  // What the last name of a sequence stands for in an event.
  const FieldName& FieldOf(Shape shape) const { return *nodes_[shape].field; }
  // No two sequences ever have the same number in this process; never 0.
  std::uint64_t NumberOf(Shape shape) const { return first_number_ + shape; }
  // Calls visit(key), with quotes and 16 readable bytes, from the last name to the first.
  template <class Visit>
  void ForEachKey(Shape shape, const Visit& visit) const {
    for (; shape > kObject; shape = links_[shape].parent) visit(KeyOf(shape));
  }
  // Between two events, when no shape is in use.
  void MakeRoom() {
    if (misses_ >= kMissesMax) Clear();
  }
  std::size_t size() const { return nodes_.size(); }

 private:
  static constexpr std::uint32_t kNoKey = ~0U;
  // A node without a key, as made here, is found in no text (IsLong).
  struct Node {
    // The first bytes of the key and its colon, and which of them count.
    std::array<std::uint64_t, 2> words{~0ULL, ~0ULL};
    std::array<std::uint64_t, 2> masks{~0ULL, ~0ULL};
    std::uint32_t size = kNoKey;  // Of the key with its quotes.
    Shape guess = 0;
    const FieldName* field = nullptr;
  };
  struct Link {
    Shape parent = kNone;
    Shape first_child = kNone;
    Shape sibling = kNone;
    std::uint32_t depth = 0;
    std::string key;  // With its quotes, its colon, and padding.
  };

  bool IsAt(Shape shape, const char* at) const {
    const Node& node = nodes_[shape];
    std::array<std::uint64_t, 2> there;
    std::memcpy(there.data(), at, sizeof there);
    const std::uint64_t differs =
        ((there[0] ^ node.words[0]) & node.masks[0]) | ((there[1] ^ node.words[1]) & node.masks[1]);
    return differs == 0 && (node.size < sizeof there || IsLong(shape, at));
  }
  bool IsLong(Shape shape, const char* at) const;
  Shape Search(Shape from, const char* at);
  Shape Add(Shape from, std::string_view key);
  std::string_view KeyOf(Shape shape) const {
    return std::string_view(links_[shape].key).substr(0, nodes_[shape].size);
  }
  void Clear();

  std::vector<Node> nodes_;
  std::vector<Link> links_;
  std::uint64_t first_number_ = 0;
  std::uint32_t misses_ = 0;
};

}  // namespace tidemark::event
