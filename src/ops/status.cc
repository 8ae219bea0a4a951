#include "ops/status.h"

#include "base/json_writer.h"
#include "env/posix/process_facts.h"
#include "env/posix/process_memory.h"
#include "net/http.h"

namespace tidemark::ops {
namespace {

constexpr std::string_view kMakeRoom =
    "look at the disk of the data directory; once it can be written to, events are taken again "
    "without a restart";

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::uint64_t Buffered(const StatusParts& parts) {
  std::uint64_t events = 0;
  const auto projects = parts.core->AllProjects();
  for (const auto& [name, project] : *projects) {
    if (project->stream() == tide::Stream::kEvents) events += project->cut()->hot_count();
  }
  return events;
}

double Uptime(const StatusParts& parts) { return Seconds(parts.clock->Now() - parts.started); }

double BufferUtilisation(const StatusParts& parts) {
  return static_cast<double>(parts.budget->used_bytes()) /
         static_cast<double>(parts.budget->bytes_max());
}

}  // namespace

bool Healthy(const StatusParts& parts) {
  return !parts.core->fenced() && !parts.core->log().stats().failed;
}

std::optional<Error> NotTaking(const StatusParts& parts) {
  if (parts.core->fenced()) {
    return Error(Code::kUnavailable, "another process owns this data directory now");
  }
  const std::string failure = parts.core->log().failure();
  if (failure.empty()) return std::nullopt;
  return Error(Code::kUnavailable, "the log cannot store events (" + failure + ")");
}

std::string ReadinessJson(bool takes_events, bool answers_queries,
                          const std::optional<Error>& why) {
  const bool ready = takes_events && answers_queries;
  std::string text;
  JsonWriter json(&text);
  json.BeginObject().Field("status", ready ? "ready" : "not ready");
  json.Field("takes_events", takes_events).Field("answers_queries", answers_queries);
  if (why) {
    json.Field("error", net::ReasonPhrase(HttpStatus(why->code())))
        .Field("message", why->message());
    json.Field("hint", answers_queries ? kMakeRoom : "ask again in a moment");
  }
  json.EndObject();
  return text + "\n";
}

std::string HealthJson(const StatusParts& parts) {
  std::string text;
  JsonWriter json(&text);
  json.BeginObject().Field("status", Healthy(parts) ? "healthy" : "unhealthy");
  json.Field("timestamp", parts.clock->WallNow().value / 1'000);
  json.Field("buffered", Buffered(parts)).Field("uptime", Uptime(parts));
  json.Field("buffer_utilization", BufferUtilisation(parts));
  json.Field("log_failed", parts.core->log().stats().failed).Field("fenced", parts.core->fenced());
  if (const auto why = NotTaking(parts)) json.Field("message", why->message());
  json.EndObject();
  return text + "\n";
}

std::string PartHealthJson(const StatusParts& parts, std::string_view part) {
  const tide::TideMetrics& metrics = parts.core->metrics();
  std::string text;
  JsonWriter json(&text);
  json.BeginObject().Field("status", Healthy(parts) ? "healthy" : "unhealthy");
  json.Field("component", part).Field("timestamp", parts.clock->WallNow().value / 1'000);
  if (part == "collector") {
    json.Field("accepted", metrics.accepted_events.value()).Field("buffered", Buffered(parts));
    json.Field("refused_batches", metrics.refused_batches.value());
  } else if (part == "catalog") {
    json.Field("flushes", metrics.flushes.value()).Field("settled", metrics.settled_events.value());
    json.Field("failed_flushes", metrics.failed_flushes.value());
  } else if (part == "api") {
    json.Field("queries", parts.queries->finished_count());
    json.Field("failed_queries", parts.queries->failed_count());
  } else {
    return {};
  }
  json.EndObject();
  return text + "\n";
}

std::string MetricsJson(const StatusParts& parts) {
  const tide::TideMetrics& metrics = parts.core->metrics();
  const telemetry::Histogram& ack = metrics.ack_seconds;
  const double uptime = Uptime(parts);
  const auto total = metrics.accepted_events.value();
  const double count = static_cast<double>(std::max<std::uint64_t>(1, ack.count()));
  std::string text;
  JsonWriter json(&text);
  json.BeginObject().Field("total_events", total);
  json.Field("error_count", metrics.refused_batches.value() + metrics.failed_groups.value());
  json.Field("uptime_seconds", uptime);
  json.Field("throughput_per_second", uptime > 0 ? static_cast<double>(total) / uptime : 0.0);
  json.Key("latency").BeginObject().Field("average_ms", ack.sum_seconds() / count * 1e3);
  json.Field("p50_ms", ack.QuantileSeconds(0.50) * 1e3);
  json.Field("p95_ms", ack.QuantileSeconds(0.95) * 1e3);
  json.Field("p99_ms", ack.QuantileSeconds(0.99) * 1e3).EndObject();
  json.Key("query_latency").BeginObject().Field("average_ms", parts.queries->LatencyMean() * 1e3);
  json.Field("p50_ms", parts.queries->LatencyQuantile(0.50) * 1e3);
  json.Field("p95_ms", parts.queries->LatencyQuantile(0.95) * 1e3);
  json.Field("p99_ms", parts.queries->LatencyQuantile(0.99) * 1e3).EndObject();
  json.Field("buffer_utilization", BufferUtilisation(parts)).Field("buffered", Buffered(parts));
  json.Key("settled").BeginObject().Field("commits", metrics.flushes.value());
  json.Field("events", metrics.settled_events.value());
  json.Field("bytes", metrics.settled_bytes.value()).EndObject();
  json.EndObject();
  return text + "\n";
}

namespace {

void AddMetric(std::string_view name, std::string_view kind, std::string_view sentence,
               double value, std::string* text) {
  text->append("# HELP ").append(name).append(" ").append(sentence).append("\n# TYPE ");
  text->append(name).append(" ").append(kind).append("\n").append(name).append(" ");
  JsonWriter number(text);
  number.Double(value);
  text->append("\n");
}

// By the names that every dashboard of Prometheus has.
void AddProcess(const StatusParts& parts, std::string* text) {
  const env::ProcessFacts facts = env::ReadProcessFacts();
  AddMetric("process_cpu_seconds_total", "counter", "Processor time of all threads.",
            facts.cpu_seconds, text);
  AddMetric("process_open_fds", "gauge", "Open file descriptors.",
            static_cast<double>(facts.open_files), text);
  AddMetric("process_max_fds", "gauge", "Limit of open file descriptors.",
            static_cast<double>(facts.open_files_max), text);
  AddMetric("process_resident_memory_bytes", "gauge", "Memory of the process.",
            static_cast<double>(env::ResidentBytes()), text);
  const double now = static_cast<double>(parts.clock->WallNow().value) * 1e-6;
  AddMetric("process_start_time_seconds", "gauge", "When the server became ready, since 1970.",
            now - Uptime(parts), text);
}

}  // namespace

std::string MetricsPrometheus(const StatusParts& parts) {
  std::string text = parts.registry->ToPrometheus();
  AddProcess(parts, &text);
  const auto gauge = [&text](std::string_view name, std::string_view sentence, double value) {
    AddMetric(name, "gauge", sentence, value, &text);
  };
  const double uptime = Uptime(parts);
  const auto accepted = static_cast<double>(parts.core->metrics().accepted_events.value());
  gauge("tidemark_uptime_seconds", "Since the server is ready.", uptime);
  gauge("tidemark_events_per_second", "Accepted events a second, since the server is ready.",
        uptime > 0 ? accepted / uptime : 0);
  gauge("tidemark_buffer_utilization", "Share of the memory budget in use, 0 to 1.",
        BufferUtilisation(parts));
  double files = 0;
  double replacements = 0;
  const auto projects = parts.core->AllProjects();
  for (const auto& [name, project] : *projects) {
    const auto lake = project->cut()->lake;
    if (!lake) continue;
    files += static_cast<double>(lake->files->count());
    for (const auto& snapshot : lake->metadata->snapshots) {
      if (snapshot->Summary("operation") == "replace") ++replacements;
    }
  }
  gauge("tidemark_lake_files", "Live data files: what compaction would make fewer.", files);
  gauge("tidemark_compactions",
        "Kept snapshots that put files in the place of others and changed no row: backfills, and "
        "compactions by other engines; the server makes none by itself.",
        replacements);
  return text;
}

}  // namespace tidemark::ops
