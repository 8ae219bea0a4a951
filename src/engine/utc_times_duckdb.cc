#include "engine/utc_times_duckdb.h"

#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "base/time.h"
#include "duckdb/common/enums/date_part_specifier.hpp"
#include "duckdb/common/vector_operations/unary_executor.hpp"
#include "engine/wrapped_functions_duckdb.h"

namespace tidemark::engine {
namespace {

using duckdb::DatePartSpecifier;
using duckdb::LogicalType;
using duckdb::scalar_function_t;
using std::chrono::sys_days;

constexpr std::int64_t MicrosOf(sys_days day) {
  return day.time_since_epoch().count() * kMicrosPerDay;
}

// A Monday at midnight, so that every unit up to a week begins there.
constexpr sys_days kFirstDay{std::chrono::year(1600) / 1 / 3};
static_assert(std::chrono::weekday(kFirstDay) == std::chrono::Monday);
constexpr std::int64_t kFirst = MicrosOf(kFirstDay);
constexpr std::int64_t kEnd = MicrosOf(std::chrono::year(10'000) / 1 / 1);
constexpr std::uint64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
constexpr std::uint64_t kMicrosPerWeek = 7 * kMicrosPerDay;
// Where buckets of time_bucket begin: a Monday, too.
constexpr std::int64_t kBucketOrigin = MicrosOf(std::chrono::year(2000) / 1 / 3);

// Of times from kFirst to kEnd only, in microseconds since 1970.

constexpr std::uint64_t SinceFirst(std::int64_t time) {
  return static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(kFirst);
}

template <std::uint64_t kWidth>
std::int64_t Truncated(std::int64_t time) {
  return time - static_cast<std::int64_t>(SinceFirst(time) % kWidth);
}

// How many units have passed, of which `kCount` make the next larger one.
template <std::uint64_t kWidth, std::uint64_t kCount>
std::int64_t Place(std::int64_t time) {
  return static_cast<std::int64_t>(SinceFirst(time) / kWidth % kCount);
}

sys_days DayOf(std::int64_t time) {
  return kFirstDay + std::chrono::days(SinceFirst(time) / kMicrosPerDay);
}

std::chrono::year_month_day DateOf(std::int64_t time) { return DayOf(time); }

unsigned MonthOf(std::int64_t time) { return static_cast<unsigned>(DateOf(time).month()); }

std::int64_t Year(std::int64_t time) { return static_cast<int>(DateOf(time).year()); }
std::int64_t Month(std::int64_t time) { return MonthOf(time); }
std::int64_t Quarter(std::int64_t time) { return (MonthOf(time) + 2) / 3; }
std::int64_t Day(std::int64_t time) { return static_cast<unsigned>(DateOf(time).day()); }
std::int64_t DayOfYear(std::int64_t time) {
  return (DayOf(time) - sys_days(DateOf(time).year() / 1 / 1)).count() + 1;
}
std::int64_t IsoWeekday(std::int64_t time) { return Place<kMicrosPerDay, 7>(time) + 1; }
std::int64_t Weekday(std::int64_t time) { return IsoWeekday(time) % 7; }

std::int64_t ToYear(std::int64_t time) { return MicrosOf(DateOf(time).year() / 1 / 1); }
std::int64_t ToMonth(std::int64_t time) {
  const auto date = DateOf(time);
  return MicrosOf(date.year() / date.month() / 1);
}
std::int64_t ToQuarter(std::int64_t time) {
  const auto date = DateOf(time);
  const unsigned month = (static_cast<unsigned>(date.month()) - 1) / 3 * 3 + 1;
  return MicrosOf(date.year() / std::chrono::month(month) / 1);
}
std::int64_t Same(std::int64_t time) { return time; }

// Of a vector of times, which `AllWithin`.
using Apply = void (*)(duckdb::Vector& times, duckdb::Vector& result, duckdb::idx_t count);

template <auto kOf>
void Each(duckdb::Vector& times, duckdb::Vector& result, duckdb::idx_t count) {
  duckdb::UnaryExecutor::Execute<std::int64_t, decltype(kOf(0))>(
      times, result, count, [](std::int64_t time) { return kOf(time); });
}

struct Unit {
  DatePartSpecifier part;
  Apply apply;
};
constexpr std::array<Unit, 8> kTruncations = {
    {{DatePartSpecifier::SECOND, Each<Truncated<kMicrosPerSecond>>},
     {DatePartSpecifier::MINUTE, Each<Truncated<kMicrosPerMinute>>},
     {DatePartSpecifier::HOUR, Each<Truncated<kMicrosPerHour>>},
     {DatePartSpecifier::DAY, Each<Truncated<kMicrosPerDay>>},
     {DatePartSpecifier::WEEK, Each<Truncated<kMicrosPerWeek>>},
     {DatePartSpecifier::MONTH, Each<ToMonth>},
     {DatePartSpecifier::QUARTER, Each<ToQuarter>},
     {DatePartSpecifier::YEAR, Each<ToYear>}}};
constexpr std::array<Unit, 12> kParts = {
    {{DatePartSpecifier::MICROSECONDS, Each<Place<1, kMicrosPerMinute>>},
     {DatePartSpecifier::MILLISECONDS, Each<Place<1'000, 60'000>>},
     {DatePartSpecifier::SECOND, Each<Place<kMicrosPerSecond, 60>>},
     {DatePartSpecifier::MINUTE, Each<Place<kMicrosPerMinute, 60>>},
     {DatePartSpecifier::HOUR, Each<Place<kMicrosPerHour, 24>>},
     {DatePartSpecifier::DOW, Each<Weekday>},
     {DatePartSpecifier::ISODOW, Each<IsoWeekday>},
     {DatePartSpecifier::DAY, Each<Day>},
     {DatePartSpecifier::DOY, Each<DayOfYear>},
     {DatePartSpecifier::MONTH, Each<Month>},
     {DatePartSpecifier::QUARTER, Each<Quarter>},
     {DatePartSpecifier::YEAR, Each<Year>}}};

// The unit that all rows name, if it is one of them.
template <std::size_t kCount>
Apply Find(const std::array<Unit, kCount>& units, const duckdb::Vector& names) {
  if (names.GetVectorType() != duckdb::VectorType::CONSTANT_VECTOR ||
      duckdb::ConstantVector::IsNull(names)) {
    return nullptr;
  }
  auto part = DatePartSpecifier::INVALID;
  const auto* name = duckdb::ConstantVector::GetData<duckdb::string_t>(names);
  if (!duckdb::TryGetDatePartSpecifier(name->GetString(), part)) return nullptr;
  for (const Unit& unit : units) {
    if (unit.part == part) return unit.apply;
  }
  return nullptr;
}

bool AllWithin(duckdb::Vector& times, duckdb::idx_t count) {
  duckdb::UnifiedVectorFormat format;
  times.ToUnifiedFormat(count, format);
  const auto* micros = duckdb::UnifiedVectorFormat::GetData<std::int64_t>(format);
  bool within = true;
  for (duckdb::idx_t row = 0; row < count; ++row) {
    const duckdb::idx_t at = format.sel->get_index(row);
    within &= (micros[at] >= kFirst && micros[at] < kEnd) || !format.validity.RowIsValid(at);
  }
  return within;
}

bool TakesTimes(const duckdb::ScalarFunction& function, std::size_t place, std::size_t count) {
  return function.arguments.size() == count &&
         function.arguments[place] == LogicalType::TIMESTAMP_TZ;
}

// `name(unit, time)`.
template <const auto& kUnits>
void CountByUnit(duckdb::ExtensionLoader* loader, const char* name) {
  const auto is_meant = [](const duckdb::ScalarFunction& function) {
    return TakesTimes(function, 1, 2) && function.arguments[0] == LogicalType::VARCHAR;
  };
  WrapFunction(loader, name, is_meant,
               [](const scalar_function_t& engine, duckdb::DataChunk& arguments,
                  duckdb::ExpressionState& state, duckdb::Vector& result) {
                 const Apply apply = Find(kUnits, arguments.data[0]);
                 if (apply == nullptr || !AllWithin(arguments.data[1], arguments.size())) {
                   return engine(arguments, state, result);
                 }
                 apply(arguments.data[1], result, arguments.size());
               });
}

// `name(time)`.
void CountPart(duckdb::ExtensionLoader* loader, const char* name, Apply apply) {
  WrapFunction(
      loader, name,
      [](const duckdb::ScalarFunction& function) { return TakesTimes(function, 0, 1); },
      [apply](const scalar_function_t& engine, duckdb::DataChunk& arguments,
              duckdb::ExpressionState& state, duckdb::Vector& result) {
        if (!AllWithin(arguments.data[0], arguments.size())) {
          return engine(arguments, state, result);
        }
        apply(arguments.data[0], result, arguments.size());
      });
}

// Microseconds of a bucket; 0: none that is counted here.
std::int64_t BucketWidth(const duckdb::Vector& widths) {
  if (widths.GetVectorType() != duckdb::VectorType::CONSTANT_VECTOR ||
      duckdb::ConstantVector::IsNull(widths)) {
    return 0;
  }
  const auto& width = *duckdb::ConstantVector::GetData<duckdb::interval_t>(widths);
  if (width.months != 0 || (width.days != 0 && width.micros != 0)) return 0;
  constexpr std::int32_t kDaysMax = 3'650'000;
  if (width.days < 0 || width.days > kDaysMax) return 0;
  if (width.micros < 0 || width.micros > kDaysMax * kMicrosPerDay) return 0;
  return width.days * kMicrosPerDay + width.micros;
}

void CountBuckets(duckdb::ExtensionLoader* loader) {
  const auto is_meant = [](const duckdb::ScalarFunction& function) {
    return TakesTimes(function, 1, 2);
  };
  WrapFunction(loader, "time_bucket", is_meant,
               [](const scalar_function_t& engine, duckdb::DataChunk& arguments,
                  duckdb::ExpressionState& state, duckdb::Vector& result) {
                 const std::int64_t width = BucketWidth(arguments.data[0]);
                 if (width == 0 || !AllWithin(arguments.data[1], arguments.size())) {
                   return engine(arguments, state, result);
                 }
                 duckdb::UnaryExecutor::Execute<std::int64_t, std::int64_t>(
                     arguments.data[1], result, arguments.size(), [width](std::int64_t time) {
                       return FloorDiv(time - kBucketOrigin, width) * width + kBucketOrigin;
                     });
               });
}

bool NamesUtc(const duckdb::Vector& zones) {
  return zones.GetVectorType() == duckdb::VectorType::CONSTANT_VECTOR &&
         !duckdb::ConstantVector::IsNull(zones) &&
         duckdb::ConstantVector::GetData<duckdb::string_t>(zones)->GetString() == "UTC";
}

// AT TIME ZONE 'UTC'.
void CountAtUtc(duckdb::ExtensionLoader* loader) {
  const auto is_meant = [](const duckdb::ScalarFunction& function) {
    return TakesTimes(function, 1, 2);
  };
  WrapFunction(
      loader, "timezone", is_meant,
      [](const scalar_function_t& engine, duckdb::DataChunk& arguments,
         duckdb::ExpressionState& state, duckdb::Vector& result) {
        if (!NamesUtc(arguments.data[0]) || !AllWithin(arguments.data[1], arguments.size())) {
          return engine(arguments, state, result);
        }
        Each<Same>(arguments.data[1], result, arguments.size());
      });
}

}  // namespace

void CountInUtc(duckdb::DatabaseInstance& instance) {
  duckdb::ExtensionLoader loader(instance, "tidemark");
  for (const char* name : {"date_trunc", "datetrunc"}) CountByUnit<kTruncations>(&loader, name);
  for (const char* name : {"date_part", "datepart"}) CountByUnit<kParts>(&loader, name);
  constexpr std::array<std::pair<const char*, DatePartSpecifier>, 14> kShort = {
      {{"microsecond", DatePartSpecifier::MICROSECONDS},
       {"millisecond", DatePartSpecifier::MILLISECONDS},
       {"second", DatePartSpecifier::SECOND},
       {"minute", DatePartSpecifier::MINUTE},
       {"hour", DatePartSpecifier::HOUR},
       {"dayofweek", DatePartSpecifier::DOW},
       {"weekday", DatePartSpecifier::DOW},
       {"isodow", DatePartSpecifier::ISODOW},
       {"day", DatePartSpecifier::DAY},
       {"dayofmonth", DatePartSpecifier::DAY},
       {"dayofyear", DatePartSpecifier::DOY},
       {"month", DatePartSpecifier::MONTH},
       {"quarter", DatePartSpecifier::QUARTER},
       {"year", DatePartSpecifier::YEAR}}};
  for (const auto& [name, part] : kShort) {
    for (const Unit& unit : kParts) {
      if (unit.part == part) CountPart(&loader, name, unit.apply);
    }
  }
  CountBuckets(&loader);
  CountAtUtc(&loader);
}

}  // namespace tidemark::engine
