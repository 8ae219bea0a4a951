#include "enrich/metrics.h"

#include <string>

namespace tidemark::enrich {
namespace {

std::array<telemetry::Counter*, kReferrerTypeCount> AddReferrers(telemetry::Registry* registry) {
  std::array<telemetry::Counter*, kReferrerTypeCount> counters{};
  for (std::size_t i = 0; i < counters.size(); ++i) {
    const std::string type(ReferrerTypeName(static_cast<ReferrerType>(i)));
    counters[i] = &registry->AddCounter("tidemark_enrich_referrers_total{type=\"" + type + "\"}",
                                        "Events by where their visit came from.");
  }
  return counters;
}

}  // namespace

std::string_view ReferrerTypeName(ReferrerType type) {
  constexpr std::array<std::string_view, kReferrerTypeCount> kNames = {
      "direct", "internal", "search", "social", "email", "referral", "campaign"};
  return kNames[static_cast<std::size_t>(type)];
}

EnrichMetrics::EnrichMetrics(telemetry::Registry* registry)
    : agents_parsed(registry->AddCounter("tidemark_enrich_agents_parsed_total",
                                         "User agents that were not remembered from before.")),
      bots(registry->AddCounter("tidemark_enrich_bot_events_total",
                                "Events whose user agent is a bot's.")),
      countries_found(registry->AddCounter("tidemark_enrich_countries_total{found=\"yes\"}",
                                           "Events whose country was looked for.")),
      countries_missed(registry->AddCounter("tidemark_enrich_countries_total{found=\"no\"}",
                                            "Events whose country was looked for.")),
      addresses_cut(registry->AddCounter("tidemark_enrich_addresses_cut_total",
                                         "Addresses of which only the network is kept.")),
      addresses_unread(
          registry->AddCounter("tidemark_enrich_addresses_unread_total",
                               "Texts in `ip` that are no address and were left out.")),
      referrers(AddReferrers(registry)),
      times_shifted(registry->AddCounter("tidemark_enrich_times_shifted_total",
                                         "Events whose time was put right by the client's clock.")),
      times_clamped(registry->AddCounter("tidemark_enrich_times_clamped_total",
                                         "Events from the far future, put to their arrival.")),
      lookups_found(registry->AddCounter("tidemark_enrich_lookups_total{outcome=\"found\"}",
                                         "Events whose dimensions were looked up.")),
      lookups_missed(registry->AddCounter("tidemark_enrich_lookups_total{outcome=\"missed\"}",
                                          "Events whose dimensions were looked up.")),
      lookups_late(registry->AddCounter("tidemark_enrich_lookups_total{outcome=\"late\"}",
                                        "Events whose dimensions were looked up.")),
      source_failures(registry->AddCounter("tidemark_enrich_source_failures_total",
                                           "Times that the source of dimensions failed.")),
      lookup_entries(registry->AddGauge("tidemark_enrich_lookup_entries",
                                        "Keys whose dimensions are remembered.")) {}

}  // namespace tidemark::enrich
