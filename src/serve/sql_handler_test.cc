// A SQL request's body and parameters, as they are read.

#include "serve/sql_handler.h"

#include <gtest/gtest.h>

#include "sim/expect.h"

namespace tidemark::serve {
namespace {

net::Request RequestOf(std::string body, std::string_view target = "/v1/sql") {
  net::Request request;
  request.method = net::Method::kPost;
  request.SetTarget(target);
  request.body = std::move(body);
  return request;
}

TEST(ParseSqlBody, TakesTheStatementItself) {
  const auto parsed = ParseSqlBody(RequestOf("  select 1\n"));
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed->sql, "  select 1\n");
}

TEST(ParseSqlBody, TakesParametersByPositionAndByName) {
  const auto positional =
      ParseSqlBody(RequestOf(R"({"query":"select ?","params":[1,"a",null,1.5]})"));
  ASSERT_OK(positional);
  ASSERT_EQ(positional->parameters.size(), 4U);
  EXPECT_EQ(std::get<std::int64_t>(positional->parameters[0]), 1);
  EXPECT_EQ(std::get<std::string>(positional->parameters[1]), "a");
  EXPECT_EQ(std::get<double>(positional->parameters[3]), 1.5);
  const auto named = ParseSqlBody(RequestOf(R"({"sql":"select $x","params":{"x":true}})"));
  ASSERT_OK(named);
  ASSERT_EQ(named->named_parameters.size(), 1U);
  EXPECT_EQ(named->named_parameters[0].first, "x");
}

TEST(ParseSqlBody, TakesOptionsFromTheQueryStringToo) {
  const auto parsed = ParseSqlBody(
      RequestOf("select 1", "/v1/sql?route=batch&limit=7&timeout_ms=1500&min_offset=abc.0.5.9"));
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed->route, query::Route::kBatch);
  EXPECT_EQ(parsed->rows_wanted, 7U);
  EXPECT_EQ(parsed->time_max, std::chrono::milliseconds(1'500));
  ASSERT_TRUE(parsed->min_offset.has_value());
  EXPECT_EQ(parsed->min_offset->end().value, 9);
}

TEST(ParseSqlBody, RefusesWhatItDoesNotKnow) {
  for (const char* body :
       {"", "  ", "select 1 as \"\xFC\"", "{", "{}", R"({"query":1})",
        R"({"query":"select 1","colour":"red"})", R"({"query":"select ?","params":[[1]]})",
        R"({"query":"select ?","params":[9223372036854775808]})",
        R"({"query":"select 1","route":"fastest"})", R"({"query":"select 1","limit":"many"})",
        R"({"query":"select 1","limit":-1})", R"({"query":"select 1","timeout_ms":0})",
        R"({"query":"select 1","timeout_ms":{}})",
        R"({"query":"select 1","timeout_ms":10000000000000})",
        R"({"query":"select 1","min_offset":"x"})"}) {
    EXPECT_CODE(ParseSqlBody(RequestOf(body)), Code::kInvalidArgument) << body;
  }
}

}  // namespace
}  // namespace tidemark::serve
