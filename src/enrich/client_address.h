// The address of the client, of which by default only the network is kept: /24 of IPv4, /48 of
// IPv6. Whoever says it, the client or the connection: it is a person's data all the same.
#pragma once

#include <cstdint>
#include <string>

#include "enrich/enricher.h"
#include "enrich/metrics.h"

namespace tidemark::enrich {

inline constexpr int kKeptBitsV4 = 24;
inline constexpr int kKeptBitsV6 = 48;

enum class AddressRule : std::uint8_t {
  kTruncate,
  kKeep,
  kDrop,  // No event has an address.
};

class ClientAddress final : public Enricher {
 public:
  // `metrics` must outlive it.
  ClientAddress(AddressRule rule, EnrichMetrics* metrics) : rule_(rule), metrics_(metrics) {}

  // Fills `ip` of events that a web page sent itself. What cannot be read as an address cannot be
  // cut either and is left out, unless all is kept.
  void Enrich(const RequestFacts& facts, event::EventView* event) override;

 private:
  const AddressRule rule_;
  EnrichMetrics* const metrics_;
  std::string text_;
};

}  // namespace tidemark::enrich
