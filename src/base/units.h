// Sizes and spans of time with their unit in the type or the literal.
#pragma once

#include <chrono>
#include <cstdint>

namespace tidemark {

// A span of monotonic time. Options and interfaces never use bare integers for time.
using Duration = std::chrono::nanoseconds;

inline namespace literals {
constexpr std::uint64_t operator""_KiB(unsigned long long n) { return n << 10; }
constexpr std::uint64_t operator""_MiB(unsigned long long n) { return n << 20; }
constexpr std::uint64_t operator""_GiB(unsigned long long n) { return n << 30; }
}  // namespace literals

}  // namespace tidemark
