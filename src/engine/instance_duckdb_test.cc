// What the engine promises: a statement sees exactly the rows it was given, wherever they lie, and
// can do nothing but read them; it ends when it must; its memory stays while it is read.

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <malloc.h>

#include "engine/instance.h"
#include "engine/parquet.h"
#include "engine/test_rows.h"

namespace tidemark::engine {
namespace {

class ManualClock final : public env::Clock {
 public:
  Duration Now() const override { return Duration(now_.load()); }
  TimeMicros WallNow() const override { return TimeMicros(0); }
  void Set(Duration now) { now_ = now.count(); }

 private:
  std::atomic<std::int64_t> now_{0};
};

std::vector<std::string> Names() { return {"events", "analytics_engine.events", "iceberg.events"}; }

std::string TempFolder() {
  std::string pattern = ::testing::TempDir() + "tm_engine_XXXXXX";
  return ::mkdtemp(pattern.data());
}

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() : folder_(TempFolder()) {
    InstanceOptions options;
    options.memory_bytes_max = 256ULL << 20;
    auto opened = Instance::Open(options, &clock_);
    if (!opened) ADD_FAILURE() << opened.error().ToString();
    instance_ = std::move(opened).value();
  }

  static std::vector<TestRow> Rows(std::int64_t begin, std::int64_t end) {
    std::vector<TestRow> rows;
    for (std::int64_t i = begin; i < end; ++i) {
      TestRow row;
      row.event_id = "an event id that is long " + std::to_string(i);
      row.event_type = i % 2 == 0 ? "page_view" : "purchase with a long name";
      row.time = i;
      if (i % 3 != 0) row.user_id = "u" + std::to_string(i % 10);
      if (i % 5 != 0) row.country = i % 7 == 0 ? "DE" : "FR";
      if (i % 4 != 0) row.value = static_cast<double>(i) / 2;
      row.offset = i;
      rows.push_back(std::move(row));
    }
    return rows;
  }

  LakeFile WriteFile(std::int64_t begin, std::int64_t end) {
    const TestRows rows(Rows(begin, end));
    LakeFile file;
    file.native_path = folder_ + "/" + std::to_string(begin) + ".parquet";
    const auto written = MakeParquetWriter({})->Write(rows, {}, DataCodec::kZstd, file.native_path);
    EXPECT_TRUE(written.has_value()) << (written ? "" : written.error().ToString());
    file.rows = written->rows;
    file.bytes = written->bytes;
    file.counted = true;
    file.times = {TimeMicros(begin * kMicrosPerSecond), TimeMicros((end - 1) * kMicrosPerSecond)};
    return file;
  }

  static std::shared_ptr<Relation> Hot(std::vector<TestRow> rows) {
    auto relation = std::make_shared<Relation>();
    relation->hot.push_back(std::make_shared<const TestRows>(std::move(rows)));
    return relation;
  }

  static QueryRequest Request(std::string sql, std::shared_ptr<const Relation> relation) {
    QueryRequest request;
    request.sql = std::move(sql);
    request.relations.push_back({Names(), std::move(relation)});
    return request;
  }

  Result<std::string> Run(QueryRequest request, RowFormat format = RowFormat::kJson) {
    TM_ASSIGN(const auto stream, instance_->Query(std::move(request)));
    std::string out;
    while (true) {
      TM_ASSIGN(const bool more, stream->Next(format, &out, 1));
      if (!more) return out;
    }
  }
  std::string Text(std::string sql, std::shared_ptr<const Relation> relation) {
    const auto out = Run(Request(std::move(sql), std::move(relation)));
    return out ? *out : out.error().ToString();
  }
  Code CodeOf(const std::string& sql) {
    const auto out = Run(Request(sql, Hot(Rows(0, 10))));
    return out ? Code::kInternal : out.error().code();
  }

