#include "config/options.h"

#include <algorithm>
#include <vector>

namespace tidemark::config {
namespace {

constexpr double kKiB = 1024;
constexpr double kMiB = 1024 * kKiB;
constexpr double kGiB = 1024 * kMiB;
constexpr double kDay = 86'400;

constexpr std::array kOptions = {
    Option{"server.data_dir", "data-dir", Kind::kText, "tidemark-data", 0, 0,
           "Folder of log, lake and catalog."},
    Option{"server.dev", "dev", Kind::kFlag, "false", 0, 0,
           "Accept this machine without a key, for any project."},
    Option{"server.memory", "memory", Kind::kBytes, "4GiB", 64 * kMiB, 4096 * kGiB,
           "Memory of the whole process."},
    Option{"server.drain", "", Kind::kSeconds, "10s", 0, 600,
           "After SIGTERM, at most so long is spent on answers and settling."},
    Option{"http.listen", "http-listen", Kind::kText, "127.0.0.1:8080", 0, 0,
           "host:port to listen on; port 0 takes a free one."},
    Option{"http.reactors", "", Kind::kWhole, "2", 1, 64, "Threads that read and write sockets."},
    Option{"http.connections", "", Kind::kWhole, "8192", 1, 1'000'000,
           "Open connections at most; more are refused."},
    Option{"http.head_bytes", "", Kind::kBytes, "32KiB", kKiB, kMiB,
           "Request line and headers at most; more is 414 or 431."},
    Option{"http.body_bytes", "", Kind::kBytes, "64MiB", kKiB, 64 * kMiB,
           "One body at most, compressed or not; more is 413."},
    Option{"http.idle", "", Kind::kSeconds, "75s", 1, kDay,
           "A connection without a request is closed after so long."},
    Option{"http.head_deadline", "", Kind::kSeconds, "10s", 0.1, 600,
           "From a request's first byte to its last header; later is 408."},
    Option{"http.body_deadline", "", Kind::kSeconds, "30s", 0.1, 3'600,
           "For a body, and one second more for each 16 KiB; later is 408."},
    Option{"http.trusted_proxies", "", Kind::kText, "", 0, 0,
           "Addresses and ranges whose X-Forwarded-For is believed, with blanks between."},
    Option{"auth.secret_file", "", Kind::kText, "", 0, 0,
           "File with the secret (32 bytes at least) that signs users' tokens with HS256."},
    Option{"auth.jwks_file", "", Kind::kText, "", 0, 0,
           "File with the JWK set that signs users' tokens with RS256 or ES256."},
    Option{"auth.issuer", "", Kind::kText, "", 0, 0, "A token's `iss` must be this; empty: any."},
    Option{"auth.audience", "", Kind::kText, "", 0, 0,
           "A token's `aud` must be or hold this; empty: it must not have one."},
    Option{"auth.project_claim", "", Kind::kText, "project", 0, 0,
           "The claim that names the project of a token."},
    Option{"auth.scope_claim", "", Kind::kText, "scope", 0, 0,
           "The claim with the scopes of a token."},
    Option{"auth.leeway", "", Kind::kSeconds, "60s", 0, 600,
           "Between this clock and the issuer's, for `exp` and `nbf`."},
    Option{"limits.requests", "", Kind::kText, "", 0, 0,
           "Of each key without limits of its own: as \"1000 a minute\"; empty: none."},
    Option{"limits.events", "", Kind::kText, "", 0, 0,
           "The same of events: as \"50000 a second\"."},
    Option{"limits.bytes", "", Kind::kText, "", 0, 0,
           "The same of bodies as they were sent: as \"64MiB a second\"."},
    Option{"ingest.delay", "", Kind::kSeconds, "1s", 0, 60,
           "Answers are held back at most so long before events are refused; 0: never."},
    Option{"ingest.event_bytes", "", Kind::kBytes, "2MiB", kKiB, 16 * kMiB,
           "One event's JSON at most; a larger one is refused."},
    Option{"ingest.events", "", Kind::kWhole, "200000", 1, 1'000'000,
           "Events in one body at most."},
    Option{"ingest.queue_bytes", "", Kind::kBytes, "64MiB", kMiB, 4 * kGiB,
           "Batches that wait for the log at most; more are answered 503."},
    Option{"enrich.ip", "", Kind::kText, "truncate", 0, 0,
           "Of addresses keep the network (`truncate`: /24, /48), all (`keep`) or none (`drop`)."},
    Option{"enrich.user_agent", "", Kind::kFlag, "true", 0, 0,
           "Fill browser, os and device_type from the user agent."},
    Option{"enrich.agent_rules", "", Kind::kText, "/usr/share/uap-core/regexes.yaml", 0, 0,
           "Rules of uap-core for that."},
    Option{"enrich.page_url", "", Kind::kFlag, "true", 0, 0,
           "Fill utm_source, utm_medium and utm_campaign from the page's address."},
    Option{"enrich.referrer", "", Kind::kFlag, "false", 0, 0,
           "Tell in properties where a visit came from: referrer_type, _host, _source, _term."},
    Option{"enrich.clock_skew", "", Kind::kFlag, "true", 0, 0,
           "Put times right by the client's `sentAt`; the far future becomes the time of arrival."},
    Option{"enrich.country_header", "", Kind::kText, "", 0, 0,
           "Header of trusted proxies that names the country: CF-IPCountry; empty: none."},
    Option{"enrich.geoip_file", "", Kind::kText, "", 0, 0,
           "MaxMind DB file that tells the country of an address; empty: none."},
    Option{"enrich.lookup_file", "", Kind::kText, "", 0, 0,
           "CSV (first line: key,column,...) or SQLite file of dimensions; empty: none."},
    Option{"enrich.lookup_url", "", Kind::kText, "", 0, 0,
           "PostgreSQL server of dimensions: postgresql://user@host/database; empty: none."},
    Option{"enrich.lookup_sql", "", Kind::kText,
           "SELECT tier FROM users WHERE user_id = ? AND is_active = true", 0, 0,
           "What an SQLite file or PostgreSQL is asked for a user."},
    Option{"enrich.lookup_columns", "", Kind::kText, "user_tier", 0, 0,
           "The columns that PostgreSQL's answer fills, in its order, with commas between."},
    Option{"enrich.lookup_age", "", Kind::kSeconds, "15m", 0.1, kDay,
           "A dimension that was asked for longer ago is asked for again."},
    Option{"log.retention", "", Kind::kSeconds, "24h", 0, 365 * kDay,
           "Settled segments of the log are kept at most so long."},
    Option{"log.retention_bytes", "", Kind::kBytes, "8GiB", 0, 4096 * kGiB,
           "Settled segments are given back above this size of the log."},
    Option{"dedupe.window", "", Kind::kSeconds, "24h", 0, 30 * kDay,
           "An event_id that comes again within this time is a duplicate; 0: none ever is."},
    Option{"dedupe.table_ids", "", Kind::kWhole, "700000", 1'000, 100'000'000,
           "Ids kept in memory (24 bytes each, at most 3/4 full) before they are written to disk."},
    Option{"catalog.locations", "", Kind::kText, "none", 0, 0,
           "Folders outside the data directory for plain tables too, with commas between."},
    Option{"catalog.format_version", "", Kind::kWhole, "2", 2, 3,
           "Iceberg format of new events tables whose namespace does not say it."},
    Option{"flush.size", "flush-size", Kind::kBytes, "64MB", 64 * kKiB, 64 * kGiB,
           "Settle when the data files would get this large."},
    Option{"flush.age", "flush-seconds", Kind::kSeconds, "60s", 0.01, kDay,
           "Settle an event after at most so long."},
    Option{"flush.kept_paths", "", Kind::kWhole, "200", 0, 200,
           "Paths of properties at most that a table keeps typed copies of."},
    Option{"flush.kept_rows", "", Kind::kWhole, "1000", 1, 1e9,
           "A flush of fewer events brings no new kept paths."},
    Option{"query.threads", "query-threads", Kind::kWhole, "4", 1, 64,
           "Statements that run at once; of one project all but one."},
    Option{"query.time", "", Kind::kSeconds, "60s", 0.01, kDay,
           "One statement at most, its wait for a thread and its answer included; longer is 504."},
    Option{"query.rows", "", Kind::kWhole, "10000000", 1, 1e12,
           "Rows of one answer at most; more are an error that names the way out."},
    Option{"query.sql_bytes", "", Kind::kBytes, "1MiB", kKiB, 64 * kMiB,
           "One statement's text at most."},
};

constexpr std::size_t kKeyBytesCompared = 128;
constexpr std::size_t kKeyPartMisspelled = 3;  // Up to a third of the letters.

}  // namespace

std::span<const Option> Options() { return kOptions; }

const Option* FindOption(std::string_view key) {
  const auto* found = std::find_if(kOptions.begin(), kOptions.end(),
                                   [key](const Option& option) { return option.key == key; });
  return found == kOptions.end() ? nullptr : found;
}

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t corner = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
      corner = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string KeyHint(std::string_view key) {
  key = key.substr(0, kKeyBytesCompared);
  const auto nearest =
      std::min_element(kOptions.begin(), kOptions.end(), [key](const Option& a, const Option& b) {
        return EditDistance(key, a.key) < EditDistance(key, b.key);
      });
  const bool near = EditDistance(key, nearest->key) * kKeyPartMisspelled <= key.size() ||
                    nearest->key.ends_with("." + std::string(key));
  return near ? "did you mean " + std::string(nearest->key) + "?"
              : "`tidemark config print` lists them";
}

}  // namespace tidemark::config
