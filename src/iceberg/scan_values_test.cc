// Values of partitions come back from manifests as the specification writes them in JSON.
#include "iceberg/scan_values.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "lake/avro.h"
#include "lake/partition_values.h"

namespace tidemark::iceberg {
namespace {

using lake::PartitionValue;
using Kind = PartitionValue::Kind;

std::string Written(const char* type, const PartitionValue& value) {
  std::string json;
  JsonWriter out(&json);
  WriteValue(type, value, &out);
  return json;
}
std::string Number(const char* type, std::int64_t number) {
  return Written(type, {.kind = Kind::kNumber, .number = number});
}
std::string Bytes(const char* type, std::string_view hex) {
  return Written(type, {.kind = Kind::kBytes, .bytes = *FromHex(hex)});
}

TEST(ScanValuesTest, ValuesAreWrittenByTheirType) {
  EXPECT_EQ(Number("int", 7), "7");
  EXPECT_EQ(Number("boolean", 1), "true");
  EXPECT_EQ(Number("date", 20'513), R"("2026-03-01")");
  EXPECT_EQ(Number("date", -1), R"("1969-12-31")");
  EXPECT_EQ(Number("time", 81'068'123'456), R"("22:31:08.123456")");
  EXPECT_EQ(Number("timestamp", 1'510'871'468'000'001), R"("2017-11-16T22:31:08.000001")");
  EXPECT_EQ(Number("timestamptz", 1'510'871'468'000'001), R"("2017-11-16T22:31:08.000001+00:00")");
  EXPECT_EQ(Number("timestamp_ns", 1'510'871'468'000'001'023),
            R"("2017-11-16T22:31:08.000001023")");
  EXPECT_EQ(Written("string", {.kind = Kind::kBytes, .bytes = "iceberg"}), R"("iceberg")");
  EXPECT_EQ(Bytes("uuid", "f79c3e09677c4bbda4793f349cb785e7"),
            R"("f79c3e09-677c-4bbd-a479-3f349cb785e7")");
  EXPECT_EQ(Bytes("binary", "000aff"), R"("000AFF")");
  EXPECT_EQ(Bytes("decimal(9,2)", "058c"), R"("14.20")");
  EXPECT_EQ(Bytes("decimal(9,2)", "fa74"), R"("-14.20")");
  EXPECT_EQ(Bytes("decimal(9, 2)", "05"), R"("0.05")");
  EXPECT_EQ(Bytes("decimal(9,0)", "ff"), R"("-1")");
  EXPECT_EQ(Written("double", {.kind = Kind::kEncoded, .bytes = *FromHex("000000000000f83f")}),
            "1.5");
  EXPECT_EQ(Written("long", {}), "null");
}

TEST(ScanValuesTest, LiteralsAreReadByTheirType) {
  const auto read = [](const char* type, const char* json) {
    return ValueFromJson(type, *JsonValue::Parse(json));
  };
  EXPECT_EQ(read("date", R"("2026-03-01")"), engine::BoundValue(std::int64_t{20'513}));
  EXPECT_EQ(read("date", "20513"), engine::BoundValue(std::int64_t{20'513}));
  EXPECT_EQ(read("timestamptz", R"("1970-01-01T00:00:01+00:00")"),
            engine::BoundValue(std::int64_t{1'000'000}));
  EXPECT_EQ(read("timestamptz", R"("1970-01-01T00:00:01.0000001234+00:00")"), std::nullopt);
  EXPECT_EQ(read("boolean", "true"), engine::BoundValue(std::int64_t{1}));
  EXPECT_EQ(read("float", "0.1"), engine::BoundValue(static_cast<double>(0.1F)));
  EXPECT_EQ(read("double", "0.1"), engine::BoundValue(0.1));
  EXPECT_EQ(read("long", "1.5"), std::nullopt);
  EXPECT_EQ(read("decimal(9,2)", R"("14.20")"), std::nullopt);
  EXPECT_EQ(ValueFromBound("double", *FromHex("0000c03f")), engine::BoundValue(1.5));
  EXPECT_EQ(ValueFromBound("double", *FromHex("000000000000f87f")), std::nullopt);
}

TEST(ScanValuesTest, DamagedPartitionKeysGiveNoValues) {
  EXPECT_TRUE(lake::PartitionValuesOf("hour 1").empty());
  EXPECT_EQ(lake::PartitionValuesOf(std::string_view("\2\16", 2)),
            std::vector<PartitionValue>({{.kind = Kind::kNumber, .number = 7}}));
  EXPECT_TRUE(lake::PartitionValuesOf(std::string_view("\4\x7f", 2)).empty());
}

}  // namespace
}  // namespace tidemark::iceberg
