#include "fuzz/statements.h"

#include <fstream>
#include <iterator>
#include <memory>

#include "base/check.h"
#include "engine/delete_files.h"
#include "engine/instance.h"
#include "engine/parquet.h"
#include "engine/test_rows.h"
#include "engine/text_filter.h"
#include "env/posix/posix_clock.h"
#include "fuzz/folder.h"

namespace tidemark::fuzz {
namespace {

constexpr Duration kTimeMax = std::chrono::milliseconds(200);  // Of one statement.
constexpr std::size_t kAnswerBytesMax = 64 << 10;
constexpr std::uint64_t kRows = 20;
constexpr std::int32_t kUserIdField = 3;
// What no answer may show; seeds try to read it.
constexpr std::string_view kSecret = "dGhlIHNlY3JldCBvZiB0aGUgc2VydmVy";

std::shared_ptr<const event::RowSource> SomeRows() {
  std::vector<engine::TestRow> rows(kRows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    engine::TestRow& row = rows[i];
    row.event_id = "e" + std::to_string(i);
    row.event_type = i % 2 == 0 ? "view" : "buy";
    row.time = row.offset = static_cast<std::int64_t>(i);
    if (i % 3 != 0) row.user_id = "u" + std::to_string(i % 4);
    if (i % 4 != 0) row.value = static_cast<double>(i) / 2;
    row.properties = "{\"n\":" + std::to_string(i) + ",\"s\":\"x\"}";
  }
  return std::make_shared<const engine::TestRows>(std::move(rows));
}

// An engine, and what it may not show.
class World {
 public:
  World() : instance_(*engine::Instance::Open({256_MiB, 1, ""}, &clock_)) {
    WriteFile(secret_path(), std::string(kSecret) + "\n");
    relation_.hot.push_back(SomeRows());
  }

  std::string secret_path() const { return folder_.path() + "/secret.txt"; }
  const std::string& folder() const { return folder_.path(); }
  engine::Instance* instance() { return instance_.get(); }
  const engine::Relation& relation() const { return relation_; }

  static void WriteFile(const std::string& path, std::string_view bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    TM_CHECK(file.good());
  }

