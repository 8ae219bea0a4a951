// What a statement may take of memory and time where the engine itself looks at neither.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

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
  std::filesystem::path OpenWithSpill(std::uint64_t memory_bytes_max) {
    const std::filesystem::path spill =
        std::filesystem::temp_directory_path() / ("spill-" + std::to_string(getpid()));
    InstanceOptions options;
    options.memory_bytes_max = memory_bytes_max;
    options.spill_folder = spill.string();
    auto opened = Instance::Open(options, &clock_);
    EXPECT_TRUE(opened.has_value());
    if (opened) instance_ = std::move(opened).value();
    return spill;
  }

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
        "damerau_levenshtein(left(s, 3000), left(s, 3000))", "lpad('x', 1000000000, s)",
        "bitstring('1', 2000000000)"}) {
    EXPECT_EQ(CodeOf("select " + call + " from " + texts), Code::kInvalidArgument) << call;
  }
  EXPECT_EQ(Text("select levenshtein('kitten', 'sitting') n, lpad('7', 3, '0') s"),
            R"({"n":3,"s":"007"})");
}

// Each compares its long text at every place of a longer one, which is the same as far as it goes.
TEST_F(BoundsTest, RefusesToLookForALongTextInLongerOnes) {
  const std::string texts = "(select repeat('a', 1000000 + i::int) s from range(3) t(i))";
  const std::string wanted = "repeat('a', 200000) || 'b'";
  for (const std::string& call : std::vector<std::string>{
           "contains(s, " + wanted + ")", "contains(s, " + wanted + " || length(s))",
           "instr(s, " + wanted + ")", "position(" + wanted + " in s)", "strpos(s, " + wanted + ")",
           "replace(s, " + wanted + ", '')", "string_split(s, " + wanted + ")",
           "str_split(s, " + wanted + ")", "split_part(s, " + wanted + ", 1)",
           "s like '%' || " + wanted + " || '%'", "s like '%' || " + wanted + " || '_'",
           "s ilike '%' || " + wanted + " || '%'", "regexp_matches(s, " + wanted + ")"}) {
    EXPECT_EQ(CodeOf("select " + call + " from " + texts), Code::kInvalidArgument) << call;
    EXPECT_EQ(CodeOf("select count(*) from " + texts + " where (" + call + ")::varchar > ''"),
              Code::kInvalidArgument)
        << call;
  }
  EXPECT_EQ(Text("select count(*) n from " + texts +
                 " where s like '%aa%' and contains(s, repeat('a', 200)) and not s like '%b%'"),
            R"({"n":3})");
}

// Each of these is one call, or calls within one, that took minutes to days.
TEST_F(BoundsTest, RefusesValuesThatOneCallWouldBeBusyWith) {
  const std::string objects =
      "(select '{' || string_agg('\"k' || i || '\":1', ',') || '}' o from range(100000) t(i))";
  for (const std::string& call : std::vector<std::string>{
           "json_merge_patch(o, replace(o, 'k', 'j'))", "parse_path(repeat('a/', 5000000))",
           "json_contains('[' || o || ']', '[' || replace(o, 'k', 'j') || ']')",
           "nfc_normalize('e' || repeat(chr(769) || chr(790), 100000))",
           "parse_filename(repeat('a/', 5000000) || length(o))",
           "parse_dirpath(repeat('a/', 5000000))",
           "regexp_extract_all(repeat('a', 1000000) || o, 'a*?b|a')",
           "string_split_regex(repeat('a', 1000000), 'a+b|a')",
           "regexp_replace(repeat('a', 1000000), '(a+)b|a', '', 'g')",
           "repeat('9', 5000000)::bignum", "(repeat('9', 2000000) || length(o))::bignum + 1",
           "range(timestamp '2000-01-01', timestamp '3000-01-01', interval 1 microsecond)",
           "generate_series(timestamptz '3000-01-01', timestamptz '2000-01-01', -interval 1 "
           "microsecond)"}) {
    EXPECT_EQ(CodeOf("select " + call + " from " + objects), Code::kInvalidArgument) << call;
  }
  EXPECT_EQ(Text("select json_merge_patch('{\"a\":1}', '{\"b\":2}')->>'$.b' a, "
                 "parse_filename('a/b') || json_contains('[1]', '1') || nfc_normalize('e') b, "
                 "regexp_replace('aab', 'a', 'c', 'g') c, "
                 "len(range(timestamp '2000-01-01', timestamp '2001-01-01', interval 1 day)) d, "
                 "'123456789012345678901234567890123456789012'::bignum::varchar e, "
                 "len(regexp_extract_all(repeat('a', 100000), 'a')) f"),
            R"({"a":"2","b":"btruee","c":"ccb","d":366,"e":)"
            R"("123456789012345678901234567890123456789012","f":100000})");
}

