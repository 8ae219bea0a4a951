// What the index of ids counts.
#pragma once

#include "telemetry/metrics.h"

namespace tidemark::dedupe {

struct IndexMetrics {
  explicit IndexMetrics(telemetry::Registry& registry);

  telemetry::Counter& duplicates;     // tidemark_dedupe_duplicates_total
  telemetry::Counter& conflicts;      // tidemark_dedupe_conflicts_total
  telemetry::Counter& replayed_keys;  // tidemark_dedupe_replayed_requests_total
  telemetry::Counter& page_reads;     // tidemark_dedupe_page_reads_total
  telemetry::Counter& failed_steps;   // tidemark_dedupe_write_failures_total
  telemetry::Counter& time_jumps;     // tidemark_dedupe_time_jumps_total
  telemetry::Counter& resets;         // tidemark_dedupe_resets_total
  telemetry::Gauge& entries;          // tidemark_dedupe_entries
  telemetry::Gauge& runs;             // tidemark_dedupe_runs
  telemetry::Gauge& disk_bytes;       // tidemark_dedupe_disk_bytes
  telemetry::Gauge& memory_bytes;     // tidemark_dedupe_memory_bytes
};

}  // namespace tidemark::dedupe
