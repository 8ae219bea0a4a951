#include "iceberg/metrics_report.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace tidemark::iceberg {
namespace {

constexpr std::string_view kScan = "scan-report";
constexpr std::string_view kCommit = "commit-report";
constexpr std::size_t kTypeBytesMax = 64;

tl::unexpected<Problem> Unreadable(std::string_view what) {
  return BadRequest("Cannot parse metrics report: " + std::string(what));
}

Outcome<const JsonValue*> Member(const JsonValue& json, std::string_view name) {
  const JsonValue* value = json.Find(name);
  if (value == nullptr || value->is_null()) {
    return Unreadable("missing " + std::string(name));
  }
  return value;
}

Outcome<std::int64_t> Number(const JsonValue& json, std::string_view name) {
  ICE_ASSIGN(const JsonValue* value, Member(json, name));
  if (!value->Int()) return Unreadable(std::string(name) + " must be a whole number");
  return *value->Int();
}

Outcome<std::string> Text(const JsonValue& json, std::string_view name) {
  ICE_ASSIGN(const JsonValue* value, Member(json, name));
  if (!value->is_string()) return Unreadable(std::string(name) + " must be a string");
  return value->text();
}

std::string Kept(std::string text) {
  return text.size() <= kReportPartBytesMax ? std::move(text) : std::string();
}

// `right`: whether an item may be there.
template <class Right>
Outcome<std::string> List(const JsonValue& json, std::string_view name, const Right& right) {
  ICE_ASSIGN(const JsonValue* value, Member(json, name));
  if (!value->is_array() || !std::ranges::all_of(value->items(), right)) {
    return Unreadable(std::string(name) + " is no list of that");
  }
  return Kept(value->ToJson());
}

// Times 10^0 to 10^9 of what TimeUnit of Java calls them; 0: another word.
std::int64_t NanosOf(std::string_view unit) {
  struct Unit {
    std::string_view name;
    std::int64_t nanos;
  };
  constexpr Unit kUnits[] = {{"nanoseconds", 1},          {"microseconds", 1'000},
                             {"milliseconds", 1'000'000}, {"seconds", 1'000'000'000},
                             {"minutes", 60'000'000'000}, {"hours", 3'600'000'000'000},
                             {"days", 86'400'000'000'000}};
  for (const Unit& one : kUnits) {
    if (one.name == unit) return one.nanos;
  }
  return 0;
}

// A CounterResult's value, or a TimerResult's total in nanoseconds; nothing: it is neither.
std::optional<std::int64_t> Measure(const JsonValue& metric) {
  const JsonValue* value = metric.Find("value");
  if (value != nullptr) return value->Int();
  const JsonValue* total = metric.Find("total-duration");
  const JsonValue* unit = metric.Find("time-unit");
  if (total == nullptr || unit == nullptr || !total->Int()) return std::nullopt;
  std::int64_t nanos = 0;
  const std::int64_t factor = NanosOf(unit->text());
  if (factor == 0 || __builtin_mul_overflow(*total->Int(), factor, &nanos)) return std::nullopt;
  return nanos;
}

// Fills in metrics, metadata and the duration that has the name.
Done ReadMetrics(const JsonValue& json, std::string_view duration, lake::MetricsReport* report) {
  ICE_ASSIGN(const JsonValue* metrics, Member(json, "metrics"));
  if (!metrics->is_object()) return Unreadable("metrics must be an object");
  JsonValue measures = JsonValue::Object();
  for (const auto& [name, metric] : metrics->members()) {
    const auto measure = Measure(metric);
    if (measure) measures.members().emplace_back(name, JsonValue::Number(*measure));
    if (name == duration) report->duration_ns = measure;
  }
  report->metrics = Kept(measures.ToJson());
  const JsonValue* metadata = json.Find("metadata");
  if (metadata == nullptr || metadata->is_null()) return {};
  const auto is_text = [](const JsonValue::Member& one) { return one.second.is_string(); };
  if (!metadata->is_object() || !std::ranges::all_of(metadata->members(), is_text)) {
    return Unreadable("metadata must be an object of strings");
  }
  report->metadata = Kept(metadata->ToJson());
  return {};
}

}  // namespace

Outcome<lake::MetricsReport> ReadMetricsReport(const JsonValue& json) {
  if (!json.is_object()) return Unreadable("it must be an object");
  lake::MetricsReport report;
  ICE_ASSIGN(report.type, Text(json, "report-type"));
  if (report.type.size() > kTypeBytesMax) return Unreadable("report-type is too long");
  if (report.type != kScan && report.type != kCommit) return report;
  ICE_TRY(Text(json, "table-name"));
  ICE_ASSIGN(report.snapshot_id, Number(json, "snapshot-id"));
  if (report.type == kCommit) {
    ICE_ASSIGN(report.sequence_number, Number(json, "sequence-number"));
    ICE_ASSIGN(std::string operation, Text(json, "operation"));
    report.operation = Kept(std::move(operation));
    ICE_TRY(ReadMetrics(json, "total-duration", &report));
    return report;
  }
  ICE_ASSIGN(const JsonValue* filter, Member(json, "filter"));
  if (!filter->is_object() && !filter->Bool()) return Unreadable("filter must be an expression");
  report.filter = Kept(filter->ToJson());
  ICE_ASSIGN(report.schema_id, Number(json, "schema-id"));
  ICE_ASSIGN(report.projected_ids, List(json, "projected-field-ids", [](const JsonValue& item) {
               return item.Int().has_value();
             }));
  ICE_ASSIGN(report.projected_names, List(json, "projected-field-names",
                                          [](const JsonValue& item) { return item.is_string(); }));
  ICE_TRY(ReadMetrics(json, "total-planning-duration", &report));
  return report;
}

}  // namespace tidemark::iceberg
