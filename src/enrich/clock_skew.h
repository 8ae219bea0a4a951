// A client whose clock is wrong says so itself: `sentAt` is when it sent, by that clock. What it is
// off by the time of arrival is taken off the times of its events. One that even then is further in
// the future than any mistaken zone explains becomes the time of arrival. Bodies without `sentAt`
// are left alone: who sends its own times may mean them.
#pragma once

#include "base/units.h"
#include "enrich/enricher.h"
#include "enrich/metrics.h"

namespace tidemark::enrich {

// Below it a body was only on its way.
inline constexpr Duration kSkewMin = std::chrono::seconds(60);
inline constexpr Duration kFutureMax = std::chrono::hours(23);

class ClockSkew final : public Enricher {
 public:
  // `metrics` must outlive it.
  explicit ClockSkew(EnrichMetrics* metrics) : metrics_(metrics) {}
  void Enrich(const RequestFacts& facts, event::EventView* event) override;

 private:
  EnrichMetrics* const metrics_;
};

}  // namespace tidemark::enrich
