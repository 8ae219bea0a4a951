// What a writer compresses and numbers, and that the engine reads all of it.

#include <bit>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/instance.h"
#include "engine/parquet.h"
#include "engine/test_rows.h"

namespace tidemark::engine {
namespace {

class StoppedClock final : public env::Clock {
 public:
  Duration Now() const override { return {}; }
  TimeMicros WallNow() const override { return TimeMicros(0); }
};

// Sixteen hexadecimal digits, never twice the same.
std::string HexDigits(std::int64_t number) {
  std::string text;
  for (auto rest = static_cast<std::uint64_t>(number) * 0x9E3779B97F4A7C15ULL; text.size() < 16;
       rest = (rest ^ rest >> 31) * 0xBF58476D1CE4E5B9ULL) {
    text.push_back("0123456789abcdef"[rest >> 60]);
  }
  return text;
}

// Texts that no codec shrinks: of a column without a dictionary, and of two that leave theirs.
std::vector<TestRow> RowsOfDigits(std::int64_t count) {
  std::vector<TestRow> rows = NumberedRows(0, count);
  for (TestRow& row : rows) {
    row.event_id = HexDigits(row.offset);
    row.user_id = HexDigits(row.offset + count);
    row.properties =
        "{\"trace\":\"" + HexDigits(row.offset + 2 * count) + "\",\"words\":\"a a a a a a\"}";
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

  std::vector<TestRow>& rows() { return rows_; }
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
  // The bits of `value` as the file has them.
  std::vector<std::uint64_t> ReadValues() {
    std::vector<std::uint64_t> bits;
    const auto read = MakeParquetReader(instance_.get())
                          ->Read(path(), event::EventsSchema(), [&](const event::RowSource& rows) {
                            event::ColumnScratch scratch;
                            const auto view = rows.Read(0, event::Column::kValue, &scratch);
                            const auto* values = static_cast<const std::uint64_t*>(view.fixed);
                            bits.insert(bits.end(), values, values + rows.row_count());
                            return Status();
                          });
    EXPECT_TRUE(read.has_value());
    return bits;
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

  StoppedClock clock_;
  std::vector<TestRow> rows_;
  std::string folder_;
  std::unique_ptr<Instance> instance_;
  std::shared_ptr<const event::TableSchema> schema_;
};

TEST(ParquetCodecTest, CompressesOnlyWhatShrinks) {
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

TEST(ParquetCodecTest, WritesEachCodecThatATableMayName) {
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

TEST(ParquetCodecTest, StartsNoZstdForAFewRows) {
  WrittenRows written(RowsOfDigits(20));
  const std::string snappy = written.Write(DataCodec::kSnappy);
  EXPECT_TRUE(written.Write(DataCodec::kZstd) == snappy);
  written.ExpectSameAnswers();
}

// Rows lie by their types: a column may have its first value after many pages of nulls.
TEST(ParquetCodecTest, ChoosesTheCodecByPagesThatHaveValues) {
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

// Rows that have nothing but an id that is the same for all, and what `fill` gives them.
template <class Fill>
std::vector<TestRow> FilledRows(std::size_t count, const Fill& fill) {
  std::vector<TestRow> rows(count);
  for (std::size_t i = 0; i < count; ++i) {
    rows[i].offset = static_cast<std::int64_t>(i);
    fill(i, &rows[i]);
  }
  return rows;
}

// Bytes that `fill`'s values have in a file without compression, beside those of nulls.
template <class Fill>
std::size_t BytesOfValues(std::size_t count, const Fill& fill) {
  WrittenRows written(FilledRows(count, fill));
  const std::size_t bytes = written.Write(DataCodec::kUncompressed).size();
  written.ExpectSameAnswers();
  return bytes -
         WrittenRows(FilledRows(count, [](auto, auto) {})).Write(DataCodec::kUncompressed).size();
}

constexpr std::size_t kPagesBytes = 1'000;  // Headers, levels and bounds of a column's pages.

TEST(ParquetCodecTest, NumbersTextsThatRepeat) {
  const auto few = [](std::size_t i, TestRow* row) {
    row->user_id = HexDigits(std::int64_t(i % 50));
  };
  EXPECT_LT(BytesOfValues(30'000, few), 50U * 20 + 30'000 * 6 / 8 + kPagesBytes);
  const auto one = [](std::size_t, TestRow* row) { row->user_id = "always"; };
  EXPECT_LT(BytesOfValues(30'000, one), kPagesBytes);
  const auto huge = [](std::size_t i, TestRow* row) {
    row->user_id = std::string(300'000, i % 2 == 0 ? 'a' : 'b');
  };
  EXPECT_LT(BytesOfValues(8, huge), 2U * 300'004 + kPagesBytes);
}

TEST(ParquetCodecTest, NumbersDoublesThatRepeat) {
  const auto drawn = [](std::int64_t of) {
    return [of](std::size_t i, TestRow* row) {
      row->value = static_cast<double>((i * 7'919) % static_cast<std::size_t>(of)) / 100;
    };
  };
  EXPECT_LT(BytesOfValues(60'000, drawn(10'000)), 10'000U * 8 + 60'000 * 14 / 8 + kPagesBytes);
  EXPECT_LT(BytesOfValues(60'000, drawn(1)), kPagesBytes);
  EXPECT_LT(BytesOfValues(60'000, drawn(1'000'003)), 60'000U * 8 + kPagesBytes);
  // In the first pages few, then too many: what follows is written out.
  const auto later = [](std::size_t i, TestRow* row) {
    row->value = static_cast<double>(i < 25'000 ? i % 7 : i) / 8;
  };
  EXPECT_LT(BytesOfValues(80'000, later), 55'000U * 8 + 16'384U * 8 + 60'000 + kPagesBytes);
}

// Beside each limit: entries, and rows of a page.
TEST(ParquetCodecTest, KeepsValuesOfDictionariesThatAreLeft) {
  for (const std::size_t distinct : {2'999U, 3'001U, 16'384U, 18'433U}) {
    WrittenRows written(FilledRows(41'000, [&](std::size_t i, TestRow* row) {
      const auto number = static_cast<std::int64_t>(i % distinct);
      if (i % 11 != 0) row->user_id = HexDigits(number);
      if (i % 13 != 0) row->value = static_cast<double>(number) / 7;
    }));
    for (const DataCodec codec : {DataCodec::kUncompressed, DataCodec::kZstd}) {
      written.Write(codec);
      written.ExpectSameAnswers();
    }
    // Bounds let readers leave the file out.
    const std::string one = "SELECT count(*) FROM events WHERE user_id = '" + HexDigits(1) +
                            "' OR value = " + std::to_string(1.0 / 7);
    EXPECT_EQ(written.Ask(true, one), written.Ask(false, one));
  }
}

// Filters of dictionaries, of texts that are written out, of both and of two row groups: what they
// leave out has not got the value.
TEST(ParquetCodecTest, FiltersLeaveOutNoValueThatIsThere) {
  constexpr std::int64_t kRows = 24'000;
  WrittenRows written(FilledRows(kRows, [](std::size_t i, TestRow* row) {
    const auto number = static_cast<std::int64_t>(i);
    row->event_id = HexDigits(number);
    row->user_id = HexDigits(number % (i < 12'000 ? 500 : 20'000));
  }));
  ParquetOptions options;
  options.row_group_rows = 12'288;
  written.Write(DataCodec::kZstd, options);
  for (std::int64_t number = 0; number < kRows; number += 1'201) {
    for (const auto& [column, value] : std::initializer_list<std::pair<const char*, std::string>>{
             {"event_id", HexDigits(number)},
             {"user_id", HexDigits(number % 20'000)},
             {"event_id", HexDigits(number + 9 * kRows)}}) {
      const std::string one = std::string("SELECT count(*), min(log_offset) FROM events WHERE ") +
                              column + " = '" + value + "'";
      ASSERT_EQ(written.Ask(true, one), written.Ask(false, one)) << one;
    }
  }
}

// Its filters are kept from one statement to the next, and not for another file of its name.
TEST(ParquetCodecTest, AsksTheFiltersOfAFileThatReplacesAnother) {
  const std::string one = "SELECT count(*) FROM events WHERE event_id = '" + HexDigits(5'000) + "'";
  WrittenRows written(FilledRows(
      9'000, [](std::size_t i, TestRow* row) { row->event_id = HexDigits(2 * std::int64_t(i)); }));
  written.Write(DataCodec::kZstd);
  EXPECT_EQ(written.Ask(true, one), written.Ask(false, one));
  written.rows().erase(written.rows().begin() + 2'500);
  written.Write(DataCodec::kZstd);
  EXPECT_EQ(written.Ask(true, one), written.Ask(false, one));
  written.rows().back().event_id = HexDigits(5'000);
  written.Write(DataCodec::kZstd);
  EXPECT_EQ(written.Ask(true, one), written.Ask(false, one));
}

TEST(ParquetCodecTest, KeepsTheBitsOfDoubles) {
  const std::uint64_t bits[] = {0,
                                0x8000000000000000,   // -0.0
                                0x7FF8000000000000,   // NaN
                                0xFFF8000000000001,   // another
                                0x7FF0000000000000,   // infinity
                                0x0000000000000001};  // the least
  WrittenRows written(FilledRows(5'000, [&](std::size_t i, TestRow* row) {
    row->value = std::bit_cast<double>(bits[i * 7 % 6]);
  }));
  written.Write(DataCodec::kZstd);
  const auto found = written.ReadValues();
  ASSERT_EQ(found.size(), 5'000U);
  for (std::size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], bits[i * 7 % 6]) << i;
  EXPECT_EQ(written.Ask(true, "SELECT count(*) FROM events WHERE value = 0"),
            written.Ask(false, "SELECT count(*) FROM events WHERE value = 0"));
}

}  // namespace
}  // namespace tidemark::engine
