// Metadata keeps what it does not know, refuses what it cannot mean, and its history never goes
// back or gets holes.
#include "lake/metadata.h"

#include <limits>

#include <gtest/gtest.h>

#include "base/json_reader.h"
#include "lake/known_parts.h"
#include "sim/expect.h"

namespace tidemark::lake {
namespace {

TableMetadata Events() {
  return MakeTableMetadata({.uuid = MakeUuidV4(1, 2),
                            .location_uri = "file:///w/default/events-1",
                            .log_id = "log",
                            .floor = LogOffset(0),
                            .now = TimeMicros(5'000'000)});
}

Snapshot SnapshotAt(const TableMetadata& metadata, std::int64_t id, TimeMicros now) {
  Snapshot snapshot;
  snapshot.id = SnapshotId(id);
  snapshot.parent = metadata.current_snapshot_id;
  snapshot.sequence_number = metadata.last_sequence_number + 1;
  snapshot.timestamp_ms = NextTimestamp(metadata, now);
  snapshot.manifest_list = "file:///w/list" + std::to_string(id);
  snapshot.summary = {{"operation", "append"}, {"text", "a \"quoted\" one"}};
  return snapshot;
}

TEST(MetadataTest, ANewManagedTableHasAllFieldsSpecsAndOrders) {
  const auto parsed = ParseMetadata(WriteMetadataFile(Events()));
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed->format_version, 2);
  EXPECT_EQ(parsed->last_column_id, 31);
  EXPECT_EQ(parsed->last_partition_id, 1002);
  EXPECT_EQ(parsed->FindSchema(0)->FindField(6)->type, "timestamptz");
  EXPECT_TRUE(parsed->FindSchema(0)->FindField(6)->required);
  EXPECT_EQ(parsed->FindSpec(2)->fields.at(0).transform, Transform::kMonth);
  EXPECT_EQ(parsed->Property(kPropertyManaged), "true");
  EXPECT_EQ(parsed->Property(kPropertyLogId), "log");
  EXPECT_EQ(*ParseOffsets(parsed->Property(kPropertyOffsets)), LogOffset(0));
  EXPECT_EQ(parsed->current(), nullptr);
  EXPECT_EQ(parsed->last_updated_ms, 5000);
}

TEST(MetadataTest, ATableNamesTheCodecOfItsDataFiles) {
  TableMetadata metadata = Events();
  EXPECT_EQ(metadata.Property(kPropertyDataCodec), "zstd");
  const auto codec = [&](const char* name) {
    metadata.properties[std::string(kPropertyDataCodec)] = name;
    return DataCodecOf(metadata);
  };
  EXPECT_EQ(codec("zstd"), engine::DataCodec::kZstd);
  EXPECT_EQ(codec("snappy"), engine::DataCodec::kSnappy);
  EXPECT_EQ(codec("SNAPPY"), engine::DataCodec::kSnappy);
  EXPECT_EQ(codec("uncompressed"), engine::DataCodec::kUncompressed);
  EXPECT_EQ(codec("None"), engine::DataCodec::kUncompressed);
  EXPECT_EQ(codec("gzip"), engine::DataCodec::kZstd);
  metadata.properties.erase(std::string(kPropertyDataCodec));
  EXPECT_EQ(DataCodecOf(metadata), engine::DataCodec::kZstd);
}

TEST(MetadataTest, WhatIsWrittenReadsBackToTheSameText) {
  TableMetadata metadata = Events();
  AddSnapshot(&metadata, SnapshotAt(metadata, 7, TimeMicros(9'000'000)));
  PushMetadataLog(&metadata, "file:///w/00000.metadata.json");
  const std::string text = WriteMetadataJson(metadata);
  const auto parsed = ParseMetadata(text);
  ASSERT_OK(parsed);
  EXPECT_EQ(WriteMetadataJson(*parsed), text);
  EXPECT_EQ(parsed->current()->Summary("text"), "a \"quoted\" one");
  EXPECT_EQ(parsed->refs.at("main").snapshot, SnapshotId(7));
}

TEST(MetadataTest, WhatIsKnownIsSharedAndChangesNothing) {
  TableMetadata metadata = Events();
  AddSnapshot(&metadata, SnapshotAt(metadata, 7, TimeMicros(9'000'000)));
  const std::string before = WriteMetadataJson(metadata);
  AddSnapshot(&metadata, SnapshotAt(metadata, 8, TimeMicros(10'000'000)));
  const std::string after = WriteMetadataJson(metadata);
  KnownParts known;
  const auto first = ParseMetadata(before, &known);
  const auto second = ParseMetadata(after, &known);
  ASSERT_OK(first);
  ASSERT_OK(second);
  EXPECT_EQ(WriteMetadataJson(*first), before);
  EXPECT_EQ(WriteMetadataJson(*second), after);
  EXPECT_EQ(second->snapshots.at(0), first->snapshots.at(0));
  EXPECT_EQ(second->schemas.at(0), first->schemas.at(0));
  EXPECT_EQ(second->current()->id, SnapshotId(8));

  // One byte of a snapshot is another one; of a repeated list the last counts; damage is seen.
  std::string other = after;
  other.replace(other.find("w/list7"), 7, "w/list9");
  EXPECT_EQ(ParseMetadata(other, &known)->snapshots.at(0)->manifest_list, "file:///w/list9");
  const std::string twice =
      R"({"snapshots":[{"snapshot-id":1},{"snapshot-id":2}],)" + after.substr(1);
  EXPECT_EQ(ParseMetadata(twice, &known)->snapshots.size(), 2U);
  const std::string none = after.substr(0, after.size() - 1) + ",\"snapshots\":[]}";
  EXPECT_EQ(ParseMetadata(none).has_value(), ParseMetadata(none, &known).has_value());
  for (const char* bad : {R"("snapshots":[{"a":1}])", R"("snapshots":[{"snapshot-id":x}])"}) {
    const std::string damaged = after.substr(0, after.size() - 1) + "," + bad + "}";
    EXPECT_CODE(ParseMetadata(damaged, &known), Code::kCorruption) << bad;
  }
}

TEST(MetadataTest, KnowsOnlySoMuch) {
  ByContent<int> known(10);
  known.Keep("12345", 1);
  const auto kept = known.Keep("1234", 2);
  EXPECT_NE(known.Find("12345"), nullptr);
  known.Keep("12", 3);
  EXPECT_EQ(known.Find("12345"), nullptr);
  EXPECT_EQ(*known.Find("12"), 3);
  EXPECT_EQ(*kept, 2);
}

TEST(MetadataTest, KeepsWhatItDoesNotKnow) {
  std::string text = WriteMetadataJson(Events());
  text.insert(1, R"("next-row-id":12,"from-the-future":{"a":[1,2.50]},)");
  const auto parsed = ParseMetadata(text);
  ASSERT_OK(parsed);
  const auto again = JsonValue::Parse(WriteMetadataJson(*parsed));
  ASSERT_OK(again);
  EXPECT_EQ(again->Find("from-the-future")->ToJson(), R"({"a":[1,2.50]})");
  EXPECT_EQ(again->Find("next-row-id")->Int(), 12);
}

TEST(MetadataTest, ReadsVersion1AndAMissingHeadInItsThreeSpellings) {
  const std::string text = R"({"format-version":1,"location":"s3://b/t/","last-updated-ms":1,
    "last-column-id":1,"schema":{"type":"struct","fields":[
    {"id":1,"name":"a","required":true,"type":{"type":"list","element-id":2,"element":"int",
    "element-required":false}}]},"partition-spec":[{"name":"a_bucket","transform":"bucket[4]",
    "source-id":1}],"current-snapshot-id":-1,"snapshots":[]})";
  const auto parsed = ParseMetadata(text);
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed->location, "s3://b/t");
  EXPECT_EQ(parsed->FindSpec(0)->fields.at(0).field_id, 1000);
  EXPECT_EQ(parsed->FindSpec(0)->fields.at(0).transform, Transform::kOther);
  EXPECT_FALSE(parsed->current_snapshot_id.has_value());
  std::string null = WriteMetadataJson(Events());
  null.insert(1, R"("current-snapshot-id":null,)");
  EXPECT_OK(ParseMetadata(null));
}

