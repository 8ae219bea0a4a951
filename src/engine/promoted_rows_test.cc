// Promoted columns have a value only where the property has exactly it, and only in the rows that
// have the column.

#include "engine/promoted_rows.h"

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/test_rows.h"

namespace tidemark::engine {
namespace {

using event::ColumnView;
using event::Type;

std::shared_ptr<const event::TableSchema> Columns(
    const std::vector<std::pair<std::string, Type>>& promoted) {
  auto columns = std::make_shared<event::TableSchema>(*event::EventsSchema());
  std::int32_t id = 100;
  for (const auto& [key, type] : promoted) {
    columns->columns.push_back({key, type, false, id});
    columns->promoted.push_back({key, id++, 1, {}});
  }
  columns->promotions = 1;
  return columns;
}

std::shared_ptr<const event::RowSource> Rows(const std::vector<std::optional<std::string>>& texts) {
  std::vector<TestRow> rows;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    rows.push_back({.offset = static_cast<std::int64_t>(i), .properties = texts[i]});
  }
  return std::make_shared<const TestRows>(std::move(rows));
}

// A column's values as text; "~" is null.
std::vector<std::string> Values(const event::RowSource& rows, std::size_t column) {
  const auto scratch = std::make_unique<event::ColumnScratch>();
  const ColumnView view = rows.Read(0, column, scratch.get());
  std::vector<std::string> values;
  for (std::size_t i = 0; i < rows.row_count(); ++i) {
    if (view.kind == ColumnView::Kind::kNull || !view.IsValid(i)) {
      values.emplace_back("~");
      continue;
    }
    switch (rows.schema().columns[column].type) {
      case Type::kString:
        values.emplace_back(view.strings[i].view());
        break;
      case Type::kDouble:
        values.push_back(std::to_string(static_cast<const double*>(view.fixed)[i]));
        break;
      case Type::kBool:
        values.emplace_back(static_cast<const bool*>(view.fixed)[i] ? "true" : "false");
        break;
      default:
        values.push_back(std::to_string(static_cast<const std::int64_t*>(view.fixed)[i]));
    }
  }
  return values;
}

TEST(PromotedRowsTest, WholeNumbersAreThereIfNothingIsLost) {
  for (const auto& [text, value] :
       std::vector<std::pair<std::string, std::int64_t>>{{"0", 0},
                                                         {"-0", 0},
                                                         {"7", 7},
                                                         {"5.000", 5},
                                                         {"-9223372036854775808", INT64_MIN},
                                                         {"9223372036854775807", INT64_MAX}}) {
    EXPECT_EQ(PromotedInt(text), value) << text;
  }
  for (const char* text :
       {"9223372036854775808", "1.5", "1e3", "\"7\"", "true", "null", "", "[1]"}) {
    EXPECT_FALSE(PromotedInt(text)) << text;
  }
}

TEST(PromotedRowsTest, NumbersAreThereIfTheirDigitsComeBack) {
  for (const auto& [text, value] :
       std::vector<std::pair<std::string, double>>{{"5", 5},
                                                   {"5.10", 5.1},
                                                   {"0.30000000000000004", 0.1 + 0.2},
                                                   {"1E3", 1000},
                                                   {"-0.0001", -0.0001},
                                                   {"100000000000000000000", 1e20},
                                                   {"1e-7", 1e-7}}) {
    EXPECT_EQ(PromotedDouble(text), value) << text;
  }
  for (const char* text : {"9007199254740993", "0.1000000000000000055511151231257827", "1e400",
                           "1e-400", "\"5\"", "5.", "1e99999999999999999999"}) {
    EXPECT_FALSE(PromotedDouble(text)) << text;
  }
}

TEST(PromotedRowsTest, TimesAreThereIfNothingIsBelowTheMicrosecond) {
  EXPECT_EQ(PromotedTime("\"1970-01-01T00:00:01.500000Z\""), TimeMicros(1'500'000));
  EXPECT_EQ(PromotedTime("\"1970-01-01T01:00:00.000001000+01:00\""), TimeMicros(1));
  for (const char* text : {"\"1970-01-01T00:00:00.0000001Z\"", "1500", "\"soon\"", "\"\""}) {
    EXPECT_FALSE(PromotedTime(text)) << text;
  }
}

TEST(PromotedRowsTest, MembersAreFoundByTheirOwnNamesAlone) {
  const std::string text = R"({"b":{"a":1},"\u0061":[2,"}"],"c":"a\"b"})";
  EXPECT_EQ(FindMember(text, "a"), R"([2,"}"])");
  EXPECT_EQ(FindMember(text, "c"), R"("a\"b")");
  EXPECT_FALSE(FindMember(text, "A"));
  EXPECT_FALSE(FindMember("{}", "a"));
  EXPECT_FALSE(FindMember("", "a"));
  EXPECT_FALSE(FindMember("{\"a\"", "a"));
}

TEST(PromotedRowsTest, EachTypeHasWhatFitsItAndNullElsewhere) {
  const std::vector<std::optional<std::string>> texts = {
      R"({"s":"short","n":1,"d":0.5,"b":true})",
      R"({"s":"longer than twelve bytes","n":2.0,"d":3,"b":false})",
      R"({"s":"with a \"quote\" and more of it","n":"3","d":"x","b":"true"})",
      R"({"s":4,"n":null,"d":[],"b":1})",
      std::nullopt,
      R"({"s":""})"};
  const auto columns = Columns(
      {{"s", Type::kString}, {"n", Type::kInt64}, {"d", Type::kDouble}, {"b", Type::kBool}});
  const auto rows = WithPromoted(Rows(texts), columns, std::vector<LogOffset>(4, LogOffset(0)));
  ASSERT_EQ(rows->schema().columns.size(), event::kColumnCount + 4);
  using Texts = std::vector<std::string>;
  EXPECT_EQ(Values(*rows, event::kColumnCount),
            (Texts{"short", "longer than twelve bytes", "with a \"quote\" and more of it", "~", "~",
                   ""}));
  EXPECT_EQ(Values(*rows, event::kColumnCount + 1), (Texts{"1", "2", "~", "~", "~", "~"}));
  EXPECT_EQ(Values(*rows, event::kColumnCount + 2),
            (Texts{"0.500000", "3.000000", "~", "~", "~", "~"}));
  EXPECT_EQ(Values(*rows, event::kColumnCount + 3), (Texts{"true", "false", "~", "~", "~", "~"}));
}

TEST(PromotedRowsTest, RowsBelowTheFirstOffsetDoNotHaveTheColumn) {
  const auto columns = Columns({{"n", Type::kInt64}, {"n", Type::kString}});
  const std::vector<std::optional<std::string>> texts(4, R"({"n":7})");
  const auto rows = WithPromoted(Rows(texts), columns, {LogOffset(2), LogOffset(INT64_MAX)});
  EXPECT_EQ(Values(*rows, event::kColumnCount), (std::vector<std::string>{"~", "~", "7", "7"}));
  EXPECT_EQ(Values(*rows, event::kColumnCount + 1), (std::vector<std::string>(4, "~")));
  // The others are those of the rows.
  EXPECT_EQ(Values(*rows, event::Index(event::Column::kLogOffset)),
            (std::vector<std::string>{"0", "1", "2", "3"}));
}

}  // namespace
}  // namespace tidemark::engine
