// What enrichment counts. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "telemetry/metrics.h"

namespace tidemark::enrich {

// The kinds of visits that referrer.h tells.
enum class ReferrerType : std::uint8_t {
  kDirect,
  kInternal,
  kSearch,
  kSocial,
  kEmail,
  kReferral,
  kCampaign,
};
inline constexpr std::size_t kReferrerTypeCount = 7;
std::string_view ReferrerTypeName(ReferrerType type);  // "direct" and so on.

struct EnrichMetrics {
  explicit EnrichMetrics(telemetry::Registry* registry);

  telemetry::Counter& agents_parsed;     // Not remembered from before.
  telemetry::Counter& bots;              // Events.
  telemetry::Counter& countries_found;   // Events.
  telemetry::Counter& countries_missed;  // Events with an address that is in no country.
  telemetry::Counter& addresses_cut;
  telemetry::Counter& addresses_unread;  // Left out: no address that could be cut.
  std::array<telemetry::Counter*, kReferrerTypeCount> referrers;  // Events, by ReferrerType.
  telemetry::Counter& times_shifted;
  telemetry::Counter& times_clamped;
  telemetry::Counter& lookups_found;
  telemetry::Counter& lookups_missed;  // The source has no such key: "unknown".
  telemetry::Counter& lookups_late;    // Not asked yet, or the source is down: "unknown".
  telemetry::Counter& source_failures;
  telemetry::Gauge& lookup_entries;
};

}  // namespace tidemark::enrich
