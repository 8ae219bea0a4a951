// A file or manifest is left out of a plan only if no row of it can match the client's filter.
#include "iceberg/scan_filter.h"

#include <gtest/gtest.h>

#include "iceberg/scan_values.h"
#include "lake/bounds.h"

namespace tidemark::iceberg {
namespace {

using lake::PartitionValue;
using lake::Transform;

constexpr std::int32_t kId = 1, kName = 2, kTime = 3, kPrice = 4;
constexpr std::int64_t kHour = kMicrosPerHour;

FieldIndex Fields() {
  FieldIndex fields;
  const auto add = [&](std::int32_t id, std::string name, const char* type) {
    fields[id] = {std::move(name), JsonValue::String(type), false, false};
  };
  add(kId, "id", "long");
  add(kName, "name", "string");
  add(kTime, "ts", "timestamptz");
  add(kPrice, "address.price", "double");
  return fields;
}

PartitionValue Number(std::int64_t number) {
  return {.kind = PartitionValue::Kind::kNumber, .number = number};
}

// What a data file says of its rows: ids from 10 to 19, names from "b" to "d", never null.
engine::ColumnBounds Bounds() {
  engine::ColumnBounds bounds;
  const std::string low = lake::BoundOf(std::int64_t{10});
  const std::string high = lake::BoundOf(std::int64_t{19});
  bounds.Add(kId, {false, true, false, low, high});
  bounds.Add(kName, {false, true, false, "b", "d"});
  return bounds;
}

// "may", "no", or why the filter is refused.
std::string Asked(const std::string& json, bool case_sensitive = true) {
  const auto filter = ScanFilter::Read(*JsonValue::Parse(json), Fields(), case_sensitive);
  if (!filter) return std::to_string(filter.error().status) + " " + filter.error().message;
  ScanSpec spec;
  spec.fields.push_back({kTime, Transform::kHour, "timestamptz", "int"});
  const engine::ColumnBounds bounds = Bounds();
  return filter->MayMatch(&bounds, {Number(5)}, spec) ? "may" : "no";
}

std::string Compare(const char* type, const char* term, const std::string& value) {
  return std::string(R"({"type":")") + type + R"(","term":")" + term + R"(","value":)" + value +
         "}";
}

TEST(ScanFilterTest, BoundsDecideComparisons) {
  EXPECT_EQ(Asked(Compare("eq", "id", "15")), "may");
  EXPECT_EQ(Asked(Compare("eq", "id", "20")), "no");
  EXPECT_EQ(Asked(Compare("lt", "id", "10")), "no");
  EXPECT_EQ(Asked(Compare("lt-eq", "id", "10")), "may");
  EXPECT_EQ(Asked(Compare("gt", "id", "19")), "no");
  EXPECT_EQ(Asked(Compare("gt-eq", "id", "19")), "may");
  EXPECT_EQ(Asked(Compare("starts-with", "name", R"("a")")), "no");
  EXPECT_EQ(Asked(Compare("starts-with", "name", R"("c")")), "may");
  EXPECT_EQ(Asked(R"({"type":"in","term":"id","values":[1,2,30]})"), "no");
  EXPECT_EQ(Asked(R"({"type":"in","term":"id","values":[1,12,30]})"), "may");
  EXPECT_EQ(Asked(R"({"type":"in","term":"id","values":[]})"), "no");
  EXPECT_EQ(Asked(R"({"type":"is-null","term":"id"})"), "no");
  EXPECT_EQ(Asked(R"({"type":"not-null","term":"id"})"), "may");
}

TEST(ScanFilterTest, OneValueIsLeftOutByItsOpposite) {
  const auto asked = [](bool may_be_null, const std::string& json) {
    engine::ColumnBounds bounds;
    bounds.Add(kName, {may_be_null, true, false, "b", "b"});
    const auto filter = ScanFilter::Read(*JsonValue::Parse(json), Fields(), true);
    return filter->MayMatch(&bounds, {}, {});
  };
  for (const std::string& json :
       {Compare("not-eq", "name", R"("b")"),
        R"({"type":"not","child":)" + Compare("eq", "name", R"("b")") + "}"}) {
    EXPECT_FALSE(asked(false, json));
    EXPECT_TRUE(asked(true, json));  // Engines differ in whether null is unlike b.
  }
  EXPECT_TRUE(asked(false, Compare("not-eq", "name", R"("c")")));
}

TEST(ScanFilterTest, WhatBoundsDoNotTellMayMatch) {
  for (const char* type : {"not-eq", "not-starts-with"}) {
    EXPECT_EQ(Asked(Compare(type, "name", R"("b")")), "may") << type;
  }
  EXPECT_EQ(Asked(R"({"type":"not-in","term":"id","values":[10]})"), "may");
  EXPECT_EQ(Asked(R"({"type":"is-nan","term":"address.price"})"), "may");
  EXPECT_EQ(Asked(Compare("eq", "address.price", "1.5")), "may");
  EXPECT_EQ(Asked(Compare("eq", "id", R"("15")")), "may");
  EXPECT_EQ(Asked(Compare("eq", "id", "99.5")), "may");
}

TEST(ScanFilterTest, ConnectivesAndNegations) {
  const std::string no = Compare("eq", "id", "20"), may = Compare("eq", "id", "15");
  const auto both = [](const char* type, const std::string& a, const std::string& b) {
    return std::string(R"({"type":")") + type + R"(","left":)" + a + R"(,"right":)" + b + "}";
  };
  const auto negated = [](const std::string& a) { return R"({"type":"not","child":)" + a + "}"; };
  EXPECT_EQ(Asked(both("and", no, may)), "no");
  EXPECT_EQ(Asked(both("or", no, may)), "may");
  EXPECT_EQ(Asked(negated(both("or", Compare("lt", "id", "30"), may))), "no");
  EXPECT_EQ(Asked(negated(Compare("gt-eq", "id", "10"))), "no");
  EXPECT_EQ(Asked(negated(negated(no))), "no");
  EXPECT_EQ(Asked("true"), "may");
  EXPECT_EQ(Asked("false"), "no");
  EXPECT_EQ(Asked(negated("true")), "no");
  EXPECT_EQ(Asked(R"({"type":"false"})"), "no");
}

TEST(ScanFilterTest, PartitionsDecideTimes) {
  // The file is of hour 5 of 1970.
  EXPECT_EQ(Asked(Compare("lt", "ts", std::to_string(5 * kHour))), "no");
  EXPECT_EQ(Asked(Compare("gt-eq", "ts", std::to_string(6 * kHour))), "no");
  EXPECT_EQ(Asked(Compare("gt-eq", "ts", R"("1970-01-01T05:30:00+00:00")")), "may");
  EXPECT_EQ(Asked(Compare("gt-eq", "ts", R"("1970-01-02")")), "no");
  EXPECT_EQ(Asked(R"({"type":"is-null","term":"ts"})"), "no");
  const std::string day = R"({"type":"transform","transform":"day","term":"ts"})";
  EXPECT_EQ(Asked(R"({"type":"eq","term":)" + day + R"(,"value":"1970-01-01"})"), "may");
  EXPECT_EQ(Asked(R"({"type":"eq","term":)" + day + R"(,"value":1})"), "no");
  const std::string bucket = R"({"type":"transform","transform":"bucket[4]","term":"id"})";
  EXPECT_EQ(Asked(R"({"type":"eq","term":)" + bucket + R"(,"value":9})"), "may");
}

TEST(ScanFilterTest, NewAndOldFormsAreTheSame) {
  EXPECT_EQ(Asked(R"({"type":"eq","left":{"type":"reference","id":1},"right":20})"), "no");
  EXPECT_EQ(Asked(R"({"type":"lt","left":{"type":"literal","value":30},
                      "right":{"type":"reference","name":"id"}})"),
            "no");
  EXPECT_EQ(Asked(R"({"type":"in","child":{"type":"reference","name":"id"},
                      "values":{"type":"literals","data-type":"long","values":[1,2]}})"),
            "no");
  EXPECT_EQ(Asked(R"({"type":"eq","left":{"type":"apply","function":"f","arguments":[]},
                      "right":20})"),
            "may");
  EXPECT_EQ(Asked(R"({"type":"eq","term":{"type":"reference","term":"id"},
                      "value":{"type":"literal","value":20}})"),
            "no");
}

