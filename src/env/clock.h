// Time as the core sees it. Any thread.
#pragma once

#include "base/time.h"
#include "base/units.h"

namespace tidemark::env {

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  // Monotonic, from an arbitrary start: for ages, timers and deadlines.
  virtual Duration Now() const = 0;
  // The wall clock: may jump in both directions. For stamps only.
  virtual TimeMicros WallNow() const = 0;
};

}  // namespace tidemark::env
