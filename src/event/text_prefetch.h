// Asks for a text before it is read: texts lie where hot memory has them, far from each other, and
// a chunk of them is more than the nearest caches hold. Any thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "event/row_source.h"

namespace tidemark::event {

// Inlined always: a function that only asks for memory has no effect that a compiler sees.
[[gnu::always_inline]] inline void PrefetchText(const StringRef& text) {
  constexpr std::uint32_t kBytesMax = 512;
  constexpr std::uint32_t kCacheLine = 64;
  if (text.length <= StringRef::kInlineMax) return;
  const std::uint32_t end = std::min(text.length, kBytesMax);
  for (std::uint32_t at = 0; at < end; at += kCacheLine) __builtin_prefetch(text.pointer + at);
}

}  // namespace tidemark::event
