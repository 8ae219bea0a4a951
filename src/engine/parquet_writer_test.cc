// A writer's buffers serve one file after the other, and no file shows what was before it.

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/instance.h"
#include "engine/parquet.h"
#include "engine/test_rows.h"

namespace tidemark::engine {
namespace {

// With a whole number that no int64 gives back in row 250.
std::vector<TestRow> RowsOf(std::int64_t begin, std::int64_t end) {
  std::vector<TestRow> rows;
  for (std::int64_t i = begin; i < end; ++i) {
    TestRow row;
    row.event_id = std::to_string(i);
    row.event_type = i % 3 == 0 ? "buy" : "view";
    row.user_id = "u" + std::to_string(i * 7919 % 9'000);
    row.time = i;
    row.offset = i;
    const std::string n = i == 250 ? "12345678901234567890" : std::to_string(i);
    row.properties =
        "{\"n\":" + n + ",\"s\":\"" + std::string(static_cast<std::size_t>(i % 40), 's') + "\"}";
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string BytesOf(DataFileWriter* writer, std::int64_t begin, std::int64_t end,
                    const std::string& path, std::size_t kept_wanted) {
  static const event::KeptPaths kKept{
      40, {{{"n"}, event::Type::kInt64, 41, "n"}, {{"s"}, event::Type::kString, 42, "s"}}};
  const auto written = writer->Write(TestRows(RowsOf(begin, end)), kKept, DataCodec::kZstd, path);
  EXPECT_TRUE(written.has_value()) << written.error().ToString();
  EXPECT_EQ(written->kept.size(), kept_wanted);
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ParquetWriterTest, WritesAFileAsIfItWereTheFirst) {
  std::string folder = ::testing::TempDir() + "tm_writer_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/a.parquet";
  ParquetOptions options;
  options.row_group_rows = 4'096;
  const auto many = MakeParquetWriter(options);
  // A path that is given up in the first file, a file that could not be written, a large one.
  struct {
    std::int64_t begin, end;
    std::size_t kept;
  } const files[] = {{0, 300, 1}, {300, 310, 2}, {1'000, 31'000, 2}, {0, 251, 1}, {7, 9, 2}};
  for (const auto& file : files) {
    const auto one = MakeParquetWriter(options);
    const std::string wanted = BytesOf(one.get(), file.begin, file.end, path, file.kept);
    EXPECT_GT(wanted.size(), 500U);
    EXPECT_TRUE(BytesOf(many.get(), file.begin, file.end, path, file.kept) == wanted);
    const TestRows lost(RowsOf(0, 5'000));
    EXPECT_FALSE(many->Write(lost, {}, DataCodec::kZstd, folder + "/none/b.parquet").has_value());
  }
}

class FixedClock final : public env::Clock {
 public:
  Duration Now() const override { return {}; }
  TimeMicros WallNow() const override { return TimeMicros(0); }
};

// Sixteen hexadecimal digits, never twice the same.
std::string Digits(std::int64_t number) {
  std::string text;
  for (auto rest = static_cast<std::uint64_t>(number) * 0x9E3779B97F4A7C15ULL; text.size() < 16;
       rest = (rest ^ rest >> 31) * 0xBF58476D1CE4E5B9ULL) {
    text.push_back("0123456789abcdef"[rest >> 60]);
  }
  return text;
}

// Texts that no codec shrinks: of a column without a dictionary, and of two that leave theirs.
std::vector<TestRow> RowsOfDigits(std::int64_t count) {
  std::vector<TestRow> rows = RowsOf(0, count);
  for (TestRow& row : rows) {
    row.event_id = Digits(row.offset);
    row.user_id = Digits(row.offset + count);
    row.properties =
        "{\"trace\":\"" + Digits(row.offset + 2 * count) + "\",\"words\":\"a a a a a a\"}";
  }
  return rows;
}

// Ten values as a page has them if it is not compressed.
template <class Of>
std::string PlainRun(const std::vector<TestRow>& rows, std::size_t from, const Of& of) {
  std::string run;
  for (std::size_t i = from; i < from + 10; ++i) {
    const std::string text = of(rows[i]);
    run.append({static_cast<char>(text.size()), 0, 0, 0}).append(text);
  }
  return run;
}

// Files of `rows` in a folder of their own, and what the engine answers from one.
class WrittenRows {
 public:
  explicit WrittenRows(std::vector<TestRow> rows) : rows_(std::move(rows)) {
    std::string pattern = ::testing::TempDir() + "tm_writer_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    auto opened = Instance::Open({}, &clock_);
    if (!opened) ADD_FAILURE() << opened.error().ToString();
    instance_ = std::move(opened).value();
    auto schema = std::make_shared<event::TableSchema>(*event::EventsSchema());
    schema->kept = {40, {{{"trace"}, event::Type::kString, 41, "trace"}}};
    schema_ = std::move(schema);
  }

  const std::vector<TestRow>& rows() const { return rows_; }
  std::string Write(DataCodec codec, ParquetOptions options = {}) {
    const auto written =
        MakeParquetWriter(std::move(options))->Write(TestRows(rows_), schema_->kept, codec, path());
    EXPECT_TRUE(written.has_value());
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // Of the file that was written last, or of the rows themselves.
  std::string Ask(bool settled, const std::string& sql) {
    auto relation = std::make_shared<Relation>();
    relation->schema = schema_;
    if (settled) {
      LakeFile one;
      one.native_path = path();
      one.added = std::make_shared<const std::vector<std::int32_t>>(1, 41);
      relation->files = std::make_shared<const std::vector<LakeFile>>(1, one);
    } else {
      relation->hot.push_back(std::make_shared<const TestRows>(rows_));
    }
    QueryRequest request;
    request.sql = sql;
    request.relations.push_back({{"events", "iceberg.events"}, std::move(relation)});
    auto stream = instance_->Query(std::move(request));
    if (!stream) return stream.error().ToString();
    std::string out;
    while (*(*stream)->Next(RowFormat::kNdjson, &out, 1)) {
    }
    return out;
  }
  // Whether the file has the values of all rows.
  void ExpectSameAnswers() {
    const std::string sql =
        "SELECT count(*), md5(string_agg(concat_ws('|', event_id, coalesce(user_id, 'none'), "
        "event_type, coalesce(country, 'none'), coalesce(value::varchar, 'none'), "
        "coalesce(properties, 'none'), coalesce(properties->>'$.trace', 'none')), ',' "
        "ORDER BY log_offset)) FROM events";
    EXPECT_NE(Ask(true, sql).find(std::to_string(rows_.size())), std::string::npos);
    EXPECT_EQ(Ask(true, sql), Ask(false, sql));
  }

 private:
  std::string path() const { return folder_ + "/a.parquet"; }

  FixedClock clock_;
  std::vector<TestRow> rows_;
  std::string folder_;
  std::unique_ptr<Instance> instance_;
  std::shared_ptr<const event::TableSchema> schema_;
};

TEST(ParquetWriterTest, CompressesOnlyWhatShrinks) {
  WrittenRows written(RowsOfDigits(9'000));
  const std::string file = written.Write(DataCodec::kSnappy);
  const std::size_t last = 8'900;  // In the last page of each column.
  const auto has = [&](const auto& of) {
    return file.find(PlainRun(written.rows(), last, of)) != std::string::npos;
  };
  EXPECT_TRUE(has([](const TestRow& row) { return row.event_id; }));
  EXPECT_TRUE(has([](const TestRow& row) { return *row.user_id; }));
  EXPECT_TRUE(has([](const TestRow& row) { return row.properties->substr(10, 16); }));
  EXPECT_FALSE(has([](const TestRow& row) { return *row.properties; }));
  written.ExpectSameAnswers();
}

TEST(ParquetWriterTest, WritesEachCodecThatATableMayName) {
  WrittenRows written(RowsOfDigits(9'000));
  const std::string plain = written.Write(DataCodec::kUncompressed);
  EXPECT_NE(plain.find(PlainRun(written.rows(), 8'900, [](auto& row) { return *row.properties; })),
            std::string::npos);
  written.ExpectSameAnswers();
  const std::string snappy = written.Write(DataCodec::kSnappy);
  written.ExpectSameAnswers();
  // Digits have four bits in eight.
  const std::string zstd = written.Write(DataCodec::kZstd);
  written.ExpectSameAnswers();
  EXPECT_LT(snappy.size(), plain.size() * 9 / 10);
  EXPECT_LT(zstd.size(), snappy.size() * 7 / 10);
}

TEST(ParquetWriterTest, StartsNoZstdForAFewRows) {
  WrittenRows written(RowsOfDigits(20));
  const std::string snappy = written.Write(DataCodec::kSnappy);
  EXPECT_TRUE(written.Write(DataCodec::kZstd) == snappy);
  written.ExpectSameAnswers();
}

// Rows lie by their types: a column may have its first value after many pages of nulls.
TEST(ParquetWriterTest, ChoosesTheCodecByPagesThatHaveValues) {
  std::vector<TestRow> rows = RowsOfDigits(60'000);
  for (std::size_t i = 0; i < 45'000; ++i) rows[i].user_id.reset();
  WrittenRows written(std::move(rows));
  const std::string zstd = written.Write(DataCodec::kZstd);
  written.ExpectSameAnswers();
  const std::string without = [&] {
    std::vector<TestRow> none = written.rows();
    for (TestRow& row : none) row.user_id.reset();
    return WrittenRows(std::move(none)).Write(DataCodec::kZstd);
  }();
  // 15,000 texts of 20 bytes, as pages have them.
  EXPECT_LT(zstd.size() - without.size(), 15'000U * 20 * 6 / 10);
}

}  // namespace
}  // namespace tidemark::engine
