#include "tide/metrics.h"

#include <string>
#include <string_view>

namespace tidemark::tide {
namespace {

telemetry::Histogram& AddStage(telemetry::Registry& registry, std::string_view stage) {
  return registry.AddHistogram(
      "tidemark_ingest_stage_seconds{stage=\"" + std::string(stage) + "\"}",
      "Stages of an acknowledgement in the log's thread: queue of each request, then those of its "
      "group.");
}

}  // namespace

StageMetrics::StageMetrics(telemetry::Registry& registry)
    : queue(AddStage(registry, "queue")),
      decide(AddStage(registry, "decide")),
      write(AddStage(registry, "write")),
      build(AddStage(registry, "build")),
      sync(AddStage(registry, "sync")),
      publish(AddStage(registry, "publish")) {}

TideMetrics::TideMetrics(telemetry::Registry& registry)
    : accepted_events(registry.AddCounter("tidemark_accepted_events_total",
                                          "Events made durable and visible.")),
      quarantine_records(
          registry.AddCounter("tidemark_quarantine_records_total",
                              "Records of the quarantine made durable and visible: items, and "
                              "what became of them.")),
      refused_batches(registry.AddCounter("tidemark_ingest_refused_batches_total",
                                          "Requests refused because of memory or queue limits.")),
      groups(registry.AddCounter("tidemark_wal_groups_total", "Groups synced to the log.")),
      log_bytes(registry.AddCounter("tidemark_wal_appended_bytes_total",
                                    "Payload bytes made durable in the log.")),
      failed_groups(registry.AddCounter("tidemark_wal_failed_groups_total",
                                        "Groups that a write or sync failed for.")),
      sync_seconds(registry.AddHistogram("tidemark_wal_sync_seconds",
                                         "From the start of a log sync to its end.")),
      ack_seconds(registry.AddHistogram("tidemark_ingest_ack_seconds",
                                        "From a batch's arrival to its acknowledgement.")),
      stages(registry),
      settled_events(
          registry.AddCounter("tidemark_settled_events_total", "Events moved to the lake.")),
      settled_records(registry.AddCounter("tidemark_quarantine_settled_records_total",
                                          "Records of the quarantine moved to the lake.")),
      flushes(registry.AddCounter("tidemark_flushes_total", "Commits made by the tide.")),
      failed_flushes(registry.AddCounter("tidemark_flush_failures_total",
                                         "Flushes that failed and were tried again.")),
      settled_bytes(registry.AddCounter("tidemark_settled_bytes_total",
                                        "Bytes of data files written by the tide.")),
      flush_seconds(registry.AddHistogram("tidemark_flush_seconds",
                                          "From the plan of a flush to its publication.")),
      commit_seconds(registry.AddHistogram(
          "tidemark_commit_seconds", "From data files on the store to the published commit.")),
      unsettled_events(registry.AddGauge("tidemark_hot_events", "Events not yet settled.")),
      unsettled_records(registry.AddGauge("tidemark_quarantine_hot_records",
                                          "Records of the quarantine not yet settled.")),
      memory_used_bytes(
          registry.AddGauge("tidemark_memory_used_bytes", "Bytes taken from the memory budget.")),
      log_segments(registry.AddGauge("tidemark_wal_segments", "Segments of the log on disk.")),
      log_behind_lake(registry.AddCounter(
          "tidemark_log_behind_lake_total",
          "Times that the log ended below what was settled and was continued from there.")),
      metadata_restored(registry.AddCounter("tidemark_metadata_restored_total",
                                            "Metadata files written again from the catalog.")) {}

}  // namespace tidemark::tide
