// The distinct values of one text column in one segment, numbered from 1; 0 is null.
//
// Readers use `entries()` and `size()` as they were at a publication: entries below that size never
// change, and an array that was outgrown lives as long as the segment. One writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "event/row_source.h"
#include "hot/segment_memory.h"

namespace tidemark::hot {

// The two words of a StringRef made of `text`, without a call for short text.
inline event::StringRef MakeRef(std::string_view text) {
  using Word = std::uint64_t;
  const auto load4 = [](const char* at) {
    std::uint32_t word = 0;
    std::memcpy(&word, at, 4);
    return static_cast<Word>(word);
  };
  const char* p = text.data();
  const std::size_t n = text.size();
  Word low = 0;   // Bytes 0 to 7 of inlined text.
  Word high = 0;  // Bytes 8 to 11.
  if (n > event::StringRef::kInlineMax) {
    const Word words[2] = {n | load4(p) << 32, reinterpret_cast<Word>(p)};
    event::StringRef ref;
    std::memcpy(static_cast<void*>(&ref), words, sizeof ref);
    return ref;
  }
  if (n >= 8) {
    std::memcpy(&low, p, 8);
    high = load4(p + n - 4) >> (8 * (12 - n));
  } else if (n >= 4) {
    low = load4(p) | (load4(p + n - 4) >> (8 * (8 - n))) << 32;
  } else {
    for (std::size_t i = 0; i < n; ++i)
      low |= static_cast<Word>(static_cast<std::uint8_t>(p[i])) << (8 * i);
  }
  const Word words[2] = {n | low << 32, low >> 32 | high << 32};
  event::StringRef ref;
  std::memcpy(static_cast<void*>(&ref), words, sizeof ref);
  return ref;
}

inline bool SameText(const event::StringRef& a, const event::StringRef& b) {
  std::uint64_t wa[2];
  std::uint64_t wb[2];
  std::memcpy(wa, &a, sizeof wa);
  std::memcpy(wb, &b, sizeof wb);
  if (wa[0] != wb[0]) return false;  // Length and first bytes.
  if (wa[1] == wb[1]) return true;
  return a.length > event::StringRef::kInlineMax &&
         std::memcmp(a.pointer, b.pointer, a.length) == 0;
}

class Dictionary {
 public:
  static constexpr std::uint32_t kEntriesMax = 16'384;  // Null's included.

  explicit Dictionary(SegmentMemory* memory);

  // The number of `text`; a new one if it is new. There must be room().
  std::uint32_t Code(std::string_view text) {
    const event::StringRef ref = MakeRef(text);
    if (SameText(entries_[last_], ref) && last_ != 0) return last_;
    return Find(ref, text);
  }
  // The same of `texts`, at most kTogetherMax, into `codes`: what each of them lies at is asked for
  // before any of it is looked at, for a large dictionary is in no near cache.
  static constexpr std::size_t kTogetherMax = 32;
  void Codes(std::span<const std::string_view> texts, std::uint32_t* codes);
  // Whether that pays: less is looked up faster than it is asked for.
  bool is_large() const { return size_ > kNearEntries; }
  std::uint32_t room() const { return kEntriesMax - size_; }

  const event::StringRef* entries() const { return entries_; }
  std::uint32_t size() const { return size_; }

 private:
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t code = 0;  // 0: empty.
  };
  static constexpr std::uint32_t kEntriesMin = 64;
  static constexpr std::uint32_t kNearEntries = 256;

  static std::uint64_t HashOf(const event::StringRef& ref, std::string_view text);
  std::uint32_t Find(const event::StringRef& ref, std::string_view text) {
    return Find(ref, text, HashOf(ref, text));
  }
  std::uint32_t Find(const event::StringRef& ref, std::string_view text, std::uint64_t hash);
  std::uint32_t Add(event::StringRef ref, std::string_view text, std::uint64_t hash);
  void Grow();
  void Place(std::uint64_t hash, std::uint32_t code);

  SegmentMemory* const memory_;
  event::StringRef* entries_ = nullptr;
  std::uint32_t capacity_ = kEntriesMin;
  std::uint32_t size_ = 1;
  std::uint32_t last_ = 0;
  std::vector<Slot> slots_;  // Twice the capacity, a power of two.
};

}  // namespace tidemark::hot
