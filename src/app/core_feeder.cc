#include "app/core_feeder.h"

#include <chrono>
#include <semaphore>

#include "telemetry/log_line.h"

namespace tidemark::app {

Epoch CoreFeeder::epoch() const { return parts_->core().epoch(); }

TimeMicros CoreFeeder::ReadersUntil(TimeMicros now) const {
  const Duration delay = parts_->core().options().garbage_delay;
  return now + std::chrono::duration_cast<std::chrono::microseconds>(delay).count();
}

void CoreFeeder::Refresh(const std::string& ns) {
  std::binary_semaphore done(0);
  parts_->core().Refresh(ns, [&](const Status& refreshed) {
    if (!refreshed) {
      TM_LOG(kWarning, "the head that another engine committed is not seen yet", {"project", ns},
             {"error", refreshed.error().ToString()});
    }
    done.release();
  });
  done.acquire();
}

}  // namespace tidemark::app
