// Metrics are exported as Prometheus reads them, used or not.

#include "telemetry/metrics.h"

#include <gtest/gtest.h>

namespace tidemark::telemetry {
namespace {

TEST(Registry, ExportsEveryMetricOnceWithItsHelp) {
  Registry registry;
  registry.AddCounter("tidemark_b_total{kind=\"x\"}", "Things.").Add(2);
  registry.AddCounter("tidemark_b_total{kind=\"y\"}", "Things.");
  registry.AddGauge("tidemark_a_bytes", "Bytes.").Set(-3);
  EXPECT_EQ(registry.ToPrometheus(),
            "# HELP tidemark_a_bytes Bytes.\n# TYPE tidemark_a_bytes gauge\ntidemark_a_bytes -3\n"
            "# HELP tidemark_b_total Things.\n# TYPE tidemark_b_total counter\n"
            "tidemark_b_total{kind=\"x\"} 2\ntidemark_b_total{kind=\"y\"} 0\n");
}

TEST(Histogram, BoundsAndSumsAreTheDecimalsThatWereMeant) {
  Registry registry;
  Histogram& histogram = registry.AddHistogram("tidemark_a_seconds", "Seconds.");
  for (int i = 0; i < 3; ++i) histogram.Record(std::chrono::nanoseconds(100));
  const std::string text = registry.ToPrometheus();
  for (const char* line :
       {"_bucket{le=\"1e-06\"} 3\n", "_bucket{le=\"2e-06\"} 3\n", "_bucket{le=\"0.001024\"} 3\n",
        "_bucket{le=\"4294.967296\"} 3\n", "_sum 3e-07\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(Histogram, QuantilesLieInTheRightBucket) {
  Histogram histogram;
  for (int i = 0; i < 99; ++i) histogram.Record(std::chrono::microseconds(100));
  histogram.Record(std::chrono::milliseconds(50));
  EXPECT_NEAR(histogram.QuantileSeconds(0.5), 100e-6, 64e-6);
  EXPECT_NEAR(histogram.QuantileSeconds(0.999), 50e-3, 20e-3);
  EXPECT_EQ(histogram.count(), 100U);
}

}  // namespace
}  // namespace tidemark::telemetry
