#include <algorithm>
#include <cstdint>
#include <cstdio>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "app/commands.h"
#include "app/demo_load.h"
#include "base/time.h"
#include "env/posix/posix_clock.h"

namespace tidemark::app {
namespace {

constexpr double kDaysMax = 36'500;      // A hundred years.
constexpr double kRequestsASecond = 10;  // With a rate, at least, unless it is said otherwise.

}  // namespace

void AddDemoOptions(CLI::App* app, DemoOptions* options) {
  const auto share = CLI::Range(0.0, 1.0);
  app->add_option("--rate", options->rate, "Events a second; 0: as fast as they are taken")
      ->check(CLI::NonNegativeNumber);
  app->add_option("--count", options->count, "Events in all")->capture_default_str();
  app->add_option("--seconds", options->seconds, "Stop after so long; 0: at the count")
      ->check(CLI::NonNegativeNumber);
  app->add_option("--users", options->users, "Different users")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app->add_option("--days", options->days, "Spread event times over so many days before now")
      ->check(CLI::Range(0.0, kDaysMax));
  app->add_option("--now", options->now,
                  "Time of the newest events, ISO 8601; default: the clock's")
      ->check([](const std::string& text) {
        return ParseTime(text) ? std::string() : "not an ISO 8601 time: " + text;
      });
  app->add_option("--seed", options->seed, "The same seed gives the same events")
      ->capture_default_str();
  app->add_option("--late", options->late, "Share of late events")
      ->check(share)
      ->capture_default_str();
  app->add_option("--dup", options->dup, "Share of repeated events")->check(share);
  auto* const bad = app->add_option("--bad", options->bad, "Share of events that are not valid");
  bad->check(share);
  auto* const batch = app->add_option("--batch", options->batch,
                                      "Events a request; with a rate fewer, for 10 a second");
  batch->check(CLI::Range(1U, 100'000U))->capture_default_str();
  app->add_option("--connections", options->connections, "Requests at a time")
      ->check(CLI::Range(1U, 1'024U))
      ->capture_default_str();
  app->add_option("--as", options->as, "segment: as Segment's SDKs, a call of track a request")
      ->check(CLI::IsMember({"segment"}))
      ->excludes(bad)
      ->excludes(batch);
  app->add_option("--ack", options->ack, "memory: do not wait for durability")
      ->check(CLI::IsMember({"memory"}));
  app->add_flag("--report", options->report, "Print one line of JSON with rates and latencies");
  // Else a low rate would be a thousand events at once, and then nothing for long.
  app->parse_complete_callback([options, batch] {
    if (batch->count() > 0 || options->rate <= 0) return;
    const double events = std::max(1.0, options->rate / kRequestsASecond);
    if (events < options->batch) options->batch = static_cast<std::uint32_t>(events);
  });
}

int RunDemo(const Remote& remote, const DemoOptions& options) {
  const env::PosixClock clock;
  const DemoResult result = SendDemoLoad(remote, options, clock);
  const bool plain = options.report || ::isatty(STDOUT_FILENO) == 0;
  if (!result.report.empty()) std::printf("%s%s\n", plain ? "" : "sent: ", result.report.c_str());
  return result.code;
}

}  // namespace tidemark::app
