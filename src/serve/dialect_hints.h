// What to write instead where a statement that failed is in the SQL of ClickHouse, Trino, Spark,
// BigQuery or Snowflake. Any thread.
#pragma once

#include <string_view>

namespace tidemark::serve {

// `message`: of the error, which names the function or shows the line. Empty: nothing is known.
std::string_view DialectHint(std::string_view message);

}  // namespace tidemark::serve
