#include "enrich/clock_skew.h"

namespace tidemark::enrich {
namespace {

std::int64_t Micros(Duration span) {
  return std::chrono::duration_cast<std::chrono::microseconds>(span).count();
}

}  // namespace

void ClockSkew::Enrich(const RequestFacts& facts, event::EventView* event) {
  if (!facts.sent_at) return;
  const std::int64_t skew = facts.received_at.value - facts.sent_at->value;
  if (skew > Micros(kSkewMin) || skew < -Micros(kSkewMin)) {
    const TimeMicros shifted(event->timestamp.value + skew);
    if (shifted.value >= kTimeMin.value && shifted.value <= kTimeMax.value) {
      event->timestamp = shifted;
      metrics_->times_shifted.Add();
    }
  }
  if (event->timestamp.value > facts.received_at.value + Micros(kFutureMax)) {
    event->timestamp = facts.received_at;
    metrics_->times_clamped.Add();
  }
}

}  // namespace tidemark::enrich
