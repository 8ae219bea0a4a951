// What commits of others may change of a table that the server feeds, rule by rule.
#include "iceberg/guardian.h"

#include <vector>

#include <gtest/gtest.h>

#include "lake/metadata.h"

namespace tidemark::iceberg {
namespace {

constexpr std::int64_t kNowMs = 1'800'000'000'000;

JsonValue JsonOf(std::string_view text) {
  auto json = JsonValue::Parse(text);
  EXPECT_TRUE(json.has_value()) << text;
  return json ? *json : JsonValue();
}

std::string Snapshot(std::int64_t id, std::int64_t sequence, std::int64_t parent,
                     std::string_view summary = R"("operation":"append")",
                     std::int64_t time = kNowMs) {
  return R"({"action":"add-snapshot","snapshot":{"snapshot-id":)" + std::to_string(id) +
         (parent > 0 ? R"(,"parent-snapshot-id":)" + std::to_string(parent) : "") +
         R"(,"sequence-number":)" + std::to_string(sequence) + R"(,"timestamp-ms":)" +
         std::to_string(time) + R"(,"manifest-list":"file:///w/m.avro","summary":{)" +
         std::string(summary) + "}}}";
}
std::string SetRef(std::int64_t id, std::string_view name = "main") {
  return R"({"action":"set-snapshot-ref","type":"branch","ref-name":")" + std::string(name) +
         R"(","snapshot-id":)" + std::to_string(id) + "}";
}
std::string SetProperty(std::string_view key, std::string_view value) {
  return R"({"action":"set-properties","updates":{")" + std::string(key) + R"(":")" +
         std::string(value) + R"("}})";
}

class GuardianTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto metadata = lake::MakeTableMetadata({.uuid = MakeUuidV4(1, 2),
                                                   .location_uri = "file:///w/default/events-1",
                                                   .log_id = "log",
                                                   .floor = LogOffset(0),
                                                   .now = TimeMicros(0)});
    auto table = TableDocument::Parse(lake::WriteMetadataJson(metadata));
    ASSERT_TRUE(table.has_value());
    table_ = *std::move(table);
    // A flush, and one on top of it.
    Take({Snapshot(1, 1, 0, R"("operation":"append","tidemark.offsets":"a")"), SetRef(1)});
    Take({Snapshot(2, 2, 1, R"("operation":"append","tidemark.offsets":"b")"), SetRef(2)});
  }
  void Take(const std::vector<std::string>& updates) {
    TableDocument next = *table_;
    for (const std::string& update : updates) {
      const Done applied = next.Apply(JsonOf(update), kNowMs);
      ASSERT_TRUE(applied.has_value()) << applied.error().message;
    }
    ASSERT_TRUE(next.Finish(kNowMs).has_value());
    auto again = TableDocument::Parse(next.ToJson());
    ASSERT_TRUE(again.has_value());
    table_ = *std::move(again);
  }
  // "forward", "rollback", "none" or the status and the message of the refusal.
  std::string Try(const std::vector<std::string>& updates) const {
    TableDocument next = *table_;
    for (const std::string& update : updates) {
      if (const Done done = next.Apply(JsonOf(update), kNowMs); !done) return done.error().message;
    }
    if (const Done done = next.Finish(kNowMs); !done) return done.error().message;
    const auto move = CheckManaged(*table_, next, kNowMs);
    if (!move) return std::to_string(move.error().status) + " " + move.error().message;
    return *move == HeadMove::kNone ? "none" : *move == HeadMove::kForward ? "forward" : "rollback";
  }
  // A commit of the current schema with its fields changed.
  std::vector<std::string> WithFields(const std::function<void(std::vector<JsonValue>*)>& change,
                                      std::int64_t last_column_id = 0) const {
    JsonValue schema = *std::as_const(*table_).CurrentSchema();
    change(&schema.Find("fields")->items());
    JsonValue update = JsonValue::Object();
    update.Set("action", "add-schema").Set("schema", std::move(schema));
    update.Set("last-column-id", last_column_id);
    return {update.ToJson(), R"({"action":"set-current-schema","schema-id":-1})"};
  }
  std::string TryField(std::string_view field) const {
    return Try(WithFields([&](auto* fields) { fields->push_back(JsonOf(field)); }));
  }
  static bool Says(const std::string& answer, std::string_view start, std::string_view part) {
    return answer.starts_with(start) && answer.find(part) != std::string::npos;
  }
#define EXPECT_SAYS(answer, start, part) EXPECT_PRED3(Says, answer, start, part)

  std::optional<TableDocument> table_;
};

