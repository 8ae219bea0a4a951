#include "engine/number_dictionary.h"

#include <algorithm>

namespace tidemark::engine {

void NumberDictionary::Clear() {
  if (entries_.empty()) return;
  entries_.clear();
  std::fill(slots_.begin(), slots_.end(), 0);
}

void NumberDictionary::Trim(std::size_t bytes_max) {
  Clear();
  if (entries_.capacity() * sizeof entries_[0] > bytes_max) entries_ = {};
  if (slots_.capacity() * sizeof slots_[0] > bytes_max) slots_ = {};
}

std::size_t NumberDictionary::SlotOf(std::uint64_t bits) const {
  std::uint64_t hash = (bits ^ bits >> 32) * 0x9E3779B97F4A7C15ULL;
  hash ^= hash >> 32;
  return static_cast<std::size_t>(hash) & (slots_.size() - 1);
}

std::uint32_t NumberDictionary::Find(std::uint64_t bits) {
  if ((entries_.size() + 1) * 2 > slots_.size()) Grow();
  for (std::size_t slot = SlotOf(bits);; slot = (slot + 1) & (slots_.size() - 1)) {
    if (slots_[slot] == 0) {
      entries_.push_back(bits);
      return (slots_[slot] = size()) - 1;
    }
    if (entries_[slots_[slot] - 1] == bits) return slots_[slot] - 1;
  }
}

void NumberDictionary::Grow() {
  slots_.assign(std::max<std::size_t>(64, slots_.size() * 4), 0);
  for (std::uint32_t i = 0; i < size(); ++i) {
    std::size_t slot = SlotOf(entries_[i]);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = i + 1;
  }
}

}  // namespace tidemark::engine