TEST(ScanFilterTest, WhatIsWrongIsSaid) {
  EXPECT_EQ(Asked(Compare("eq", "ID", "1")).substr(0, 4), "400 ");
  EXPECT_EQ(Asked(Compare("eq", "ID", "1"), false), "no");
  EXPECT_EQ(Asked(R"({"type":"like","term":"id","value":1})").substr(0, 4), "400 ");
  EXPECT_EQ(Asked(R"({"type":"eq","term":"id"})").substr(0, 4), "400 ");
  EXPECT_EQ(Asked(R"({"type":"in","term":"id","values":3})").substr(0, 4), "400 ");
  EXPECT_EQ(Asked("17").substr(0, 4), "400 ");
  EXPECT_EQ(Asked(R"({"type":"and","left":true})").substr(0, 4), "400 ");
}

TEST(ScanFilterTest, SummariesLeaveOutManifests) {
  ScanSpec spec;
  spec.fields.push_back({kTime, Transform::kDay, "timestamptz", "date"});
  lake::ManifestFile manifest;
  lake::FieldSummary& days = manifest.partitions.emplace_back();
  days.lower = lake::BoundOf(std::int32_t{10});
  days.upper = lake::BoundOf(std::int32_t{12});
  const auto may = [&](const std::string& json) {
    return ScanFilter::Read(*JsonValue::Parse(json), Fields(), true)->MayMatch(manifest, spec);
  };
  EXPECT_FALSE(may(Compare("lt", "ts", R"("1970-01-11")")));
  EXPECT_TRUE(may(Compare("lt-eq", "ts", R"("1970-01-11")")));
  EXPECT_FALSE(may(Compare("gt-eq", "ts", R"("1970-01-14")")));
  EXPECT_FALSE(may(R"({"type":"is-null","term":"ts"})"));
  manifest.partitions[0].contains_null = true;
  EXPECT_TRUE(may(R"({"type":"is-null","term":"ts"})"));
  manifest.partitions.clear();
  EXPECT_TRUE(may(Compare("lt", "ts", R"("1970-01-11")")));
}

