// What the address of a page says: the campaign in its query (utm_source, utm_medium, utm_campaign)
// and, for events that a web page sent itself, nothing else. Only where the client said nothing.
#pragma once

#include <array>
#include <string>

#include "enrich/enricher.h"

namespace tidemark::enrich {

class PageUrl final : public Enricher {
 public:
  void Enrich(const RequestFacts& facts, event::EventView* event) override;

 private:
  std::array<std::string, 3> texts_;
};

// The value of `name` in the query of `url`, decoded as forms are; false if it is not there or is
// no UTF-8.
bool FindInQuery(std::string_view url, std::string_view name, std::string* value);

}  // namespace tidemark::enrich
