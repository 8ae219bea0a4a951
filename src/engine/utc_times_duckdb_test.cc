// That parts and buckets of times are counted, and are what the engine's calendar says.

#include "engine/utc_times_duckdb.h"

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/wrapped_functions_duckdb.h"

namespace tidemark::engine {
namespace {

constexpr const char* kSettings =
    "SET TimeZone = 'UTC'; SET Calendar = 'gregorian'; SET threads = 1";

// Some days before and after 1970, all centuries, and the ends of hours.
constexpr const char* kTimes = R"(
  CREATE TABLE t AS
    SELECT make_timestamptz(i * 1000003 * 1000 + i) AS time FROM range(-900000, 3000000, 1999) r(i)
    UNION ALL SELECT make_timestamptz(i * 9999999967 * 5) FROM range(-230000, 5100000, 2999) r(i)
    UNION ALL SELECT make_timestamptz(i * 3600000000 + d)
      FROM range(-3243000, 70391000, 99991) r(i), (VALUES (-1), (0), (1)) v(d)
    UNION ALL SELECT NULL;)";
constexpr const char* kOutside = R"(
  CREATE TABLE outside AS SELECT * FROM (VALUES
    (timestamptz '1582-10-15 00:00:00Z'), (timestamptz '1582-10-04 12:00:00Z'),
    (timestamptz '0044-03-15 13:14:15.161718Z'), (timestamptz '1600-01-02 23:59:59.999999Z'),
    (timestamptz '1600-01-03 00:00:00Z'), (timestamptz '9999-12-31 23:59:59.999999Z'),
    (timestamptz '10000-01-01 00:00:00Z'), (timestamptz '294246-12-31 23:59:59Z'),
    (timestamptz '0044-03-15 (BC) 01:02:03Z'), ('infinity'), ('-infinity'), (NULL)) v(time);)";

std::vector<std::string> Calls() {
  std::vector<std::string> calls;
  for (const char* unit :
       {"microseconds", "milliseconds", "second", "minute", "hour", "day", "week", "month",
        "quarter", "year", "decade", "century", "dow", "epoch"}) {
    calls.push_back(std::string("date_trunc('") + unit + "', time)");
  }
  for (const char* unit :
       {"microseconds", "milliseconds", "second", "minute", "hour",    "dow",          "isodow",
        "day",          "doy",          "week",   "month",  "quarter", "year",         "isoyear",
        "yearweek",     "era",          "decade", "epoch",  "julian",  "timezone_hour"}) {
    calls.push_back(std::string("date_part('") + unit + "', time)");
    calls.push_back(std::string("datepart(lower('") + unit + "'), time)");
  }
  for (const char* name :
       {"microsecond", "millisecond", "second", "minute", "hour", "dayofweek", "weekday", "isodow",
        "day", "dayofmonth", "dayofyear", "month", "quarter", "year", "week"}) {
    calls.push_back(std::string(name) + "(time)");
  }
  for (const char* width : {"1 microsecond", "7 milliseconds", "1 minute", "45 minutes", "1 hour",
                            "36 hours", "1 day", "7 days", "11 days", "1 month", "3 years"}) {
    calls.push_back(std::string("time_bucket(interval '") + width + "', time)");
  }
  for (const char* call :
       {"time AT TIME ZONE 'UTC'", "time AT TIME ZONE 'Asia/Tokyo'", "CAST(time AS DATE)",
        "CAST(time AS TIMESTAMP)", "TRY_CAST(time AS DATE)", "CAST(time AS VARCHAR)",
        "CAST(time AS TIME)", "date_part(['year', 'hour'], time)",
        "date_trunc(if(hour(time) < 12, 'day', 'month'), time)"}) {
    calls.emplace_back(call);
  }
  return calls;
}

class UtcTimesTest : public ::testing::Test {
 protected:
  UtcTimesTest() : own_(nullptr), counting_(nullptr), engine_(own_), counted_(counting_) {}

  void SetUp() override {
    CountInUtc(*counting_.instance);
    for (duckdb::Connection* connection : {&engine_, &counted_}) {
      for (const char* sql : {kSettings, kTimes, kOutside}) Ask(connection, sql);
    }
  }