  const std::string folder_;
  ManualClock clock_;
  std::unique_ptr<Instance> instance_;
};

constexpr const char* kAllColumns =
    "SELECT count(*) n, sum(log_offset) o, sum(value) v, count(country) c, count(user_id) u, "
    "count(DISTINCT event_id) i, min(timestamp) a, max(timestamp) b, "
    "count(*) FILTER (event_type = 'page_view') p, min(project_id) j, count(os) os FROM events";

TEST_F(EngineTest, CountsRowsOfFilesWithoutOpeningThem) {
  LakeFile gone;
  gone.native_path = folder_ + "/gone.parquet";
  gone.rows = 5'000;
  gone.counted = true;
  LakeFile doubtful = gone;
  doubtful.counted = false;
  const auto with = [](const LakeFile& file, std::shared_ptr<Relation> relation) {
    relation->files = std::make_shared<const std::vector<LakeFile>>(std::vector<LakeFile>{file});
    return relation;
  };
  const std::string sql = "SELECT count(*) n FROM events";
  EXPECT_EQ(Text(sql, with(gone, std::make_shared<Relation>())), R"({"n":5000})");
  EXPECT_EQ(Text(sql, with(gone, Hot(Rows(0, 10)))), R"({"n":5010})");
  for (const auto& hot : {std::make_shared<Relation>(), Hot(Rows(0, 10))}) {
    EXPECT_NE(Text(sql, with(doubtful, hot)).find("cannot be read"), std::string::npos);
    EXPECT_NE(Text(sql + " WHERE value > 1", with(gone, hot)).find("cannot be read"),
              std::string::npos);
  }
}

// Threads that end a file and begin another while the answer is put in order.
TEST_F(EngineTest, GivesARowForEveryRowOfFilesThatAreNotOpened) {
  std::vector<LakeFile> files(8);
  for (std::size_t i = 0; i < files.size(); ++i) {
    files[i].native_path = folder_ + "/gone" + std::to_string(i) + ".parquet";
    files[i].rows = 2 + i * 700;
    files[i].counted = true;
  }
  const auto relation = std::make_shared<Relation>();
  relation->files = std::make_shared<const std::vector<LakeFile>>(std::move(files));
  for (int i = 0; i < 1'000; ++i) {
    const auto stream = instance_->Query(Request("SELECT true v FROM events", relation));
    ASSERT_TRUE(stream.has_value()) << stream.error().ToString();
    std::string out;
    while (*(*stream)->Next(RowFormat::kJson, &out, 1 << 20)) out.clear();
    ASSERT_EQ((*stream)->row_count(), 8 * 2 + 28 * 700) << i;
  }
}

TEST_F(EngineTest, SeesTheSameRowsWhereverTheyLie) {
  auto hot = Hot(Rows(0, 9000));
  auto lake = std::make_shared<Relation>();
  lake->files = std::make_shared<const std::vector<LakeFile>>(
      std::vector<LakeFile>{WriteFile(0, 4000), WriteFile(4000, 9000)});
  auto both = Hot(Rows(4000, 9000));
  both->files =
      std::make_shared<const std::vector<LakeFile>>(std::vector<LakeFile>{WriteFile(0, 4000)});
  auto split = std::make_shared<Relation>();
  split->hot.push_back(std::make_shared<const TestRows>(Rows(0, 10)));
  split->hot.push_back(std::make_shared<const TestRows>(Rows(10, 9000)));
  const std::vector<std::string> statements = {
      kAllColumns,
      std::string(kAllColumns) +
          " WHERE timestamp >= '1970-01-01T00:30:00Z' AND timestamp < "
          "'1970-01-01 01:40:00+00'",
      std::string(kAllColumns) + " WHERE timestamp BETWEEN to_timestamp(10) AND to_timestamp(4005)",
      std::string(kAllColumns) +
          " WHERE timestamp = to_timestamp(77) OR timestamp < to_timestamp(3)",
      std::string(kAllColumns) + " WHERE to_timestamp(8000) < timestamp AND country = 'DE'",
      std::string(kAllColumns) + " WHERE user_id IS NULL AND value > 100",
      "SELECT event_type, country, count(*) n FROM events GROUP BY ALL ORDER BY ALL",
      "SELECT a.user_id, count(*) n FROM events a JOIN events b USING (log_offset) GROUP BY 1 "
      "ORDER BY 1",
      "SELECT * FROM events ORDER BY log_offset DESC LIMIT 5",
      "SELECT count(*) n FROM events",
      "SELECT count(*) n, count(*) m, count(event_id) i FROM (SELECT * FROM events WHERE true)",
      "SELECT count(*) n FROM (SELECT * FROM events UNION ALL SELECT * FROM events)",
      "SELECT count(*) n FROM (SELECT event_type FROM events UNION SELECT user_id FROM events)",
      "SELECT count(*) n FROM events a, events b WHERE a.log_offset = b.log_offset",
      "SELECT count(*) n FROM (SELECT * FROM events LIMIT 7)"};
  for (const std::string& sql : statements) {
    const std::string expected = Text(sql, hot);
    EXPECT_EQ(expected.find("error"), std::string::npos) << expected;
    EXPECT_EQ(Text(sql, lake), expected) << sql;
    EXPECT_EQ(Text(sql, both), expected) << sql;
    EXPECT_EQ(Text(sql, split), expected) << sql;
  }
  EXPECT_EQ(Text(kAllColumns, hot).substr(0, 28), R"({"n":9000,"o":40495500,"v":1)");
}

TEST_F(EngineTest, HasTheSameTypesWithoutRows) {
  const auto empty = std::make_shared<Relation>();
  EXPECT_EQ(Text("SELECT count(*) n, sum(value) s FROM events", empty), R"({"n":0,"s":null})");
  const auto stream = instance_->Query(Request("SELECT * FROM events", empty));
  ASSERT_TRUE(stream.has_value());
  ASSERT_EQ((*stream)->columns().size(), event::kColumnCount);
  EXPECT_EQ((*stream)->columns()[5].type, "TIMESTAMP WITH TIME ZONE");
}

TEST_F(EngineTest, KnowsARelationByEveryNameAndShadowsItByCtes) {
  const auto hot = Hot(Rows(0, 10));
  EXPECT_EQ(Text("SELECT count(*) n FROM analytics_engine.events", hot), R"({"n":10})");
  EXPECT_EQ(Text("SELECT count(*) n FROM Iceberg.Events e WHERE e.log_offset > 3", hot),
            R"({"n":6})");
  EXPECT_EQ(Text("SELECT max(iceberg.events.log_offset) n FROM iceberg.events", hot), R"({"n":9})");
  EXPECT_EQ(Text("SELECT max(events.log_offset) n FROM events", hot), R"({"n":9})");
  EXPECT_EQ(Text("WITH events AS (SELECT 1 AS x) SELECT x FROM events", hot), R"({"x":1})");
  EXPECT_EQ(Text("WITH events AS (SELECT * FROM events WHERE log_offset < 4) "
                 "SELECT count(*) n FROM events",
                 hot),
            R"({"n":4})");
  EXPECT_EQ(Text("WITH RECURSIVE t AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM t WHERE x < 5) "
                 "SELECT max(x) m FROM t",
                 hot),
            R"({"m":5})");
  EXPECT_EQ(Text("SELECT count(*) n FROM events a, (SELECT log_offset FROM events) b WHERE "
                 "a.log_offset = b.log_offset AND EXISTS (SELECT 1 FROM events c WHERE "
                 "c.log_offset = a.log_offset)",
                 hot),
            R"({"n":10})");
}

TEST_F(EngineTest, LooksUpOtherRelationsOnceAStatement) {
  std::vector<std::string> asked;
  QueryRequest request = Request("", Hot(Rows(0, 10)));
  request.find = [&](const Mention& mention) -> Result<std::shared_ptr<const Relation>> {
    std::string text;
    for (const std::string& part : mention.name) text += (text.empty() ? "" : ".") + part;
    if (mention.is_call) text += "()";
    if (mention.as_of) {
      const auto* id = std::get_if<std::int64_t>(&mention.as_of->value);
      const auto* time = std::get_if<TimeMicros>(&mention.as_of->value);
      text += id != nullptr ? "@" + std::to_string(*id) : time != nullptr ? "@time" : "@text";
    }
    asked.push_back(text);
    if (text == "events@5") return std::shared_ptr<const Relation>(Hot(Rows(0, 3)));
    if (text == "events@time" || text == "part()") {
      auto some = Hot(Rows(0, 10));
      some->end = LogOffset(7);
      some->select_list = "log_offset AS n, value";
      return std::shared_ptr<const Relation>(std::move(some));
    }
    if (text == "a.T") return std::shared_ptr<const Relation>(Hot(Rows(0, 2)));
    if (text == "events@9") return Fail(Code::kNotFound, "it keeps none");
    return std::shared_ptr<const Relation>();
  };
  const auto ask = [&](const std::string& sql) {
    asked.clear();
    QueryRequest one = request;
    one.sql = sql;
    const auto out = Run(std::move(one));
    return out ? *out : out.error().message();
  };
  EXPECT_EQ(ask("SELECT count(*) n FROM events"), R"({"n":10})");
  EXPECT_TRUE(asked.empty());
  EXPECT_EQ(ask("SELECT count(*) n FROM events x AT (VERSION => 2 + 3), events AT (VERSION => 5)"),
            R"({"n":9})");
  EXPECT_EQ(asked, std::vector<std::string>{"events@5"});
  EXPECT_EQ(
      ask("SELECT max(n) m FROM events AT (TIMESTAMP => date '2024-01-01' + interval 1 hour)"),
      R"({"m":6})");
  EXPECT_EQ(ask("SELECT max(a.T.log_offset) m FROM a.T WHERE a.T.log_offset < 9"), R"({"m":1})");
  EXPECT_EQ(ask("SELECT count(p.n) m FROM part(1, 'x') p"), R"({"m":7})");
  EXPECT_EQ(ask("WITH t AS (SELECT 1 AS x) SELECT x FROM t"), R"({"x":1})");
  EXPECT_TRUE(asked.empty());
  EXPECT_NE(ask("SELECT * FROM events AT (VERSION => 9)").find("it keeps none"), std::string::npos);
  EXPECT_NE(ask("SELECT * FROM a.b").find("does not exist"), std::string::npos);
  EXPECT_NE(ask("SELECT * FROM other(1)").find("not allowed"), std::string::npos);
  EXPECT_NE(ask("SELECT * FROM part()").find("needs arguments"), std::string::npos);
  for (const char* wrong : {"(SELECT max(log_offset) FROM events)", "$1", "NULL", "[1]", "x",
                            "current_setting('threads')", "read_text('/etc/passwd')"}) {
    EXPECT_EQ(ask(std::string("SELECT count(*) n FROM events AT (VERSION => ") + wrong + ")")
                  .find(R"({"n")"),
              std::string::npos)
        << wrong;
  }
}

TEST_F(EngineTest, ResolvesAliasesOnlyWhereNothingElseDoes) {
  const auto hot = Hot(Rows(0, 10));
  EXPECT_EQ(Text("SELECT type, count(*) n FROM events GROUP BY type ORDER BY type LIMIT 1", hot),
            R"({"type":"page_view","n":5})");
  EXPECT_EQ(Text("SELECT e.eventId, userId FROM events e WHERE e.type = 'page_view' "
                 "AND ingested_at < '2000-01-01' ORDER BY log_offset LIMIT 1",
                 hot),
            R"({"eventId":"an event id that is long 0","userId":null})");
  EXPECT_EQ(Text("SELECT type FROM (SELECT 'mine' AS type FROM events LIMIT 1)", hot),
            R"({"type":"mine"})");
  EXPECT_EQ(Text("SELECT e.type, s.type AS other FROM events e, (SELECT 'mine' AS type) s "
                 "WHERE s.type = 'mine' ORDER BY e.log_offset LIMIT 1",
                 hot),
            R"({"type":"page_view","other":"mine"})");
  EXPECT_EQ(Text("SELECT upper(type) AS t FROM events WHERE sessionId IS NULL LIMIT 1", hot),
            R"({"t":"PAGE_VIEW"})");
  // Not part of *.
  const auto stream = instance_->Query(Request("SELECT * FROM events", hot));
  for (const auto& column : (*stream)->columns()) EXPECT_NE(column.name, "type");
}

TEST_F(EngineTest, ResolvesAliasesInAnyCaseAndKeepsTheNamesThatWereWritten) {
  const auto hot = Hot(Rows(0, 10));
  EXPECT_EQ(
      Text("SELECT TYPE, max(ip_address) FROM events GROUP BY Type ORDER BY type LIMIT 1", hot),
      R"x({"TYPE":"page_view","max(ip_address)":null})x");
  EXPECT_EQ(Text("SELECT context.ip, e.context.userAgent FROM events e LIMIT 1", hot),
            R"({"ip":null,"userAgent":null})");
  EXPECT_EQ(Text("SELECT type, grouping(type) g FROM events GROUP BY GROUPING SETS ((type), ()) "
                 "ORDER BY g DESC LIMIT 1",
                 hot),
            R"({"type":null,"g":1})");
  EXPECT_EQ(Text("SELECT (SELECT count(*) FROM events)", hot),
            R"x({"(SELECT count_star() FROM events)":10})x");
}

TEST_F(EngineTest, KeepsTheDigitsOfNumbersInJson) {
  const auto none = Hot({});
  const std::string json = R"x('{"n":12345678901234567.123,"m":0.10,"s":"\"x\"","l":[1.50,2]}')x";
  EXPECT_EQ(Text("SELECT " + json + "->>'$.n' n, " + json + "->>'m' m, " + json + "->'n' j", none),
            R"({"n":"12345678901234567.123","m":"0.10","j":12345678901234567.123})");
  EXPECT_EQ(Text("SELECT json_extract_string(" + json + ", '$.s') s, " + json + "->>'$.x' x", none),
            R"({"s":"\"x\"","x":null})");
  EXPECT_EQ(Text("SELECT (" + json + "->'$.l'->>0)::DECIMAL(4,2) d", none), R"({"d":1.50})");
  EXPECT_EQ(Text("SELECT " + json + "->>'$.l[*]' w", none), R"({"w":["1.5","2"]})");
}

