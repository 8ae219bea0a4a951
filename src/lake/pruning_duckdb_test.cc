// What is not read is never missed: random predicates over random rows answer the same from files
// with their bounds, from files of which nothing is known, and from hot rows; and with bounds less
// is read.

#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "engine/instance.h"
#include "engine/parquet.h"
#include "engine/test_rows.h"
#include "env/local_store.h"
#include "env/random.h"
#include "lake/file_metrics.h"
#include "lake/live_files.h"
#include "sim/sim_disk.h"

namespace tidemark::lake {
namespace {

using engine::TestRow;

constexpr std::uint64_t kSeeds = 4;

class StillClock final : public env::Clock {
 public:
  Duration Now() const override { return {}; }
  TimeMicros WallNow() const override { return TimeMicros(0); }
};

// Texts that begin alike, that are cut, and whose cut cannot be raised at its last place.
const std::vector<std::string>& Texts() {
  static const std::vector<std::string> kTexts = {
      "",
      "a",
      "ab",
      "abc",
      "abcdefghijklmnop",
      "abcdefghijklmnopq",
      "abcdefghijklmnoz and more",
      "b_1",
      "b%1",
      "purchase",
      "page_view",
      "zz\xC3\xA9\xE2\x82\xAC and a long tail",
      "\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF",
      "a\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F"
      "\xBF"
      "\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F"
      "\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF"};
  return kTexts;
}

std::string Quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

// Its first bytes, whole characters only.
std::string Start(const std::string& text, std::size_t bytes) {
  bytes = std::min(bytes, text.size());
  while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80) --bytes;
  return text.substr(0, bytes);
}

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  template <class T>
  const T& Any(const std::vector<T>& of) {
    return of[random_.Below(of.size())];
  }

