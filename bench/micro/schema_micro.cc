// What holding events against schemas costs in one thread's processor time: reading demo events
// without schemas, with the built-in ones, and with one registered schema in force for every event.
//
//   schema_micro [ROUNDS]
//
// Prints nanoseconds an event for the check alone (the least of the rounds, less reading alone).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "app/demo_traffic.h"
#include "base/check.h"
#include "collect/schema_check.h"
#include "event/json_events.h"

namespace tidemark {
namespace {

constexpr TimeMicros kNow{1'795'225'877'887'000};
constexpr std::uint32_t kBodies = 50;
constexpr std::uint32_t kEventsABody = 1'000;

// Twelve properties of three types, an enum, a pattern, a range.
constexpr const char* kRegistered = R"({
"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",
"properties":{"event_type":{"type":"string"},"user_id":{"type":"string","pattern":"^u"},
 "session_id":{"type":"string"},"amount":{"type":"number","minimum":0},
 "quantity":{"type":"integer","minimum":0,"maximum":100000},"currency":{"enum":["USD","EUR","GBP"]},
 "sku":{"type":"string","maxLength":64},"coupon":{"type":["string","null"]},
 "items":{"type":"array","items":{"type":"object"}},"page_url":{"type":"string"},
 "variant":{"type":"string"},"experiment":{"type":"string"}},
"required":["event_type","user_id"]})";

double CpuNow() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

std::vector<std::string> MakeBodies() {
  app::DemoShape shape;
  shape.now = kNow;
  app::DemoTraffic traffic(shape);
  std::vector<std::string> bodies;
  for (std::uint32_t i = 0; i < kBodies; ++i) {
    std::string body = "[";
    for (std::uint32_t j = 0; j < kEventsABody; ++j) {
      if (j > 0) body += ',';
      traffic.Append(&body);
    }
    bodies.push_back(body + "]");
    bodies.back().reserve(bodies.back().size() + 64);
  }
  return bodies;
}

double NanosAnEvent(const std::vector<std::string>& bodies, collect::SchemaCheck* check,
                    int rounds) {
  event::JsonEventParser parser({}, [] { return 7ULL; });
  double least = std::numeric_limits<double>::max();
  for (int round = 0; round < rounds; ++round) {
    const double start = CpuNow();
    for (const std::string& body : bodies) {
      event::BatchBuilder builder("default", kNow);
      if (check != nullptr) check->Begin("default", false);
      const auto parsed =
          parser.Parse(body, {.project = "default", .received_at = kNow, .check = check}, &builder);
      TM_CHECK(parsed.has_value() && parsed->accepted == kEventsABody);
      if (check != nullptr) check->End();
    }
    least = std::min(least, CpuNow() - start);
  }
  return least / (kBodies * kEventsABody);
}

int Main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 10;
  const std::vector<std::string> bodies = MakeBodies();
  std::string folder = std::filesystem::temp_directory_path() / "schema-micro-XXXXXX";
  TM_CHECK(::mkdtemp(folder.data()) != nullptr);
  {
    auto database = meta::Database::Open(folder + "/meta.db").value();
    auto schemas = meta::Schemas::Open(database.get()).value();
    telemetry::Registry registry;
    collect::SchemaMetrics metrics(&registry);
    collect::SchemaCheck check(schemas.get(), &metrics);
    const double alone = NanosAnEvent(bodies, nullptr, rounds);
    const double builtin = NanosAnEvent(bodies, &check, rounds);
    meta::SubjectChange off;
    off.mode = meta::SchemaMode::kOff;
    for (const char* name : {"base", "page_view", "video_event", "user_event", "transaction"}) {
      TM_CHECK(schemas->Change("default", name, off, kNow).has_value());
    }
    const double none = NanosAnEvent(bodies, &check, rounds);
    const meta::NewSchema added{.subject = "all",
                                .text = kRegistered,
                                .mode = meta::SchemaMode::kObserve,
                                .event_types = std::vector<std::string>{"*"}};
    TM_CHECK(schemas->Register("default", added, kNow).has_value());
    const double registered = NanosAnEvent(bodies, &check, rounds);
    std::printf(
        "reading alone %.0f ns an event; check: none in force %.0f, built-in %.0f, one "
        "registered %.0f\n",
        alone, none - alone, builtin - alone, registered - alone);
  }
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace tidemark

int main(int argc, char** argv) { return tidemark::Main(argc, argv); }
