#include "fuzz/referrer.h"

#include <algorithm>

#include "base/check.h"
#include "base/json_reader.h"
#include "enrich/page_url.h"
#include "enrich/referrer.h"

namespace tidemark::fuzz {

void RunReferrer(std::string_view bytes) {
  const auto take_line = [&bytes] {
    const std::string_view line = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(std::min(bytes.size(), line.size() + 1));
    return line;
  };
  telemetry::Registry registry;
  enrich::EnrichMetrics metrics(&registry);
  enrich::PageUrl page;
  enrich::Referrer referrer(&metrics);
  event::EventView event;
  event.SetText(event::Column::kReferrer, take_line());
  event.SetText(event::Column::kPageUrl, take_line());
  const auto before = JsonValue::Parse(take_line());
  std::string properties = before && before->is_object() ? before->ToJson() : "";
  if (!properties.empty()) event.SetText(event::Column::kProperties, properties);
  const enrich::RequestFacts facts{.received_at = {}};
  page.Enrich(facts, &event);
  referrer.Enrich(facts, &event);
  if (!event.Has(event::Column::kProperties)) return;
  // What was said is still there, and what is told is JSON.
  const auto after = JsonValue::Parse(event.Text(event::Column::kProperties));
  TM_CHECK(after.has_value() && after->is_object());
  TM_CHECK(event.Text(event::Column::kProperties).size() <=
           properties.size() + 8 * enrich::kTermBytesMax + enrich::kHostBytesMax + 256);
  if (!properties.empty()) {
    TM_CHECK(event.Text(event::Column::kProperties)
                 .starts_with(std::string_view(properties).substr(0, properties.size() - 1)));
  }
}

std::vector<std::string> ReferrerSeeds() {
  return {"https://www.google.de/search?q=tide+mark%22#x\nhttps://shop.example/?utm_source=a\n{}",
          "https://u:p@l.facebook.com:443/\nhttps://shop.example/?gclid=1\n{\"a\":[1]}",
          "android-app://com.slack\n\n{\"referrer_host\":\"mine\"}", "$direct\n/\n{\"a\":\"}\"}"};
}

}  // namespace tidemark::fuzz