TEST_F(EngineTest, ReadsJsonThatIsNotCompactAsTheEngineDoes) {
  const auto none = Hot({});
  EXPECT_EQ(Text(R"x(SELECT t->>'$.a' a, t->'a' j FROM (VALUES ('{"a":1.0}'), (NULL),
                     ('{"a":"\u0078"}'), ('{"a":null}'), ('{"a": 2}')) v(t))x",
                 none),
            R"({"a":"1.0","j":1.0},{"a":null,"j":null},{"a":"x","j":"x"},{"a":null,"j":null},)"
            R"({"a":"2","j":2})");
  EXPECT_NE(Text(R"(SELECT '{"a":}'->>'$.b' w)", none).find("Malformed JSON"), std::string::npos);
}

TEST_F(EngineTest, SaysWhatIsWrongInTheEnginesWords) {
  const auto bad = Run(Request("SELECT\n  user_di FROM events", Hot(Rows(0, 1))));
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code(), Code::kInvalidArgument);
  EXPECT_NE(bad.error().message().find("user_id"), std::string::npos) << bad.error().message();
  EXPECT_NE(bad.error().message().find("LINE 2"), std::string::npos) << bad.error().message();
  const auto syntax = Run(Request("SELEC 1", Hot({})));
  EXPECT_EQ(syntax.error().code(), Code::kInvalidArgument);
  EXPECT_NE(syntax.error().message().find("LINE 1"), std::string::npos);
}

