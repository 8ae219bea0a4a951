// A batch that names a promotion says the same as before, and which one.

#include "event/batch.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tidemark::event {
namespace {

std::string Encode(const RequestKey* key) {
  BatchBuilder builder("shop", TimeMicros(77));
  if (key != nullptr) builder.SetKey(*key);
  for (const char* id : {"a", "b", "c"}) {
    EventView view;
    view.SetText(Column::kEventId, id);
    view.SetText(Column::kEventType, "t");
    view.timestamp = TimeMicros(5);
    view.present |= Bit(Column::kTimestamp);
    builder.Add(view);
  }
  return std::move(builder).Finish();
}

std::vector<std::string> Ids(BatchReader* reader) {
  std::vector<std::string> ids;
  EventView view;
  for (auto more = reader->Next(&view); more && *more; more = reader->Next(&view)) {
    ids.emplace_back(view.Text(Column::kEventId));
  }
  return ids;
}

TEST(BatchPromotion, IsNoneUntilItIsSetAndLeavesTheRestAsItWas) {
  const RequestKey key{.name = "k", .epoch = 1, .sequence = 2, .body = 3};
  for (const RequestKey* with : {static_cast<const RequestKey*>(nullptr), &key}) {
    std::string batch = Encode(with);
    EXPECT_EQ(BatchReader::Open(batch).value().promotion(), 0U);
    const std::size_t size = batch.size();
    SetBatchPromotion(&batch, 7);
    EXPECT_EQ(batch.size(), size + kPromotionBytes);
    SetBatchPromotion(&batch, 9);  // Written over.
    EXPECT_EQ(batch.size(), size + kPromotionBytes);
    ClampBatchReceivedAt(&batch, [](TimeMicros) { return TimeMicros(78); });
    auto reader = BatchReader::Open(batch).value();
    EXPECT_EQ(reader.promotion(), 9U);
    EXPECT_EQ(reader.project(), "shop");
    EXPECT_EQ(reader.received_at(), TimeMicros(78));
    EXPECT_EQ(reader.count(), 3U);
    ASSERT_EQ(reader.key() != nullptr, with != nullptr);
    EXPECT_EQ(with != nullptr ? reader.key()->name : "k", "k");
    EXPECT_EQ(Ids(&reader), (std::vector<std::string>{"a", "b", "c"}));
    // Events may still be taken out of it.
    const std::string fewer = WithoutEvents(batch, {true, false, true}).value();
    auto left = BatchReader::Open(fewer).value();
    EXPECT_EQ(left.promotion(), 9U);
    EXPECT_EQ(Ids(&left), std::vector<std::string>{"b"});
  }
}

TEST(BatchPromotion, OneThatNamesNoneOrIsCutShortIsCorrupt) {
  std::string batch = Encode(nullptr);
  SetBatchPromotion(&batch, 1);
  std::string none = batch;
  none.replace(1 + sizeof(std::int64_t), kPromotionBytes, kPromotionBytes, '\0');
  EXPECT_FALSE(BatchReader::Open(none));
  EXPECT_FALSE(BatchReader::Open(batch.substr(0, 11)));
}

}  // namespace
}  // namespace tidemark::event
