// What enrichment costs an event in one thread's processor time, with all of it on but files that
// are not there: enrich_micro [ROUNDS]. The answer is checked first.
//
// Prints nanoseconds an event, the least of the rounds: for agents that are remembered (2,000 of
// them in turn, as traffic has) and for agents that were never seen (the worst case).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <string>
#include <vector>

#include "base/check.h"
#include "enrich/enrichment.h"
#include "env/posix/posix_clock.h"

namespace tidemark {
namespace {

constexpr std::size_t kAgents = 2'000;
constexpr std::size_t kEvents = 1'000'000;
constexpr std::size_t kNewAgents = 5'000;

double CpuNow() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

std::string AgentOf(std::size_t i) {
  return "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/" +
         std::to_string(80 + i % 40) + ".0." + std::to_string(i) + ".0 Safari/537.36";
}

event::EventView EventOf(std::string_view agent) {
  event::EventView event;
  event.SetText(event::Column::kUserAgent, agent);
  event.SetText(event::Column::kIp, "203.0.113.77");
  event.SetText(event::Column::kPageUrl,
                "https://shop.example/p/1?utm_source=news&utm_medium=mail&utm_campaign=spring");
  return event;
}

int Run(int rounds) {
  env::PosixClock clock;
  telemetry::Registry registry;
  auto enrichment = enrich::Enrichment::Open({}, &clock, &registry, [] {});
  TM_CHECK(enrichment.has_value());
  const double start = CpuNow();
  TM_CHECK((*enrichment)->ReadRules().has_value());
  std::printf("rules    %10.0f ms, once at the start\n", (CpuNow() - start) / 1e6);
  const auto chain = (*enrichment)->MakeChain();
  chain->Begin({.received_at = TimeMicros(0)});
  std::vector<std::string> agents;
  for (std::size_t i = 0; i < kAgents; ++i) agents.push_back(AgentOf(i));
  double known = std::numeric_limits<double>::max();
  double fresh = known;
  for (int round = 0; round < rounds; ++round) {
    for (const std::string& agent : agents) {
      event::EventView event = EventOf(agent);
      chain->Enrich(&event);
      TM_CHECK(event.Text(event::Column::kBrowser) == "Chrome");
      TM_CHECK(event.Text(event::Column::kIp) == "203.0.113.0");
    }
    double begin = CpuNow();
    for (std::size_t i = 0; i < kEvents; ++i) {
      event::EventView event = EventOf(agents[i % kAgents]);
      chain->Enrich(&event);
    }
    known = std::min(known, (CpuNow() - begin) / static_cast<double>(kEvents));
    std::vector<std::string> others;
    for (std::size_t i = 0; i < kNewAgents; ++i) {
      others.push_back(AgentOf(kAgents + kNewAgents * static_cast<std::size_t>(round) + i));
    }
    begin = CpuNow();
    for (const std::string& agent : others) {
      event::EventView event = EventOf(agent);
      chain->Enrich(&event);
    }
    fresh = std::min(fresh, (CpuNow() - begin) / static_cast<double>(kNewAgents));
  }
  std::printf("known    %10.0f ns an event\nnew      %10.0f ns an event\n", known, fresh);
  return 0;
}

}  // namespace
}  // namespace tidemark

int main(int argc, char** argv) {
  return tidemark::Run(argc > 1 ? std::max(1, std::atoi(argv[1])) : 5);
}
