// What can be set about ingest and the tide.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/units.h"
#include "dedupe/options.h"
#include "hot/table.h"
#include "wal/log.h"

namespace tidemark::tide {

struct TideOptions {
  wal::LogOptions log;
  hot::TableOptions hot;
  // A window of zero: no index, and nothing is a duplicate.
  dedupe::IndexOptions dedupe;

  // Ingest: bytes of batches that wait for the log's thread, and of one group.
  std::uint64_t queue_bytes_max = 64_MiB;
  std::uint64_t group_bytes_max = 16_MiB;
  // A smaller group is built before it is synced, on the same thread; a larger one meanwhile.
  std::uint64_t overlap_bytes_min = 64_KiB;
  // How often old segments of the log are looked at when nothing was settled.
  Duration trim_pause = std::chrono::seconds(10);

  // A project is flushed when the first of these is reached.
  std::uint64_t flush_encoded_bytes = 64'000'000;  // Of data files, as estimated.
  std::uint64_t flush_hot_bytes = 192_MiB;         // Of hot memory not yet settled.
  Duration flush_age = std::chrono::seconds(60);   // Of the oldest unsettled event.
  double flush_memory_share = 0.5;                 // Of the memory budget in use.
  std::uint32_t flush_files_max = 256;             // A flush with more is split.
  std::uint64_t flush_rows_max = 4'000'000;        // A flush with more is split.

  // Kept paths: of `properties`, typed, in the data files. 0: none are learned.
  std::uint32_t kept_paths_max = event::kKeptPathsMax;
  std::uint64_t kept_rows_min = 1'000;  // A flush with fewer rows teaches nothing.
  double kept_share_min = 0.01;         // Of the rows looked at, that have a value at the path.

  // How long a query may hold its cut; files a cut names are kept longer than that.
  Duration pin_deadline = std::chrono::minutes(10);
  Duration garbage_delay = std::chrono::hours(1);

  // Of new tables: the Iceberg format, 2 or 3, unless the namespace's property says the other.
  int table_format_version = 2;
  // ... and what they have instead of the defaults of their names.
  std::map<std::string, std::string> table_properties;

  // Between attempts of a flush that failed, doubling from the first to the last.
  Duration retry_first = std::chrono::milliseconds(100);
  Duration retry_last = std::chrono::seconds(10);
  std::uint32_t commit_attempts_max = 10;  // Of one flush that others keep overtaking.
  // How often the index looks when nobody wakes it.
  Duration index_pause = std::chrono::seconds(10);
  // How often the tide looks when nobody wakes it.
  Duration pause = std::chrono::milliseconds(100);
  std::uint32_t garbage_per_step_max = 64;
};

}  // namespace tidemark::tide
