// Time transforms round down, before 1970 too; each row goes to the spec of its age.
#include "lake/partition.h"

#include <gtest/gtest.h>

#include "lake/bounds.h"
#include "lake/names.h"
#include "lake/partition_values.h"

namespace tidemark::lake {
namespace {

TimeMicros At(std::string_view text) { return ParseTime(text).value(); }

TEST(PartitionTest, TransformsRoundDownOnBothSidesOf1970) {
  EXPECT_EQ(ApplyTransform(Transform::kHour, At("2017-11-16T22:31:08")), 419686);
  EXPECT_EQ(ApplyTransform(Transform::kDay, At("2017-11-16T22:31:08")), 17486);
  EXPECT_EQ(ApplyTransform(Transform::kMonth, At("2017-11-16T22:31:08")), 574);
  EXPECT_EQ(ApplyTransform(Transform::kYear, At("2017-11-16T22:31:08")), 47);
  EXPECT_EQ(ApplyTransform(Transform::kHour, At("1969-12-31T23:59:59.999999")), -1);
  EXPECT_EQ(ApplyTransform(Transform::kDay, At("1969-12-31T23:59:59.999999")), -1);
  EXPECT_EQ(ApplyTransform(Transform::kMonth, At("1969-12-31T23:59:59.999999")), -1);
  EXPECT_EQ(ApplyTransform(Transform::kYear, At("1969-12-31T23:59:59.999999")), -1);
  EXPECT_EQ(ApplyTransform(Transform::kMonth, At("1968-12-31")), -13);
  EXPECT_EQ(ApplyTransform(Transform::kHour, At("1970-01-01")), 0);
}

TEST(PartitionTest, ARowGoesToTheSpecOfItsAge) {
  const TimeMicros now = At("2026-06-15T12:00");
  EXPECT_EQ(PartitionFor(now, now).spec_id, kSpecHour);
  EXPECT_EQ(PartitionFor(At("2026-06-08T12:00"), now).spec_id, kSpecHour);
  EXPECT_EQ(PartitionFor(At("2026-06-08T11:59"), now).spec_id, kSpecDay);
  EXPECT_EQ(PartitionFor(At("2026-05-16T12:00"), now).spec_id, kSpecDay);
  EXPECT_EQ(PartitionFor(At("2026-05-16T11:59"), now).spec_id, kSpecMonth);
  EXPECT_EQ(PartitionFor(At("2036-01-01"), now).spec_id, kSpecHour);
}

TEST(PartitionTest, BoundsHoldExactlyTheTimesOfThePartition) {
  for (const char* text : {"2024-02-29T23:59:59.999999", "1969-12-31T23:00", "0001-01-01",
                           "9999-12-31T23:59:59", "1970-01-01"}) {
    for (std::int32_t spec = 0; spec < kSpecCount; ++spec) {
      const TimeMicros time = At(text);
      const Partition partition{spec, ApplyTransform(SpecTransform(spec), time)};
      const TimeBounds bounds = BoundsOf(partition);
      EXPECT_LE(bounds.first, time);
      EXPECT_GE(bounds.last, time);
      EXPECT_EQ(ApplyTransform(SpecTransform(spec), bounds.first), partition.value);
      EXPECT_EQ(ApplyTransform(SpecTransform(spec), bounds.last), partition.value);
      EXPECT_EQ(ApplyTransform(SpecTransform(spec), bounds.last + 1), partition.value + 1);
      EXPECT_EQ(ApplyTransform(SpecTransform(spec), bounds.first - 1), partition.value - 1);
    }
  }
}

TEST(PartitionTest, PathsNameThePartition) {
  const TimeMicros time = At("2024-01-15T10:30");
  const Uuid id = MakeUuidV4(0, 0);
  const std::string end = id.ToString() + "-00007.parquet";
  EXPECT_EQ(DataFilePath({kSpecHour, ApplyTransform(Transform::kHour, time)}, id, 7),
            "data/year=2024/month=01/day=15/hour=10/" + end);
  EXPECT_EQ(DataFilePath({kSpecDay, ApplyTransform(Transform::kDay, time)}, id, 7),
            "data/year=2024/month=01/day=15/" + end);
  EXPECT_EQ(DataFilePath({kSpecMonth, ApplyTransform(Transform::kMonth, time)}, id, 7),
            "data/year=2024/month=01/" + end);
}

TEST(PartitionTest, APathTellsThePromotionsThatItsRowsHave) {
  const Uuid id = MakeUuidV4(0, 0);
  const std::string plain = DataFilePath({}, id, 7);
  const std::string filled = WithPromotions(plain, 12);
  EXPECT_TRUE(filled.ends_with(id.ToString() + "-00007-p12.parquet")) << filled;
  EXPECT_TRUE(IsDataFilePath(plain));
  EXPECT_TRUE(IsDataFilePath(filled));
  EXPECT_EQ(PromotionsOf(plain), 0U);
  EXPECT_EQ(PromotionsOf(filled), 12U);
  for (const char* end : {"-00007-p0.parquet", "-00007-p.parquet", "-00007-p01.parquet",
                          "-00007-px.parquet", "-00007-q3.parquet", "-00007-p1234567890.parquet",
                          "-0007.parquet", "-000071.parquet", "-00007-p3.orc", "-00007-p3"}) {
    const std::string key = "default/events-1/data/" + id.ToString() + end;
    EXPECT_FALSE(IsDataFilePath(key)) << end;
    EXPECT_EQ(PromotionsOf(key), 0U) << end;
  }
}

TEST(PartitionValuesTest, UuidsAndDecimalsAreWrittenAsPeopleDo) {
  const auto bytes = [](std::initializer_list<int> values) {
    std::string text;
    for (const int value : values) text.push_back(static_cast<char>(value));
    return text;
  };
  const std::string uuid = bytes({0xf7, 0x9c, 0x3e, 0x09, 0x67, 0x7c, 0x4b, 0xbd, 0xa4, 0x79, 0x3f,
                                  0x34, 0x9c, 0xb7, 0x85, 0xe7});
  EXPECT_EQ(BytesText("uuid", uuid), "f79c3e09-677c-4bbd-a479-3f349cb785e7");
  EXPECT_EQ(BytesText("uuid", uuid.substr(1)), std::nullopt);
  EXPECT_EQ(BytesText("decimal(9, 2)", bytes({0x05, 0x8c})), "14.20");
  EXPECT_EQ(BytesText("decimal(9,2)", bytes({0xff, 0xfb})), "-0.05");
  EXPECT_EQ(BytesText("decimal(9,0)", bytes({0x00})), "0");
  EXPECT_EQ(BytesText("decimal(38,3)", std::string(1'000, '\x7f')), std::nullopt);
  EXPECT_EQ(BytesText("binary", uuid), std::nullopt);
}

TEST(BoundsTest, ShortTextIsItsOwnBound) {
  EXPECT_EQ(LowerBoundOf("0123456789abcdef"), "0123456789abcdef");
  EXPECT_EQ(UpperBoundOf("0123456789abcdef"), "0123456789abcdef");
  EXPECT_EQ(UpperBoundOf(""), "");
}

TEST(BoundsTest, LongTextIsCutAtCodePointsAndRaisedAbove) {
  EXPECT_EQ(LowerBoundOf("0123456789abcdefg"), "0123456789abcdef");
  EXPECT_EQ(UpperBoundOf("0123456789abcdefg"), "0123456789abcdeg");
  EXPECT_EQ(LowerBoundOf("0123456789abcde\u00e9x"), "0123456789abcde\u00e9");
  EXPECT_EQ(UpperBoundOf("0123456789abcde\u00e9x"), "0123456789abcde\u00ea");
  EXPECT_EQ(UpperBoundOf("0123456789abcde\x7fz"), "0123456789abcde\u0080");
  EXPECT_EQ(UpperBoundOf("0123456789abcde\ud7ffz"), "0123456789abcde\ue000");
  EXPECT_EQ(UpperBoundOf("0123456789abcde\U0010ffffz"), "0123456789abcdf");
  std::string top;
  for (int i = 0; i < 17; ++i) top += "\U0010ffff";
  EXPECT_EQ(UpperBoundOf(top), std::nullopt);
}

TEST(BoundsTest, NumbersOfBothWidthsAreRead) {
  EXPECT_EQ(IntFromBound(BoundOf(std::int32_t{-5})), -5);
  EXPECT_EQ(IntFromBound(BoundOf(std::int64_t{-5})), -5);
  EXPECT_EQ(IntFromBound("abc"), std::nullopt);
}

}  // namespace
}  // namespace tidemark::lake
