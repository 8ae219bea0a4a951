// Rows that are made come back as they were, nulls included, whatever chunk they fall into.
#include "query/memory_rows.h"

#include <gtest/gtest.h>

#include "engine/instance.h"

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

class StoppedClock final : public env::Clock {
 public:
  Duration Now() const override { return {}; }
  TimeMicros WallNow() const override { return TimeMicros(0); }
};

// A column's bits are as many as its rows: of the words behind them, which a chunk could have, the
// engine reads none. AddressSanitizer looks.
TEST(MemoryRows, TheEngineReadsNoBitsBehindTheLastRow) {
  StoppedClock clock;
  auto instance = engine::Instance::Open({256_MiB, 1, ""}, &clock);
  ASSERT_TRUE(instance.has_value()) << instance.error().ToString();
  for (const std::int64_t count : {1, 3, 64, 65, 2'100}) {
    const auto schema = MakeColumns({{"text", Type::kString}, {"number", Type::kInt64}});
    const auto rows = std::make_shared<MemoryRows>(schema);
    for (std::int64_t i = 0; i < count; ++i) {
      i % 2 == 0 ? rows->Null() : rows->Text("odd");
      i % 2 == 0 ? rows->Int(i) : rows->Null();
    }
    auto relation = std::make_shared<engine::Relation>();
    relation->schema = schema;
    relation->hot.push_back(rows);
    engine::QueryRequest request;
    request.sql = "SELECT count(*) AS n, count(text) AS t, count(number) AS i FROM made";
    request.relations.push_back({{"made"}, std::move(relation)});
    auto stream = (*instance)->Query(std::move(request));
    ASSERT_TRUE(stream.has_value()) << stream.error().ToString();
    std::string out;
    while (*(*stream)->Next(engine::RowFormat::kNdjson, &out, 1)) {
    }
    EXPECT_EQ(out, "{\"n\":" + std::to_string(count) + ",\"t\":" + std::to_string(count / 2) +
                       ",\"i\":" + std::to_string((count + 1) / 2) + "}\n");
  }
}

}  // namespace
}  // namespace tidemark::query
