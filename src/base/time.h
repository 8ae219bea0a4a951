// Wall time as the product keeps it: microseconds since 1970-01-01T00:00:00Z, no leap seconds,
// proleptic Gregorian calendar. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace tidemark {

using TimeMicros = StrongInt<struct TimeMicrosTag>;

inline constexpr std::int64_t kMicrosPerSecond = 1'000'000;
inline constexpr std::int64_t kMicrosPerHour = 3'600 * kMicrosPerSecond;
inline constexpr std::int64_t kMicrosPerDay = 24 * kMicrosPerHour;

// Years 0001 to 9999: what every engine that reads our tables can print.
inline constexpr TimeMicros kTimeMin{-62'135'596'800LL * kMicrosPerSecond};
inline constexpr TimeMicros kTimeMax{253'402'300'800LL * kMicrosPerSecond - 1};

struct CivilDate {
  std::int32_t year = 1970;
  std::int32_t month = 1;  // 1 to 12.
  std::int32_t day = 1;    // 1 to 31.
};
std::int64_t DaysFromCivil(CivilDate date);
CivilDate CivilFromDays(std::int64_t days);

// Floor division, as Iceberg's transforms want it for times before 1970.
constexpr std::int64_t FloorDiv(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

// ISO 8601 / RFC 3339: `2024-01-15`, `2024-01-15T10:30Z`, `2024-01-15 10:30:00.123456+02:00`.
// Without a zone it is UTC; a date alone is midnight UTC; digits below the microsecond are cut, not
// rounded; second 60 is the first of the next minute. Nothing if it cannot be read or lies outside
// kTimeMin..kTimeMax.
std::optional<TimeMicros> ParseTime(std::string_view text);

// The same, and what else ISO 8601 allows: without separators (`20240115T103000.5Z`), and the end
// of a day as `24:00:00`. ParseTime stays as it is, for it decides about values of columns.
std::optional<TimeMicros> ParseIsoTime(std::string_view text);

// A number as clients send it: seconds, milliseconds, microseconds or nanoseconds since 1970, told
// apart by size (seconds below 1e11, milliseconds below 1e14, microseconds below 1e17).
std::optional<TimeMicros> TimeFromEpochNumber(double number);
std::optional<TimeMicros> TimeFromEpochNumber(std::int64_t number);

// `2024-01-15T10:30:00.123456Z`: always six digits.
std::string FormatTime(TimeMicros time);
// The same 27 bytes, appended.
void AppendTime(std::string* out, TimeMicros time);

}  // namespace tidemark
