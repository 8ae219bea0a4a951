// The newest reports of each table are kept, in a bounded memory.
#include "lake/metrics_reports.h"

#include <gtest/gtest.h>

namespace tidemark::lake {
namespace {

MetricsReport Report(std::uint64_t table, std::int64_t snapshot, std::size_t filter_bytes = 0) {
  MetricsReport report;
  report.table = MakeUuidV4(table, 0);
  report.type = "scan-report";
  report.snapshot_id = snapshot;
  report.filter.assign(filter_bytes, 'x');
  return report;
}

TEST(MetricsReportsTest, OfATableTheNewestAreKeptInTheirOrder) {
  constexpr std::int64_t kMax = MetricsReports::kPerTableMax;
  MetricsReports reports;
  for (std::int64_t i = 0; i < kMax + 3; ++i) reports.Add(Report(1, i));
  reports.Add(Report(2, 7));
  const auto kept = reports.Of(MakeUuidV4(1, 0));
  ASSERT_EQ(kept.size(), kMax);
  EXPECT_EQ(kept.front()->snapshot_id, 3);
  EXPECT_EQ(kept.back()->snapshot_id, kMax + 2);
  EXPECT_EQ(reports.Of(MakeUuidV4(2, 0)).size(), 1);
  EXPECT_EQ(reports.Of(MakeUuidV4(3, 0)).size(), 0);
}

TEST(MetricsReportsTest, TheOldestOfAllMakeRoom) {
  MetricsReports reports;
  constexpr std::size_t kQuarter = MetricsReports::kBytesMax / 4;
  for (std::uint64_t table = 1; table <= 4; ++table) reports.Add(Report(table, 1, kQuarter));
  EXPECT_EQ(reports.Of(MakeUuidV4(1, 0)).size(), 0);
  for (std::uint64_t table = 2; table <= 4; ++table) {
    EXPECT_EQ(reports.Of(MakeUuidV4(table, 0)).size(), 1);
  }
}

}  // namespace
}  // namespace tidemark::lake
