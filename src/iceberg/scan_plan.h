// Plans a scan for a client: which data files it must read, with which delete files, and what is
// left to filter. Specification: rest-catalog-open-api.yaml of Apache Iceberg, planTableScan,
// fetchPlanningResult and fetchScanTasks.
//
// Planning is finished when it is answered, and nothing is held for a client: a snapshot never
// changes, so a plan's id and its tasks carry the question, and whoever asks again is answered
// again. The first answer has the files of the first manifests; each plan task stands for some more
// manifests. Column statistics are not sent.
//
// Pure but for reading metadata. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/json_reader.h"
#include "iceberg/locations.h"
#include "iceberg/manifest_cache.h"
#include "iceberg/problem.h"
#include "lake/metadata.h"

namespace tidemark::iceberg {

inline constexpr std::size_t kTaskFiles = 5'000;  // Of the manifests of one answer, about.
inline constexpr std::size_t kPlanTasksMax = 10'000;
inline constexpr std::size_t kPlanIdBytesMax = 1'500;         // Else a plan has no id.
inline constexpr std::size_t kPlanTokenBytesMax = 16U << 20;  // Unpacked.
inline constexpr std::int64_t kIncrementalSnapshotsMax = 1'000;

struct ScanTable {
  const lake::TableMetadata* metadata = nullptr;
  const Resolver* locations = nullptr;  // 403: files that the asker may not read.
  ManifestCache* manifests = nullptr;
};

// Answers are the JSON of PlanTableScanResult and FetchScanTasksResult. 400: a request that is
// none, an unknown snapshot or column; 403: it names files that the asker may not read; 406: a
// table that clients must plan themselves.
Outcome<std::string> PlanScan(const ScanTable& table, const JsonValue& request);
// 404: the id, or the task, is none that PlanScan gave.
Outcome<std::string> PlanOfId(const ScanTable& table, std::string_view plan_id);
Done CheckPlanId(const ScanTable& table, std::string_view plan_id);
Outcome<std::string> ScanTasksOf(const ScanTable& table, const JsonValue& request);

}  // namespace tidemark::iceberg
