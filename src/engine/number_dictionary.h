// The doubles of a column chunk by number. They are told apart by their bits, so that zeros of both
// signs and every NaN stay what they are.
//
// Internal to this folder. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tidemark::engine {

class NumberDictionary {
 public:
  void Clear();
  void Trim(std::size_t bytes_max);
  // The number of the double that has these bits, which is kept.
  std::uint32_t Find(std::uint64_t bits);
  std::uint32_t size() const { return static_cast<std::uint32_t>(entries_.size()); }
  std::uint64_t Entry(std::uint32_t number) const { return entries_[number]; }
  // Entries as a PLAIN page has them: 8 bytes each.
  std::string_view plain() const {
    return {reinterpret_cast<const char*>(entries_.data()), entries_.size() * sizeof entries_[0]};
  }

 private:
  void Grow();
  std::size_t SlotOf(std::uint64_t bits) const;

  std::vector<std::uint64_t> entries_;
  std::vector<std::uint32_t> slots_;  // Number + 1; 0: free. A power of two.
};

}  // namespace tidemark::engine
