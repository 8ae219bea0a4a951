// A metrics report as engines send it: ReportMetricsRequest of rest-catalog-open-api.yaml. Pure.
#pragma once

#include "base/json_reader.h"
#include "iceberg/problem.h"
#include "lake/metrics_reports.h"

namespace tidemark::iceberg {

// A longer filter, projection or set of metrics is left out of what is kept.
inline constexpr std::size_t kReportPartBytesMax = 16U << 10;

// Without its table and time. 400: what the specification requires is missing or of another type.
// Of a type that it does not have only the type is kept: the reference takes those, too.
Outcome<lake::MetricsReport> ReadMetricsReport(const JsonValue& json);

}  // namespace tidemark::iceberg
