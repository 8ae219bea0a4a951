// Rows that delete files of other engines take away are in no answer, and nothing else changes:
// positions by the file they name, equalities by field id, NULL equal to NULL.
#include <cstdlib>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "duckdb.hpp"
#include "engine/delete_files.h"
#include "engine/instance.h"
#include "engine/parquet.h"
#include "engine/test_rows.h"

namespace tidemark::engine {
namespace {

class StillClock final : public env::Clock {
 public:
  Duration Now() const override { return Duration::zero(); }
  TimeMicros WallNow() const override { return TimeMicros(0); }
};

constexpr std::int64_t kRows = 5'000;  // Some chunks.

class DeleteFilesTest : public ::testing::Test {
 protected:
  DeleteFilesTest() {
    std::string pattern = ::testing::TempDir() + "tm_deletes_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    InstanceOptions options;
    options.memory_bytes_max = 256ULL << 20;
    instance_ = *Instance::Open(options, &clock_);
    deletes_ = std::make_unique<DeleteFiles>(instance_.get());
    std::vector<TestRow> rows;
    for (std::int64_t i = 0; i < kRows; ++i) {
      TestRow row;
      row.event_id = "e" + std::to_string(i);
      row.event_type = i % 2 == 0 ? "view" : "click";
      row.time = i;
      if (i % 3 != 0) row.user_id = "u" + std::to_string(i % 10);
      row.offset = i;
      rows.push_back(std::move(row));
    }
    data_.native_path = folder_ + "/data.parquet";
    const auto written =
        MakeParquetWriter({})->Write(TestRows(rows), {}, DataCodec::kZstd, data_.native_path);
    EXPECT_TRUE(written.has_value());
    data_.rows = written->rows;
    data_.bytes = written->bytes;
  }

  // A Parquet file of what `select` gives, by another program.
  DeleteFile Write(const std::string& name, const std::string& select, const std::string& options,
                   std::vector<std::int32_t> ids = {}) {
    DeleteFile file{folder_ + "/" + name, std::move(ids)};
    duckdb::DuckDB database(nullptr);
    duckdb::Connection connection(database);
    const auto done = connection.Query("COPY (" + select + ") TO '" + file.native_path +
                                       "' (FORMAT parquet" + options + ")");
    EXPECT_FALSE(done->HasError()) << done->GetError();
    return file;
  }
  DeleteFile Positions(const std::string& name, const std::string& places) {
    return Write(name, "SELECT '" + data_.native_path + "' AS file_path, p AS pos FROM " + places,
                 "");
  }
  // A deletion vector of the places 1, 3, 5, 7 and 9, behind `before` bytes of something else.
  DeleteFile Vector(const std::string& name, std::size_t before, std::size_t cut = 0) {
    const std::string blob = *FromHex(
        "0000002ad1d33964010000000000000000000000"
        "3a30000001000000000004001000000001000300050007000900b3fb20be");
    DeleteFile file{folder_ + "/" + name, {}, VectorPlace{before, blob.size(), 5}};
    std::ofstream(file.native_path, std::ios::binary)
        << std::string(before, 'x') << blob.substr(0, blob.size() - cut);
    return file;
  }
  void Apply(const std::vector<DeleteFile>& files) {
    auto deleted = deletes_->Of({{data_.native_path, data_.rows, files}});
    ASSERT_TRUE(deleted.has_value()) << deleted.error().ToString();
    data_.deleted = deleted->front();
  }
  std::string Text(const std::string& sql) { return Answer("events", Relation(), sql); }
  // The lines of the statement over the data file as `name`, or its error.
  std::string Answer(const std::string& name, Relation relation, const std::string& sql) {
    relation.files = std::make_shared<const std::vector<LakeFile>>(1, data_);
    QueryRequest request;
    request.sql = sql;
    request.relations.push_back({{name}, std::make_shared<const Relation>(std::move(relation))});
    auto stream = instance_->Query(std::move(request));
    if (!stream) return stream.error().ToString();
    std::string out;
    while (true) {
      const auto more = (*stream)->Next(RowFormat::kCsv, &out, 1);
      if (!more) return more.error().ToString();
      if (!*more) break;
    }
    return out.substr(out.find('\n') + 1);
  }

