#include "enrich/referrer.h"

#include <algorithm>

#include "base/json_writer.h"
#include "enrich/page_url.h"

namespace tidemark::enrich {
namespace {

using event::Column;

constexpr std::array<std::string_view, 3> kSchemes = {"https://", "http://", "android-app://"};
// What advertisers put behind the address of a page that was paid for.
constexpr std::array<std::string_view, 5> kClickIds = {"gclid", "gbraid", "wbraid", "dclid",
                                                       "msclkid"};
constexpr std::string_view kPostHogDirect = "$direct";

bool IsHostByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

std::string_view Said(const event::EventView& event, Column column) {
  return event.Has(column) ? event.Text(column).substr(0, kReferrerBytesMax) : std::string_view();
}

std::string_view WithoutWww(std::string_view host) {
  if (host.starts_with("www.")) host.remove_prefix(4);
  return host;
}

bool IsPartOf(std::string_view host, std::string_view of) {
  return host == of || (host.size() > of.size() && host.ends_with(of) &&
                        host[host.size() - of.size() - 1] == '.');
}

// The same site: one host, or one below the other.
bool AreOneSite(std::string_view a, std::string_view b) {
  a = WithoutWww(a);
  b = WithoutWww(b);
  return !a.empty() && !b.empty() && (IsPartOf(a, b) || IsPartOf(b, a));
}

bool IsCampaign(const event::EventView& event, std::string_view page) {
  for (const Column column : {Column::kUtmSource, Column::kUtmMedium, Column::kUtmCampaign}) {
    if (!Said(event, column).empty()) return true;
  }
  if (page.find("id=") == std::string_view::npos) return false;
  std::string value;
  return std::any_of(kClickIds.begin(), kClickIds.end(),
                     [&](std::string_view name) { return FindInQuery(page, name, &value); });
}

}  // namespace

std::string HostOf(std::string_view url) {
  const auto* scheme =
      std::find_if(kSchemes.begin(), kSchemes.end(),
                   [url](std::string_view prefix) { return url.starts_with(prefix); });
  if (scheme == kSchemes.end()) return {};
  url.remove_prefix(scheme->size());
  url = url.substr(0, url.find_first_of("/?#\\"));
  if (const std::size_t user = url.rfind('@'); user != std::string_view::npos) {
    url.remove_prefix(user + 1);
  }
  url = url.substr(0, url.find(':'));
  if (url.ends_with('.')) url.remove_suffix(1);
  if (url.empty() || url.size() > kHostBytesMax) return {};
  std::string host(url);
  for (char& c : host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!IsHostByte(c)) return {};
  }
  return host;
}

void Referrer::Enrich(const RequestFacts&, event::EventView* event) {
  const std::string_view referrer = Said(*event, Column::kReferrer);
  const std::string_view page = Said(*event, Column::kPageUrl);
  const bool none = referrer.empty() || referrer == kPostHogDirect;
  if (none && page.empty()) return;
  const std::string host = none ? std::string() : HostOf(referrer);
  if (!none && host.empty()) return;
  const bool internal = !none && AreOneSite(host, HostOf(page));
  const KnownSite* const site = none || internal ? nullptr : FindSite(host);
  term_.clear();
  if (site != nullptr && !site->term_name.empty() &&
      (!FindInQuery(referrer, site->term_name, &term_) || term_.size() > kTermBytesMax)) {
    term_.clear();
  }
  ReferrerType type = none ? ReferrerType::kDirect : ReferrerType::kReferral;
  if (site != nullptr) type = site->type;
  if (internal) type = ReferrerType::kInternal;
  if (IsCampaign(*event, page)) type = ReferrerType::kCampaign;
  metrics_->referrers[static_cast<std::size_t>(type)]->Add();
  Write(type, host, site, event);
}

void Referrer::Write(ReferrerType type, std::string_view host, const KnownSite* site,
                     event::EventView* event) {
  std::string_view said = event->Has(Column::kProperties) ? event->Text(Column::kProperties) : "{}";
  if (!said.starts_with('{') || !said.ends_with('}')) return;
  // Written aside: `said` may be what was written for the event before.
  std::string text(said.substr(0, said.size() - 1));
  const auto add = [&](std::string_view name, std::string_view value) {
    // Also if it is the name of something deeper: too careful is better than one name twice.
    if (value.empty() || said.find(name) != std::string_view::npos) return;
    if (text.size() > 1) text.push_back(',');
    text.append(name).push_back(':');
    AppendJsonString(&text, value);
  };
  add("\"referrer_type\"", ReferrerTypeName(type));
  add("\"referrer_host\"", host);
  add("\"referrer_source\"", site != nullptr ? site->source : std::string_view());
  add("\"referrer_term\"", term_);
  text.push_back('}');
  properties_ = std::move(text);
  event->SetText(Column::kProperties, properties_);
}

}  // namespace tidemark::enrich
