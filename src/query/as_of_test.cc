// A past is named in many ways and means one snapshot; what is not there is refused with what is.
#include "query/as_of.h"

#include <gtest/gtest.h>

namespace tidemark::query {
namespace {

using Kind = AsOf::Kind;

std::shared_ptr<const lake::Snapshot> Snapshot(std::int64_t id, std::int64_t parent,
                                               std::string operation) {
  auto snapshot = std::make_shared<lake::Snapshot>();
  snapshot->id = SnapshotId(id);
  if (parent != 0) snapshot->parent = SnapshotId(parent);
  snapshot->sequence_number = id;
  snapshot->timestamp_ms = id * 1'000;
  snapshot->summary["operation"] = std::move(operation);
  if (id % 2 == 0) {
    snapshot->summary[std::string(lake::kSummaryOffsets)] = lake::OffsetsJson(LogOffset(id * 10));
  }
  return snapshot;
}

// 2, 3 and 4 in a row, 5 beside them; main is 4, since second 4.
lake::TableMetadata Table() {
  lake::TableMetadata table;
  table.snapshots = {Snapshot(2, 0, "append"), Snapshot(3, 2, "delete"), Snapshot(4, 3, "append"),
                     Snapshot(5, 2, "append")};
  for (const std::int64_t id : {2, 3, 4})
    table.snapshot_log.push_back({SnapshotId(id), id * 1'000});
  table.refs["main"].snapshot = SnapshotId(4);
  table.refs["v1"].snapshot = SnapshotId(2);
  table.current_snapshot_id = SnapshotId(4);
  return table;
}

std::int64_t Find(const AsOf& as_of) {
  const lake::TableMetadata table = Table();
  const auto found = FindSnapshot(table, "t", as_of);
  return found ? (*found)->id.value : 0;
}

TEST(AsOf, IsReadFromWhatAskersWrite) {
  EXPECT_EQ(ReadAsOf("3")->snapshot, SnapshotId(3));
  EXPECT_EQ(ReadAsOf("v1")->ref, "v1");
  EXPECT_EQ(ReadAsOf("1970-01-01T00:00:03Z")->time, TimeMicros(3'000'000));
  const auto receipt = ReadAsOf("log-1.0.5.9");
  ASSERT_TRUE(receipt.has_value());
  EXPECT_EQ(receipt->kind, Kind::kOffset);
  EXPECT_EQ(receipt->end, LogOffset(9));
  const auto cut =
      ReadAsOf(R"({"snapshot_id":4,"offsets":{"0":7},"settled":{"0":7},"log_id":"log-1"})");
  ASSERT_TRUE(cut.has_value());
  EXPECT_EQ(cut->end, LogOffset(7));
  EXPECT_EQ(cut->snapshot, SnapshotId(4));
  EXPECT_EQ(ReadAsOf(R"({"snapshot_id":null,"offsets":{"0":7},"log_id":"l"})")->snapshot,
            SnapshotId(0));
  EXPECT_EQ(ReadAsOf(R"({"tag":"3"})")->ref, "3");
  for (const char* wrong :
       {"{}", R"({"offsets":{}})", R"({"timestamp":"never"})", "{", R"({"a":1})",
        R"({"offsets":{"0":-1},"log_id":"l"})", R"({"receipt":"x"})"}) {
    EXPECT_FALSE(ReadAsOf(wrong).has_value()) << wrong;
  }
  using Unit = engine::AsOf::Unit;
  EXPECT_EQ(ReadAsOf(engine::AsOf{Unit::kVersion, std::string("7")})->snapshot, SnapshotId(7));
  EXPECT_EQ(ReadAsOf(engine::AsOf{Unit::kTimestamp, TimeMicros(5)})->time, TimeMicros(5));
  EXPECT_EQ(ReadAsOf(engine::AsOf{Unit::kTimestamp, std::string("1970-01-02")})->kind, Kind::kTime);
  EXPECT_FALSE(ReadAsOf(engine::AsOf{Unit::kVersion, 1.5}).has_value());
  EXPECT_FALSE(ReadAsOf(engine::AsOf{Unit::kTimestamp, std::string("v1")}).has_value());
}

TEST(AsOf, IsOneSnapshot) {
  EXPECT_EQ(Find(*ReadAsOf("5")), 5);
  EXPECT_EQ(Find(*ReadAsOf("v1")), 2);
  EXPECT_EQ(Find({.kind = Kind::kTime, .time = TimeMicros(3'999'999)}), 3);
  EXPECT_EQ(Find({.kind = Kind::kTime, .time = TimeMicros(3'000'000)}), 3);
  EXPECT_EQ(Find({.kind = Kind::kTime, .time = kTimeMax}), 4);
  const lake::TableMetadata table = Table();
  for (const AsOf& none : {*ReadAsOf("9"), *ReadAsOf("v2"),
                           AsOf{.kind = Kind::kTime, .time = TimeMicros(1'999'999)}}) {
    const auto found = FindSnapshot(table, "t", none);
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().code(), Code::kNotFound);
    EXPECT_NE(found.error().message().find("keeps 4, from 2 of 1970"), std::string::npos)
        << found.error().message();
    EXPECT_NE(found.error().message().find("v1"), std::string::npos);
  }
}

TEST(AsOf, ATimeIsTheLastEntryThatIsNotLater) {
  lake::TableMetadata table = Table();
  // The clock of whoever made 4 current was behind.
  table.snapshot_log.back().timestamp_ms = 2'500;
  const auto at = [&](std::int64_t ms) {
    const auto found =
        FindSnapshot(table, "t", {.kind = Kind::kTime, .time = TimeMicros(ms * 1'000)});
    return found ? (*found)->id.value : 0;
  };
  EXPECT_EQ(at(2'400), 2);
  EXPECT_EQ(at(2'500), 4);
  EXPECT_EQ(at(9'000), 4);
}

TEST(AsOf, SaysOfWhatIsGoneThatItIs) {
  lake::TableMetadata table = Table();
  table.refs["old"] = {SnapshotId(77), false, ""};
  table.snapshot_log.push_back({SnapshotId(78), 8'000});
  const auto says = [&](const AsOf& as_of) {
    return FindSnapshot(table, "t", as_of).error().message();
  };
  EXPECT_NE(says(*ReadAsOf("old")).find("a tag \"old\" of snapshot 77, which is gone"),
            std::string::npos);
  const AsOf late{.kind = Kind::kTime, .time = TimeMicros(9'000'000)};
  EXPECT_NE(says(late).find("snapshot 78"), std::string::npos) << says(late);
}

TEST(AsOf, FollowsALineThatIsNone) {
  lake::TableMetadata table = Table();
  const auto at = [&](std::int64_t id) { return table.FindSnapshot(SnapshotId(id)); };
  const auto why = [&](std::int64_t from, std::int64_t to) {
    return SnapshotsBetween(table, at(from), *at(to)).error().message();
  };
  EXPECT_NE(why(4, 2).find("the other way round"), std::string::npos);
  EXPECT_EQ(why(5, 4), "snapshot 5 is no ancestor of snapshot 4");
  // 3 has expired: what lies behind it is not known.
  std::erase_if(table.snapshots, [](const auto& one) { return one->id == SnapshotId(3); });
  EXPECT_NE(why(2, 4).find("snapshot 3, which the line goes through, is not kept"),
            std::string::npos);
  EXPECT_EQ(LineOf(table, *at(4)), (std::set<SnapshotId>{SnapshotId(4)}));
  const auto beginning = SnapshotsBetween(table, nullptr, *at(4));
  ASSERT_FALSE(beginning.has_value());
  EXPECT_NE(beginning.error().message().find("the oldest on the line is 4"), std::string::npos);
  // Parents in a circle, and one that is its own.
  table.snapshots = {Snapshot(2, 4, "append"), Snapshot(3, 2, "append"), Snapshot(4, 3, "append"),
                     Snapshot(5, 5, "append")};
  EXPECT_EQ(LineOf(table, *at(4)).size(), 3U);
  EXPECT_EQ(LineOf(table, *at(5)).size(), 1U);
  EXPECT_EQ(SnapshotsBetween(table, at(2), *at(4))->size(), 2U);
  EXPECT_EQ(why(5, 4), "snapshot 5 is no ancestor of snapshot 4");
}

TEST(AsOf, KnowsWhatLiesBetween) {
  const lake::TableMetadata table = Table();
  const auto at = [&](std::int64_t id) { return table.FindSnapshot(SnapshotId(id)); };
  EXPECT_EQ(OffsetOf(table, *at(4)), LogOffset(40));
  EXPECT_EQ(OffsetOf(table, *at(3)), LogOffset(20));  // It moved none.
  const auto between = SnapshotsBetween(table, at(2), *at(4));
  ASSERT_TRUE(between.has_value());
  ASSERT_EQ(between->size(), 2U);
  EXPECT_EQ((*between)[0]->id, SnapshotId(3));
  EXPECT_EQ(SnapshotsBetween(table, at(4), *at(4))->size(), 0U);
  EXPECT_EQ(SnapshotsBetween(table, nullptr, *at(4))->size(), between->size() + 1);
  EXPECT_FALSE(SnapshotsBetween(table, at(4), *at(2)).has_value());
  EXPECT_FALSE(SnapshotsBetween(table, at(5), *at(4)).has_value());
  EXPECT_EQ(RemovalsSince(table, SnapshotId(0)).size(), 1U);
  EXPECT_EQ(RemovalsSince(table, SnapshotId(2)).size(), 1U);
  EXPECT_EQ(RemovalsSince(table, SnapshotId(3)).size(), 0U);
  // 6 goes on at 60, though 4 before it ended at 40: main was rolled back.
  lake::TableMetadata rolled = table;
  auto next = std::make_shared<lake::Snapshot>(*Snapshot(6, 4, "append"));
  next->summary[std::string(lake::kSummaryBegin)] = lake::OffsetsJson(LogOffset(60));
  rolled.snapshots.push_back(std::move(next));
  EXPECT_EQ(RemovalsSince(rolled, SnapshotId(3)).size(), 1U);
}

}  // namespace
}  // namespace tidemark::query
