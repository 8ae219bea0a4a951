// A clock that stands still until somebody moves it. One thread.
#pragma once

#include "env/clock.h"

namespace tidemark::sim {

class SimClock final : public env::Clock {
 public:
  // 2026-01-01T00:00:00Z on the wall; monotonic time begins at one hour.
  SimClock() = default;

  Duration Now() const override { return now_; }
  TimeMicros WallNow() const override { return wall_; }

  // Both clocks go on by `span`, which is not negative.
  void Advance(Duration span) {
    now_ += span;
    wall_ += std::chrono::duration_cast<std::chrono::microseconds>(span).count();
  }
  // The wall clock alone; may go back.
  void SetWall(TimeMicros wall) { wall_ = wall; }

 private:
  Duration now_ = std::chrono::hours(1);
  TimeMicros wall_{1'767'225'600LL * kMicrosPerSecond};
};

}  // namespace tidemark::sim