TEST_F(EngineTest, AllowsQueries) {
  for (const char* sql :
       {"SELECT 1",
        "VALUES (1), (2)",
        "FROM events",
        "SELECT * FROM range(3)",
        "SELECT unnest([1, 2, 3])",
        "SELECT * FROM events UNION ALL SELECT * FROM events",
        "EXPLAIN SELECT * FROM events",
        "DESCRIBE events",
        "DESCRIBE SELECT 1",
        "SUMMARIZE events",
        "SELECT time_bucket(INTERVAL 1 HOUR, timestamp) h, count(*) FROM events GROUP BY h",
        "SELECT date_trunc('day', timestamp), approx_quantile(value, 0.5) FROM events GROUP BY 1",
        "SELECT user_id, row_number() OVER (PARTITION BY user_id ORDER BY timestamp) FROM events",
        "SELECT lag(timestamp) OVER w FROM events WINDOW w AS (ORDER BY timestamp)",
        "SELECT list_transform([1, 2], lambda x: x + 1)",
        "SELECT [x + 1 for x in [1, 2]]",
        "SELECT json_extract_string(properties, '$.a'), properties->>'$.b' FROM events",
        "SELECT coalesce(NULL, 1), nullif(1, 1), CASE WHEN true THEN 1 END, 1 IN (1, 2)",
        "SELECT count(*) FILTER (WHERE value > 1), string_agg(user_id, ',' ORDER BY user_id) "
        "FROM events",
        "SELECT 'a' LIKE 'b', 'a' ~ 'b', 'a' ILIKE 'b', 'a' GLOB 'b', 1 BETWEEN 0 AND 2",
        "SELECT * EXCLUDE (user_id) REPLACE (1 AS value) FROM events",
        "SELECT COLUMNS('.*_id') FROM events",
        "SELECT extract(year FROM timestamp) FROM events",
        "PIVOT (SELECT event_type, value FROM events) ON event_type IN ('page_view') USING "
        "sum(value)",
        "SELECT * FROM events TABLESAMPLE 10 ROWS",
        "SELECT now(), current_date, random(), uuid()",
        "SELECT 2 ** 3, 7 // 2, 7 % 2, 1 << 2, 5 & 1, ~1, -1, 4 !",
        "SELECT $1::INTEGER + 1",
        "SELECT grouping(country) FROM events GROUP BY ROLLUP (country)",
        "SELECT {'a': 1}.a, MAP {'k': 1}['k'], [1, 2][1], 'abc'[1:2]",
        "SELECT * FROM events ASOF JOIN events b USING (user_id, timestamp)"}) {
    QueryRequest request = Request(sql, Hot(Rows(0, 10)));
    if (std::string(sql).find("$1") != std::string::npos) request.parameters.emplace_back(41L);
    const auto out = Run(std::move(request));
    EXPECT_TRUE(out.has_value()) << sql << "\n" << (out ? "" : out.error().ToString());
  }
}

