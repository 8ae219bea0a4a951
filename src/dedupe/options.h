// What can be set about the index of ids.
#pragma once

#include <cstdint>
#include <string>

#include "env/clock.h"

namespace tidemark::dedupe {

struct IndexOptions {
  std::string folder = "dedupe";  // Of the disk.
  // An id that comes again within this time is a duplicate. Kept in ticks of a 200th, rounded up.
  Duration window = std::chrono::hours(24);
  // Entries in memory before they become a run: 24 bytes a slot, three of four slots used.
  std::size_t table_entries_max = 700'000;
  // What is in memory becomes a run after this time too, so that the log need not be kept for it.
  Duration checkpoint_age = std::chrono::minutes(5);
  // Full tables that wait to be written; with so many, new ids are refused.
  std::uint32_t sealed_max = 4;
  // So many runs of one size become one of the next.
  std::uint32_t merge_runs = 4;
  std::uint64_t merge_entries_per_step = 200'000;
};

}  // namespace tidemark::dedupe
