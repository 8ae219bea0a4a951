// The machine's clocks and its entropy.
#pragma once

#include <cstdint>

#include "env/clock.h"

namespace tidemark::env {

class PosixClock final : public Clock {
 public:
  Duration Now() const override;
  TimeMicros WallNow() const override;
};

// A seed from the kernel's entropy.
std::uint64_t EntropySeed();

}  // namespace tidemark::env