TEST_F(GuardianTest, G7OffsetsAreTheServersToTell) {
  EXPECT_EQ(Try({Snapshot(3, 3, 2), SetRef(3)}), "forward");
  // Copied from the parent, as some clients do.
  EXPECT_EQ(Try({Snapshot(3, 3, 2, R"("operation":"append","tidemark.offsets":"b")"), SetRef(3)}),
            "forward");
  EXPECT_SAYS(Try({Snapshot(3, 3, 2, R"("operation":"append","tidemark.offsets":"c")")}), "403 G7",
              "tidemark.offsets");
  EXPECT_SAYS(Try({Snapshot(3, 3, 2, R"("operation":"append","tidemark.kind":"flush")")}), "403 G7",
              "leave it out");
}

TEST_F(GuardianTest, G2AClockThatIsFarAheadIsRefused) {
  EXPECT_SAYS(Try({Snapshot(3, 3, 2, R"("operation":"append")", kNowMs + 86'400'000)}), "400 G2",
              "clock");
}

TEST_F(GuardianTest, G2NumbersFollowThoseThatWereGivenOut) {
  EXPECT_EQ(Try({Snapshot(3, 3, 2), Snapshot(4, 4, 3), SetRef(4)}), "forward");
  EXPECT_SAYS(Try({Snapshot(3, 4, 2), SetRef(3)}), "400 G2", "the next sequence number is 3");
  EXPECT_SAYS(Try({Snapshot(3, 3, 2), Snapshot(4, 9'223'372'036'854'775'807, 3)}), "400 G2",
              "is 4");
  Take({SetProperty("tidemark.format-upgrade", "allow"),
        R"({"action":"upgrade-format-version","format-version":3})"});
  const auto with_rows = [](std::int64_t first, std::int64_t rows) {
    std::string update = Snapshot(3, 3, 2);
    update.insert(update.find("\"summary\""), "\"first-row-id\":" + std::to_string(first) +
                                                  ",\"added-rows\":" + std::to_string(rows) + ",");
    return update;
  };
  EXPECT_EQ(Try({with_rows(0, 10), SetRef(3)}), "forward");
  EXPECT_SAYS(Try({with_rows(1'000'000'000'000, 10), SetRef(3)}), "400 G2", "next row id is 0");
}

TEST_F(GuardianTest, G10ColumnsOfOthersHaveNoDefaults) {
  Take({SetProperty("tidemark.format-upgrade", "allow"),
        R"({"action":"upgrade-format-version","format-version":3})"});
  for (const char* key : {"initial-default", "write-default"}) {
    const std::string name = key;
    EXPECT_SAYS(
        TryField(R"({"id":40,"name":"note","required":false,"type":"int",")" + name + R"(":5})"),
        "400 G10", key);
    EXPECT_SAYS(TryField(R"({"id":40,"name":"note","required":false,"type":{"type":"struct",)"
                         R"("fields":[{"id":41,"name":"x","required":false,"type":"int",")" +
                         name + R"(":5}]}})"),
                "400 G10", "note.x");
  }
  EXPECT_EQ(TryField(R"({"id":40,"name":"note","required":false,"type":"int"})"), "none");
}

TEST_F(GuardianTest, G8MainMovesOnTopOfItsHeadOrBack) {
  EXPECT_EQ(Try({Snapshot(3, 3, 2), Snapshot(4, 4, 3), SetRef(4)}), "forward");
  EXPECT_EQ(Try({SetRef(1)}), "rollback");
  EXPECT_SAYS(Try({Snapshot(3, 3, 1), SetRef(3)}), "409 G8", "load the table");
  EXPECT_SAYS(Try({R"({"action":"remove-snapshot-ref","ref-name":"main"})"}), "403 G8",
              "cannot be removed");
  // Staged, or on a branch: nothing moves.
  EXPECT_EQ(Try({Snapshot(3, 3, 1)}), "none");
  EXPECT_EQ(Try({Snapshot(3, 3, 1), SetRef(3, "audit")}), "none");
}

TEST_F(GuardianTest, G8ABranchIsPublishedOnlyIfMainHasNotMoved) {
  Take({Snapshot(3, 3, 2), SetRef(3, "audit")});
  EXPECT_EQ(Try({SetRef(3)}), "forward");
  Take({Snapshot(4, 4, 2), SetRef(4)});  // A flush comes in between.
  EXPECT_SAYS(Try({SetRef(3)}), "400 G8", "none of these");
}