  static std::string Ask(duckdb::Connection* connection, const std::string& sql) {
    const auto result = connection->Query(sql);
    return result->HasError() ? result->GetError() : result->ToString();
  }

  duckdb::DuckDB own_;
  duckdb::DuckDB counting_;
  duckdb::Connection engine_;
  duckdb::Connection counted_;
};

TEST_F(UtcTimesTest, SaysWhatTheEnginesCalendarSays) {
  for (const std::string& call : Calls()) {
    const std::string rows = "SELECT count(*), count(v), min(v), max(v), sum(hash(i, v)::HUGEINT) ";
    const std::string sql =
        rows + "FROM (SELECT row_number() OVER () AS i, " + call + " AS v FROM t)";
    EXPECT_EQ(Ask(&counted_, sql), Ask(&engine_, sql)) << call;
  }
}

// One by one: a time that is left to the engine takes its whole chunk along.
TEST_F(UtcTimesTest, LeavesOtherTimesToTheEngine) {
  for (const std::string& call : Calls()) {
    for (int i = 0; i < 12; ++i) {
      const std::string sql = "SELECT " + call + " FROM (SELECT time FROM outside LIMIT 1 OFFSET " +
                              std::to_string(i) + ")";
      EXPECT_EQ(Ask(&counted_, sql), Ask(&engine_, sql)) << call << " of " << i;
    }
    const std::string sql = "SELECT " + call + " FROM outside";
    EXPECT_EQ(Ask(&counted_, sql), Ask(&engine_, sql)) << call;
  }
}

TEST_F(UtcTimesTest, HasTheSameTypes) {
  for (const std::string& call : Calls()) {
    const std::string sql =
        "DESCRIBE SELECT " + call + " AS v, coalesce(" + call + ", NULL) FROM t";
    EXPECT_EQ(Ask(&counted_, sql), Ask(&engine_, sql)) << call;
  }
  for (const char* sql :
       {"SELECT [time, DATE '2020-01-01'] FROM outside",
        "SELECT time < DATE '2020-01-01', time = TIMESTAMP '2020-01-01' FROM t LIMIT 9",
        "SELECT count(*) FROM t WHERE time::DATE = '1999-12-31'"}) {
    EXPECT_EQ(Ask(&counted_, sql), Ask(&engine_, sql)) << sql;
  }
}

// The calendar is not asked.
TEST(UtcTimes, AreCounted) {
  duckdb::DuckDB database(nullptr);
  duckdb::ExtensionLoader loader(*database.instance, "tidemark");
  for (const char* name : {"date_trunc", "date_part", "hour", "year", "time_bucket", "timezone"}) {
    WrapFunction(
        &loader, name,
        [](const duckdb::ScalarFunction& function) {
          return function.arguments.back() == duckdb::LogicalType::TIMESTAMP_TZ;
        },
        [](auto&&...) { throw duckdb::InvalidInputException("the calendar was asked"); });
  }
  CountInUtc(*database.instance);
  duckdb::Connection connection(database);
  connection.Query(kSettings);
  const auto ask = [&](const std::string& call) {
    const auto result =
        connection.Query("SELECT CAST(" + call +
                         " AS VARCHAR) FROM (VALUES (timestamptz '2024-02-29 13:14:15Z')) v(time)");
    return result->HasError() ? result->GetError() : result->GetValue(0, 0).ToString();
  };
  EXPECT_EQ(ask("date_trunc('hour', time)"), "2024-02-29 13:00:00+00");
  EXPECT_EQ(ask("date_trunc('week', time)"), "2024-02-26 00:00:00+00");
  EXPECT_EQ(ask("date_trunc('quarter', time)"), "2024-01-01 00:00:00+00");
  EXPECT_EQ(ask("extract(hour FROM time)"), "13");
  EXPECT_EQ(ask("date_part('doy', time)"), "60");
  EXPECT_EQ(ask("year(time)"), "2024");
  EXPECT_EQ(ask("time_bucket(interval 1 day, time)"), "2024-02-29 00:00:00+00");
  EXPECT_EQ(ask("time AT TIME ZONE 'UTC'"), "2024-02-29 13:14:15");
  EXPECT_NE(ask("date_trunc('decade', time)").find("the calendar was asked"), std::string::npos);
}

}  // namespace
}  // namespace tidemark::engine
