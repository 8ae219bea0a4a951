#include "iceberg/scan_values.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "lake/bounds.h"

namespace tidemark::iceberg {
namespace {

using engine::BoundValue;
using lake::PartitionValue;
using lake::Transform;

constexpr std::size_t kTimeTextBytesMax = 32;  // To the microsecond: what is longer would be cut.
constexpr std::size_t kDateTextBytes = 10;

bool IsMicros(std::string_view type) { return type == "timestamp" || type == "timestamptz"; }
bool IsNanos(std::string_view type) { return type == "timestamp_ns" || type == "timestamptz_ns"; }
bool IsWhole(std::string_view type) {
  return type == "int" || type == "long" || type == "date" || type == "time" || IsMicros(type);
}
bool IsFloating(std::string_view type) { return type == "float" || type == "double"; }

std::optional<double> FloatingOf(std::string_view bytes) {
  ByteReader in(bytes);
  double value = 0;
  if (bytes.size() == sizeof(float)) {
    float narrow = 0;
    in.Fixed(&narrow);
    value = narrow;
  } else if (bytes.size() != sizeof value || !in.Fixed(&value)) {
    return std::nullopt;
  }
  return std::isnan(value) ? std::nullopt : std::optional(value);
}

std::optional<BoundValue> Boxed(std::optional<double> value) {
  return value ? std::optional<BoundValue>(*value) : std::nullopt;
}
std::optional<BoundValue> Boxed(std::optional<std::int64_t> value) {
  return value ? std::optional<BoundValue>(*value) : std::nullopt;
}

std::optional<std::int64_t> TimeFromText(std::string_view type, const std::string& text) {
  if (text.size() > kTimeTextBytesMax) return std::nullopt;
  const auto time = ParseTime(text);
  if (!time) return std::nullopt;
  if (type == "date" && text.size() == kDateTextBytes) return FloorDiv(time->value, kMicrosPerDay);
  return IsMicros(type) ? std::optional(time->value) : std::nullopt;
}

std::int64_t MonthStart(std::int64_t months) {
  const std::int64_t years = FloorDiv(months, 12);
  return DaysFromCivil({static_cast<std::int32_t>(1970 + years),
                        static_cast<std::int32_t>(months - years * 12) + 1, 1});
}

// In microseconds.
std::int64_t PeriodStart(Transform transform, std::int64_t period) {
  switch (transform) {
    case Transform::kYear:
      return MonthStart(period * 12) * kMicrosPerDay;
    case Transform::kMonth:
      return MonthStart(period) * kMicrosPerDay;
    case Transform::kDay:
      return period * kMicrosPerDay;
    default:
      return period * kMicrosPerHour;
  }
}

// `2026-03-01T05:00:00.000000`, its date alone or its time alone.
std::string TimeText(std::int64_t micros) {
  std::string text = FormatTime(TimeMicros(micros));
  text.pop_back();  // The Z.
  return text;
}

std::string DateText(std::int64_t days) {
  const CivilDate date = CivilFromDays(days);
  char text[32];
  const int size =
      std::snprintf(text, sizeof text, "%04d-%02d-%02d", date.year, date.month, date.day);
  return {text, static_cast<std::size_t>(size)};
}

std::string NanosText(std::int64_t nanos) {
  const std::int64_t micros = FloorDiv(nanos, 1'000);
  char rest[8];
  const int size =
      std::snprintf(rest, sizeof rest, "%03d", static_cast<int>(nanos - micros * 1'000));
  return TimeText(micros) + std::string(rest, static_cast<std::size_t>(size));
}

std::string UpperHex(std::string_view bytes) {
  std::string hex = ToHex(AsBytes(bytes));
  for (char& c : hex) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  return hex;
}

void WriteNumber(std::string_view type, std::int64_t number, JsonWriter* json) {
  if (type == "boolean") {
    json->Bool(number != 0);
  } else if (type == "date") {
    json->String(DateText(number));
  } else if (type == "time") {
    json->String(TimeText(number).substr(kDateTextBytes + 1));
  } else if (IsMicros(type)) {
    json->String(TimeText(number) + (type == "timestamptz" ? "+00:00" : ""));
  } else if (IsNanos(type)) {
    json->String(NanosText(number) + (type == "timestamptz_ns" ? "+00:00" : ""));
  } else {
    json->Int(number);
  }
}

void WriteBytes(std::string_view type, const std::string& bytes, JsonWriter* json) {
  if (type == "string") {
    json->String(bytes);
  } else if (const auto text = lake::BytesText(type, bytes)) {
    json->String(*text);
  } else {
    json->String(UpperHex(bytes));
  }
}

}  // namespace

std::optional<BoundValue> ValueFromBound(std::string_view type, std::string_view bound) {
  if (type == "string") return std::string(bound);
  if (type == "boolean" && bound.size() == 1) return std::int64_t{bound[0] != 0};
  if (IsWhole(type)) return Boxed(lake::IntFromBound(bound));
  if (IsFloating(type)) return Boxed(FloatingOf(bound));
  return std::nullopt;
}

std::optional<BoundValue> ValueFromJson(std::string_view type, const JsonValue& json) {
  if (type == "boolean" && json.Bool()) return std::int64_t{*json.Bool()};
  if (type == "string" && json.is_string()) return json.text();
  if (IsWhole(type)) {
    return Boxed(json.is_string() ? TimeFromText(type, json.text()) : json.Int());
  }
  if (!IsFloating(type) || !json.is_number() || !json.Double()) return std::nullopt;
  // As clients compare: a float with the float that is nearest to the literal.
  if (type == "float") return static_cast<double>(static_cast<float>(*json.Double()));
  return *json.Double();
}

std::optional<BoundValue> ValueFromPartition(std::string_view type, const PartitionValue& value) {
  switch (value.kind) {
    case PartitionValue::Kind::kNumber:
      return IsWhole(type) || type == "boolean" ? Boxed(std::optional(value.number)) : std::nullopt;
    case PartitionValue::Kind::kBytes:
      return type == "string" ? std::optional<BoundValue>(value.bytes) : std::nullopt;
    case PartitionValue::Kind::kEncoded:
      return IsFloating(type) ? Boxed(FloatingOf(value.bytes)) : std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<std::int64_t> TransformedValue(Transform transform, std::string_view type,
                                             std::int64_t value) {
  if (transform == Transform::kIdentity) return value;
  if (type == "date") {
    if (value < kTimeMin.value / kMicrosPerDay || value > kTimeMax.value / kMicrosPerDay) {
      return std::nullopt;
    }
    value *= kMicrosPerDay;
  }
  const TimeMicros time(value);
  if (time < kTimeMin || time > kTimeMax) return std::nullopt;
  return lake::ApplyTransform(transform, time);
}

std::optional<PeriodValues> ValuesOfPeriod(Transform transform, std::string_view type,
                                           std::int64_t period) {
  constexpr std::int64_t kPeriodMax = 100'000'000;  // Hours until the year 13000.
  if (period > kPeriodMax || period < -kPeriodMax) return std::nullopt;
  const std::int64_t first = PeriodStart(transform, period <= 0 ? period - 1 : period);
  const std::int64_t last = PeriodStart(transform, period + 1) - 1;
  if (type != "date") return PeriodValues{first, last};
  return PeriodValues{FloorDiv(first, kMicrosPerDay), FloorDiv(last, kMicrosPerDay)};
}

void WriteValue(std::string_view type, const PartitionValue& value, JsonWriter* json) {
  switch (value.kind) {
    case PartitionValue::Kind::kNumber:
      return WriteNumber(type, value.number, json);
    case PartitionValue::Kind::kBytes:
      return WriteBytes(type, value.bytes, json);
    case PartitionValue::Kind::kEncoded:
      if (const auto number = FloatingOf(value.bytes)) {
        json->Double(*number);
        return;
      }
      break;
    default:
      break;
  }
  json->Null();
}

}  // namespace tidemark::iceberg
