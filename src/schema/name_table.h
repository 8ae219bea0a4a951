// Names with what they stand for, for lookups on the path of every event: the hash of a name is
// computed once for all tables that are asked for it. Immutable once built; any thread.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark::schema {

// Of a name: equal names have equal hashes. In memory only: it may change with the program.
inline std::uint32_t HashName(std::string_view name) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15ULL;
  std::uint64_t mixed = name.size() * kOdd;
  const char* at = name.data();
  std::size_t left = name.size();
  std::uint64_t word = 0;
  for (; left > 8; at += 8, left -= 8) {
    std::memcpy(&word, at, 8);
    mixed = std::rotl((mixed ^ word) * kOdd, 29);
  }
  word = 0;
  if (left >= 4) {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::memcpy(&first, at, 4);
    std::memcpy(&last, at + left - 4, 4);
    // Of four bytes, which are all in `first`, nothing is left.
    word = first | (static_cast<std::uint64_t>(last) >> (8 * (8 - left))) << 32;
  } else {
    for (std::size_t i = 0; i < left; ++i) {
      word |= static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
    }
  }
  mixed = (mixed ^ word) * kOdd;
  return static_cast<std::uint32_t>((mixed ^ mixed >> 29) >> 3);
}

template <class T>
class NameTable {
 public:
  NameTable() = default;
  // `names`: pairs of a name, each once, and its value.
  template <class Names>
  explicit NameTable(const Names& names) {
    for (const auto& [name, value] : names) entries_.push_back({std::string(name), value});
    slots_.resize(std::bit_ceil(2 * entries_.size() + 2));
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const std::uint32_t hash = HashName(entries_[i].first);
      seen_ |= SeenBit(hash);
      std::size_t at = hash & (slots_.size() - 1);
      while (slots_[at].entry != 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = {hash, static_cast<std::uint32_t>(i + 1)};
    }
  }

  // Null if the name is not there. `hash` is HashName(name).
  const T* Find(std::string_view name, std::uint32_t hash) const {
    if ((seen_ & SeenBit(hash)) == 0) return nullptr;
    for (std::size_t at = hash & (slots_.size() - 1); slots_[at].entry != 0;
         at = (at + 1) & (slots_.size() - 1)) {
      const auto& [there, value] = entries_[slots_[at].entry - 1];
      if (slots_[at].hash == hash && there == name) return &value;
    }
    return nullptr;
  }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t entry = 0;  // Its index + 1; 0: free.
  };
  // Tells most names that are not there without a look at the slots.
  static std::uint64_t SeenBit(std::uint32_t hash) { return 1ULL << (hash >> 23U & 63U); }

  std::uint64_t seen_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::pair<std::string, T>> entries_;
};

}  // namespace tidemark::schema
