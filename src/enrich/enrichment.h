// All that is found out about events, in the order in which it must be: what is configured, opened
// once, and a chain of enrichers for each thread that reads bodies. docs/reference/enrichment.md.
//
// Enrichment: any thread; Step is the background's. Chain: one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/published.h"
#include "base/result.h"
#include "enrich/agent_rules.h"
#include "enrich/client_address.h"
#include "enrich/country.h"
#include "enrich/enricher.h"
#include "enrich/lookup.h"
#include "enrich/metrics.h"
#include "event/event_enricher.h"

namespace tidemark::enrich {

struct EnrichOptions {
  AddressRule address = AddressRule::kTruncate;
  bool user_agent = true;
  std::string agent_rules = "/usr/share/uap-core/regexes.yaml";
  bool page_url = true;
  bool referrer = false;
  bool clock_skew = true;
  std::string country_header;                // "CF-IPCountry"; empty: none is believed.
  std::string geoip_file;                    // Empty: none.
  std::string lookup_file;                   // CSV or SQLite; empty: none.
  std::string lookup_url;                    // PostgreSQL; empty: none. Not both.
  std::string lookup_columns = "user_tier";  // What PostgreSQL is asked for.
  Duration lookup_age = kLookupAge;
  std::string lookup_sql = "SELECT tier FROM users WHERE user_id = ? AND is_active = true";
};

// The enrichers of one thread. The texts of an event live until the next one.
class Chain final : public event::EventEnricher {
 public:
  explicit Chain(std::vector<std::unique_ptr<Enricher>> enrichers)
      : enrichers_(std::move(enrichers)) {}
  // For the events that follow; what `facts` points to must outlive them.
  void Begin(const RequestFacts& facts) { facts_ = facts; }
  void Enrich(event::EventView* event) override {
    for (const auto& enricher : enrichers_) enricher->Enrich(facts_, event);
  }

 private:
  const std::vector<std::unique_ptr<Enricher>> enrichers_;
  RequestFacts facts_;
};

class Enrichment {
 public:
  // Opens the files that are named, but for the agent rules. kInvalidArgument names the option. All
  // pointers must outlive it.
  static Result<std::unique_ptr<Enrichment>> Open(EnrichOptions options, const env::Clock* clock,
                                                  telemetry::Registry* registry,
                                                  std::function<void()> wake);
  Enrichment(const Enrichment&) = delete;
  Enrichment& operator=(const Enrichment&) = delete;

  // Reads and compiles the agent rules: a third of a second. Before that agents are not looked at.
  // No file of them turns them off, with a log line. kInvalidArgument.
  Status ReadRules();

  std::unique_ptr<Chain> MakeChain();
  // Asks the source of dimensions for what is waited for. Returns how long it may sleep.
  Duration Step();
  const EnrichOptions& options() const { return options_; }

 private:
  Enrichment(EnrichOptions options, telemetry::Registry* registry)
      : options_(std::move(options)), metrics_(registry) {}
  Status OpenFiles(const env::Clock* clock, std::function<void()> wake);
  // nullptr: none is named.
  Result<std::unique_ptr<DimensionSource>> OpenSource(const env::Clock* clock) const;

  const EnrichOptions options_;
  EnrichMetrics metrics_;
  const std::shared_ptr<Published<AgentRules>> rules_ = std::make_shared<Published<AgentRules>>();
  std::shared_ptr<const CountryFile> countries_;
  std::shared_ptr<LookupTable> lookup_;
};

}  // namespace tidemark::enrich