  std::string folder_;
  StillClock clock_;
  std::unique_ptr<Instance> instance_;
  std::unique_ptr<DeleteFiles> deletes_;
  LakeFile data_;
};

// Its manifest may say fewer rows than a file has: then nobody knows what is gone.
TEST_F(DeleteFilesTest, RowsBeyondTheManifestsAreAnError) {
  for (const char* place : {"5000", "-1"}) {
    const DeleteFile file = Positions("beyond" + std::string(place),
                                      "(VALUES (" + std::string(place) + "::BIGINT)) v(p)");
    const auto deleted = deletes_->Of({{data_.native_path, data_.rows, {file}}});
    ASSERT_FALSE(deleted.has_value()) << place;
    EXPECT_EQ(deleted.error().code(), Code::kCorruption);
    EXPECT_NE(deleted.error().message().find("beyond the 5000"), std::string::npos);
  }
  // What was known of other rows of the same files is not taken for these.
  const DeleteFile last = Positions("last", "(VALUES (4999::BIGINT)) v(p)");
  EXPECT_TRUE(deletes_->Of({{data_.native_path, data_.rows, {last}}}).has_value());
  EXPECT_FALSE(deletes_->Of({{data_.native_path, 100, {last}}}).has_value());
  EXPECT_TRUE(deletes_->Of({{data_.native_path, data_.rows, {last}}}).has_value());
}

TEST_F(DeleteFilesTest, PositionsAreGoneFromEveryAnswer) {
  const DeleteFile first = Positions("p1", "(SELECT (i * 7)::BIGINT AS p FROM range(700) t(i))");
  const DeleteFile second = Positions("p2", "(VALUES (1::BIGINT), (7), (4999)) v(p)");
  Apply({first, second});
  ASSERT_NE(data_.deleted, nullptr);
  EXPECT_EQ(data_.deleted->count(), 702U);
  // With columns, without any, with filters, from footers alone.
  EXPECT_EQ(Text("SELECT count(*) FROM events"), "4298\r\n");
  EXPECT_EQ(Text("SELECT count(event_id), count(DISTINCT event_id) FROM events"), "4298,4298\r\n");
  EXPECT_EQ(Text("SELECT count(*) FROM events WHERE log_offset % 7 = 0"), "15\r\n");
  EXPECT_EQ(Text("SELECT max(log_offset), min(log_offset) FROM events"), "4998,2\r\n");
  EXPECT_EQ(Text("SELECT event_id FROM events WHERE event_id IN ('e7','e8','e4999')"), "e8\r\n");
  EXPECT_EQ(Text("SELECT event_id FROM events ORDER BY log_offset DESC LIMIT 2"),
            "e4998\r\ne4997\r\n");
  // Told once, known for ever: files never change.
  const std::vector<DeletesOfFile> again = {{folder_ + "/other.parquet", 10, {first}},
                                            {data_.native_path, data_.rows, {first, second}}};
  EXPECT_EQ(deletes_->Of(again)->front(), nullptr);
  EXPECT_EQ(deletes_->Of(again)->back(), data_.deleted);
}

TEST_F(DeleteFilesTest, PositionsOfAnotherFileAreNotOfThisOne) {
  Apply({Write("p", "SELECT '/elsewhere.parquet' AS file_path, 3::BIGINT AS pos", "")});
  EXPECT_EQ(data_.deleted, nullptr);
  EXPECT_EQ(Text("SELECT count(*) FROM events"), "5000\r\n");
}

TEST_F(DeleteFilesTest, PathsAreTheSameWithTheirScheme) {
  Apply(
      {Write("p", "SELECT 'file://" + data_.native_path + "' AS file_path, 3::BIGINT AS pos", "")});
  EXPECT_EQ(Text("SELECT count(*) FROM events WHERE event_id = 'e3'"), "0\r\n");
}

TEST_F(DeleteFilesTest, EqualitiesAreByFieldIdAndNullIsNull) {
  // Whatever the columns are called: 3 is user_id, 2 is event_type.
  Apply({Write("q", "SELECT 'u1' AS who, 'click' AS what UNION ALL SELECT NULL, 'view'",
               ", FIELD_IDS {who: 3, what: 2}", {3, 2})});
  EXPECT_EQ(Text("SELECT count(*) FROM events WHERE user_id = 'u1'"), "0\r\n");
  EXPECT_EQ(Text("SELECT count(*) FROM events WHERE user_id IS NULL AND event_type = 'view'"),
            "0\r\n");
  // 1 in 3 has no user, half of those are views; 1 in 10 is u1, 1 in 3 of those has no user.
  EXPECT_EQ(Text("SELECT count(*) FROM events"), "3832\r\n");
}

TEST_F(DeleteFilesTest, AColumnThatTheFileLacksIsNull) {
  Apply({Write("q", "SELECT 'x' AS later", ", FIELD_IDS {later: 99}", {99})});
  EXPECT_EQ(data_.deleted, nullptr);
  Apply({Write("n", "SELECT NULL::VARCHAR AS later", ", FIELD_IDS {later: 99}", {99})});
  EXPECT_EQ(Text("SELECT count(*) FROM events"), "0\r\n");
}

TEST_F(DeleteFilesTest, ADeleteFileThatCannotBeReadIsAnError) {
  const auto deleted = deletes_->Of({{data_.native_path, data_.rows, {{folder_ + "/gone", {}}}}});
  ASSERT_FALSE(deleted.has_value());
  EXPECT_EQ(deleted.error().code(), Code::kCorruption);
  EXPECT_NE(deleted.error().message().find("gone"), std::string::npos);
}

TEST_F(DeleteFilesTest, RowsOfADeletionVectorAreGone) {
  Apply({Vector("v.puffin", 4)});
  EXPECT_EQ(Text("SELECT count(*) FROM events"), "4995\r\n");
  EXPECT_EQ(Text("SELECT event_id FROM events WHERE log_offset < 6 ORDER BY 1"),
            "e0\r\ne2\r\ne4\r\n");
  // Two vectors of one file are two.
  DeleteFile elsewhere = Vector("v.puffin", 4);
  elsewhere.vector->offset = 0;
  const auto other = deletes_->Of({{data_.native_path, data_.rows, {elsewhere}}});
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code(), Code::kCorruption);
}

TEST_F(DeleteFilesTest, ADamagedVectorIsAnErrorThatNamesItsFile) {
  DeleteFile gone = Vector("gone.puffin", 0);
  ASSERT_EQ(std::remove(gone.native_path.c_str()), 0);
  DeleteFile other = Vector("other.puffin", 0);
  other.vector->rows = 4;
  DeleteFile large = Vector("large.puffin", 0);
  large.vector->bytes = 1ULL << 40;
  for (const DeleteFile& file : {Vector("short.puffin", 0, 1), gone, other, large}) {
    const auto deleted = deletes_->Of({{data_.native_path, data_.rows, {file}}});
    ASSERT_FALSE(deleted.has_value()) << file.native_path;
    EXPECT_EQ(deleted.error().code(), Code::kCorruption);
    const std::string name = file.native_path.substr(folder_.size() + 1);
    EXPECT_NE(deleted.error().message().find(name), std::string::npos) << name;
  }
}

// Of a default or of the partition: a null would be no answer.
TEST_F(DeleteFilesTest, EqualitiesByAColumnThatIsFilledInAreRefused) {
  const DeleteFile file =
      Write("q", "SELECT NULL::VARCHAR AS later", ", FIELD_IDS {later: 99}", {99});
  const auto deleted = deletes_->Of({{data_.native_path, data_.rows, {file}, {99}}});
  ASSERT_FALSE(deleted.has_value());
  EXPECT_EQ(deleted.error().code(), Code::kUnimplemented);
}

class PlainFilesTest : public DeleteFilesTest {
 protected:
  // A table of `id`, and of columns that its file lacks.
  std::string Plain(const std::string& sql) {
    Relation relation;
    relation.file_columns = {{"id", 1, "BIGINT", {}, {"id", "number"}},
                             {"day", 2, "DATE", {}, {}},
                             {"price", 3, "DECIMAL(9,2)", {}, {}},
                             {"note", 4, "VARCHAR", {}, {"note"}, "none"},
                             {"share", 5, "DOUBLE", {}, {"share"}}};
    return Answer("t", std::move(relation), sql);
  }
};

TEST_F(PlainFilesTest, WhatAFileLacksIsThePartitionsThenTheDefaultThenNull) {
  data_ = {};
  data_.native_path =
      Write("f", "SELECT i AS number FROM range(3) t(i)", "").native_path;  // By another name.
  data_.rows = 3;
  std::string day;
  PutFixed(&day, std::int32_t{19'000});
  data_.constants = std::make_shared<const std::vector<FileConstant>>(
      std::vector<FileConstant>{{2, day}, {3, std::string("\xFF\x85", 2)}});
  EXPECT_EQ(Plain("SELECT * FROM t WHERE id = 1"), "1,2022-01-08,-1.23,none,\r\n");
  EXPECT_EQ(Plain("SELECT count(*) FROM t WHERE day = '2022-01-08' AND price < 0"), "3\r\n");
  EXPECT_EQ(Plain("SELECT count(*) FROM t WHERE day > '2022-01-08' OR note IS NULL"), "0\r\n");
  EXPECT_EQ(Plain("SELECT min(day), max(note), count(share) FROM t"), "2022-01-08,none,0\r\n");
}

TEST_F(DeleteFilesTest, AFileWithoutFieldIdsIsReadByNames) {
  const DeleteFile file =
      Write("named", "SELECT 'x' AS event_id, 'add_files' AS event_type, now() AS timestamp", "");
  data_ = {};
  data_.native_path = file.native_path;
  data_.rows = 1;
  EXPECT_EQ(Text("SELECT event_id, event_type, user_id IS NULL FROM events"),
            "x,add_files,true\r\n");
}

}  // namespace
}  // namespace tidemark::engine
