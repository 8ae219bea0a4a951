// The window's own time, made from the received times of the log's records and nothing else, so
// that replay comes to the same time. It goes on as fast as the received times do, never back, and
// by an hour at most from one record to the next: a wall clock that jumps a day does not empty the
// window, and a silence of a day counts as an hour.
//
// A value type; one thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace tidemark::dedupe {

class WindowClock {
 public:
  static constexpr std::int64_t kMicrosPerSecond = 1'000'000;
  static constexpr std::int64_t kStepMicrosMax = 3'600 * kMicrosPerSecond;

  struct State {
    std::int64_t received_latest = kTimeMin.value;  // kTimeMin: no record yet.
    std::int64_t micros = kMicrosPerSecond;         // Second 0 is never given.
  };

  WindowClock() = default;
  explicit WindowClock(State state) : state_(state) {}

  // A record that was written; true if its received time lies so far ahead that it was cut.
  bool Advance(TimeMicros received_at) {
    const State before = state_;
    state_ = After(received_at);
    return before.received_latest != kTimeMin.value &&
           received_at.value - before.received_latest > kStepMicrosMax;
  }
  // The second in which a record with this received time would come.
  std::uint32_t SecondOf(TimeMicros received_at) const {
    return static_cast<std::uint32_t>(After(received_at).micros / kMicrosPerSecond);
  }
  std::uint32_t second() const {
    return static_cast<std::uint32_t>(state_.micros / kMicrosPerSecond);
  }
  const State& state() const { return state_; }

 private:
  State After(TimeMicros received_at) const {
    if (state_.received_latest == kTimeMin.value) return {received_at.value, state_.micros};
    const std::int64_t step = received_at.value - state_.received_latest;
    return {std::max(state_.received_latest, received_at.value),
            state_.micros + std::clamp<std::int64_t>(step, 0, kStepMicrosMax)};
  }

  State state_;
};

}  // namespace tidemark::dedupe