TEST_F(EngineTest, RefusesWhatDoesMoreThanReadItsRelations) {
  for (const char* sql :
       {"CREATE TABLE t (x INTEGER)",
        "INSERT INTO events VALUES (1)",
        "DELETE FROM events",
        "UPDATE events SET value = 1",
        "DROP TABLE events",
        "ATTACH 'x.db'",
        "DETACH memory",
        "COPY events TO 'x.csv'",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 1",
        "RESET threads",
        "PRAGMA database_list",
        "PRAGMA version",
        "CALL duckdb_settings()",
        "EXPORT DATABASE 'x'",
        "IMPORT DATABASE 'x'",
        "CHECKPOINT",
        "VACUUM",
        "BEGIN",
        "COMMIT",
        "USE memory",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "CREATE MACRO f() AS 1",
        "SHOW TABLES FROM information_schema",
        "SHOW TABLES FROM memory.pg_catalog",
        "EXPLAIN CREATE TABLE t (x INTEGER)",
        "CREATE SECRET s (TYPE s3)",
        "SELECT * FROM read_parquet('/tmp/x.parquet')",
        "SELECT * FROM '/tmp/x.parquet'",
        "SELECT * FROM \"x.csv\"",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('*')",
        "SELECT * FROM main.read_blob('/etc/passwd')",
        "SELECT * FROM parquet_metadata('x')",
        "SELECT * FROM tm_rows(0)",
        "SELECT * FROM tm_files('0')",
        "SELECT * FROM tm_named_files('0')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM duckdb_settings",
        "SELECT * FROM duckdb_tables",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM pg_catalog.pg_class",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM query_table('events')",
        "SELECT * FROM json_execute_serialized_sql('{}')",
        "SELECT * FROM which_secret('a', 'b')",
        "SELECT * FROM pragma_table_info('events')",
        "SELECT * FROM sniff_csv('x')",
        "SELECT current_setting('temp_directory')",
        "SELECT getvariable('x')",
        "SELECT nextval('s')",
        "SELECT sleep_ms(100)",
        "SELECT pg_sleep(1)",
        "SELECT json_serialize_sql('SELECT 1')",
        "SELECT write_log('x')",
        "SELECT main.current_setting('threads')",
        "SELECT ('threads').current_setting()",
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM read_text('/etc/passwd'))",
        "SELECT (SELECT content FROM read_text('/etc/passwd'))",
        "WITH x AS (SELECT * FROM read_text('/etc/passwd')) SELECT 1 FROM x",
        "SELECT * FROM events JOIN read_text('/etc/passwd') ON true",
        "SELECT * FROM events JOIN events b ON current_setting('a') = ''",
        "SELECT count(*) FILTER (WHERE current_setting('a') = '') FROM events",
        "SELECT sum(value ORDER BY current_setting('a')) FROM events",
        "SELECT sum(value) OVER (ORDER BY current_setting('a')) FROM events",
        "SELECT 1 FROM events ORDER BY current_setting('a')",
        "SELECT 1 FROM events LIMIT length(current_setting('a'))",
        "SELECT 1 FROM events GROUP BY current_setting('a')",
        "SELECT 1 FROM events HAVING current_setting('a') = ''",
        "SELECT 1 FROM events QUALIFY current_setting('a') = ''",
        "SELECT DISTINCT ON (current_setting('a')) 1 FROM events",
        "SELECT * REPLACE (current_setting('a') AS value) FROM events",
        "SELECT COLUMNS(lambda c: current_setting('a') = c) FROM events",
        "SELECT list_transform([1], lambda x: current_setting('a'))",
        "SELECT CASE WHEN current_setting('a') = '' THEN 1 END",
        "SELECT current_setting('a')::INTEGER",
        "SELECT [current_setting('a')]",
        "SELECT {'a': current_setting('a')}",
        "SELECT current_setting('a') COLLATE nocase",
        "SELECT 1 BETWEEN 0 AND length(current_setting('a'))",
        "VALUES (current_setting('a'))",
        "SELECT * FROM (VALUES (current_setting('a')))",
        "SELECT * FROM range(length(current_setting('a')))",
        "SELECT * FROM unnest([current_setting('a')])",
        "SELECT 1 UNION ALL SELECT length(content) FROM read_text('/etc/passwd')",
        "PIVOT (SELECT * FROM read_text('/etc/passwd')) ON filename IN ('a') USING count(*)",
        "PIVOT events ON event_type IN ('a') USING sum(length(current_setting('a')))",
        "WITH RECURSIVE t AS (SELECT 1 AS x UNION ALL SELECT length(content) FROM "
        "read_text('/etc/passwd')) SELECT 1",
        "SUMMARIZE SELECT * FROM read_text('/etc/passwd')",
        "DESCRIBE duckdb_settings",
        "SELECT 1 FROM events, LATERAL (SELECT content FROM "
        "read_text('/etc/passwd'))"}) {
    const auto out = Run(Request(sql, Hot(Rows(0, 10))));
    ASSERT_FALSE(out.has_value()) << sql << "\n" << *out;
    EXPECT_EQ(out.error().code(), Code::kPermissionDenied) << sql << "\n" << out.error().ToString();
  }
  EXPECT_EQ(CodeOf("SELECT 1; SELECT 2"), Code::kInvalidArgument);
  EXPECT_EQ(CodeOf(""), Code::kInvalidArgument);
  EXPECT_EQ(CodeOf("SELECT * FROM nothing"), Code::kNotFound);
  EXPECT_EQ(CodeOf("SELECT no_such_function(1)"), Code::kInvalidArgument);
  // A name is a CTE only where it is in scope.
  EXPECT_EQ(CodeOf("SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) a, x"), Code::kNotFound);
}

