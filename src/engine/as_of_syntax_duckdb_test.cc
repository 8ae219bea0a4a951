#include "engine/as_of_syntax_duckdb.h"

#include <array>
#include <utility>

#include <gtest/gtest.h>

namespace tidemark::engine {
namespace {

TEST(AsOfSyntax, TurnsTheFormsOfOthersIntoTheEnginesOwn) {
  constexpr std::array<std::pair<const char*, const char*>, 20> kForms = {{
      {"select 1 from t for version as of 12 where x",
       "select 1 from t AT (VERSION => 12) where x"},
      {"select 1 from t FOR SYSTEM_VERSION AS OF 12", "select 1 from t AT (VERSION => 12)"},
      {"select 1 from t FOR TIMESTAMP AS OF TIMESTAMP '2026-01-02 03:04:05 UTC'",
       "select 1 from t AT (TIMESTAMP => TIMESTAMP '2026-01-02 03:04:05 UTC')"},
      {"select 1 from t FOR SYSTEM_TIME AS OF now() - interval '1' day x join u using (y)",
       "select 1 from t x AT (TIMESTAMP => now() - interval '1' day) join u using (y)"},
      {"select 1 from t for system_time as of current_timestamp - interval 2 hours",
       "select 1 from t AT (TIMESTAMP => current_timestamp - interval 2 hours)"},
      {"select 1 from t VERSION AS OF 'v1'", "select 1 from t AT (VERSION => 'v1')"},
      {"select 1 from t TIMESTAMP AS OF '2026-01-02' AS x",
       "select 1 from t x AT (TIMESTAMP => '2026-01-02')"},
      {"select 1 from t timestamp as of (now() - interval 1 day) \"X y\", u",
       "select 1 from t \"X y\" AT (TIMESTAMP => (now() - interval 1 day)), u"},
      {"select 1 from t as of snapshot 3", "select 1 from t AT (VERSION => 3)"},
      {"select 1 from t as of tag 'a' union all select 2 from t as of branch 'b'",
       "select 1 from t AT (VERSION => 'a') union all select 2 from t AT (VERSION => 'b')"},
      {"select 1 from t e as of receipt 'r'", "select 1 from t e AT (VERSION => 'r')"},
      {"select 1 from t as of timestamp '2026-01-02'",
       "select 1 from t AT (TIMESTAMP => '2026-01-02')"},
      {"select 1 from t AS OF SYSTEM TIME '2026-01-02'",
       "select 1 from t AT (TIMESTAMP => '2026-01-02')"},
      {"select (select 1 from t as\n of\tversion 7) from t",
       "select (select 1 from t AT (VERSION => 7)) from t"},
      {"select 1 from t version as of 1 a join t version as of 2 b on a.x = b.x",
       "select 1 from t a AT (VERSION => 1) join t b AT (VERSION => 2) on a.x = b.x"},
      {"select 1 from t version as of 1 limit 5", "select 1 from t AT (VERSION => 1) limit 5"},
      {"select 1 from t at (version => 1) a join u AT (TIMESTAMP => now() - interval 1 day) as b "
       "on x",
       "select 1 from t a AT (VERSION => 1) join u b AT (TIMESTAMP => now() - interval 1 day) on "
       "x"},
      {"select 1 from s.\"t\" at(version=>'x') \"A\"",
       "select 1 from s.\"t\" \"A\" AT (VERSION => 'x')"},
      {"select 1 from t at (version => (1)) x, u at (version => 2)",
       "select 1 from t x AT (VERSION => (1)), u at (version => 2)"},
      {"select 1 from t version as of 1;", "select 1 from t AT (VERSION => 1);"},
  }};
  for (const auto& [sql, wanted] : kForms) EXPECT_EQ(WithAtClauses(sql), wanted);
}

TEST(AsOfSyntax, LeavesAllElseAsItIs) {
  for (const char* sql : {
           "select timestamp as of from events",
           "select version as of, x from t",
           "select 'from t version as of 1' from t",
           "select \"version as of 1\" from t",
           "select 1 -- t version as of 1",
           "select 1 /* t version as of 1 */ from t",
           "select 1 from t version as of",
           "select 1 from t version as of (1",
           "select 1 from t as of",
           "select 1 from a asof join b using (x)",
           "select 1 from t AT (VERSION => 1)",
           "select 1 from t a AT (VERSION => 1) where b",
           "select 1 from t AT (VERSION => 1) left join u using (x)",
           "select at (version => 1) x",
           "select 1 from t at (version =>) x",
           "select 1 from t at (version => 1",
           "select struct_pack(at => 1) x",
           "as of 1",
           "",
       }) {
    EXPECT_EQ(WithAtClauses(sql), sql);
  }
}

}  // namespace
}  // namespace tidemark::engine
