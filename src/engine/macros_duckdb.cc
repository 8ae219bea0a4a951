#include "engine/macros_duckdb.h"

#include <array>
#include <string>

namespace tidemark::engine {
namespace {

struct Macro {
  const char* head;
  const char* body;
};

// countIf is the engine's own already.
constexpr std::array<Macro, 18> kMacros = {{
    {"toDate(t)", "CAST(t AS DATE)"},
    {"toHour(t)", "hour(t)"},
    {"toMinute(t)", "minute(t)"},
    {"toYYYYMM(t)", "year(t) * 100 + month(t)"},
    {"toStartOfMinute(t)", "date_trunc('minute', t)"},
    {"toStartOfHour(t)", "date_trunc('hour', t)"},
    {"toStartOfDay(t)", "date_trunc('day', t)"},
    {"toStartOfMonth(t)", "date_trunc('month', t)"},
    {"toFloat64(x)", "CAST(x AS DOUBLE)"},
    {"toInt64(x)", "CAST(x AS BIGINT)"},
    {"toString(x)", "CAST(x AS VARCHAR)"},
    {"uniq(x)", "count(DISTINCT x)"},
    {"uniqExact(x)", "count(DISTINCT x)"},
    {"uniqIf(x, condition)", "count(DISTINCT x) FILTER (WHERE condition)"},
    {"sumIf(x, condition)", "sum(x) FILTER (WHERE condition)"},
    {"avgIf(x, condition)", "avg(x) FILTER (WHERE condition)"},
    // What is missing or of another type is 0 or empty.
    {"JSONExtractFloat(json, name)",
     R"(coalesce(try_cast(json_extract_string(json, '$."' || name || '"') AS DOUBLE), 0))"},
    {"JSONExtractString(json, name)",
     R"(coalesce(json_extract_string(json, '$."' || name || '"'), ''))"},
}};

}  // namespace

void AddMacros(duckdb::Connection& connection) {
  for (const Macro& macro : kMacros) {
    const auto made =
        connection.Query(std::string("CREATE MACRO ") + macro.head + " AS " + macro.body);
    if (made->HasError()) made->ThrowError();
  }
}

}  // namespace tidemark::engine
