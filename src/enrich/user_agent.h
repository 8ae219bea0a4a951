// Browser, system and kind of device from the user agent. What was told of an agent is remembered,
// for traffic has few of them: 4,096 a thread, all forgotten together when they are more.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/published.h"
#include "enrich/agent_rules.h"
#include "enrich/enricher.h"
#include "enrich/metrics.h"

namespace tidemark::enrich {

inline constexpr std::size_t kAgentsRememberedMax = 4'096;

class UserAgent final : public Enricher {
 public:
  // `metrics` must outlive it.
  // Does nothing before there are rules in `published`.
  UserAgent(std::shared_ptr<const Published<AgentRules>> published, EnrichMetrics* metrics)
      : published_(std::move(published)), metrics_(metrics) {}

  // Fills `user_agent` of events that a web page sent itself from the request, if it is UTF-8; then
  // `browser`, `os` and `device_type` from it, each only where the client said nothing.
  void Enrich(const RequestFacts& facts, event::EventView* event) override;

 private:
  struct Told {
    std::string browser;
    std::string os;
    std::string_view device_type;
    bool bot = false;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  const Told& Tell(std::string_view agent);

  const std::shared_ptr<const Published<AgentRules>> published_;
  std::shared_ptr<const AgentRules> rules_;
  EnrichMetrics* const metrics_;
  std::unordered_map<std::string, Told, Hash, std::equal_to<>> told_;
};

}  // namespace tidemark::enrich
