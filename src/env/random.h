// Dice as the core sees them. Random: one thread. The seeded one gives the same numbers on every
// machine, which std:: distributions do not.
#pragma once

#include <cstdint>

#include "base/check.h"

namespace tidemark::env {

class Random {
 public:
  // SplitMix64 for the state, xoshiro256** for the numbers (Blackman and Vigna, 2018).
  explicit Random(std::uint64_t seed);

  std::uint64_t Next();
  // Uniform in [0, bound); bound > 0.
  std::uint64_t Below(std::uint64_t bound) {
    TM_DCHECK(bound > 0);
    return static_cast<std::uint64_t>((static_cast<Wide>(Next()) * bound) >> 64);
  }
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }
  // Uniform in [0, 1).
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

 private:
  __extension__ using Wide = unsigned __int128;
  std::uint64_t state_[4];
};

}  // namespace tidemark::env
