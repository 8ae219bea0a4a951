// Strong types for numbers that must not be swapped.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace tidemark {

// An integer with a meaning. Only differences and steps make sense beside comparison.
template <class Tag>
struct StrongInt {
  std::int64_t value = 0;

  constexpr StrongInt() = default;
  constexpr explicit StrongInt(std::int64_t v) : value(v) {}

  friend constexpr auto operator<=>(const StrongInt&, const StrongInt&) = default;
  constexpr StrongInt operator+(std::int64_t n) const { return StrongInt(value + n); }
  constexpr StrongInt operator-(std::int64_t n) const { return StrongInt(value - n); }
  constexpr std::int64_t operator-(StrongInt other) const { return value - other.value; }
  constexpr StrongInt& operator+=(std::int64_t n) {
    value += n;
    return *this;
  }
};

template <class Tag>
std::string to_string(StrongInt<Tag> id) {
  return std::to_string(id.value);
}

// Position of an event in its project's log partition: 0, 1, 2, ... Ends of ranges are exclusive.
using LogOffset = StrongInt<struct LogOffsetTag>;
// An Iceberg snapshot: a random positive 63-bit number.
using SnapshotId = StrongInt<struct SnapshotIdTag>;
// Counts the owners that a data directory has had; a commit of an older epoch is refused.
using Epoch = StrongInt<struct EpochTag>;

}  // namespace tidemark
