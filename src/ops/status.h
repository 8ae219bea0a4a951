// What the system says of itself: health, readiness, metrics. Pure but for what it reads from the
// parts; any thread.
#pragma once

#include <optional>
#include <string>

#include "env/clock.h"
#include "query/service.h"
#include "telemetry/metrics.h"
#include "tide/core.h"

namespace tidemark::ops {

struct StatusParts {
  const tide::Core* core;
  const query::Service* queries;
  const MemoryBudget* budget;
  telemetry::Registry* registry;
  const env::Clock* clock;
  Duration started;  // On the clock.
};

// `{"status":"healthy","timestamp":<ms>,"buffered":<events not settled>,"uptime":<seconds>,...}`
std::string HealthJson(const StatusParts& parts);
bool Healthy(const StatusParts& parts);
// Why events are not taken, as their senders are told; nothing: they are.
std::optional<Error> NotTaking(const StatusParts& parts);
// `{"status":"ready","takes_events":true,"answers_queries":true}`; `why` one of both is not done,
// as the members of an error.
std::string ReadinessJson(bool takes_events, bool answers_queries, const std::optional<Error>& why);
// Of one part: "collector", "catalog" or "api"; empty for another name.
std::string PartHealthJson(const StatusParts& parts, std::string_view part);
// `total_events, error_count, uptime_seconds, throughput_per_second, latency{...}` and the rest.
std::string MetricsJson(const StatusParts& parts);
std::string MetricsPrometheus(const StatusParts& parts);

}  // namespace tidemark::ops
