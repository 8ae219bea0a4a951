#include "dedupe/metrics.h"

namespace tidemark::dedupe {

IndexMetrics::IndexMetrics(telemetry::Registry& registry)
    : duplicates(registry.AddCounter("tidemark_dedupe_duplicates_total",
                                     "Events whose id was known within the window.")),
      conflicts(registry.AddCounter("tidemark_dedupe_conflicts_total",
                                    "Duplicates whose body differed from the first one's.")),
      replayed_keys(registry.AddCounter("tidemark_dedupe_replayed_requests_total",
                                        "Requests that an Idempotency-Key or a producer's sequence"
                                        " told to be replays.")),
      page_reads(registry.AddCounter("tidemark_dedupe_page_reads_total",
                                     "Looks into runs that had to read the disk.")),
      failed_steps(registry.AddCounter("tidemark_dedupe_write_failures_total",
                                       "Writes of the index that failed and were tried again.")),
      time_jumps(registry.AddCounter("tidemark_dedupe_time_jumps_total",
                                     "Received times more than an hour ahead of the one before;"
                                     " the window's clock goes on by one hour only.")),
      resets(registry.AddCounter("tidemark_dedupe_resets_total",
                                 "Times that the index was not of this log and was begun anew.")),
      entries(registry.AddGauge("tidemark_dedupe_entries", "Ids and keys that are remembered.")),
      runs(registry.AddGauge("tidemark_dedupe_runs", "Files of the index.")),
      disk_bytes(registry.AddGauge("tidemark_dedupe_disk_bytes", "Bytes of the index on disk.")),
      memory_bytes(
          registry.AddGauge("tidemark_dedupe_memory_bytes", "Bytes of the index in memory.")) {}

}  // namespace tidemark::dedupe
