#include "enrich/enrichment.h"

#include <cstdio>
#include <utility>

#include "enrich/clock_skew.h"
#include "enrich/csv_source.h"
#include "enrich/page_url.h"
#include "enrich/postgres_source.h"
#include "enrich/referrer.h"
#include "enrich/sqlite_source.h"
#include "enrich/user_agent.h"
#include "telemetry/log_line.h"

namespace tidemark::enrich {
namespace {

constexpr Duration kNoLookupPause = std::chrono::hours(1);

bool IsSqlite(const std::string& native_path) {
  std::FILE* file = std::fopen(native_path.c_str(), "rb");
  if (file == nullptr) return false;
  std::string head(16, '\0');
  head.resize(std::fread(head.data(), 1, head.size(), file));
  std::fclose(file);
  return head.starts_with("SQLite format 3");
}

}  // namespace

Result<std::unique_ptr<Enrichment>> Enrichment::Open(EnrichOptions options, const env::Clock* clock,
                                                     telemetry::Registry* registry,
                                                     std::function<void()> wake) {
  std::unique_ptr<Enrichment> enrichment(new Enrichment(std::move(options), registry));
  TM_TRY(enrichment->OpenFiles(clock, std::move(wake)));
  return enrichment;
}

Status Enrichment::OpenFiles(const env::Clock* clock, std::function<void()> wake) {
  if (!options_.geoip_file.empty()) {
    auto file = CountryFile::Open(options_.geoip_file);
    if (!file) return Fail(std::move(file).error().With("enrich.geoip_file"));
    countries_ = *std::move(file);
  }
  TM_ASSIGN(auto source, OpenSource(clock));
  if (source) {
    lookup_ = std::make_shared<LookupTable>(std::move(source), clock, &metrics_, std::move(wake),
                                            options_.lookup_age);
  }
  return {};
}

Result<std::unique_ptr<DimensionSource>> Enrichment::OpenSource(const env::Clock* clock) const {
  const std::string& file = options_.lookup_file;
  if (!options_.lookup_url.empty()) {
    if (!file.empty()) {
      return Fail(Code::kInvalidArgument,
                  "enrich.lookup_url and enrich.lookup_file are both set: leave one out");
    }
    return PostgresSource::Open({options_.lookup_url, options_.lookup_sql, options_.lookup_columns},
                                clock);
  }
  if (file.empty()) return std::unique_ptr<DimensionSource>();
  auto source = IsSqlite(file) ? SqliteSource::Open(file, options_.lookup_sql)
                               : CsvSource::Open(file, clock, options_.lookup_age);
  if (!source) return Fail(std::move(source).error().With("enrich.lookup_file"));
  return source;
}

Status Enrichment::ReadRules() {
  if (!options_.user_agent) return {};
  auto rules = AgentRules::Read(options_.agent_rules);
  if (rules) {
    rules_->Store(*std::move(rules));
    return {};
  }
  if (rules.error().code() != Code::kNotFound) {
    return Fail(std::move(rules).error().With("enrich.agent_rules"));
  }
  TM_LOG(kWarning, "user agents are not read: no rules; install uap-core",
         {"file", options_.agent_rules});
  return {};
}

std::unique_ptr<Chain> Enrichment::MakeChain() {
  std::vector<std::unique_ptr<Enricher>> enrichers;
  if (options_.clock_skew) enrichers.push_back(std::make_unique<ClockSkew>(&metrics_));
  if (options_.user_agent) enrichers.push_back(std::make_unique<UserAgent>(rules_, &metrics_));
  if (options_.page_url) enrichers.push_back(std::make_unique<PageUrl>());
  if (options_.referrer) enrichers.push_back(std::make_unique<Referrer>(&metrics_));
  if (lookup_) enrichers.push_back(std::make_unique<Lookup>(lookup_));
  // The country wants the whole address: cut is last.
  if (countries_ || !options_.country_header.empty()) {
    enrichers.push_back(std::make_unique<Country>(countries_, &metrics_));
  }
  enrichers.push_back(std::make_unique<ClientAddress>(options_.address, &metrics_));
  return std::make_unique<Chain>(std::move(enrichers));
}

Duration Enrichment::Step() { return lookup_ ? lookup_->Step() : kNoLookupPause; }

}  // namespace tidemark::enrich
