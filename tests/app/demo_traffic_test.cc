// Generated traffic is the same for the same seed, and is what it says.

#include "app/demo_traffic.h"

#include <set>

#include <gtest/gtest.h>

#include "base/json_reader.h"

namespace tidemark::app {
namespace {

constexpr TimeMicros kNow{1'700'000'000 * kMicrosPerSecond};

DemoShape Shape(std::uint64_t seed) {
  DemoShape shape;
  shape.seed = seed;
  shape.now = kNow;
  return shape;
}

std::string Make(const DemoShape& shape, int count) {
  DemoTraffic traffic(shape);
  std::string out;
  for (int i = 0; i < count; ++i) {
    traffic.Append(&out);
    out.push_back('\n');
  }
  return out;
}

TEST(DemoTraffic, IsTheSameForTheSameSeedAndAnotherForAnother) {
  EXPECT_EQ(Make(Shape(1), 500), Make(Shape(1), 500));
  EXPECT_NE(Make(Shape(1), 500), Make(Shape(2), 500));
}

TEST(DemoTraffic, IsValidJsonOfAboutHalfAKilobyteWithUniqueIds) {
  DemoTraffic traffic(Shape(3));
  std::set<std::string> ids;
  std::size_t bytes = 0;
  for (int i = 0; i < 2'000; ++i) {
    std::string out;
    traffic.Append(&out);
    bytes += out.size();
    const auto event = JsonValue::Parse(out);
    ASSERT_TRUE(event.has_value()) << out;
    EXPECT_TRUE(ids.insert(*event->StringAt("event_id")).second);
    ASSERT_NE(event->Find("properties"), nullptr);
    EXPECT_GE(event->Find("properties")->members().size(), 10U) << out;
  }
  EXPECT_GT(bytes / 2'000, 430U);
  EXPECT_LT(bytes / 2'000, 620U);
}

TEST(DemoTraffic, IsCallsOfTrackForSegment) {
  DemoShape shape = Shape(3);
  shape.segment = true;
  DemoTraffic traffic(shape);
  std::set<std::string> ids;
  for (int i = 0; i < 500; ++i) {
    std::string out;
    traffic.Append(&out);
    const auto event = JsonValue::Parse(out);
    ASSERT_TRUE(event.has_value()) << out;
    EXPECT_EQ(*event->StringAt("type"), "track");
    EXPECT_TRUE(event->StringAt("event").has_value());
    EXPECT_TRUE(ids.insert(*event->StringAt("messageId")).second);
    ASSERT_NE(event->Find("context"), nullptr);
    ASSERT_NE(event->Find("properties"), nullptr);
    EXPECT_GE(event->Find("properties")->members().size(), 10U) << out;
  }
}

TEST(DemoTraffic, ShiftsTheShareThatIsLate) {
  DemoShape shape = Shape(4);
  shape.late = 0.25;
  DemoTraffic traffic(shape);
  int late = 0;
  for (int i = 0; i < 4'000; ++i) {
    std::string out;
    traffic.Append(&out);
    const auto time = ParseTime(*JsonValue::Parse(out)->StringAt("timestamp"));
    ASSERT_TRUE(time.has_value());
    EXPECT_LE(*time, kNow);
    late += *time < kNow ? 1 : 0;
  }
  EXPECT_NEAR(late, 1'000, 120);
}

TEST(DemoTraffic, RepeatsAndSpoilsTheSharesThatWereAskedFor) {
  DemoShape shape = Shape(5);
  shape.dup = 0.1;
  shape.bad = 0.1;
  DemoTraffic traffic(shape);
  std::string last;
  int repeated = 0;
  for (int i = 0; i < 4'000; ++i) {
    std::string out;
    traffic.Append(&out);
    repeated += out == last ? 1 : 0;
    last = out;
  }
  EXPECT_GT(repeated, 200);
  EXPECT_NEAR(static_cast<double>(traffic.bad_count()), 360, 100);
}

}  // namespace
}  // namespace tidemark::app
