// What ingest and the tide count.
#pragma once

#include "telemetry/metrics.h"

namespace tidemark::tide {

struct TideMetrics {
  explicit TideMetrics(telemetry::Registry& registry);

  telemetry::Counter& accepted_events;     // tidemark_accepted_events_total
  telemetry::Counter& quarantine_records;  // tidemark_quarantine_records_total
  telemetry::Counter& refused_batches;     // tidemark_ingest_refused_batches_total
  telemetry::Counter& groups;              // tidemark_wal_groups_total
  telemetry::Counter& log_bytes;           // tidemark_wal_appended_bytes_total
  telemetry::Counter& failed_groups;       // tidemark_wal_failed_groups_total
  telemetry::Histogram& sync_seconds;      // tidemark_wal_sync_seconds
  telemetry::Histogram& ack_seconds;       // tidemark_ingest_ack_seconds
  telemetry::Counter& settled_events;      // tidemark_settled_events_total
  telemetry::Counter& settled_records;     // tidemark_quarantine_settled_records_total
  telemetry::Counter& flushes;             // tidemark_flushes_total
  telemetry::Counter& failed_flushes;      // tidemark_flush_failures_total
  telemetry::Counter& settled_bytes;       // tidemark_settled_bytes_total
  telemetry::Histogram& flush_seconds;     // tidemark_flush_seconds
  telemetry::Histogram& commit_seconds;    // tidemark_commit_seconds
  telemetry::Gauge& unsettled_events;      // tidemark_hot_events
  telemetry::Gauge& unsettled_records;     // tidemark_quarantine_hot_records
  telemetry::Gauge& memory_used_bytes;     // tidemark_memory_used_bytes
  telemetry::Gauge& log_segments;          // tidemark_wal_segments
  telemetry::Counter& log_behind_lake;     // tidemark_log_behind_lake_total
  telemetry::Counter& metadata_restored;   // tidemark_metadata_restored_total
};

}  // namespace tidemark::tide
