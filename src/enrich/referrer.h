// Where a visit came from, as the field's tools tell it: the host of the page before, its kind
// (direct, internal, search, social, email, referral, campaign), the name of a site that is known,
// and what was searched for. Written into `properties`, for no column of the events table is for
// it: `referrer_host`, `referrer_type`, `referrer_source`, `referrer_term`. What the client said
// under one of these names stays.
//
// Source of the words: the channels of Snowplow's referer-parser and of Google Analytics. Which
// sites are known is a list of our own, in referrer_sites.cc.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "enrich/enricher.h"
#include "enrich/metrics.h"

namespace tidemark::enrich {

inline constexpr std::size_t kReferrerBytesMax = 2'048;  // More of an address is not looked at.
inline constexpr std::size_t kHostBytesMax = 253;        // RFC 1035, 2.3.4, without the last dot.
inline constexpr std::size_t kTermBytesMax = 512;        // A longer one is left out.

// A site whose visitors come from something else than a link on a page. Views of constants.
struct KnownSite {
  ReferrerType type = ReferrerType::kReferral;
  std::string_view source;          // "Google".
  std::string_view term_name = {};  // The parameter with what was searched for; empty: it has none.
};
// nullptr: it is like any other. `host` in lower case.
const KnownSite* FindSite(std::string_view host);

// The host of an http, https or android-app address, in lower case and without port; empty if there
// is none that DNS could have.
std::string HostOf(std::string_view url);

class Referrer final : public Enricher {
 public:
  // `metrics` must outlive it.
  explicit Referrer(EnrichMetrics* metrics) : metrics_(metrics) {}
  // After PageUrl, whose campaign it looks at. Leaves events alone that have neither `referrer` nor
  // `page_url`, or a referrer that is no address of a page.
  void Enrich(const RequestFacts& facts, event::EventView* event) override;

 private:
  void Write(ReferrerType type, std::string_view host, const KnownSite* site,
             event::EventView* event);

  EnrichMetrics* const metrics_;
  std::string term_;
  std::string properties_;  // Of the last event.
};

}  // namespace tidemark::enrich
