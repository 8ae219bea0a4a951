// What a statement may take of memory and time where the engine itself looks at neither.

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "engine/instance.h"
#include "env/posix/posix_clock.h"

namespace tidemark::engine {
namespace {

class BoundsTest : public ::testing::Test {
 protected:
  void Open(std::uint64_t memory_bytes_max, std::uint64_t scratch_bytes_max) {
    InstanceOptions options;
    options.memory_bytes_max = memory_bytes_max;
    options.scratch_bytes_max = scratch_bytes_max;
    auto opened = Instance::Open(options, &clock_);
    ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
    instance_ = std::move(opened).value();
  }
  BoundsTest() { Open(256ULL << 20, 0); }

  static QueryRequest Request(std::string sql) {
    QueryRequest request;
    request.sql = std::move(sql);
    return request;
  }
  Result<std::string> Run(QueryRequest request) {
    TM_ASSIGN(const auto stream, instance_->Query(std::move(request)));
    std::string out;
    for (bool more = true; more;) {
      TM_ASSIGN(more, stream->Next(RowFormat::kJson, &out, 1));
    }
    return out;
  }
  std::string Text(std::string sql) {
    const auto out = Run(Request(std::move(sql)));
    return out ? *out : out.error().ToString();
  }
  Code CodeOf(std::string sql) {
    const auto out = Run(Request(std::move(sql)));
    return out ? Code::kInternal : out.error().code();
  }

  const env::PosixClock clock_;
  std::unique_ptr<Instance> instance_;
};

// What the engine's own limit does not see: each of these took gigabytes, or all there are.
TEST_F(BoundsTest, ExpressionsHaveABound) {
  Open(32ULL << 20, 16ULL << 20);
  for (const char* sql :
       {"select length(repeat('x', 3000000000))", "select repeat('x', 100000000)",
        "select len(range(100000000))", "select len(list_resize([1], 1000000000))",
        "select len(list_transform(range(100000), lambda x: repeat('y', 100000)))",
        "select length(format('{:>1000000000}', i)) from range(3) t(i)",
        "select length(replace(s, 'x', s)) from (select repeat('x', 1000000 + i::int) s from "
        "range(3) t(i))",
        "with a as (select repeat('x', 1000000 + i::int) s from range(3) t(i)), b as (select "
        "s||s||s||s||s||s||s||s s from a), c as (select s||s||s||s||s||s||s||s s from b) select "
        "length(s||s||s||s||s||s||s||s) from c"}) {
    EXPECT_EQ(CodeOf(sql), Code::kOverloaded) << sql;
  }
  EXPECT_EQ(Text("select len(range(100000)) n, length(repeat('x', 1000000)) m"),
            R"({"n":100000,"m":1000000})");
  EXPECT_EQ(Text("select count(*) n from range(3000000) t(i) where hash(i) % 2 < 2"),
            R"({"n":3000000})");
}

// Patterns with few wildcards are matched by the engine, those with more by us.
TEST_F(BoundsTest, MatchesPatternsAsTheEngineDoes) {
  constexpr const char* kTexts =
      "(select string_agg(substr('ab€é%_', 1 + (hash(i, j) % 6)::int, 1), '') s from range(300) "
      "t(i), range(12) u(j) group by i)";
  const auto count = [&](const std::string& condition) {
    return Text("select count(*) n, count(*) filter (s " + condition + ") m from " + kTexts);
  };
  for (const std::string like : {"like", "not like", "ilike", "not ilike"}) {
    for (const std::string few : {"%a%", "_%b", "%€_", "a%_", "%é%b", "__%", "%A%"}) {
      std::string more = few;  // Matches the same.
      more.replace(more.find('%'), 1, "%%%%");
      EXPECT_EQ(count(like + " '" + few + "'"), count(like + " '" + more + "'")) << like << few;
    }
    EXPECT_EQ(count(like + " '%!%%' escape '!'"), count(like + " '%%%!%%' escape '!'")) << like;
  }
  for (const std::string few : {"*a*", "*[a-b]?*", "[!a]*", "*b"}) {
    std::string more = few;
    more.replace(more.find('*'), 1, "****");
    EXPECT_EQ(count("glob '" + few + "'"), count("glob '" + more + "'")) << few;
  }
  EXPECT_EQ(Text("select s like '%a%b%c%' x, s like null y from (values ('xaybzc'), ('cba'), "
                 "(null)) t(s)"),
            R"({"x":true,"y":null},{"x":false,"y":null},{"x":null,"y":null})");
}

// Each of these held a thread for hours, whatever its deadline.
TEST_F(BoundsTest, EndsWhatTheEngineCannotBeStoppedIn) {
  const std::string texts = "(select repeat('a', 300000 + i::int) s from range(2) t(i))";
  for (const std::string test :
       {"s like '%a_%a_%a_%a_%a_%a_%b'", "s not ilike '%a%a%a%a%a%a%a%B'",
        "s like '%a%a%a%a%a%a%a%b' || length(s)", "s glob '*a*a*a*a*a*a*a*b'"}) {
    EXPECT_TRUE(Text("select " + test + " m from " + texts).starts_with("{\"m\":")) << test;
  }
  for (const std::string call :
       {"levenshtein(s, s || 'b')", "damerau_levenshtein(s, s || 'b')",
        "jaro_similarity(s, s || 'b')", "jaro_winkler_similarity(s, s || 'b')",
        "lpad('x', 1000000000, s)", "bitstring('1', 2000000000)"}) {
    EXPECT_EQ(CodeOf("select " + call + " from " + texts), Code::kInvalidArgument) << call;
  }
  EXPECT_EQ(Text("select levenshtein('kitten', 'sitting') n, lpad('7', 3, '0') s"),
            R"({"n":3,"s":"007"})");
}

// One text stands in every row of a chunk once, in an answer as often as it is asked for.
TEST_F(BoundsTest, WritesAChunkInSlices) {
  for (const RowFormat format :
       {RowFormat::kJson, RowFormat::kNdjson, RowFormat::kCsv, RowFormat::kArrow}) {
    const auto stream =
        instance_->Query(Request("select repeat('x', 20000) s, i from range(2048) t(i)"));
    ASSERT_TRUE(stream.has_value()) << stream.error().ToString();
    for (int slice = 0; slice < 8; ++slice) {
      std::string out;
      const auto more = (*stream)->Next(format, &out, 1);
      ASSERT_TRUE(more.has_value() && *more);
      EXPECT_GE(out.size(), 1U << 20);
      EXPECT_LT(out.size(), 2U << 20);
    }
  }
  const auto all = Run(Request("select repeat('x', 300000) s, i from range(20) t(i)"));
  ASSERT_TRUE(all.has_value());
  for (int i = 0; i < 20; ++i) {
    EXPECT_NE(all->find("\",\"i\":" + std::to_string(i) + (i < 19 ? "},{" : "}")),
              std::string::npos);
  }
}

}  // namespace
}  // namespace tidemark::engine