  // Rows of one file: near to each other in everything, most of the time.
  std::vector<TestRow> Rows(std::int64_t first_offset) {
    std::vector<TestRow> rows(1 + random_.Below(5));
    const std::string type = Any(Texts());
    const std::string user = Any(Texts());
    const auto time = static_cast<std::int64_t>(random_.Below(400'000)) - 100'000;
    const auto base = static_cast<double>(random_.Below(20)) - 10;
    const bool no_user = random_.OneIn(4);
    const bool no_value = random_.OneIn(4);
    for (TestRow& row : rows) {
      row.event_id = "id-" + std::to_string(first_offset);
      row.event_type = random_.OneIn(5) ? Any(Texts()) : type;
      if (!no_user && !random_.OneIn(4)) row.user_id = random_.OneIn(5) ? Any(Texts()) : user;
      if (random_.OneIn(2)) row.country = random_.OneIn(2) ? "DE" : "FR";
      row.time = time + static_cast<std::int64_t>(random_.Below(3'000));
      if (!no_value && !random_.OneIn(4)) row.value = Value(base);
      row.offset = first_offset++;
      if (random_.OneIn(2)) row.properties = R"({"a":")" + std::to_string(random_.Below(3)) + "\"}";
    }
    return rows;
  }

  std::string Predicate(int depth) {
    if (depth > 0 && random_.OneIn(3)) {
      return "(" + Predicate(depth - 1) + (random_.OneIn(2) ? " AND " : " OR ") +
             Predicate(depth - 1) + ")";
    }
    if (depth > 0 && random_.OneIn(8)) return "NOT (" + Predicate(depth - 1) + ")";
    switch (random_.Below(10)) {
      case 0:
        return OnTime();
      case 1:
        return OnNumber("log_offset", std::to_string(random_.Below(200)));
      case 2:
        return OnNumber("value", Any(std::vector<std::string>{"0", "-0.0", "3.5", "-7", "'nan'",
                                                              "'inf'", "'-inf'", "NULL"}));
      case 3:
        return Any(std::vector<std::string>{"user_id", "value", "country", "timestamp", "os"}) +
               (random_.OneIn(2) ? " IS NULL" : " IS NOT NULL");
      case 4:
        return "(properties->>'$.a') " + Compare() + " '" + std::to_string(random_.Below(3)) + "'";
      case 5:
        return OnNumber("received_at", "to_timestamp(" + Seconds() + ")");
      default:
        return OnText(Any(std::vector<std::string>{"event_type", "user_id", "country", "event_id",
                                                   "project_id"}));
    }
  }

 private:
  double Value(double base) {
    if (random_.OneIn(12)) return std::numeric_limits<double>::quiet_NaN();
    if (random_.OneIn(12)) return -std::numeric_limits<double>::infinity();
    if (random_.OneIn(12)) return random_.OneIn(2) ? 0.0 : -0.0;
    return base + static_cast<double>(random_.Below(4)) / 2;
  }
  std::string Compare() {
    return Any(std::vector<std::string>{"=", "<>", "<", "<=", ">", ">=", "=", "IS DISTINCT FROM",
                                        "IS NOT DISTINCT FROM"});
  }
  std::string Seconds() {
    return std::to_string(static_cast<std::int64_t>(random_.Below(420'000)) - 110'000);
  }
  std::string OnNumber(const std::string& column, const std::string& value) {
    if (random_.OneIn(4)) return column + " BETWEEN " + value + " AND " + value;
    if (random_.OneIn(4)) return value + " " + Compare() + " " + column;
    return column + " " + Compare() + " " + value;
  }
  std::string OnTime() {
    const std::string at = "to_timestamp(" + Seconds() + ")";
    switch (random_.Below(8)) {
      case 0:
        return "timestamp::date " + Compare() + " " + at + "::date";
      case 1:
        return "date_trunc('hour', timestamp) " + Compare() + " date_trunc('hour', " + at + ")";
      case 2:
        return "time_bucket(INTERVAL '90 minutes', timestamp) " + Compare() + " " + at;
      case 3:
        return "timestamp IN (" + at + ", to_timestamp(" + Seconds() + "))";
      case 4:
        return "(timestamp AT TIME ZONE 'Asia/Tokyo')::date = " + at + "::date";
      case 5:
        return "timestamp::timestamp " + Compare() + " " + at + "::timestamp";
      default:
        return OnNumber("timestamp", at);
    }
  }
  std::string OnText(const std::string& column) {
    const std::string text = column == "event_id"
                                 ? "id-" + std::to_string(random_.Below(200))
                                 : (column == "country" ? std::string("DE") : Any(Texts()));
    switch (random_.Below(6)) {
      case 0:
        return column + " IN (" + Quoted(text) + ", " + Quoted(Any(Texts())) + ", NULL)";
      case 1:
        return column + " LIKE " + Quoted(Start(text, random_.Below(4)) + "%");
      case 2:
        return column + (random_.OneIn(2) ? " LIKE " : " NOT LIKE ") + Quoted(text);
      case 3:
        return "starts_with(" + column + ", " + Quoted(Start(text, 1 + random_.Below(20))) + ")";
      case 4:
        return column + " NOT IN (" + Quoted(text) + ", 'x')";
      default:
        return column + " " + Compare() + " " + Quoted(text);
    }
  }

  env::Random random_;
};

class PruningTest : public ::testing::Test {
 protected:
  PruningTest() : store_(&disk_, "lake") {
    std::string pattern = ::testing::TempDir() + "tm_pruning_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    engine::InstanceOptions options;
    options.memory_bytes_max = 256ULL << 20;
    instance_ = engine::Instance::Open(options, &clock_).value();
    auto schema = std::make_shared<event::TableSchema>(*event::EventsSchema());
    schema->kept.field_id = 40;
    schema->kept.paths = {{{"a"}, event::Type::kString, 41, "a"}};
    schema_ = std::move(schema);
  }

  // As a flush writes it, a manifest names it and a query finds it.
  engine::LakeFile Write(const std::vector<TestRow>& rows, bool with_kept) {
    const engine::TestRows source(rows);
    engine::LakeFile file;
    file.native_path = folder_ + "/" + std::to_string(++files_) + ".parquet";
    const auto written =
        engine::MakeParquetWriter({})->Write(source, with_kept ? schema_->kept : event::KeptPaths(),
                                             engine::DataCodec::kZstd, file.native_path);
    EXPECT_TRUE(written.has_value());
    const FileMetrics metrics = MeasureRows(source);
    ManifestEntry entry;
    entry.file.path = store_.Uri("f");
    entry.file.rows = static_cast<std::int64_t>(rows.size());
    for (std::size_t i = 0; i < metrics.columns.size(); ++i) {
      const std::int32_t id = schema_->columns[i].field_id;
      const ColumnMetrics& column = metrics.columns[i];
      entry.file.null_counts.emplace_back(id, column.nulls);
      entry.file.nan_counts.emplace_back(id, column.nans);
      if (column.lower) entry.file.lower_bounds.emplace_back(id, *column.lower);
      if (column.upper) entry.file.upper_bounds.emplace_back(id, *column.upper);
    }
    const LiveFile live = LiveFileOf(entry, kSpecHour, store_);
    file.rows = live.rows;
    file.times = TimesOf(live, {});
    file.bounds = live.bounds;
    if (with_kept) file.added = std::make_shared<const std::vector<std::int32_t>>(1, 41);
    return file;
  }

  std::string Ask(const std::string& sql, std::shared_ptr<const engine::Relation> relation,
                  engine::FileCounts* files = nullptr) {
    engine::QueryRequest request;
    request.sql = sql;
    request.relations.push_back({{"events"}, std::move(relation)});
    auto stream = instance_->Query(std::move(request));
    if (!stream) return stream.error().ToString();
    std::string out;
    for (;;) {
      const auto more = (*stream)->Next(engine::RowFormat::kJson, &out, 1);
      if (!more) return more.error().ToString();
      if (!*more) break;
    }
    if (files != nullptr) {
      files->there += (*stream)->files().there;
      files->read += (*stream)->files().read;
    }
    return out;
  }

  std::shared_ptr<engine::Relation> Lake(std::vector<engine::LakeFile> files) {
    auto relation = std::make_shared<engine::Relation>();
    relation->schema = schema_;
    relation->files = std::make_shared<const std::vector<engine::LakeFile>>(std::move(files));
    return relation;
  }

  StillClock clock_;
  sim::SimDisk disk_{1};
  env::LocalStore store_;
  std::string folder_;
  int files_ = 0;
  std::unique_ptr<engine::Instance> instance_;
  std::shared_ptr<const event::TableSchema> schema_;
};

TEST_F(PruningTest, AnswersAsIfEveryFileWereRead) {
  engine::FileCounts counts;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Maker maker(seed);
    std::vector<TestRow> all;
    std::vector<engine::LakeFile> files;
    std::vector<engine::LakeFile> blind;
    for (int i = 0; i < 20; ++i) {
      const auto rows = maker.Rows(static_cast<std::int64_t>(all.size()));
      files.push_back(Write(rows, i % 2 == 0));
      blind.push_back({.native_path = files.back().native_path, .rows = rows.size()});
      all.insert(all.end(), rows.begin(), rows.end());
    }
    const auto lake = Lake(files);
    const auto unknown = Lake(blind);
    auto hot = std::make_shared<engine::Relation>();
    hot->hot.push_back(std::make_shared<const engine::TestRows>(all));
    for (int i = 0; i < 80; ++i) {
      const std::string sql =
          "SELECT count(*) n, sum(log_offset) s, count(user_id) u, min(event_type) t FROM events "
          "WHERE " +
          maker.Predicate(3);
      const std::string expected = Ask(sql, hot);
      ASSERT_EQ(expected.find("n\":"), 2U) << sql << "\n" << expected;
      ASSERT_EQ(Ask(sql, unknown), expected) << "seed " << seed << "\n" << sql;
      ASSERT_EQ(Ask(sql, lake, &counts), expected) << "seed " << seed << "\n" << sql;
    }
  }
  // A third of what these predicates look at can be left unread; far less means that pruning broke.
  EXPECT_LT(counts.read * 4, counts.there * 3);
}

// Where no file has a null in a column, groups by it are kept without nulls.
TEST_F(PruningTest, GroupsAsIfNothingWereKnownOfNulls) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Maker maker(100 + seed);
    std::vector<TestRow> all;
    std::vector<engine::LakeFile> files;
    std::vector<engine::LakeFile> blind;
    for (int i = 0; i < 12; ++i) {
      auto rows = maker.Rows(static_cast<std::int64_t>(all.size()));
      // In every other life, each has a user.
      for (TestRow& row : rows) {
        if (seed % 2 == 0 && !row.user_id) row.user_id = "";
      }
      files.push_back(Write(rows, false));
      blind.push_back({.native_path = files.back().native_path, .rows = rows.size()});
      all.insert(all.end(), rows.begin(), rows.end());
    }
    auto hot = std::make_shared<engine::Relation>();
    hot->hot.push_back(std::make_shared<const engine::TestRows>(all));
    auto half = Lake({files.begin(), files.begin() + 6});
    const std::size_t settled = std::accumulate(
        files.begin(), files.begin() + 6, std::size_t{0},
        [](std::size_t sum, const engine::LakeFile& file) { return sum + file.rows; });
    half->hot.push_back(std::make_shared<const engine::TestRows>(
        std::vector<TestRow>(all.begin() + static_cast<std::ptrdiff_t>(settled), all.end())));
    for (int i = 0; i < 30; ++i) {
      const std::string where = i == 0 ? "true" : maker.Predicate(2);
      for (const std::string keys :
           {"event_type, user_id", "user_id", "country, event_type", "user_id, timestamp",
            "event_type, log_offset % 3, received_at"}) {
        const std::string sql =
            "SELECT " + keys +
            " , count(*) n, count(user_id) u, count(os) o, count(DISTINCT "
            "event_id) i, sum(log_offset) s, max(user_id) m FROM events WHERE " +
            where + " GROUP BY " + keys + " ORDER BY ALL";
        const std::string expected = Ask(sql, hot);
        ASSERT_EQ(Ask(sql, Lake(blind)), expected) << "seed " << seed << "\n" << sql;
        ASSERT_EQ(Ask(sql, Lake(files)), expected) << "seed " << seed << "\n" << sql;
        ASSERT_EQ(Ask(sql, half), expected) << "seed " << seed << "\n" << sql;
      }
    }
  }
}

TEST_F(PruningTest, AnswersWhereAFileHasNullsThatItsMetadataDeny) {
  const std::vector<TestRow> rows = {{.event_id = "a", .event_type = "buy", .user_id = "u1"},
                                     {.event_id = "b", .event_type = "view", .offset = 1}};
  engine::LakeFile file = Write(rows, false);
  const std::string groups =
      "SELECT user_id u, count(*) n FROM events GROUP BY user_id ORDER BY ALL";
  EXPECT_EQ(Ask(groups, Lake({file})), R"({"u":"u1","n":1},{"u":null,"n":1})");
  engine::ColumnBound no_nulls;
  no_nulls.may_be_null = false;
  auto wrong = std::make_shared<engine::ColumnBounds>();
  wrong->Add(schema_->columns[event::Index(event::Column::kUserId)].field_id, no_nulls);
  file.bounds = std::move(wrong);
  EXPECT_EQ(Ask(groups, Lake({file})), R"({"u":"u1","n":1},{"u":null,"n":1})");
  // And where it is known already.
  EXPECT_EQ(Ask(groups, Lake({file})), R"({"u":"u1","n":1},{"u":null,"n":1})");
  EXPECT_EQ(Ask("SELECT count(DISTINCT event_id) n FROM events", Lake({file})), R"({"n":2})");
}

// The first file's rows may have left before the second is opened, which contradicts: once, an
// error is the answer, and none that is wrong.
TEST_F(PruningTest, SaysToAskAgainWhereRowsHadLeftBeforeTheDoubt) {
  std::vector<TestRow> many(50'000);
  for (std::size_t i = 0; i < many.size(); ++i) {
    many[i] = {.event_id = std::to_string(i),
               .event_type = "buy",
               .user_id = "u1",
               .offset = static_cast<std::int64_t>(i)};
  }
  const engine::LakeFile right = Write(many, false);
  engine::LakeFile file = Write({{.event_id = "b", .event_type = "view", .offset = 50'000}}, false);
  auto wrong = std::make_shared<engine::ColumnBounds>();
  engine::ColumnBound no_nulls;
  no_nulls.may_be_null = false;
  wrong->Add(schema_->columns[event::Index(event::Column::kUserId)].field_id, no_nulls);
  file.bounds = std::move(wrong);
  const std::string listed = "SELECT log_offset o FROM events WHERE user_id IS NOT NULL";
  const std::string first = Ask(listed, Lake({right, file}));
  if (first.find("ask again") == std::string::npos) {
    EXPECT_EQ(std::ranges::count(first, '{'), 50'000);
  }
  const std::string second = Ask(listed, Lake({right, file}));
  EXPECT_EQ(std::ranges::count(second, '{'), 50'000) << second.substr(0, 200);
}

// How many of three files are read: of u1 and u2 from 1970-01-01, of u5 a day later, and of nobody
// and without a value an hour after that.
class PrunedTest : public PruningTest {
 protected:
  std::uint64_t ReadFor(const std::string& predicate) {
    if (relation_ == nullptr) {
      relation_ = Lake(
          {Write({{.event_id = "a1",
                   .event_type = "buy",
                   .time = 10,
                   .user_id = "u1",
                   .value = 1.5,
                   .offset = 0},
                  {.event_id = "a2",
                   .event_type = "buy",
                   .time = 3'700,
                   .user_id = "u2",
                   .value = 2.5,
                   .offset = 1}},
                 false),
           Write({{.event_id = "b1",
                   .event_type = "view",
                   .time = 86'410,
                   .user_id = "u5",
                   .value = 9,
                   .offset = 2}},
                 false),
           Write({{.event_id = "c1", .event_type = "view", .time = 90'020, .offset = 3}}, false)});
    }
    engine::FileCounts counts;
    const std::string answer =
        Ask("SELECT sum(log_offset) FROM events WHERE " + predicate, relation_, &counts);
    EXPECT_EQ(answer.find("{\"sum"), 0U) << answer;
    return counts.read;
  }

  std::shared_ptr<const engine::Relation> relation_;
};

TEST_F(PrunedTest, ReadsOnlyWhatMayMatch) {
  EXPECT_EQ(ReadFor("true"), 3U);
  EXPECT_EQ(ReadFor("event_type = 'buy'"), 1U);
  EXPECT_EQ(ReadFor("event_type <> 'buy'"), 2U);
  EXPECT_EQ(ReadFor("event_type IN ('buy', 'sell')"), 1U);
  EXPECT_EQ(ReadFor("event_type LIKE 'vi%'"), 2U);
  EXPECT_EQ(ReadFor("event_type LIKE 'v_e%w'"), 2U);
  EXPECT_EQ(ReadFor("starts_with(user_id, 'u5')"), 1U);
  EXPECT_EQ(ReadFor("user_id = 'u3'"), 0U);
  EXPECT_EQ(ReadFor("user_id = 'u15'"), 1U);
  EXPECT_EQ(ReadFor("user_id IS NULL"), 1U);
  EXPECT_EQ(ReadFor("user_id IS NOT NULL"), 2U);
  EXPECT_EQ(ReadFor("NOT (user_id < 'u5')"), 1U);
  EXPECT_EQ(ReadFor("value > 2.5"), 1U);
  EXPECT_EQ(ReadFor("value >= 2.5 AND value < 3"), 1U);
  EXPECT_EQ(ReadFor("value = 'nan'::double"), 3U);
  EXPECT_EQ(ReadFor("log_offset >= 3"), 1U);
  EXPECT_EQ(ReadFor("log_offset BETWEEN 1 AND 2"), 2U);
  EXPECT_EQ(ReadFor("event_type = 'buy' OR log_offset = 3"), 2U);
  EXPECT_EQ(ReadFor("timestamp < '1970-01-01 01:00:00'"), 1U);
  EXPECT_EQ(ReadFor("timestamp::date = date '1970-01-02'"), 2U);
  EXPECT_EQ(ReadFor("date_trunc('day', timestamp) = '1970-01-01'"), 1U);
  EXPECT_EQ(ReadFor("time_bucket(INTERVAL 1 HOUR, timestamp) = to_timestamp(3600)"), 1U);
  EXPECT_EQ(ReadFor("timestamp IN (to_timestamp(10), to_timestamp(90020))"), 2U);
  EXPECT_EQ(ReadFor("false"), 0U);
  // What a join makes of its other side.
  EXPECT_EQ(ReadFor("user_id IN (SELECT user_id FROM (VALUES ('u5'), ('u6')) v(user_id))"), 1U);
  // What is not understood skips nothing.
  EXPECT_EQ(ReadFor("upper(event_type) = 'BUY'"), 3U);
  EXPECT_EQ(ReadFor("(timestamp AT TIME ZONE 'Asia/Tokyo')::date = date '1970-01-01'"), 3U);
}

}  // namespace
}  // namespace tidemark::lake