TEST(MetadataTest, RefusesWhatCannotBe) {
  EXPECT_CODE(ParseMetadata(""), Code::kCorruption);
  EXPECT_CODE(ParseMetadata("[]"), Code::kCorruption);
  EXPECT_CODE(ParseMetadata("{}"), Code::kCorruption);
  EXPECT_CODE(ParseMetadata(std::string_view("\x1f\x8bnot gzip", 10)), Code::kCorruption);
  const std::string file = WriteMetadataFile(Events());
  EXPECT_CODE(ParseMetadata(file.substr(0, file.size() / 2)), Code::kCorruption);
  for (const char* key : {"schemas", "partition-specs", "last-partition-id", "sort-orders"}) {
    std::string text = WriteMetadataJson(Events());
    text.insert(text.find("\"" + std::string(key) + "\"") + 1, "not-");
    EXPECT_CODE(ParseMetadata(text), Code::kCorruption) << key;
  }
  TableMetadata metadata = Events();
  metadata.current_snapshot_id = SnapshotId(9);
  EXPECT_CODE(ParseMetadata(WriteMetadataJson(metadata)), Code::kCorruption);
  metadata = Events();
  metadata.format_version = 4;
  EXPECT_CODE(ParseMetadata(WriteMetadataJson(metadata)), Code::kCorruption);
}