TEST_F(GuardianTest, G9IdentityAndPlaceStay) {
  EXPECT_EQ(Try({SetProperty("owner", "me")}), "none");
  EXPECT_EQ(Try({SetProperty("tidemark.snapshots-max", "50")}), "none");
  for (const char* key : {"tidemark.managed", "tidemark.log-id", "tidemark.ingest.offsets",
                          "tidemark.ingest.floor", "gc.enabled", "write.metadata.path"}) {
    EXPECT_SAYS(Try({SetProperty(key, "x")}), "403 G9", key);
  }
  EXPECT_SAYS(Try({R"({"action":"remove-properties","removals":["tidemark.ingest.offsets"]})"}),
              "403 G9", "tidemark.ingest.offsets");
  EXPECT_SAYS(Try({R"({"action":"set-location","location":"file:///w/other"})"}), "403 G9",
              "location");
}

TEST_F(GuardianTest, G10EventsKeepTheirColumns) {
  EXPECT_EQ(TryField(R"({"id":40,"name":"note","required":false,"type":"string"})"), "none");
  EXPECT_SAYS(TryField(R"({"id":40,"name":"note","required":true,"type":"string"})"), "400 G10",
              "optional");
  EXPECT_SAYS(TryField(R"({"id":40,"name":"EVENT_ID","required":false,"type":"string"})"),
              "400 G10", "case");
  EXPECT_SAYS(TryField(R"({"id":40,"name":"kept","required":false,"type":"string"})"), "400 G10",
              "kept");
  EXPECT_SAYS(Try(WithFields([](auto* fields) { fields->erase(fields->begin()); })), "400 G10",
              "event_id is fed by the server and cannot be dropped");
  EXPECT_SAYS(Try(WithFields([](auto* fields) { (*fields)[2].Set("name", "uid"); })), "400 G10",
              "user_id is fed by the server");
  EXPECT_SAYS(Try(WithFields([](auto* fields) { (*fields)[29].Set("type", "long"); })), "400 G10",
              "log_partition");
  EXPECT_SAYS(
      Try(WithFields([](auto* fields) { (*fields)[5].Set("required", JsonValue::Flag(false)); })),
      "400 G10", "timestamp");
  // Their order is free.
  EXPECT_EQ(Try(WithFields([](auto* fields) { std::swap((*fields)[2], (*fields)[3]); })), "none");
}

TEST_F(GuardianTest, G10ColumnsOfOthersComeAndGo) {
  Take(WithFields([](auto* fields) {
    fields->push_back(JsonOf(R"({"id":40,"name":"note","required":false,"type":"int"})"));
  }));
  EXPECT_EQ(Try(WithFields([](auto* fields) { fields->back().Set("name", "remark"); })), "none");
  EXPECT_EQ(Try(WithFields([](auto* fields) { fields->back().Set("type", "long"); })), "none");
  EXPECT_EQ(Try(WithFields([](auto* fields) { fields->pop_back(); })), "none");
  // An id that was given away is not given again.
  EXPECT_SAYS(TryField(R"({"id":39,"name":"other","required":false,"type":"int"})"), "409 G10",
              "field id 39");
}

TEST_F(GuardianTest, G6WhatFilesWereWrittenWithStays) {
  EXPECT_SAYS(Try({R"({"action":"remove-partition-specs","spec-ids":[2]})"}), "400 G6", "spec 2");
  Take(WithFields([](auto* fields) {
    fields->push_back(JsonOf(R"({"id":40,"name":"note","required":false,"type":"int"})"));
  }));
  EXPECT_SAYS(Try({R"({"action":"remove-schemas","schema-ids":[0]})"}), "400 G6", "schema 0");
}

TEST_F(GuardianTest, G10TheDefaultSpecHasATime) {
  const auto spec = [](std::string_view field) {
    return std::vector<std::string>{
        R"({"action":"add-spec","spec":{"fields":[)" + std::string(field) + "]}}",
        R"({"action":"set-default-spec","spec-id":-1})"};
  };
  EXPECT_EQ(Try(spec(R"({"source-id":6,"name":"y","transform":"year"})")), "none");
  EXPECT_SAYS(Try(spec(R"({"source-id":2,"name":"t","transform":"identity"})")), "400 G10",
              "default partition spec");
}

TEST_F(GuardianTest, G11TheFormatVersionStays) {
  EXPECT_SAYS(Try({R"({"action":"upgrade-format-version","format-version":3})"}), "400 G11", "v2");
  EXPECT_SAYS(Try({SetProperty("format-version", "3")}), "400 G11", "v2");
  EXPECT_NE(Try({R"({"action":"upgrade-format-version","format-version":1})"}), "none");
}

TEST_F(GuardianTest, G11AnUpgradeNeedsTheTablesConsent) {
  Take({SetProperty("tidemark.format-upgrade", "allow")});
  EXPECT_EQ(Try({R"({"action":"upgrade-format-version","format-version":3})"}), "none");
  EXPECT_NE(Try({R"({"action":"upgrade-format-version","format-version":1})"}), "none");
}

TEST_F(GuardianTest, G4HistoryGoesButNotWhatIsNamed) {
  Take({Snapshot(3, 3, 2), SetRef(3)});
  EXPECT_EQ(Try({R"({"action":"remove-snapshots","snapshot-ids":[1,2]})"}), "none");
  EXPECT_NE(Try({R"({"action":"remove-snapshots","snapshot-ids":[3]})"}), "none");
}

}  // namespace
}  // namespace tidemark::iceberg