TEST(ScanFilterTest, PartitionsBefore1970AreTakenAsOldWritersRounded) {
  const auto values = ValuesOfPeriod(Transform::kHour, "timestamptz", -1);
  ASSERT_TRUE(values);
  EXPECT_EQ(values->first, -2 * kHour);
  EXPECT_EQ(values->last, -1);
  const auto month = ValuesOfPeriod(Transform::kMonth, "date", 13);
  ASSERT_TRUE(month);
  EXPECT_EQ(month->first, 396);
  EXPECT_EQ(month->last, 423);
}

// Rows at random: whatever a row that matches is in may match.
TEST(ScanFilterTest, NoMatchIsEverLeftOut) {
  std::uint64_t seed = 7;
  const auto below = [&](std::uint64_t n) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (seed >> 33) % n;
  };
  static constexpr const char* kTypes[] = {"lt", "lt-eq", "gt", "gt-eq", "eq", "not-eq"};
  for (int round = 0; round < 5'000; ++round) {
    std::vector<std::int64_t> rows(1 + below(4));
    for (std::int64_t& row : rows) {
      row =
          (static_cast<std::int64_t>(below(96)) - 48) * kHour + static_cast<std::int64_t>(below(3));
    }
    const std::int64_t day = lake::ApplyTransform(Transform::kDay, TimeMicros(rows[0]));
    std::erase_if(rows, [&](std::int64_t row) { return FloorDiv(row, kMicrosPerDay) != day; });
    const auto [low, high] = std::ranges::minmax(rows);
    engine::ColumnBounds bounds;
    const std::string lower = lake::BoundOf(low), upper = lake::BoundOf(high);
    if (below(2) == 0) bounds.Add(kTime, {false, true, false, lower, upper});
    const std::int64_t literal = (static_cast<std::int64_t>(below(96)) - 48) * kHour;
    const std::uint64_t type = below(6);
    const bool negated = below(2) == 0;
    std::string json = Compare(kTypes[type], "ts", std::to_string(literal));
    if (negated) json = R"({"type":"not","child":)" + json + "}";
    const bool matches = std::ranges::any_of(rows, [&](std::int64_t row) {
      const bool holds[] = {row<literal, row <= literal, row> literal, row >= literal,
                            row == literal, row != literal};
      return holds[type] != negated;
    });
    ScanSpec spec;
    spec.fields.push_back({kTime, Transform::kDay, "timestamptz", "date"});
    const auto filter = ScanFilter::Read(*JsonValue::Parse(json), Fields(), true);
    ASSERT_TRUE(filter);
    const bool may = filter->MayMatch(&bounds, {Number(day)}, spec);
    EXPECT_TRUE(may || !matches) << json << " rows from " << low << " to " << high;
  }
}

}  // namespace
}  // namespace tidemark::iceberg