  // The rows, or why there are none.
  Result<std::string> Ask(std::string sql, engine::Relation relation) {
    engine::QueryRequest request;
    request.sql = std::move(sql);
    request.relations.push_back(
        {{"events", "iceberg.events"}, std::make_shared<engine::Relation>(std::move(relation))});
    request.deadline = clock_.Now() + kTimeMax;
    request.rows_max = 1'000;
    TM_ASSIGN(const auto stream, instance_->Query(std::move(request)));
    std::string out;
    for (bool more = true; more && out.size() < kAnswerBytesMax;) {
      TM_ASSIGN(more, stream->Next(engine::RowFormat::kNdjson, &out, 4'096));
    }
    return out;
  }

 private:
  Folder folder_;
  env::PosixClock clock_;
  std::unique_ptr<engine::Instance> instance_;
  engine::Relation relation_;
};

World& TheWorld() {
  static World world;
  return world;
}

std::string FileOf(const event::RowSource& rows) {
  const std::string path = TheWorld().folder() + "/seed.parquet";
  TM_CHECK(
      engine::MakeParquetWriter({})->Write(rows, {}, engine::DataCodec::kZstd, path).has_value());
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

// Whatever the statement: it is refused with a reason, or only rows of its relations are seen, and
// it leaves nothing behind that the next would see.
void RunSql(std::string_view bytes) {
  World& world = TheWorld();
  const auto answer = world.Ask(std::string(bytes), world.relation());
  const std::string& said = answer ? *answer : answer.error().message();
  TM_CHECK(answer || !said.empty());
  TM_CHECK(said.find(kSecret) == std::string::npos ||
           bytes.find(kSecret) != std::string_view::npos);
  static std::uint64_t count = 0;
  if (++count % 64 != 0) return;
  const auto rows = world.Ask("SELECT count(*) AS n FROM events", world.relation());
  TM_CHECK(rows.has_value() && *rows == "{\"n\":" + std::to_string(kRows) + "}\n");
}

// Whatever lies where a data file should: its rows are read, or the file is named, without the
// folders that it lies in.
void RunParquet(std::string_view bytes) {
  World& world = TheWorld();
  static std::uint64_t count = 0;
  const std::string path = world.folder() + "/" + std::to_string(++count) + ".parquet";
  World::WriteFile(path, bytes);
  engine::Relation relation;
  engine::LakeFile file;
  file.native_path = path;
  file.rows = kRows;
  file.bytes = bytes.size();
  relation.files = std::make_shared<const std::vector<engine::LakeFile>>(
      std::vector<engine::LakeFile>{std::move(file)});
  const char* const sql = bytes.size() % 2 == 0
                              ? "SELECT * FROM events"
                              : "SELECT event_type, sum(value) FROM events WHERE user_id > 'u1' "
                                "AND timestamp < '2026-01-01' GROUP BY 1";
  const auto answer = world.Ask(sql, std::move(relation));
  if (!answer) {
    TM_CHECK(!answer.error().message().empty());
    TM_CHECK(answer.error().message().find(world.folder()) == std::string::npos);
  }
  const auto filter = engine::TextFilter::Read(path, kUserIdField);
  TM_CHECK_LE(filter.bytes(), engine::kTextFilterBytesMax);
  TM_CHECK(filter.MayHave("user_1") || filter.bytes() > 0);
  engine::DeleteFiles deletes(world.instance());
  engine::DeletesOfFile of;
  of.native_path = "data.parquet";
  of.rows = kRows;
  of.deletes.emplace_back();
  of.deletes.back().native_path = path;
  const auto deleted = deletes.Of({std::move(of)});
  TM_CHECK(deleted || !deleted.error().message().empty());
  std::filesystem::remove(path);
}

std::vector<std::string> SqlSeeds() {
  const std::string secret = "'" + TheWorld().secret_path() + "'";
  std::vector<std::string> seeds = {
      "SELECT event_type, count(*) n, sum(value) FROM events WHERE timestamp > '1970-01-01' GROUP "
      "BY ALL ORDER BY ALL LIMIT 5",
      "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t WHERE x < 5) SELECT * FROM t",
      "SELECT properties->>'$.s', context.ip, userId FROM iceberg.events QUALIFY row_number() OVER "
      "(PARTITION BY user_id ORDER BY log_offset) = 1",
      "PIVOT (SELECT event_type, value FROM events) ON event_type IN ('view') USING sum(value)",
      "SELECT a.user_id FROM events a ASOF JOIN events b USING (user_id, timestamp)",
      "SELECT list_transform([1, 2], lambda x: x + 1), CASE WHEN 1 BETWEEN 0 AND 2 THEN {'a': 1} "
      "END, COLUMNS('v.*') FROM events TABLESAMPLE 10 ROWS",
      "SELECT * FROM events AT (VERSION => 3), range(3), unnest([1]), (VALUES (1), (2)) v(x)",
      "SELECT * FROM events FOR TIMESTAMP AS OF now() - interval 1 day x, events AS OF SNAPSHOT 3",
      "DESCRIBE events",
      "SUMMARIZE SELECT value FROM events",
      "EXPLAIN SELECT count(*) FILTER (WHERE value > 1) FROM events GROUP BY ROLLUP (country)"};
  for (const std::string& place :
       {"read_text(" + secret + ")", "read_csv(" + secret + ")", secret, "glob(" + secret + ")"}) {
    seeds.push_back("SELECT * FROM " + place);
    seeds.push_back("WITH x AS (SELECT * FROM " + place + ") SELECT 1, (SELECT 2) FROM x, events");
  }
  seeds.push_back("COPY (SELECT 1) TO " + secret);
  seeds.push_back("SELECT 1 WHERE EXISTS (SELECT content FROM main.read_blob(" + secret + "))");
  seeds.push_back("SELECT * FROM events JOIN events b ON current_setting('a') = ''");
  seeds.push_back("CREATE TABLE events AS SELECT 1; ATTACH 'x.db'; SET threads = 1");
  return seeds;
}

std::vector<std::string> ParquetSeeds() {
  // The last one has filters of its ids.
  return {FileOf(*TheWorld().relation().hot.front()), FileOf(engine::TestRows({})),
          FileOf(engine::TestRows(engine::NumberedRows(0, 100)))};
}

}  // namespace tidemark::fuzz
