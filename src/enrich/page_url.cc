#include "enrich/page_url.h"

#include <algorithm>

#include "event/text.h"

namespace tidemark::enrich {
namespace {

using event::Column;

struct Campaign {
  std::string_view name;
  Column column;
};
constexpr std::array<Campaign, 3> kCampaigns = {{{"utm_source", Column::kUtmSource},
                                                 {"utm_medium", Column::kUtmMedium},
                                                 {"utm_campaign", Column::kUtmCampaign}}};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// '+' is a blank; a bad escape stays.
void Decode(std::string_view text, std::string* out) {
  out->clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
                         HexDigit(text[i + 2]) >= 0;
    if (escaped) {
      out->push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      out->push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
}

}  // namespace

bool FindInQuery(std::string_view url, std::string_view name, std::string* value) {
  url = url.substr(0, url.find('#'));
  const std::size_t question = url.find('?');
  if (question == std::string_view::npos) return false;
  std::string_view rest = url.substr(question + 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.size() <= name.size() || !pair.starts_with(name) || pair[name.size()] != '=') continue;
    Decode(pair.substr(name.size() + 1), value);
    return !value->empty() && event::IsText(*value);
  }
  return false;
}

void PageUrl::Enrich(const RequestFacts&, event::EventView* event) {
  if (!event->Has(Column::kPageUrl)) return;
  const std::string_view url = event->Text(Column::kPageUrl);
  if (url.find("utm_") == std::string_view::npos) return;
  for (std::size_t i = 0; i < kCampaigns.size(); ++i) {
    const Campaign& one = kCampaigns[i];
    if (event->Has(one.column) || !FindInQuery(url, one.name, &texts_[i])) continue;
    event->SetText(one.column, texts_[i]);
  }
}

}  // namespace tidemark::enrich
