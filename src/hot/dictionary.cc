#include "hot/dictionary.h"

#include <array>

#include "base/check.h"

namespace tidemark::hot {

using event::StringRef;

Dictionary::Dictionary(SegmentMemory* memory)
    : memory_(memory), slots_(std::size_t{2} * kEntriesMin) {
  memory_->Count(sizeof(Dictionary) + slots_.size() * sizeof(Slot));
  entries_ = reinterpret_cast<StringRef*>(
      memory_->Allocate(capacity_ * sizeof(StringRef), /*zeroed=*/true));
}

std::uint64_t Dictionary::HashOf(const StringRef& ref, std::string_view text) {
  if (ref.length > StringRef::kInlineMax) return Hash64(text);
  std::uint64_t words[2];
  std::memcpy(words, &ref, sizeof words);
  std::uint64_t hash = words[0] * 0x9E3779B97F4A7C15ULL ^ words[1] * 0xC2B2AE3D27D4EB4FULL;
  hash ^= hash >> 29;
  hash *= 0xBF58476D1CE4E5B9ULL;
  return hash ^ hash >> 32;
}

void Dictionary::Codes(std::span<const std::string_view> texts, std::uint32_t* codes) {
  TM_CHECK_LE(texts.size(), kTogetherMax);
  std::array<StringRef, kTogetherMax> refs;
  std::array<std::uint64_t, kTogetherMax> hashes;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    refs[i] = MakeRef(texts[i]);
    hashes[i] = HashOf(refs[i], texts[i]);
    __builtin_prefetch(&slots_[hashes[i] & mask]);
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    __builtin_prefetch(&entries_[slots_[hashes[i] & mask].code]);
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const StringRef& entry = entries_[slots_[hashes[i] & mask].code];
    if (entry.length > StringRef::kInlineMax) __builtin_prefetch(entry.pointer);
  }
  for (std::size_t i = 0; i < texts.size(); ++i) codes[i] = Find(refs[i], texts[i], hashes[i]);
}

std::uint32_t Dictionary::Find(const StringRef& ref, std::string_view text, std::uint64_t hash) {
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot slot = slots_[at];
    if (slot.code == 0) break;
    if (slot.tag == tag && SameText(entries_[slot.code], ref)) return last_ = slot.code;
  }
  return last_ = Add(ref, text, hash);
}

std::uint32_t Dictionary::Add(StringRef ref, std::string_view text, std::uint64_t hash) {
  TM_CHECK_LT(size_, kEntriesMax);
  if (size_ == capacity_) Grow();
  if (ref.length > StringRef::kInlineMax) ref.pointer = memory_->Keep(text);
  entries_[size_] = ref;
  Place(hash, size_);
  return size_++;
}

void Dictionary::Grow() {
  // Readers of earlier publications keep the old array; it stays until the segment goes.
  auto* grown = reinterpret_cast<StringRef*>(
      memory_->Allocate(std::size_t{2} * capacity_ * sizeof(StringRef), /*zeroed=*/true));
  std::memcpy(static_cast<void*>(grown), entries_, size_ * sizeof(StringRef));
  entries_ = grown;
  capacity_ *= 2;
  memory_->Count(slots_.size() * sizeof(Slot));
  slots_.assign(std::size_t{2} * capacity_, Slot{});
  for (std::uint32_t code = 1; code < size_; ++code) {
    Place(HashOf(entries_[code], entries_[code].view()), code);
  }
}

void Dictionary::Place(std::uint64_t hash, std::uint32_t code) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].code != 0) at = (at + 1) & mask;
  slots_[at] = {static_cast<std::uint32_t>(hash >> 32), code};
}

}  // namespace tidemark::hot
