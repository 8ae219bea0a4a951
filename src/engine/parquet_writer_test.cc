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

std::string BytesOf(DataFileWriter* writer, std::int64_t begin, std::int64_t end,
                    const std::string& path, std::size_t kept_wanted) {
  static const event::KeptPaths kKept{
      40, {{{"n"}, event::Type::kInt64, 41, "n"}, {{"s"}, event::Type::kString, 42, "s"}}};
  const auto written =
      writer->Write(TestRows(NumberedRows(begin, end)), kKept, DataCodec::kZstd, path);
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
    const TestRows lost(NumberedRows(0, 5'000));
    EXPECT_FALSE(many->Write(lost, {}, DataCodec::kZstd, folder + "/none/b.parquet").has_value());
  }
}

}  // namespace
}  // namespace tidemark::engine
