// Values of columns as planning a scan meets them: bounds (Iceberg table spec, appendix D),
// literals of a filter and values of partitions (appendix C, "JSON single-value serialization").
// Types are the names of primitive types: "long", "decimal(9,2)". Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "engine/predicate.h"
#include "lake/partition.h"
#include "lake/partition_values.h"

namespace tidemark::iceberg {

// In the form that predicates compare: numbers and times (days, microseconds) as they are, text.
// Nothing: NaN, or a type that is not compared.
std::optional<engine::BoundValue> ValueFromBound(std::string_view type, std::string_view bound);
std::optional<engine::BoundValue> ValueFromJson(std::string_view type, const JsonValue& json);
std::optional<engine::BoundValue> ValueFromPartition(std::string_view type,
                                                     const lake::PartitionValue& value);

// What a time transform makes of a value of a column of that type; nothing: it is out of range.
std::optional<std::int64_t> TransformedValue(lake::Transform transform, std::string_view type,
                                             std::int64_t value);
// The values of a column of `type` for which the transform may have given `period`, inclusive. A
// period up to 0 has one more before it: old writers rounded towards 1970. Nothing: out of range.
struct PeriodValues {
  std::int64_t first = 0;
  std::int64_t last = 0;
};
std::optional<PeriodValues> ValuesOfPeriod(lake::Transform transform, std::string_view type,
                                           std::int64_t period);

void WriteValue(std::string_view type, const lake::PartitionValue& value, JsonWriter* json);

}  // namespace tidemark::iceberg
