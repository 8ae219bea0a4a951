// A path that is kept changes no answer: every statement is asked with the copies hidden, with
// copies in some files, and over hot rows alone.

#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/instance.h"
#include "engine/kept_values.h"
#include "engine/parquet.h"
#include "engine/test_rows.h"
#include "env/random.h"

namespace tidemark::engine {
namespace {

class FixedClock final : public env::Clock {
 public:
  Duration Now() const override { return {}; }
  TimeMicros WallNow() const override { return TimeMicros(0); }
};

std::shared_ptr<const event::TableSchema> SchemaWithKept() {
  auto schema = std::make_shared<event::TableSchema>(*event::EventsSchema());
  schema->kept.field_id = 40;
  schema->kept.paths = {{{"plan"}, event::Type::kString, 41, "plan"},
                        {{"n"}, event::Type::kInt64, 42, "n"},
                        {{"price"}, event::Type::kDouble, 43, "price"},
                        {{"ok"}, event::Type::kBool, 44, "ok"},
                        {{"cart", "id"}, event::Type::kString, 45, "cart_id"}};
  return schema;
}

std::vector<TestRow> Rows(std::int64_t begin, std::int64_t end) {
  static const std::vector<std::string> kPlans = {"free", "pro", "with a long name", "q\\\"uote"};
  std::vector<TestRow> rows;
  for (std::int64_t i = begin; i < end; ++i) {
    TestRow row;
    row.event_id = std::to_string(i);
    row.event_type = i % 3 == 0 ? "buy" : "view";
    row.user_id = "u" + std::to_string(i % 4);
    row.time = i;
    row.offset = i;
    if (i % 7 != 0) {
      const auto at = static_cast<std::size_t>(i) % kPlans.size();
      std::string text = "{\"plan\":\"" + kPlans[at] + "\",\"n\":" + std::to_string(i - 50);
      if (i % 2 == 0) text += ",\"price\":" + std::to_string(i) + ".25";
      if (i % 5 == 0) text += ",\"ok\":" + std::string(i % 2 == 0 ? "true" : "false");
      // A number that an int64 does not give back, in some files only.
      if (i == 250) text = "{\"n\":12345678901234567890";
      if (i % 11 == 0) text += ",\"cart\":{\"x\":null,\"id\":[1.50," + std::to_string(i) + "]}";
      row.properties = text + ",\"rest\":{\"plan\":\"no\"}}";
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

class KeptRewriteTest : public ::testing::Test {
 protected:
  KeptRewriteTest() {
    std::string pattern = ::testing::TempDir() + "tm_kept_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    auto opened = Instance::Open({}, &clock_);
    if (!opened) ADD_FAILURE() << opened.error().ToString();
    instance_ = std::move(opened).value();
  }

  LakeFile WriteFile(std::int64_t begin, std::int64_t end, const event::KeptPaths& kept) {
    const TestRows rows(Rows(begin, end));
    LakeFile file;
    file.native_path = folder_ + "/" + std::to_string(++files_) + ".parquet";
    const auto written =
        MakeParquetWriter({})->Write(rows, kept, DataCodec::kZstd, file.native_path);
    EXPECT_TRUE(written.has_value()) << (written ? "" : written.error().ToString());
    std::vector<std::int32_t> ids;
    for (const KeptColumn& column : written->kept) ids.push_back(column.field_id);
    if (!ids.empty()) file.added = std::make_shared<const std::vector<std::int32_t>>(ids);
    return file;
  }
  static std::shared_ptr<const Relation> Over(std::vector<LakeFile> files, std::int64_t hot_from,
                                              bool hide = false) {
    auto relation = std::make_shared<Relation>();
    relation->schema = SchemaWithKept();
    if (hide) {
      for (LakeFile& file : files) file.added = nullptr;
    }
    relation->files = std::make_shared<const std::vector<LakeFile>>(std::move(files));
    if (hot_from < 400) {
      relation->hot.push_back(std::make_shared<const TestRows>(Rows(hot_from, 400)));
    }
    return relation;
  }

  std::string Text(const std::string& sql, std::shared_ptr<const Relation> relation) {
    QueryRequest request;
    request.sql = sql;
    request.relations.push_back({{"events", "iceberg.events"}, std::move(relation)});
    auto stream = instance_->Query(std::move(request));
    if (!stream) return stream.error().ToString();
    std::string out;
    for (const ResultColumn& column : (*stream)->columns()) {
      out += column.name + " " + column.type + "\n";
    }
    while (true) {
      const auto more = (*stream)->Next(RowFormat::kNdjson, &out, 1);
      if (!more) return more.error().ToString();
      if (!*more) return out;
    }
  }

  std::string folder_;
  FixedClock clock_;
  std::unique_ptr<Instance> instance_;
  int files_ = 0;
};

const char* const kStatements[] = {
    "SELECT properties->>'$.plan', count(*) FROM events GROUP BY 1 ORDER BY ALL",
    "SELECT properties->>'plan' AS p, count(*) AS n FROM events GROUP BY properties->>'plan' ORDER "
    "BY p",
    "SELECT log_offset, properties->>'$.n', properties->>'$.price', properties->>'$.ok', "
    "properties->>'$.cart.id' FROM events ORDER BY 1",
    "SELECT sum(CAST(properties->>'$.n' AS HUGEINT)), max(CAST(properties->>'$.price' AS DOUBLE)) "
    "FROM events e WHERE (e.properties->>'$.ok') = 'true'",
    "SELECT * FROM events WHERE json_extract_string(properties, '$.\"plan\"') = 'pro' "
    "ORDER BY log_offset DESC LIMIT 3",
    "SELECT e.*, properties->>'$.n' AS n FROM events e ORDER BY log_offset LIMIT 2",
    "SELECT * EXCLUDE (properties), properties->>'n' FROM events ORDER BY log_offset LIMIT 2",
    "FROM events SELECT properties->>'$.plan' ORDER BY log_offset LIMIT 4",
    "SELECT properties, properties->>'$.plan' FROM events GROUP BY 1 ORDER BY ALL LIMIT 3",
    "SELECT properties->>'$.plan' FROM events GROUP BY properties ORDER BY 1 LIMIT 3",
    "SELECT upper(properties->>'$.plan') FROM events GROUP BY properties->>'$.plan' ORDER BY 1",
    "SELECT 'x' AS properties, properties->>'$.plan' FROM events ORDER BY log_offset LIMIT 3",
    "SELECT a.properties->>'$.n' x, b.properties->>'$.plan' y FROM events a JOIN events b "
    "ON (a.properties->>'$.n') = (b.properties->>'$.n') ORDER BY ALL LIMIT 5",
    "SELECT count(*) FROM events a NATURAL JOIN events b WHERE (a.properties->>'$.plan') = 'pro' "
    "AND (b.properties->>'$.plan') = 'pro'",
    "WITH t AS (SELECT properties FROM events) SELECT properties->>'$.plan' p, count(*) FROM t "
    "GROUP BY p ORDER BY p",
    "WITH events AS (SELECT event_id, properties->>'$.plan' AS plan FROM events) "
    "SELECT plan, count(*) FROM events GROUP BY 1 ORDER BY 1",
    "SELECT count(*) FROM events WHERE user_id IN (SELECT user_id FROM events WHERE "
    "(properties->>'$.n') = '7') AND (properties->>'$.plan') IS NOT NULL",
    "SELECT e FROM events e WHERE (properties->>'$.plan') = 'pro' ORDER BY log_offset LIMIT 1",
    "SELECT (SELECT e) FROM events e WHERE (properties->>'$.plan') = 'pro' ORDER BY log_offset "
    "LIMIT "
    "1",
    "SELECT COLUMNS('prop.*'), properties->>'$.n' FROM events ORDER BY log_offset LIMIT 2",
    "SELECT count(COLUMNS(*)) FROM events WHERE (properties->>'$.plan') = 'pro'",
    "SELECT row_number() OVER (PARTITION BY properties->>'$.plan' ORDER BY log_offset) r, "
    "log_offset FROM events QUALIFY (properties->>'$.ok') = 'true' ORDER BY log_offset",
    "SELECT DISTINCT properties->>'$.plan' FROM events ORDER BY properties->>'$.plan'",
    "SELECT properties->>'$.plan' FROM events UNION SELECT properties->>'$.ok' FROM events ORDER "
    "BY 1",
    "SELECT list_transform([1], properties -> properties + 1), properties->>'$.n' FROM events "
    "ORDER BY log_offset LIMIT 1",
    "SELECT event_type, list(properties->>'$.n' ORDER BY log_offset) FILTER "
    "((properties->>'$.ok') = 'true') FROM events GROUP BY ALL ORDER BY 1",
    "SELECT (properties->>'$.plan').upper(), events.properties->>'$.n' FROM events "
    "ORDER BY log_offset LIMIT 3",
    "SELECT iceberg.events.properties->>'$.n' FROM iceberg.events ORDER BY log_offset LIMIT 3",
    "SELECT properties->>'$.nothing', properties->>'$.rest.plan' FROM events ORDER BY log_offset "
    "LIMIT 2",
    "SELECT userId, properties->>'$.plan' FROM events ORDER BY log_offset LIMIT 2",
    "SELECT p FROM (SELECT properties->>'$.plan' p FROM events) ORDER BY p LIMIT 2",
    "SUMMARIZE SELECT properties->>'$.n' n FROM events",
    "SELECT properties->>'$.plan' FROM events e(a, b) ORDER BY log_offset LIMIT 1",
    "SELECT count(*) FROM events GROUP BY log_offset HAVING max(properties->>'$.plan') = 'pro'"};

TEST_F(KeptRewriteTest, NoStatementCanTellWhetherAPathIsKept) {
  const event::KeptPaths kept = SchemaWithKept()->kept;
  event::KeptPaths some = kept;
  some.paths.resize(2);
  const std::vector<LakeFile> all = {WriteFile(0, 100, kept), WriteFile(100, 200, some),
                                     WriteFile(200, 300, kept), WriteFile(300, 400, {})};
  ASSERT_EQ(all[0].added->size(), 5U);
  ASSERT_EQ(all[1].added->size(), 2U);
  EXPECT_EQ(all[2].added->size(), 4U);  // Without `n`, of which one value does not fit.
  ASSERT_EQ(all[3].added, nullptr);
  const std::vector<LakeFile> half(all.begin(), all.begin() + 2);
  for (const char* sql : kStatements) {
    const std::string wanted = Text(sql, Over(all, 400, true));
    EXPECT_EQ(wanted.find("invalid_argument"), std::string::npos) << sql << "\n" << wanted;
    EXPECT_EQ(Text(sql, Over(all, 400)), wanted) << sql;
    EXPECT_EQ(Text(sql, Over(half, 200)), wanted) << sql;
    EXPECT_EQ(Text(sql, Over({}, 0)), wanted) << sql;
  }
}

// What makes a typed copy exact: the engine writes the number as it was sent.
TEST_F(KeptRewriteTest, TheEngineWritesExactNumbersAsTheyWereSent) {
  env::Random dice(11);
  std::vector<std::string> texts = {"0.0", "0.0001", "-0.0001", "99999999999999.0", "0.1"};
  for (int i = 0; i < 20'000; ++i) {
    std::string text = dice.OneIn(2) ? "-" : "";
    const std::uint64_t whole = 1 + dice.Below(15);
    for (std::uint64_t digit = 0; digit < whole; ++digit) text += std::to_string(dice.Below(10));
    text += '.';
    const std::uint64_t rest = 1 + dice.Below(14);
    for (std::uint64_t digit = 0; digit < rest; ++digit) text += std::to_string(dice.Below(10));
    if (ExactDouble(text)) texts.push_back(text);
  }
  ASSERT_GT(texts.size(), 500U);
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "'" : ",'") + text + "'";
  EXPECT_EQ(Text("SELECT count(*) AS n FROM (SELECT unnest([" + list +
                     "]) AS t) WHERE CAST(CAST(t AS DOUBLE) AS VARCHAR) <> t",
                 Over({}, 0)),
            "n BIGINT\n{\"n\":0}\n");
  for (const std::string& text : texts) {
    EXPECT_EQ(*ExactDouble(text), std::stod(text)) << text;
  }
}

TEST_F(KeptRewriteTest, AKeptPathIsReadWithoutTheText) {
  const std::vector<LakeFile> files = {WriteFile(0, 100, SchemaWithKept()->kept)};
  const std::string plan = Text(
      "EXPLAIN SELECT properties->>'$.plan' p, count(*) FROM events GROUP BY 1", Over(files, 400));
  EXPECT_NE(plan.find("kept"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("json_extract"), std::string::npos) << plan;
  const std::string other = Text(
      "EXPLAIN SELECT properties->>'$.other' p, count(*) FROM events GROUP BY 1", Over(files, 400));
  EXPECT_NE(other.find("properties"), std::string::npos) << other;
}

}  // namespace
}  // namespace tidemark::engine