// Each would take minutes to hours, in calls within one call or over one chunk of rows.
TEST_F(BoundsTest, EndsWithinCallsOfFunctions) {
  const std::string text = "(select repeat('\u00e9', 5000000) s), range(2048) t(i)";
  for (const std::string& sql : std::vector<std::string>{
           "select len(list_transform(range(100000), lambda x: list_sum(list_transform("
           "range(100000), lambda y: x * y))))",
           "select len(list_filter(range(100000), lambda x: list_contains(range(100000), -x)))",
           "select list_sum(list_transform(range(i, i + 3000), lambda x: "
           "len(list_transform(range(3000), lambda y: list_sum(range(3000)))))) from range(9) t(i)",
           "select count(*) from (select map(range(200000), range(200000)) m), range(2048) t(i) "
           "where map_contains(m, i + 5000000)",
           "select count(*) from " + text + " where substr(s, 4999000 - i::int, 1) = 'x'"}) {
    QueryRequest request = Request(sql);
    request.deadline = clock_.Now() + std::chrono::milliseconds(300);
    const auto out = Run(std::move(request));
    ASSERT_FALSE(out.has_value()) << sql;
    EXPECT_EQ(out.error().code(), Code::kDeadlineExceeded) << sql << out.error().ToString();
  }
}

// A chunk that is handed on in pieces has the answer of one that is not.
TEST_F(BoundsTest, PiecesOfAChunkAnswerAsTheWhole) {
  for (const std::string call :
       {"md5(s || i)", "len(string_split(s, 'b'))", "case when i % 3 > 0 then reverse(s) end",
        "list_sum(list_transform(l, lambda x: x + i))", "regexp_extract_all(left(s, 30), 'a')",
        "json_extract_string('{\"a\":\"' || s || '\"}', '$.a')", "concat_ws(i, s, null, l)",
        "map_extract(m, i % 5)", "list_sort(l, 'desc')[i % 7]",
        "list_reduce(l[:9], lambda a, b: "
        "a + b * i)",
        "list_filter(l, lambda x: x % 700 = i % 700)", "upper(s) || i", "nullif(trim(s, 'a'), '')",
        "s like '%a%b%a%b%' || i", "list_concat(l[:2], [i])"}) {
    const auto from = [&](int begin, int end) {
      return "select hash(" + call +
             ") h from (select case when i % 11 > 0 then repeat('ab', 500000) end s, i, "
             "range(20000) "
             "l, map(range(5), range(5)) m from range(" +
             std::to_string(begin) + ", " + std::to_string(end) + ") t(i))";
    };
    std::string small = from(0, 5);
    for (int begin = 5; begin < 40; begin += 5) small += " union all " + from(begin, begin + 5);
    EXPECT_EQ(Text("select sum(h) h, count(*) n from (" + from(0, 40) + ")"),
              Text("select sum(h) h, count(*) n from (" + small + ")"))
        << call;
  }
}

