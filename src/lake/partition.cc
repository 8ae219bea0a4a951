#include "lake/partition.h"

#include <array>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "lake/names.h"

namespace tidemark::lake {
namespace {

constexpr std::array<std::pair<std::string_view, Transform>, 6> kNames = {{
    {"identity", Transform::kIdentity},
    {"year", Transform::kYear},
    {"month", Transform::kMonth},
    {"day", Transform::kDay},
    {"hour", Transform::kHour},
    {"void", Transform::kVoid},
}};

std::int64_t MonthsFromCivil(CivilDate date) {
  return (static_cast<std::int64_t>(date.year) - 1970) * 12 + date.month - 1;
}

CivilDate FirstOfMonth(std::int64_t months) {
  const std::int64_t years = FloorDiv(months, 12);
  return {static_cast<std::int32_t>(1970 + years),
          static_cast<std::int32_t>(months - years * 12) + 1, 1};
}

}  // namespace

std::string_view TransformName(Transform transform) {
  for (const auto& [name, value] : kNames) {
    if (value == transform) return name;
  }
  return "unknown";
}

Transform FindTransform(std::string_view name) {
  for (const auto& [text, value] : kNames) {
    if (text == name) return value;
  }
  return Transform::kOther;
}

std::int32_t ApplyTransform(Transform transform, TimeMicros time) {
  const std::int64_t days = FloorDiv(time.value, kMicrosPerDay);
  switch (transform) {
    case Transform::kYear:
      return CivilFromDays(days).year - 1970;
    case Transform::kMonth:
      return static_cast<std::int32_t>(MonthsFromCivil(CivilFromDays(days)));
    case Transform::kDay:
      return static_cast<std::int32_t>(days);
    case Transform::kHour:
      return static_cast<std::int32_t>(FloorDiv(time.value, kMicrosPerHour));
    default:
      TM_CHECK(false && "no time transform");
      return 0;
  }
}

Transform SpecTransform(std::int32_t spec_id) {
  switch (spec_id) {
    case kSpecHour:
      return Transform::kHour;
    case kSpecDay:
      return Transform::kDay;
    default:
      TM_CHECK_EQ(spec_id, kSpecMonth);
      return Transform::kMonth;
  }
}

Partition PartitionFor(TimeMicros timestamp, TimeMicros now) {
  const std::int64_t age = now - timestamp;
  const std::int32_t spec = age > kDaySpecDays * kMicrosPerDay    ? kSpecMonth
                            : age > kHourSpecDays * kMicrosPerDay ? kSpecDay
                                                                  : kSpecHour;
  return {spec, ApplyTransform(SpecTransform(spec), timestamp)};
}

TimeBounds BoundsOf(Partition partition) {
  const std::int64_t value = partition.value;
  switch (SpecTransform(partition.spec_id)) {
    case Transform::kHour:
      return {TimeMicros(value * kMicrosPerHour), TimeMicros((value + 1) * kMicrosPerHour - 1)};
    case Transform::kDay:
      return {TimeMicros(value * kMicrosPerDay), TimeMicros((value + 1) * kMicrosPerDay - 1)};
    default:
      return {TimeMicros(DaysFromCivil(FirstOfMonth(value)) * kMicrosPerDay),
              TimeMicros(DaysFromCivil(FirstOfMonth(value + 1)) * kMicrosPerDay - 1)};
  }
}

std::string DataFilePath(Partition partition, const Uuid& flush_id, std::uint32_t number) {
  const TimeMicros first = BoundsOf(partition).first;
  const CivilDate date = CivilFromDays(FloorDiv(first.value, kMicrosPerDay));
  char text[96];
  int size = std::snprintf(text, sizeof text, "data/year=%04d/month=%02d/", date.year, date.month);
  std::string path(text, static_cast<std::size_t>(size));
  if (partition.spec_id != kSpecMonth) {
    size = std::snprintf(text, sizeof text, "day=%02d/", date.day);
    path.append(text, static_cast<std::size_t>(size));
  }
  if (partition.spec_id == kSpecHour) {
    const std::int64_t hour =
        FloorDiv(first.value, kMicrosPerHour) - FloorDiv(first.value, kMicrosPerDay) * 24;
    size = std::snprintf(text, sizeof text, "hour=%02d/", static_cast<int>(hour));
    path.append(text, static_cast<std::size_t>(size));
  }
  size = std::snprintf(text, sizeof text, "-%05u.parquet", number);
  return path + flush_id.ToString() + std::string(text, static_cast<std::size_t>(size));
}

bool IsDataFilePath(std::string_view key) {
  constexpr std::string_view kEnd = ".parquet";
  constexpr std::size_t kUuidBytes = 36;
  constexpr std::size_t kNumberBytes = 5;
  std::string_view name = key.substr(key.rfind('/') + 1);
  if (!name.ends_with(kEnd)) return false;
  name = WithoutPromotions(name);
  if (name.ends_with(kEnd)) name.remove_suffix(kEnd.size());
  if (name.size() != kUuidBytes + 1 + kNumberBytes) return false;
  const std::string_view number = name.substr(kUuidBytes + 1, kNumberBytes);
  return name[kUuidBytes] == '-' && Uuid::Parse(name.substr(0, kUuidBytes)).has_value() &&
         number.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace tidemark::lake
