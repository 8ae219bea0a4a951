#include "env/posix/posix_clock.h"

#include <chrono>

#include <sys/random.h>

#include "base/check.h"

namespace tidemark::env {

Duration PosixClock::Now() const { return std::chrono::steady_clock::now().time_since_epoch(); }

TimeMicros PosixClock::WallNow() const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return TimeMicros(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

std::uint64_t EntropySeed() {
  std::uint64_t seed = 0;
  TM_CHECK(::getrandom(&seed, sizeof seed, 0) == static_cast<ssize_t>(sizeof seed));
  return seed;
}

}  // namespace tidemark::env