// The engine puts partial states aside when memory is short and destroys those of a statement that
// comes to its end; of one that fails on its way it destroys none. Each of these statements held
// tens of megabytes for ever.
TEST_F(BoundsTest, GivesBackTheStatesOfAStatementThatFails) {
  const std::filesystem::path spill = OpenWithSpill(32ULL << 20);
  constexpr std::int64_t kRows = 400'000;
  const auto run = [&](const std::string& aggregate) {
    return CodeOf("select i % 200000 g, " + aggregate +
                  " a, sum(case when i = " + std::to_string(kRows - 1) +
                  " then ('x' || i)::int else 0 end) b from (select i, 'a text of some length ' || "
                  "i t from range(" +
                  std::to_string(kRows) + ") r(i)) group by 1");
  };
  EXPECT_EQ(run("count(*)"), Code::kInvalidArgument);  // What the first one makes stays.
  for (const char* aggregate : {"min(t)", "max(distinct t)", "last(t)", "median(i)", "mode(i)",
                                "histogram(i)", "list(t order by i)", "min([t]) filter (i > 7)"}) {
    const std::size_t before = mallinfo2().uordblks;
    const Code code = run(aggregate);  // By the last row, or by the engine's limit before.
    EXPECT_TRUE(code == Code::kInvalidArgument || code == Code::kOverloaded) << aggregate;
    EXPECT_LT(mallinfo2().uordblks, before + (4U << 20)) << aggregate;
  }
  std::filesystem::remove_all(spill);
}

// Of one group the engine's own states are asked, of one group among others ours.
TEST_F(BoundsTest, OwnedStatesAnswerAsTheEngines) {
  const std::string rows =
      " from (select i, i % 2000 - 1000 n, case when i % 7 = 0 then null when i % 5 = 0 then 'b' "
      "|| "
      "i % 11 else 'A text of some length ' || hash(i) % 5000 || repeat('x', (i % 40)::int) end t "
      "from range(6000) r(i))";
  for (const std::string aggregate : {"min(t)",
                                      "max(t)",
                                      "min(t) filter (i < 0)",
                                      "max(t collate nocase)",
                                      "min(t::blob)",
                                      "max(distinct t)",
                                      "min([t, 'x'])",
                                      "max({'a': t})",
                                      "last(t order by i)",
                                      "last(n)",
                                      "median(n)",
                                      "quantile_cont(n, [0.1, 0.9])",
                                      "quantile_disc(t, 0.3)",
                                      "mode(n)",
                                      "mode(t order by i)",
                                      "mad(n)",
                                      "histogram(n % 5)",
                                      "entropy(n)",
                                      "string_agg(t, ',' order by i desc)",
                                      "list(distinct n order by n)",
                                      "max(t, 3)",
                                      "arg_max(t, i)",
                                      "bit_xor(n)",
                                      "approx_top_k(n % 3, 1)",
                                      "min(case when n > 0 then t end)"}) {
    EXPECT_EQ(Text("select " + aggregate + " a" + rows),
              Text("select a from (select i < 6000 g, " + aggregate + " a" + rows +
                   " group by 1) where g"))
        << aggregate;
  }
}

// The same over groups that fit into memory and over groups that do not.
TEST_F(BoundsTest, OwnedStatesAnswerAlikeWhenMemoryIsShort) {
  const std::string sql =
      "select sum(hash(g, a, b, c)) s, count(*) n from (select i % 90000 g, min(t) a, max(t) b, "
      "median(i) c from (select i, 'a text of some length ' || hash(i) t from range(300000) r(i)) "
      "group by 1)";
  Open(1ULL << 30, 0);
  const std::string plenty = Text(sql);
  const std::filesystem::path spill = OpenWithSpill(24ULL << 20);
  EXPECT_EQ(Text(sql), plenty);
  EXPECT_TRUE(plenty.ends_with(R"("n":90000})")) << plenty;
  std::filesystem::remove_all(spill);
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
