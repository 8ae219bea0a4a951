// A writer's buffers serve one file after the other, and no file shows what was before it.

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace tidemark::engine
