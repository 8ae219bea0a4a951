// The country of the client: of a header that a trusted proxy sets (`CF-IPCountry`), else of its
// address in a GeoIP file (MaxMind DB format). ISO 3166-1, two capital letters.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "enrich/enricher.h"
#include "enrich/metrics.h"

struct MMDB_s;

namespace tidemark::enrich {

// An open GeoIP file, mapped into memory. Immutable; any thread.
class CountryFile {
 public:
  // kInvalidArgument: there is none, or it is none.
  static Result<std::shared_ptr<const CountryFile>> Open(const std::string& native_path);
  CountryFile(const CountryFile&) = delete;
  CountryFile& operator=(const CountryFile&) = delete;
  ~CountryFile();

  // Empty if the file does not know; into the mapped file.
  std::string_view Find(const IpAddress& address) const;

 private:
  explicit CountryFile(std::unique_ptr<MMDB_s> file);
  std::unique_ptr<MMDB_s> file_;
};

class Country final : public Enricher {
 public:
  // `file` may be nullptr. `metrics` must outlive it.
  Country(std::shared_ptr<const CountryFile> file, EnrichMetrics* metrics);
  // Only where the client said no country. Needs the whole address: before it is cut.
  void Enrich(const RequestFacts& facts, event::EventView* event) override;

 private:
  const std::shared_ptr<const CountryFile> file_;
  EnrichMetrics* const metrics_;
};

}  // namespace tidemark::enrich
