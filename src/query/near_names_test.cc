#include "query/near_names.h"

#include <gtest/gtest.h>

namespace tidemark::query {
namespace {

const std::vector<TableId> kTables = {{{"default"}, "Orders"},   {{"default"}, "orders_2024"},
                                      {{"default"}, "x"},        {{"default"}, "X"},
                                      {{"default", "Raw"}, "t"}, {{"default", "a", "b"}, "c d"}};

std::vector<std::string> Found(const std::vector<std::string>& ns, std::string_view name) {
  std::vector<std::string> names;
  for (const TableId& one : InAnyCase(kTables, ns, name)) names.push_back(SqlName(one));
  return names;
}

std::string NearestOf(const std::vector<std::string>& parts) {
  const auto found = Nearest(kTables, "default", parts);
  return found ? SqlName(*found) : "";
}

using Names = std::vector<std::string>;

TEST(NearNames, NamesAreQuotedAsSqlWantsThem) {
  EXPECT_EQ(SqlName({{"p"}, "t_1"}), "iceberg.t_1");
  EXPECT_EQ(SqlName({{"p", "x", "y"}, "c\"d"}), R"(iceberg."x.y"."c""d")");
  EXPECT_EQ(SqlName({{"p", "ü"}, "1t"}), R"(iceberg."ü"."1t")");
}

TEST(NearNames, AnotherCaseIsFoundInEveryPart) {
  EXPECT_EQ(Found({"default"}, "ORDERS"), Names{"iceberg.Orders"});
  EXPECT_EQ(Found({"default", "raw"}, "T"), Names{"iceberg.Raw.t"});
  EXPECT_EQ(Found({"default", "A.B"}, "C D"), Names{R"(iceberg."a.b"."c d")"});
  EXPECT_EQ(Found({"default"}, "X").size(), 2U);
  EXPECT_TRUE(Found({"default"}, "order").empty());
}

TEST(NearNames, WhatIsMisspelledOrNamedOtherwiseIsFound) {
  EXPECT_EQ(NearestOf({"iceberg", "oders"}), "iceberg.Orders");
  EXPECT_EQ(NearestOf({"orders"}), "iceberg.Orders");
  EXPECT_EQ(NearestOf({"iceberg", "default", "orders_2024"}), "iceberg.orders_2024");
  EXPECT_EQ(NearestOf({"Raw", "t"}), "iceberg.Raw.t");
  EXPECT_EQ(NearestOf({"iceberg", "t"}), "iceberg.Raw.t");
  EXPECT_EQ(NearestOf({"iceberg", "customers"}), "");
  EXPECT_EQ(NearestOf({"y"}), "");
}

}  // namespace
}  // namespace tidemark::query
