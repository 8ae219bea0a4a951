// Which rows of a flush go into which file: by the partition for their age, sorted by event type
// and time. Pure; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "event/row_source.h"
#include "lake/partition.h"

namespace tidemark::tide {

struct PartitionRows {
  lake::Partition partition;
  std::shared_ptr<const event::RowSource> rows;
  bool sorted = true;  // By event_type and timestamp: sort order 1.
};

// Every row of `source` is in exactly one of the answer's parts, which are ordered by partition.
// `now` decides the age. Nothing if there would be more than `files_max` parts.
std::optional<std::vector<PartitionRows>> PlanFlush(
    const std::shared_ptr<const event::RowSource>& source, TimeMicros now, std::size_t files_max);

}  // namespace tidemark::tide
