#include "enrich/user_agent.h"

#include "event/text.h"

namespace tidemark::enrich {
namespace {

using event::Column;

constexpr std::string_view kUnknown = "Other";

// A text as the table keeps it: nothing rather than "Other".
std::string Known(std::string text) { return text == kUnknown ? std::string() : std::move(text); }

void Fill(event::EventView* event, Column column, std::string_view text) {
  if (!text.empty() && !event->Has(column)) event->SetText(column, text);
}

}  // namespace

const UserAgent::Told& UserAgent::Tell(std::string_view agent) {
  const auto found = told_.find(agent);
  if (found != told_.end()) return found->second;
  metrics_->agents_parsed.Add();
  const Agent parsed = rules_->Match(agent);
  if (told_.size() >= kAgentsRememberedMax) told_.clear();
  Told told{Known(parsed.browser.family), Known(parsed.os.family), parsed.DeviceType(agent),
            parsed.IsBot()};
  return told_.emplace(agent, std::move(told)).first->second;
}

void UserAgent::Enrich(const RequestFacts& facts, event::EventView* event) {
  if (!event->Has(Column::kUserAgent) && facts.from_page && !facts.user_agent.empty() &&
      event::IsText(facts.user_agent)) {
    event->SetText(Column::kUserAgent, facts.user_agent);
  }
  if (!event->Has(Column::kUserAgent)) return;
  if (!rules_) rules_ = published_->Load();
  if (!rules_) return;
  const std::string_view agent = event->Text(Column::kUserAgent).substr(0, kAgentBytesMax);
  if (agent.empty()) return;
  const Told& told = Tell(agent);
  Fill(event, Column::kBrowser, told.browser);
  Fill(event, Column::kOs, told.os);
  Fill(event, Column::kDeviceType, told.device_type);
  if (told.bot) metrics_->bots.Add();
}

}  // namespace tidemark::enrich