TEST_F(EngineTest, WritesJsonThatSaysWhatTheValueIs) {
  const auto none = std::make_shared<Relation>();
  EXPECT_EQ(
      Text("SELECT 'nan'::DOUBLE a, '-inf'::DOUBLE b, 1.50::DECIMAL(10,2) c, "
           "170141183460469231731687303715884105727::HUGEINT d, 9223372036854775807 e, "
           "TIMESTAMPTZ '2024-01-15 10:30:00.123456+02' f, TIMESTAMP '2024-01-15 10:30:00' g, "
           "DATE '2024-01-15' h, [1, NULL] i, {'x': 'q\"', 'y': [true]} j, MAP {'k': 1.5::DOUBLE} "
           "k, 'ab'::BLOB l, NULL m, '{\"a\": 1}'::JSON n, INTERVAL 1 DAY o, 0.1 + 0.2::DOUBLE p, "
           "'\n' q, TIME '10:00:00' r, 'a'::ENUM ('a', 'b') s",
           none),
      R"({"a":null,"b":null,"c":1.50,"d":170141183460469231731687303715884105727,)"
      R"("e":9223372036854775807,"f":"2024-01-15T08:30:00.123456Z",)"
      R"("g":"2024-01-15T10:30:00.000000","h":"2024-01-15","i":[1,null],)"
      R"("j":{"x":"q\"","y":[true]},"k":{"k":1.5},"l":"YWI=","m":null,"n":{"a": 1},)"
      R"("o":"1 day","p":0.30000000000000004,"q":"\n","r":"10:00:00","s":"a"})");
  EXPECT_EQ(*Run(Request("SELECT i, [{'a': i}] l FROM range(2) t(i)", none), RowFormat::kNdjson),
            "{\"i\":0,\"l\":[{\"a\":0}]}\n{\"i\":1,\"l\":[{\"a\":1}]}\n");
  EXPECT_EQ(*Run(Request("SELECT 1 a, 'x,\"y' b, NULL c, '' d, 'nan'::DOUBLE e, [1, 2] f", none),
                 RowFormat::kCsv),
            "a,b,c,d,e,f\r\n1,\"x,\"\"y\",,\"\",,\"[1,2]\"\r\n");
}

TEST_F(EngineTest, GivesEveryColumnANameOfItsOwn) {
  EXPECT_EQ(Text("SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS a", Hot({})),
            R"({"a":1,"a_2":2,"a_1":3,"a_3":4})");
}

