// Records of the quarantine: every column in the slot of its place, bytes that are no text encoded,
// and a table that shares its first columns with the events table.

#include "event/quarantine.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace tidemark::event {
namespace {

std::string TextAt(const EventView& view, QuarantineColumn column) {
  return view.Has(SlotOf(column)) ? std::string(view.Text(SlotOf(column))) : "(null)";
}

EventView Encoded(const QuarantineRecord& record, std::string* bytes) {
  BatchBuilder builder("shop", TimeMicros(5));
  AddRecord(record, &builder);
  *bytes = std::move(builder).Finish();
  auto reader = BatchReader::Open(*bytes);
  EventView view;
  EXPECT_TRUE(reader.has_value() && reader->Next(&view).value_or(false));
  return view;
}

TEST(Quarantine, ARecordComesBackFromTheLog) {
  std::string bytes;
  const EventView view = Encoded({.quarantine_id = "q",
                                  .event_type = "order",
                                  .timestamp = TimeMicros(9),
                                  .reason = "schema",
                                  .raw = "{}",
                                  .schema = "order/1"},
                                 &bytes);
  EXPECT_EQ(view.timestamp, TimeMicros(9));
  EXPECT_EQ(TextAt(view, QuarantineColumn::kQuarantineId), "q");
  EXPECT_EQ(TextAt(view, QuarantineColumn::kRecord), "item");
  EXPECT_EQ(TextAt(view, QuarantineColumn::kEventId), "");
  EXPECT_EQ(TextAt(view, QuarantineColumn::kEventType), "order");
  EXPECT_EQ(TextAt(view, QuarantineColumn::kUserId), "(null)");
  EXPECT_EQ(TextAt(view, QuarantineColumn::kReason), "schema");
  EXPECT_EQ(TextAt(view, QuarantineColumn::kRaw), "{}");
  EXPECT_EQ(TextAt(view, QuarantineColumn::kRawEncoding), "utf-8");
  EXPECT_EQ(TextAt(view, QuarantineColumn::kSchema), "order/1");
}

TEST(Quarantine, BytesThatAreNoTextAreEncoded) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view raw : {"\xff{"sv, "a\0b"sv, "\xed\xa0\x80"sv}) {
    std::string bytes;
    const EventView view = Encoded({.quarantine_id = "q", .raw = raw}, &bytes);
    EXPECT_EQ(TextAt(view, QuarantineColumn::kRawEncoding), "base64");
    EXPECT_EQ(FromBase64(TextAt(view, QuarantineColumn::kRaw)).value_or(""), raw);
  }
}

TEST(Quarantine, SharesItsFirstColumnsWithTheEvents) {
  const TableSchema& schema = *QuarantineSchema();
  ASSERT_EQ(schema.columns.size(), kQuarantineColumnCount);
  std::int32_t last = 0;
  for (const TableColumn& column : schema.columns) {
    EXPECT_GT(column.field_id, last);
    last = column.field_id;
    const auto shared = FindColumn(column.name);
    EXPECT_EQ(shared.has_value(), column.field_id <= kColumns.back().field_id) << column.name;
    if (!shared) continue;
    EXPECT_EQ(Info(*shared).field_id, column.field_id);
  }
  EXPECT_EQ(schema.columns[schema.log_offset].name, "log_offset");
  EXPECT_FALSE(schema.properties.has_value());
}

}  // namespace
}  // namespace tidemark::event
