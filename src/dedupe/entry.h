// What the index remembers: the keyed hash of something that came once, when it came, and a few
// bytes about it. Value types; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/hash.h"

namespace tidemark::dedupe {

inline constexpr std::size_t kValueBytesMax = 20;
using Value = std::array<char, kValueBytesMax>;  // A family uses its first value_bytes.

struct Entry {
  Hash128 hash;              // Never zero.
  std::uint32_t second = 0;  // Of the window's own clock (window_clock.h).
  Value value{};
};

// Order of entries in a run.
inline bool HashLess(const Hash128& a, const Hash128& b) {
  return a.high != b.high ? a.high < b.high : a.low < b.low;
}

// One of a batch that is looked up and, if it is new, remembered.
struct Item {
  Hash128 hash;
  Value value{};          // In: what to remember. Out, if found: what is remembered.
  std::uint32_t own = 0;  // The caller's; not looked at.
  bool found = false;     // Out.
};

}  // namespace tidemark::dedupe
