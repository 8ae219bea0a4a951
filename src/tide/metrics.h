// What ingest and the tide count.
#pragma once

#include "telemetry/metrics.h"

namespace tidemark::tide {

// Where the time of an acknowledgement goes in the log's thread: one after another, without a gap.
struct StageMetrics {
  explicit StageMetrics(telemetry::Registry& registry);

  telemetry::Histogram& queue;   // Of each request; the others of each group.
  telemetry::Histogram& decide;  // Duplicates.
  telemetry::Histogram& write;   // Encodes and hands over; what is written past the page cache is
                                 // written by the sync.
  telemetry::Histogram& build;   // Hot columns; of a large group while it is synced.
  telemetry::Histogram& sync;    // What is left to wait for.
  telemetry::Histogram& publish;
};

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
  StageMetrics stages;                     // tidemark_ingest_stage_seconds{stage=...}
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