TEST_F(EngineTest, BindsParameters) {
  QueryRequest request = Request("SELECT ? + 1 a, $2 b", Hot({}));
  request.sql = "SELECT $1 + 1 a, $2 b, $3 c, $4 d";
  request.parameters = {41L, std::string("it's"), std::monostate{}, TimeMicros(1)};
  EXPECT_EQ(*Run(request), R"({"a":42,"b":"it's","c":null,"d":"1970-01-01T00:00:00.000001Z"})");
  QueryRequest named = Request("SELECT $x::DOUBLE / 2 a", Hot({}));
  named.named_parameters = {{"x", 3.0}};
  EXPECT_EQ(*Run(named), R"({"a":1.5})");
  EXPECT_EQ(Run(Request("SELECT $1", Hot({}))).error().code(), Code::kInvalidArgument);
}

TEST_F(EngineTest, CutsRowsOffAtTheLimitAndSaysSo) {
  QueryRequest request = Request("SELECT * FROM range(10000)", Hot({}));
  request.rows_wanted = 3000;
  auto stream = std::move(*instance_->Query(std::move(request)));
  std::string out;
  while (*stream->Next(RowFormat::kNdjson, &out, 1)) {
  }
  EXPECT_EQ(stream->row_count(), 3000U);
  EXPECT_TRUE(stream->truncated());
  QueryRequest exact = Request("SELECT * FROM range(3000)", Hot({}));
  exact.rows_wanted = 3000;
  stream = std::move(*instance_->Query(std::move(exact)));
  while (*stream->Next(RowFormat::kNdjson, &out, 1)) {
  }
  EXPECT_FALSE(stream->truncated());
}

TEST_F(EngineTest, FailsAnAnswerWithMoreRowsThanTheServerAllows) {
  for (const auto& [rows, whole] : {std::pair(3000, true), std::pair(3001, false)}) {
    QueryRequest request = Request("SELECT * FROM range(" + std::to_string(rows) + ")", Hot({}));
    request.rows_max = 3000;
    const auto all = Run(std::move(request));
    EXPECT_EQ(all.has_value(), whole) << rows;
    if (!whole) {
      EXPECT_EQ(all.error().code(), Code::kInvalidArgument);
      EXPECT_NE(all.error().message().find("query.rows"), std::string::npos);
    }
  }
  QueryRequest wanted = Request("SELECT * FROM range(10000)", Hot({}));
  wanted.rows_wanted = 10;
  wanted.rows_max = 3000;
  EXPECT_TRUE(Run(std::move(wanted)).has_value());
}

constexpr const char* kEndless =
    "SELECT sum(a.range * b.range) FROM range(10000000) a, "
    "range(10000000) b";

TEST_F(EngineTest, EndsAtTheDeadline) {
  QueryRequest request = Request(kEndless, Hot({}));
  request.deadline = std::chrono::seconds(5);
  std::thread later([&] { clock_.Set(std::chrono::seconds(6)); });
  EXPECT_EQ(Run(std::move(request)).error().code(), Code::kDeadlineExceeded);
  later.join();
}

TEST_F(EngineTest, StopsTheNewestStatementFirst) {
  EXPECT_FALSE(instance_->StopNewest());
  const auto next = [](ResultStream& stream) {
    std::string out;
    return stream.Next(RowFormat::kNdjson, &out, 1);
  };
  const auto many = [&] { return Request("SELECT * FROM range(100000000)", Hot({})); };
  auto oldest = std::move(*instance_->Query(many()));
  auto older = std::move(*instance_->Query(many()));
  auto newest = std::move(*instance_->Query(many()));
  EXPECT_TRUE(instance_->StopNewest());
  EXPECT_EQ(next(*newest).error().code(), Code::kOverloaded);
  EXPECT_TRUE(next(*older).has_value());
  // One that has given its memory back is not the newest any more.
  newest.reset();
  EXPECT_TRUE(instance_->StopNewest());
  EXPECT_EQ(next(*older).error().code(), Code::kOverloaded);
  EXPECT_TRUE(next(*oldest).has_value());
  older.reset();
  oldest.reset();
  EXPECT_FALSE(instance_->StopNewest());
}

TEST_F(EngineTest, EndsWhenTheCallerGivesUp) {
  auto cancel = std::make_shared<std::atomic<bool>>(false);
  QueryRequest request = Request(kEndless, Hot({}));
  request.cancel = cancel;
  std::thread later([&] { *cancel = true; });
  EXPECT_EQ(Run(std::move(request)).error().code(), Code::kCancelled);
  later.join();
  auto stream = std::move(*instance_->Query(Request("SELECT * FROM range(100000000)", Hot({}))));
  std::string out;
  ASSERT_TRUE(stream->Next(RowFormat::kNdjson, &out, 1).has_value());
  stream->Cancel();
  EXPECT_EQ(stream->Next(RowFormat::kNdjson, &out, 1).error().code(), Code::kCancelled);
  EXPECT_EQ(stream->Next(RowFormat::kNdjson, &out, 1).error().code(), Code::kCancelled);
}

TEST_F(EngineTest, RefusesMoreMemoryThanItMayUse) {
  const auto out = Run(Request("SELECT list(i) FROM range(200000000) t(i)", Hot({})));
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().code(), Code::kOverloaded) << out.error().ToString();
}

