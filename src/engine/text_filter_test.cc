// What a file's filters say of its texts, and that bytes of strangers say nothing wrong.

#include "engine/text_filter.h"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "engine/parquet.h"
#include "engine/test_rows.h"

namespace tidemark::engine {
namespace {

constexpr std::int32_t kEventId = 1;
constexpr std::int32_t kEventType = 2;
constexpr std::int32_t kUserId = 3;
constexpr std::int64_t kRows = 5'000;

class TextFilterTest : public ::testing::Test {
 protected:
  TextFilterTest() {
    std::string folder = ::testing::TempDir() + "tm_filter_XXXXXX";
    EXPECT_NE(::mkdtemp(folder.data()), nullptr);
    path_ = folder + "/a.parquet";
    std::vector<TestRow> rows(kRows);
    for (std::int64_t i = 0; i < kRows; ++i) {
      rows[static_cast<std::size_t>(i)] = {.event_id = Id(i), .user_id = User(i), .offset = i};
    }
    ParquetOptions options;
    options.row_group_rows = 2'048;
    EXPECT_TRUE(
        MakeParquetWriter(options)->Write(TestRows(rows), {}, DataCodec::kZstd, path_).has_value());
    std::ifstream file(path_, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
  }
  static std::string Id(std::int64_t row) { return "evt-" + std::to_string(row); }
  static std::string User(std::int64_t row) { return "user_" + std::to_string(row % 700); }
  TextFilter ReadOf(const std::string& bytes, std::int32_t field_id) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    return TextFilter::Read(path_, field_id);
  }
  std::string_view Footer() const {
    std::uint32_t size = 0;
    std::memcpy(&size, bytes_.data() + bytes_.size() - 8, sizeof size);
    return std::string_view(bytes_).substr(bytes_.size() - 8 - size, size);
  }

  std::string path_;
  std::string bytes_;
};

TEST_F(TextFilterTest, KnowsWhatIsThereAndNearlyAllThatIsNot) {
  const TextFilter ids = TextFilter::Read(path_, kEventId);
  const TextFilter users = TextFilter::Read(path_, kUserId);
  int taken_for_there = 0;
  for (std::int64_t i = 0; i < kRows; ++i) {
    ASSERT_TRUE(ids.MayHave(Id(i))) << i;
    ASSERT_TRUE(users.MayHave(User(i))) << i;
    taken_for_there += ids.MayHave(Id(i + kRows)) ? 1 : 0;
    taken_for_there += users.MayHave("nobody_" + std::to_string(i)) ? 1 : 0;
  }
  // One in a hundred of each of three row groups.
  EXPECT_LT(taken_for_there, 2 * kRows * 6 / 100);
  EXPECT_GE(ids.bytes(), static_cast<std::uint64_t>(kRows) * 10 / 8);
}

TEST_F(TextFilterTest, SaysNothingWhereThereIsNone) {
  EXPECT_TRUE(TextFilter::Read(path_, kEventType).MayHave("nothing"));  // A text of few values.
  EXPECT_TRUE(TextFilter::Read(path_, 6).MayHave("nothing"));           // No text.
  EXPECT_TRUE(TextFilter::Read(path_, 9'999).MayHave("nothing"));       // No column.
  EXPECT_TRUE(TextFilter::Read(path_ + ".none", kUserId).MayHave("nothing"));
  EXPECT_EQ(FilterPlacesOf(Footer(), kUserId).size(), 3U);  // One a row group.
  EXPECT_TRUE(FilterPlacesOf(Footer(), kEventType).empty());
}

TEST_F(TextFilterTest, SaysNothingOfAFileThatIsNotWhole) {
  for (std::size_t size = 0; size < bytes_.size(); size += 1'009) {
    EXPECT_TRUE(ReadOf(bytes_.substr(0, size), kUserId).MayHave("nothing")) << size;
  }
  // Footers that end early, with the length that they have.
  const std::string_view footer = Footer();
  for (std::size_t size = 0; size < footer.size(); ++size) {
    EXPECT_TRUE(FilterPlacesOf(footer.substr(0, size), kUserId).empty()) << size;
  }
}

// Any byte of the footer, and of what is before it, may be anything: nothing is read beyond it.
TEST_F(TextFilterTest, ReadsNoByteThatIsNotThere) {
  const auto damage = [](std::string bytes, std::size_t at) {
    bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(at % 255 + 1));
    return bytes;
  };
  const std::string footer(Footer());
  for (std::size_t at = 0; at < footer.size(); ++at) {
    EXPECT_LE(FilterPlacesOf(damage(footer, at), kUserId).size(), footer.size()) << at;
  }
  const std::size_t behind_values = bytes_.size() - 8 - footer.size() - 3'000;
  for (std::size_t at = behind_values; at < bytes_.size(); at += 61) {
    const TextFilter filter = ReadOf(damage(bytes_, at), kUserId);
    EXPECT_LE(filter.bytes(), bytes_.size()) << at;
    static_cast<void>(filter.MayHave("user_1"));
  }
}

}  // namespace
}  // namespace tidemark::engine
