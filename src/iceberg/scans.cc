// Planning scans of the catalog's tables.
#include "iceberg/metrics_report.h"
#include "iceberg/rest_catalog.h"
#include "iceberg/scan_plan.h"

namespace tidemark::iceberg {

// As the pointer names it now.
Outcome<lake::TableMetadata> RestCatalog::MetadataOf(const Name& name) const {
  ICE_ASSIGN(const catalog::Entry entry, Require(name, catalog::EntryKind::kTable));
  ICE_ASSIGN(lake::TableMetadata metadata, lake::ParseMetadata(entry.record.metadata_bytes));
  const Status sound = lake::CheckUnambiguous(metadata);
  if (!sound)
    return NotValid("Cannot plan a scan of " + NameText(name) + ": " + sound.error().message());
  return metadata;
}

Outcome<std::string> RestCatalog::PlanScan(const Access& access, const Name& name,
                                           const JsonValue& request) const {
  ICE_ASSIGN(const lake::TableMetadata metadata, MetadataOf(name));
  const Reach reach = ReachOf(access, metadata.location);
  return iceberg::PlanScan({&metadata, &reach, &manifests_}, request);
}

Outcome<std::string> RestCatalog::FetchPlan(const Access& access, const Name& name,
                                            std::string_view plan_id) const {
  ICE_ASSIGN(const lake::TableMetadata metadata, MetadataOf(name));
  const Reach reach = ReachOf(access, metadata.location);
  return PlanOfId({&metadata, &reach, &manifests_}, plan_id);
}

Done RestCatalog::CancelPlan(const Access& access, const Name& name,
                             std::string_view plan_id) const {
  ICE_ASSIGN(const lake::TableMetadata metadata, MetadataOf(name));
  const Reach reach = ReachOf(access, metadata.location);
  return CheckPlanId({&metadata, &reach, &manifests_}, plan_id);
}

Outcome<std::string> RestCatalog::FetchScanTasks(const Access& access, const Name& name,
                                                 const JsonValue& request) const {
  ICE_ASSIGN(const lake::TableMetadata metadata, MetadataOf(name));
  const Reach reach = ReachOf(access, metadata.location);
  return ScanTasksOf({&metadata, &reach, &manifests_}, request);
}

Done RestCatalog::ReportMetrics(const Name& name, const JsonValue& request) const {
  ICE_ASSIGN(const catalog::Entry entry, Require(name, catalog::EntryKind::kTable));
  ICE_ASSIGN(lake::MetricsReport report, ReadMetricsReport(request));
  report.table = entry.record.uuid;
  report.received = TimeMicros(NowMs() * 1'000);
  if (parts_.reports != nullptr) parts_.reports->Add(std::move(report));
  return {};
}

}  // namespace tidemark::iceberg