TEST_F(EngineTest, HoldsThePinUntilTheStreamDies) {
  auto pin = std::make_shared<int>(1);
  std::weak_ptr<int> watch = pin;
  auto relation = Hot(Rows(0, 200'000));
  std::weak_ptr<const event::RowSource> rows = relation->hot[0];
  QueryRequest request = Request("SELECT * FROM events", std::move(relation));
  request.pin = std::move(pin);
  auto stream = std::move(*instance_->Query(std::move(request)));
  std::string out;
  ASSERT_TRUE(*stream->Next(RowFormat::kNdjson, &out, 1));  // A slow reader.
  EXPECT_FALSE(watch.expired());
  EXPECT_FALSE(rows.expired());
  while (*stream->Next(RowFormat::kNdjson, &out, 1 << 20)) {
  }
  EXPECT_EQ(stream->row_count(), 200'000U);
  EXPECT_TRUE(watch.expired());
  EXPECT_TRUE(rows.expired());
}

TEST_F(EngineTest, ComesBackAfterAFatalErrorWhileOthersGoOn) {
  auto other = std::move(*Instance::Open({}, &clock_));
  auto stream = std::move(*instance_->Query(Request("SELECT * FROM range(100000000)", Hot({}))));
  std::string out;
  ASSERT_TRUE(stream->Next(RowFormat::kNdjson, &out, 1).has_value());
  instance_->InjectFatalErrorForTest();
  EXPECT_EQ(Text("SELECT count(*) n FROM events", Hot(Rows(0, 10))), R"({"n":10})");
  EXPECT_EQ(instance_->reopened_count(), 1U);
  EXPECT_EQ(other->reopened_count(), 0U);
  stream.reset();
  EXPECT_EQ(Text("SELECT count(*) n FROM events", Hot(Rows(0, 10))), R"({"n":10})");
  EXPECT_EQ(instance_->reopened_count(), 1U);
}

TEST_F(EngineTest, ReadsOnlyFilesThatTheBoundsAllow) {
  auto relation = std::make_shared<Relation>();
  LakeFile missing;
  missing.native_path = folder_ + "/missing.parquet";
  missing.times = {TimeMicros(1'000'000'000'000), TimeMicros(2'000'000'000'000)};
  relation->files = std::make_shared<const std::vector<LakeFile>>(
      std::vector<LakeFile>{WriteFile(0, 100), missing});
  const std::string sql = "SELECT count(*) n FROM events WHERE timestamp < to_timestamp(50)";
  EXPECT_EQ(Text(sql, relation), R"({"n":50})");
  relation->hot.push_back(std::make_shared<const TestRows>(Rows(100, 200)));
  EXPECT_EQ(Text(sql, relation), R"({"n":50})");
  EXPECT_FALSE(Run(Request("SELECT sum(value) FROM events", relation)).has_value());
}

TEST_F(EngineTest, GivesBackWhatItKeepsOfFiles) {
  auto lake = std::make_shared<Relation>();
  std::vector<LakeFile> files;
  for (int i = 0; i < 20; ++i) files.push_back(WriteFile(i * 10, i * 10 + 10));
  lake->files = std::make_shared<const std::vector<LakeFile>>(std::move(files));
  const std::string first = Text(kAllColumns, lake);
  [[maybe_unused]] const std::size_t with_footers = mallinfo2().uordblks;
  instance_->DropCaches();
#if !defined(__SANITIZE_ADDRESS__)  // Whose heap is another.
  EXPECT_LT(mallinfo2().uordblks, with_footers - 20 * (16U << 10));
#endif
  EXPECT_EQ(Text(kAllColumns, lake), first);
}

TEST_F(EngineTest, OpensNoEngineToGiveBackWhatAFailedOneKeeps) {
  EXPECT_EQ(Text("SELECT count(*) n FROM events", Hot(Rows(0, 10))), R"({"n":10})");
  instance_->InjectFatalErrorForTest();
  instance_->DropCaches();
  EXPECT_EQ(instance_->reopened_count(), 0U);
  EXPECT_EQ(Text("SELECT count(*) n FROM events", Hot(Rows(0, 10))), R"({"n":10})");
  EXPECT_EQ(instance_->reopened_count(), 1U);
}

std::string Dump(const event::RowSource& rows) {
  std::string text;
  auto scratch = std::make_unique<event::ColumnScratch>();
  for (std::size_t chunk = 0; chunk < rows.chunk_count(); ++chunk) {
    for (const auto& info : event::kColumns) {
      const auto view = rows.Read(chunk, info.column, scratch.get());
      for (std::size_t i = 0; i < rows.ChunkRows(chunk); ++i) {
        text += ' ';
        if (!view.IsValid(i)) continue;
        switch (view.kind) {
          case event::ColumnView::Kind::kNull:
            break;
          case event::ColumnView::Kind::kConstant:
            text += view.constant_text.view();
            break;
          case event::ColumnView::Kind::kStrings:
            text += view.strings[i].view();
            break;
          case event::ColumnView::Kind::kDictionary:
            if (view.codes[i] != 0) text += view.dictionary[view.codes[i]].view();
            break;
          case event::ColumnView::Kind::kFixed:
            if (info.type == event::Type::kInt32) {
              text += std::to_string(static_cast<const std::int32_t*>(view.fixed)[i]);
            } else {
              text += std::to_string(static_cast<const std::int64_t*>(view.fixed)[i]);
            }
        }
      }
    }
  }
  return text;
}

TEST_F(EngineTest, GivesAFilesRowsBackInOrder) {
  const TestRows rows(Rows(0, 10'000));
  ParquetOptions options;
  options.row_group_rows = 4096;
  options.key_values = {{"tidemark.a'b", "it's"}};
  const std::string path = folder_ + "/it's.parquet";
  const auto written = MakeParquetWriter(options)->Write(rows, {}, DataCodec::kZstd, path);
  ASSERT_TRUE(written.has_value()) << written.error().ToString();
  EXPECT_EQ(written->rows, 10'000U);
  EXPECT_GT(written->bytes, 1000U);
  EXPECT_GE(written->split_offsets.size(), 2U);
  EXPECT_EQ(written->split_offsets[0], 4);
  std::string text;
  const auto read =
      MakeParquetReader(instance_.get())
          ->Read(path, event::EventsSchema(), [&](const event::RowSource& source) -> Status {
            text += Dump(source);
            return {};
          });
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_EQ(text.size(), Dump(rows).size());
  EXPECT_TRUE(text == Dump(rows));
}

TEST_F(EngineTest, NamesAFileThatCannotBeReadOrWritten) {
  const auto reader = MakeParquetReader(instance_.get());
  const auto visit = [](const event::RowSource&) -> Status { return {}; };
  const auto missing = reader->Read(folder_ + "/none.parquet", event::EventsSchema(), visit);
  EXPECT_EQ(missing.error().code(), Code::kCorruption);
  EXPECT_NE(missing.error().message().find("none.parquet"), std::string::npos);
  const TestRows rows(Rows(0, 10));
  const auto refused =
      MakeParquetWriter({})->Write(rows, {}, DataCodec::kZstd, folder_ + "/no/such/folder.parquet");
  EXPECT_EQ(refused.error().code(), Code::kIoError);
}

}  // namespace
}  // namespace tidemark::engine