TEST(MetadataTest, TimeNeverGoesBackWhenTheClockDoes) {
  TableMetadata metadata = Events();
  AddSnapshot(&metadata, SnapshotAt(metadata, 1, TimeMicros(9'000'000)));
  AddSnapshot(&metadata, SnapshotAt(metadata, 2, TimeMicros(1'000'000)));
  EXPECT_EQ(metadata.last_updated_ms, 9000);
  EXPECT_EQ(metadata.snapshot_log.back().timestamp_ms, 9000);
}

TEST(MetadataTest, SnapshotsAreAContiguousWindowAndTagsAreKept) {
  TableMetadata metadata = Events();
  std::size_t dropped = 0;
  const auto count = static_cast<std::int64_t>(kSnapshotsMax) + 10;
  for (std::int64_t id = 1; id <= count; ++id) {
    if (id == 4) metadata.refs["tag"] = {SnapshotId(3), false, R"({"snapshot-id":3})"};
    dropped += AddSnapshot(&metadata, SnapshotAt(metadata, id, TimeMicros(id))).size();
  }
  EXPECT_EQ(dropped, 10U);
  EXPECT_EQ(metadata.snapshots.size(), kSnapshotsMax);
  EXPECT_NE(metadata.FindSnapshot(SnapshotId(3)), nullptr);
  EXPECT_EQ(metadata.FindSnapshot(SnapshotId(11)), nullptr);
  EXPECT_NE(metadata.FindSnapshot(SnapshotId(12)), nullptr);
  // The log has no holes: what came before a snapshot that is gone is gone too.
  EXPECT_EQ(metadata.snapshot_log.front().snapshot, SnapshotId(12));
  EXPECT_EQ(metadata.snapshot_log.back().snapshot, *metadata.current_snapshot_id);
}

TEST(MetadataTest, WhatMeansTwoThingsIsNotRead) {
  TableMetadata sound = Events();
  AddSnapshot(&sound, SnapshotAt(sound, 1, TimeMicros(1)));
  AddSnapshot(&sound, SnapshotAt(sound, 2, TimeMicros(2)));
  EXPECT_OK(CheckUnambiguous(sound));
  const auto check = [&](const auto& change) {
    TableMetadata metadata = sound;
    change(&metadata);
    return CheckUnambiguous(metadata);
  };
  const auto with = [&](const auto& change) {
    return [&change](TableMetadata* metadata) {
      Snapshot other = *metadata->snapshots.front();
      change(&other);
      metadata->snapshots.push_back(std::make_shared<const Snapshot>(std::move(other)));
    };
  };
  EXPECT_CODE(check(with([](Snapshot*) {})), Code::kCorruption);
  EXPECT_OK(check(with([](Snapshot* one) { one->id = SnapshotId(9); })));
  const auto late = [](Snapshot* one) {
    one->id = SnapshotId(9);
    one->timestamp_ms = std::numeric_limits<std::int64_t>::max();
  };
  EXPECT_CODE(check(with(late)), Code::kCorruption);
  const auto negative = [](Snapshot* one) {
    one->id = SnapshotId(9);
    one->sequence_number = -1;
  };
  EXPECT_CODE(check(with(negative)), Code::kCorruption);
  EXPECT_CODE(check([](auto* metadata) { metadata->refs["main"].snapshot = SnapshotId(1); }),
              Code::kCorruption);
  // The same schema twice is one; another of its id is another.
  EXPECT_OK(check([](auto* metadata) { metadata->schemas.push_back(metadata->schemas.front()); }));
  const auto other_schema = [](TableMetadata* metadata) {
    Schema schema = *metadata->schemas.front();
    schema.json = "{}";
    metadata->schemas.push_back(std::make_shared<const Schema>(std::move(schema)));
  };
  EXPECT_CODE(check(other_schema), Code::kCorruption);
}

TEST(MetadataTest, TheMetadataLogIsBoundedAndSaysWhatFellOut) {
  TableMetadata metadata = Events();
  for (std::size_t i = 0; i < kMetadataLogMax; ++i) {
    EXPECT_TRUE(PushMetadataLog(&metadata, "file" + std::to_string(i)).empty());
  }
  EXPECT_EQ(PushMetadataLog(&metadata, "last"), std::vector<std::string>{"file0"});
  EXPECT_EQ(metadata.metadata_log.size(), kMetadataLogMax);
}

TEST(MetadataTest, OffsetsReadBackAndNothingElseDoes) {
  EXPECT_EQ(OffsetsJson(LogOffset(151111)), R"({"v":1,"p":{"0":151111}})");
  EXPECT_EQ(*ParseOffsets(OffsetsJson(LogOffset(151111))), LogOffset(151111));
  for (const char* bad : {"", "{}", R"({"v":2,"p":{"0":1}})", R"({"v":1,"p":{"0":1,"1":2}})",
                          R"({"v":1,"p":{"0":-1}})", R"({"v":1,"p":{"0":"1"}})"}) {
    EXPECT_CODE(ParseOffsets(bad), Code::kCorruption) << bad;
  }
}

}  // namespace
}  // namespace tidemark::lake
