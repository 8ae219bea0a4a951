// Rows that are made come back as they were, nulls included, whatever chunk they fall into.
#include "query/memory_rows.h"

#include <gtest/gtest.h>

namespace tidemark::query {
namespace {

using event::kChunkRows;
using event::Type;

TEST(MemoryRows, GivesBackWhatItWasGiven) {
  MemoryRows rows(MakeColumns({{"text", Type::kString},
                               {"number", Type::kInt64},
                               {"time", Type::kTimestamp},
                               {"flag", Type::kBool}}));
  constexpr std::int64_t kRows = 2 * kChunkRows + 100;
  for (std::int64_t i = 0; i < kRows; ++i) {
    i % 3 == 0 ? rows.Null() : rows.Text("a text that is not inlined " + std::to_string(i));
    i % 5 == 0 ? rows.Null() : rows.Int(i);
    rows.Time(i % 7 == 0 ? std::nullopt : std::optional(TimeMicros(-i)));
    i % 11 == 0 ? rows.Null() : rows.Flag(i % 2 == 0);
  }
  ASSERT_EQ(rows.row_count(), static_cast<std::uint64_t>(kRows));
  ASSERT_EQ(rows.chunk_count(), 3U);
  EXPECT_EQ(rows.ChunkRows(2), 100U);
  const auto scratch = std::make_unique<event::ColumnScratch>();
  std::int64_t i = 0;
  for (std::size_t chunk = 0; chunk < rows.chunk_count(); ++chunk) {
    const auto text = rows.Read(chunk, std::size_t{0}, scratch.get());
    const auto number = rows.Read(chunk, std::size_t{1}, scratch.get());
    const auto time = rows.Read(chunk, std::size_t{2}, scratch.get());
    const auto flag = rows.Read(chunk, std::size_t{3}, scratch.get());
    for (std::size_t row = 0; row < rows.ChunkRows(chunk); ++row, ++i) {
      ASSERT_EQ(text.IsValid(row), i % 3 != 0) << i;
      ASSERT_EQ(number.IsValid(row), i % 5 != 0) << i;
      ASSERT_EQ(time.IsValid(row), i % 7 != 0) << i;
      ASSERT_EQ(flag.IsValid(row), i % 11 != 0) << i;
      if (i % 3 != 0) {
        ASSERT_EQ(text.strings[row].view(), "a text that is not inlined " + std::to_string(i));
      }
      if (i % 5 != 0) {
        ASSERT_EQ(static_cast<const std::int64_t*>(number.fixed)[row], i);
      }
      if (i % 7 != 0) {
        ASSERT_EQ(static_cast<const std::int64_t*>(time.fixed)[row], -i);
      }
      if (i % 11 != 0) {
        ASSERT_EQ(static_cast<const bool*>(flag.fixed)[row], i % 2 == 0);
      }
    }
  }
}

}  // namespace
}  // namespace tidemark::query
