// Iceberg's time transforms, the three partition specs of the events table and the paths that its
// data files get. Format: Iceberg table spec v2, "Partition Transforms". Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "base/uuid.h"

namespace tidemark::lake {

enum class Transform : std::uint8_t { kIdentity, kYear, kMonth, kDay, kHour, kVoid, kOther };
std::string_view TransformName(Transform transform);  // kOther: "unknown".
Transform FindTransform(std::string_view name);       // kOther: anything that we do not compute.

// Years, months, days or hours since 1970, rounded down. kYear to kHour only.
std::int32_t ApplyTransform(Transform transform, TimeMicros time);

// The specs of the events table, all there from creation: id 0 by hour (the default), 1 by day,
// 2 by month, each of one field over `timestamp`.
inline constexpr std::int32_t kSpecHour = 0;
inline constexpr std::int32_t kSpecDay = 1;
inline constexpr std::int32_t kSpecMonth = 2;
inline constexpr std::int32_t kSpecCount = 3;

// kSpecHour, kSpecDay or kSpecMonth only.
Transform SpecTransform(std::int32_t spec_id);

// Where a row goes: a spec and the value of its one field.
struct Partition {
  std::int32_t spec_id = kSpecHour;
  std::int32_t value = 0;
  friend auto operator<=>(const Partition&, const Partition&) = default;
};

// Rows older than a week go by day, older than 30 days by month (from `now`; the future by hour).
inline constexpr std::int64_t kHourSpecDays = 7;
inline constexpr std::int64_t kDaySpecDays = 30;
Partition PartitionFor(TimeMicros timestamp, TimeMicros now);
// The times that fall into it, both inclusive.
struct TimeBounds {
  TimeMicros first;
  TimeMicros last;
};
TimeBounds BoundsOf(Partition partition);

// `data/year=2024/month=01/day=15/hour=10/<flush id>-00007.parquet`, below the table's location.
std::string DataFilePath(Partition partition, const Uuid& flush_id, std::uint32_t number);
// Whether a key ends as DataFilePath does: no other engine names its files so.
bool IsDataFilePath(std::string_view key);

}  // namespace tidemark::lake
