// What a commit may assume and change. The messages are what clients look for.
#include "iceberg/table_document.h"

#include <gtest/gtest.h>

#include "sim/expect.h"

namespace tidemark::iceberg {
namespace {

JsonValue Json(std::string_view text) {
  auto json = JsonValue::Parse(text);
  EXPECT_TRUE(json.has_value()) << text;
  return json ? *json : JsonValue();
}

constexpr std::string_view kSchema = R"({"type":"struct","schema-id":7,"fields":[
  {"id":10,"name":"id","required":true,"type":"long"},
  {"id":11,"name":"at","required":false,"type":"timestamptz"},
  {"id":12,"name":"where","required":false,"type":{"type":"struct","fields":[
    {"id":14,"name":"city","required":false,"type":"string"}]}},
  {"id":13,"name":"tags","required":false,"type":{"type":"list","element-id":15,
    "element":"string","element-required":false}}]})";

TableDocument Table(std::string_view properties = "{}") {
  NewTable table;
  table.uuid = MakeUuidV4(1, 2);
  table.location = "file:///w/t";
  table.schema = Json(kSchema);
  table.spec = Json(R"({"fields":[{"source-id":11,"name":"at_day","transform":"day"}]})");
  table.properties = Json(properties);
  table.now_ms = 1'000;
  auto made = TableDocument::Create(table);
  EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().message);
  return *std::move(made);
}

std::string Message(const Done& done) { return done ? "ok" : done.error().message; }
std::string Apply(TableDocument* table, std::string_view update, std::int64_t now = 2'000) {
  return Message(table->Apply(Json(update), now));
}
std::string Check(const TableDocument& table, std::string_view requirement) {
  return Message(table.Check(Json(requirement)));
}

std::string Snapshot(std::int64_t id, std::int64_t sequence, std::int64_t parent, std::int64_t ms) {
  return R"({"action":"add-snapshot","snapshot":{"snapshot-id":)" + std::to_string(id) +
         (parent > 0 ? R"(,"parent-snapshot-id":)" + std::to_string(parent) : "") +
         R"(,"sequence-number":)" + std::to_string(sequence) + R"(,"timestamp-ms":)" +
         std::to_string(ms) +
         R"(,"manifest-list":"file:///w/t/m.avro","summary":{"operation":"append"}}})";
}
std::string SetMain(std::int64_t id) {
  return R"({"action":"set-snapshot-ref","ref-name":"main","type":"branch","snapshot-id":)" +
         std::to_string(id) + "}";
}
void Append(TableDocument* table, std::int64_t id, std::int64_t sequence, std::int64_t parent,
            std::int64_t ms) {
  EXPECT_EQ("ok", Apply(table, Snapshot(id, sequence, parent, ms)));
  EXPECT_EQ("ok", Apply(table, SetMain(id)));
  EXPECT_EQ("ok", Message(table->Finish(ms)));
}
// The next commit begins from what the last one wrote.
TableDocument Again(const TableDocument& table) {
  auto parsed = TableDocument::Parse(table.ToFile());
  EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().message);
  return *std::move(parsed);
}
std::string Log(const TableDocument& table) {
  std::string ids;
  for (const JsonValue& entry : table.json().Find("snapshot-log")->items()) {
    ids += entry.Find("snapshot-id")->text() + " ";
  }
  return ids;
}

TEST(TableDocumentTest, CreateGivesIdsAnew) {
  const TableDocument table = Table(R"({"format-version":"2","a":"b"})");
  EXPECT_EQ(table.format_version(), 2);
  EXPECT_EQ(table.Property("format-version"), "");
  EXPECT_EQ(table.Property("a"), "b");
  EXPECT_EQ(*table.json().IntAt("last-column-id"), 6);
  EXPECT_EQ(*table.json().IntAt("last-partition-id"), 1'000);
  // The fields of the top first, then what is in them.
  const JsonValue& schema = table.json().Find("schemas")->items().front();
  EXPECT_EQ(*schema.IntAt("schema-id"), 0);
  const auto& fields = schema.Find("fields")->items();
  EXPECT_EQ(*fields[3].IntAt("id"), 4);
  EXPECT_EQ(*fields[2].Find("type")->Find("fields")->items()[0].IntAt("id"), 5);
  EXPECT_EQ(*fields[3].Find("type")->IntAt("element-id"), 6);
  const JsonValue& spec = table.json().Find("partition-specs")->items().front();
  EXPECT_EQ(*spec.Find("fields")->items()[0].IntAt("source-id"), 2);
  EXPECT_EQ(*spec.Find("fields")->items()[0].IntAt("field-id"), 1'000);
}

TEST(TableDocumentTest, CreateRefusesWhatTheFormatDoesNotHave) {
  NewTable table;
  table.schema = Json(R"({"type":"struct","fields":[
    {"id":1,"name":"v","required":false,"type":"variant"}]})");
  const auto v2 = TableDocument::Create(table);
  ASSERT_FALSE(v2.has_value());
  EXPECT_EQ(v2.error().message,
            "Invalid schema for v2:\n- Invalid type for v: variant is not supported until v3");
  table.properties = Json(R"({"format-version":"3"})");
  EXPECT_TRUE(TableDocument::Create(table).has_value());
  table.properties = Json(R"({"format-version":"9"})");
  EXPECT_FALSE(TableDocument::Create(table).has_value());
}

TEST(TableDocumentTest, RequirementsSayWhatChanged) {
  TableDocument table = Table();
  Append(&table, 77, 1, 0, 2'000);
  EXPECT_EQ("Requirement failed: table already exists",
            Check(table, R"({"type":"assert-create"})"));
  EXPECT_EQ("ok", Check(table, R"({"type":"assert-table-uuid","uuid":")" +
                                   table.uuid()->ToString() + "\"}"));
  EXPECT_TRUE(
      Check(table, R"({"type":"assert-table-uuid","uuid":"00000000-0000-4000-8000-000000000000"})")
          .starts_with("Requirement failed: UUID does not match: expected "));
  EXPECT_EQ("ok",
            Check(table, R"({"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":77})"));
  EXPECT_EQ("Requirement failed: branch main has changed: expected id 5 != 77",
            Check(table, R"({"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":5})"));
  EXPECT_EQ("Requirement failed: branch main was created concurrently",
            Check(table, R"({"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":null})"));
  EXPECT_EQ("Requirement failed: branch or tag x is missing, expected 5",
            Check(table, R"({"type":"assert-ref-snapshot-id","ref":"x","snapshot-id":5})"));
  EXPECT_EQ("ok",
            Check(table, R"({"type":"assert-ref-snapshot-id","ref":"x","snapshot-id":null})"));
  EXPECT_EQ("Requirement failed: last assigned field id changed: expected id 3 != 6",
            Check(table, R"({"type":"assert-last-assigned-field-id","last-assigned-field-id":3})"));
  EXPECT_EQ("Requirement failed: current schema changed: expected id 1 != 0",
            Check(table, R"({"type":"assert-current-schema-id","current-schema-id":1})"));
  EXPECT_EQ("Requirement failed: last assigned partition id changed: expected id 999 != 1000",
            Check(table, R"({"type":"assert-last-assigned-partition-id",
                            "last-assigned-partition-id":999})"));
  EXPECT_EQ("Requirement failed: default partition spec changed: expected id 2 != 0",
            Check(table, R"({"type":"assert-default-spec-id","default-spec-id":2})"));
  EXPECT_EQ("ok",
            Check(table, R"({"type":"assert-default-sort-order-id","default-sort-order-id":0})"));
  EXPECT_EQ("Unknown requirement: assert-x", Check(table, R"({"type":"assert-x"})"));
}

TEST(TableDocumentTest, SchemasAreReusedAndKeepTheMeaningOfIds) {
  TableDocument table = Table();
  const std::string added = R"json({"action":"add-schema","schema":{"type":"struct","fields":[
    {"id":1,"name":"id","required":true,"type":"long"},
    {"id":7,"name":"more","required":false,"type":"decimal(9,2)"}]}})json";
  EXPECT_EQ("ok", Apply(&table, added));
  EXPECT_EQ("ok", Apply(&table, R"({"action":"set-current-schema","schema-id":-1})"));
  EXPECT_EQ("ok", Message(table.Finish(2'000)));
  EXPECT_EQ(*table.json().IntAt("current-schema-id"), 1);
  EXPECT_EQ(*table.json().IntAt("last-column-id"), 7);
  EXPECT_EQ(table.json().Find("schemas")->items().size(), 2U);

  TableDocument same = Again(table);
  EXPECT_EQ("ok", Apply(&same, added));
  EXPECT_EQ("ok", Apply(&same, R"({"action":"set-current-schema","schema-id":-1})"));
  EXPECT_EQ("ok", Message(same.Finish(3'000)));
  EXPECT_FALSE(same.changed());

  EXPECT_TRUE(Apply(&same, R"({"action":"add-schema","schema":{"type":"struct","fields":[
    {"id":1,"name":"id","required":true,"type":"string"}]}})")
                  .starts_with("Cannot change column type: id: long -> string"));
  EXPECT_EQ("Invalid schema: multiple fields for name a",
            Apply(&same, R"({"action":"add-schema","schema":{"type":"struct","fields":[
    {"id":8,"name":"a","type":"int"},{"id":9,"name":"a","type":"int"}]}})"));
  EXPECT_EQ("Cannot parse type string to primitive: number",
            Apply(&same, R"({"action":"add-schema","schema":{"type":"struct","fields":[
    {"id":8,"name":"a","type":"number"}]}})"));
}

TEST(TableDocumentTest, SpecsAndOrdersAreReused) {
  TableDocument table = Table();
  EXPECT_EQ("ok", Apply(&table, R"({"action":"add-spec","spec":{"fields":[
    {"source-id":1,"name":"id_bucket","transform":"bucket[16]"}]}})"));
  EXPECT_EQ("ok", Apply(&table, R"({"action":"set-default-spec","spec-id":-1})"));
  EXPECT_EQ(*table.json().IntAt("default-spec-id"), 1);
  EXPECT_EQ(*table.json().IntAt("last-partition-id"), 1'001);
  EXPECT_EQ("ok", Apply(&table, R"({"action":"add-spec","spec":{"fields":[
    {"source-id":2,"name":"at_day","transform":"day"}]}})"));
  EXPECT_EQ("ok", Apply(&table, R"({"action":"set-default-spec","spec-id":-1})"));
  EXPECT_EQ(*table.json().IntAt("default-spec-id"), 0);
  EXPECT_EQ("Invalid source type long for transform: day",
            Apply(&table, R"({"action":"add-spec","spec":{"fields":[
    {"source-id":1,"name":"x","transform":"day"}]}})"));
  EXPECT_EQ("Unsupported transform: zorder",
            Apply(&table, R"({"action":"add-spec","spec":{"fields":[
    {"source-id":1,"name":"x","transform":"zorder"}]}})"));
  EXPECT_EQ("Cannot find source column: 99",
            Apply(&table, R"({"action":"add-spec","spec":{"fields":[
    {"source-id":99,"name":"x","transform":"identity"}]}})"));
  EXPECT_EQ("ok", Apply(&table, R"({"action":"add-sort-order","sort-order":{"order-id":9,"fields":[
    {"source-id":1,"transform":"identity","direction":"asc","null-order":"nulls-first"}]}})"));
  EXPECT_EQ("ok", Apply(&table, R"({"action":"set-default-sort-order","sort-order-id":-1})"));
  EXPECT_EQ(*table.json().IntAt("default-sort-order-id"), 1);
  EXPECT_TRUE(Apply(&table, R"({"action":"set-default-sort-order","sort-order-id":5})")
                  .starts_with("Cannot set default sort order to unknown"));
}

TEST(TableDocumentTest, SnapshotsMoveOnlyForward) {
  TableDocument first = Table();
  Append(&first, 10, 1, 0, 2'000);
  TableDocument table = Again(first);
  Append(&table, 11, 2, 10, 3'000);
  EXPECT_EQ(table.current_snapshot(), 11);
  EXPECT_EQ(table.last_updated_ms(), 3'000);
  EXPECT_EQ(*table.json().IntAt("last-sequence-number"), 2);
  EXPECT_EQ(Log(table), "10 11 ");
  EXPECT_EQ("Snapshot already exists for id: 11", Apply(&table, Snapshot(11, 3, 11, 4'000)));
  const Done stale = table.Apply(Json(Snapshot(12, 2, 11, 4'000)), 4'000);
  ASSERT_FALSE(stale.has_value());
  EXPECT_EQ(stale.error().status, 409);
  EXPECT_EQ("Cannot set main to unknown snapshot: 99", Apply(&table, SetMain(99)));
  // A clock that goes back does not take the table's history with it.
  Append(&table, 13, 3, 11, 1'500);
  EXPECT_EQ(table.last_updated_ms(), 3'000);
  EXPECT_EQ(*table.json().Find("snapshot-log")->items().back().IntAt("timestamp-ms"), 3'000);
}

TEST(TableDocumentTest, RemovedSnapshotsTakeEarlierHistoryAlong) {
  TableDocument table = Table();
  Append(&table, 10, 1, 0, 2'000);
  Append(&table, 11, 2, 10, 3'000);
  Append(&table, 12, 3, 11, 4'000);
  TableDocument next = Again(table);
  EXPECT_EQ("ok", Apply(&next, R"({"action":"remove-snapshots","snapshot-ids":[11]})"));
  EXPECT_EQ("ok", Message(next.Finish(5'000)));
  EXPECT_EQ(Log(next), "12 ");
  TableDocument head = Again(table);
  EXPECT_EQ("ok", Apply(&head, R"({"action":"remove-snapshots","snapshot-ids":[12]})"));
  EXPECT_FALSE(head.Finish(5'000).has_value());
  TableDocument tagged = Again(table);
  EXPECT_EQ("ok", Apply(&tagged, R"({"action":"set-snapshot-ref","ref-name":"v1","type":"tag",
    "snapshot-id":10,"max-ref-age-ms":1000})"));
  EXPECT_EQ("ok", Apply(&tagged, R"({"action":"remove-snapshots","snapshot-ids":[10]})"));
  EXPECT_EQ("Cannot remove snapshot 10: tag v1 refers to it", Message(tagged.Finish(5'000)));
}

TEST(TableDocumentTest, WhatWasCurrentOnlyInBetweenIsNoHistory) {
  TableDocument table = Table();
  Append(&table, 10, 1, 0, 2'000);
  TableDocument next = Again(table);
  EXPECT_EQ("ok", Apply(&next, Snapshot(11, 2, 10, 3'000)));
  EXPECT_EQ("ok", Apply(&next, SetMain(11)));
  EXPECT_EQ("ok", Apply(&next, Snapshot(12, 3, 11, 3'100)));
  EXPECT_EQ("ok", Apply(&next, SetMain(12)));
  EXPECT_EQ("ok", Message(next.Finish(3'200)));
  EXPECT_EQ(Log(next), "10 12 ");
}

// The same table with so many members of other writers: one of these documents has no room left
// for another member, and moves.
TableDocument WithMembers(const TableDocument& table, int count) {
  std::string text = "{";
  for (int i = 0; i < count; ++i) text += "\"x" + std::to_string(i) + "\":1,";
  auto parsed = TableDocument::Parse(text + table.json().ToJson().substr(1));
  EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().message);
  return *std::move(parsed);
}

TEST(TableDocumentTest, AMainThatWasRemovedIsSetAgain) {
  TableDocument table = Table();
  Append(&table, 10, 1, 0, 2'000);
  for (int members = 0; members < 20; ++members) {
    TableDocument next = WithMembers(table, members);
    EXPECT_EQ("ok", Apply(&next, R"({"action":"remove-snapshot-ref","ref-name":"main"})"));
    next = Again(next);
    EXPECT_EQ("ok", Apply(&next, SetMain(10)));
    EXPECT_EQ(*next.json().IntAt("current-snapshot-id"), 10);
    const JsonValue* main = next.json().Find("refs")->Find("main");
    ASSERT_NE(main, nullptr);
    EXPECT_EQ(*main->IntAt("snapshot-id"), 10);
  }
}

TEST(TableDocumentTest, PropertiesThatComeWithAnUpgradeAreKept) {
  const TableDocument table = Table();
  for (int members = 0; members < 20; ++members) {
    TableDocument next = WithMembers(table, members);
    EXPECT_EQ("ok", Apply(&next, R"({"action":"set-properties",
      "updates":{"a":"1","format-version":"3","z":"2"}})"));
    EXPECT_EQ(next.format_version(), 3);
    EXPECT_EQ(next.Property("a"), "1");
    EXPECT_EQ(next.Property("z"), "2");
  }
}

TEST(TableDocumentTest, RowLineageOfVersionThree) {
  TableDocument table = Table(R"({"format-version":"3"})");
  EXPECT_EQ("Cannot add a snapshot: first-row-id is null", Apply(&table, Snapshot(1, 1, 0, 2'000)));
  const std::string with_rows =
      R"({"action":"add-snapshot","snapshot":{"snapshot-id":1,"sequence-number":1,
      "timestamp-ms":2000,"manifest-list":"m","first-row-id":0,"added-rows":5}})";
  EXPECT_EQ("ok", Apply(&table, with_rows));
  EXPECT_EQ(*table.json().IntAt("next-row-id"), 5);
  const Done behind =
      table.Apply(Json(R"({"action":"add-snapshot","snapshot":{"snapshot-id":2,"sequence-number":2,
      "timestamp-ms":2000,"manifest-list":"m","first-row-id":4,"added-rows":5}})"),
                  2'000);
  ASSERT_FALSE(behind.has_value());
  EXPECT_EQ(behind.error().status, 409);
}

TEST(TableDocumentTest, UpgradesGoOneWay) {
  TableDocument table = Table();
  EXPECT_EQ("ok", Apply(&table, R"({"action":"upgrade-format-version","format-version":2})"));
  EXPECT_EQ("ok", Apply(&table, R"({"action":"upgrade-format-version","format-version":3})"));
  EXPECT_EQ(*table.json().IntAt("next-row-id"), 0);
  EXPECT_EQ("Cannot downgrade v3 table to v2",
            Apply(&table, R"({"action":"upgrade-format-version","format-version":2})"));
  EXPECT_FALSE(table.Apply(Json(R"({"action":"upgrade-format-version","format-version":4})"), 0)
                   .has_value());
}

TEST(TableDocumentTest, UnknownMembersSurviveAndUnknownUpdatesDoNot) {
  TableDocument table = Table();
  Append(&table, 10, 1, 0, 2'000);
  std::string text = table.ToJson();
  text.insert(1, R"("x-new":{"deep":[1,2.50,"a"]},)");
  auto parsed = TableDocument::Parse(text);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ("ok", Apply(&*parsed, R"({"action":"set-properties","updates":{"k":"v"}})"));
  EXPECT_EQ("ok", Message(parsed->Finish(3'000)));
  EXPECT_NE(parsed->ToJson().find(R"("x-new":{"deep":[1,2.50,"a"]})"), std::string::npos);
  EXPECT_EQ("Unknown metadata update: make-coffee", Apply(&*parsed, R"({"action":"make-coffee"})"));
}

TEST(TableDocumentTest, ReadsVersionOneOfOldWriters) {
  auto table = TableDocument::Parse(R"({"format-version":1,"table-uuid":
    "9c12d441-03fe-4693-9a96-a0705ddf69c1","location":"file:///w/t","last-updated-ms":5,
    "last-column-id":1,"schema":{"type":"struct","fields":[
      {"id":1,"name":"x","required":true,"type":"long"}]},
    "partition-spec":[{"name":"x","transform":"identity","source-id":1}],
    "current-snapshot-id":-1,"snapshots":null})");
  ASSERT_TRUE(table.has_value()) << table.error().message;
  EXPECT_FALSE(table->current_snapshot().has_value());
  EXPECT_EQ(*table->json().IntAt("last-partition-id"), 1'000);
  EXPECT_EQ("ok", Apply(&*table, R"({"action":"upgrade-format-version","format-version":2})"));
  EXPECT_EQ("ok", Message(table->Finish(6)));
  EXPECT_EQ(table->json().Find("schema"), nullptr);
  EXPECT_EQ(table->json().Find("partition-spec"), nullptr);
}

// Ids are 32 bits wide; a commit or a file with others must not make a table that nobody opens.
TEST(TableDocumentTest, IdsBeyondTheFormatsAreRefused) {
  TableDocument table = Table();
  const std::string spec = R"({"action":"add-spec","spec":{"fields":[{"source-id":1,"name":"n",)"
                           R"("transform":"identity","field-id":)";
  EXPECT_EQ("Cannot parse partition field: field-id 9223372036854775807 is beyond 32 bits",
            Apply(&table, spec + "9223372036854775807}]}}"));
  EXPECT_EQ("ok", Apply(&table, spec + "2147483647}]}}"));
  EXPECT_EQ("Cannot parse partition field: field-id 2147483648 is beyond 32 bits",
            Apply(&table, R"({"action":"add-spec","spec":{"fields":[{"source-id":1,"name":"m",)"
                          R"("transform":"bucket[2]"}]}})"));
  TableDocument columns = Table();
  EXPECT_EQ("ok", Apply(&columns, R"({"action":"add-schema","last-column-id":2147483648,"schema":)"
                                  R"({"type":"struct","fields":[{"id":1,"name":"id",)"
                                  R"("required":true,"type":"long"}]}})"));
  EXPECT_EQ("Invalid table metadata: last-column-id 2147483648 is beyond 32 bits",
            Message(columns.Finish(1)));
  for (const std::string_view list : {"schemas", "partition-specs", "sort-orders"}) {
    JsonValue json = Table().json();
    JsonValue one = json.Find(list)->items().front();
    for (const std::string_view id : {"schema-id", "spec-id", "order-id"}) {
      if (one.Find(id) != nullptr) one.Set(id, std::int64_t{1} << 40);
    }
    json.Find(list)->Append(std::move(one));
    EXPECT_FALSE(TableDocument::Parse(json.ToJson()).has_value()) << list;
  }
}

// A file that others wrote may be wrong; a commit to its table is an answer all the same.
TEST(TableDocumentTest, AFieldWithoutATypeIsNoType) {
  const std::string text = Table().ToJson();
  for (const std::string_view member : {R"("type":"long")", R"("type":"string")"}) {
    std::string other = text;
    const std::size_t at = other.find(member);
    ASSERT_NE(at, std::string::npos);
    other.replace(at, 6, R"("typf")");
    auto table = TableDocument::Parse(other);
    ASSERT_TRUE(table.has_value()) << table.error().message;
    EXPECT_NE("",
              Apply(&*table, R"({"action":"add-schema","schema":)" + std::string(kSchema) + "}"));
  }
}

TEST(TableDocumentTest, SpecsAndOrdersWithoutFieldsAreRefused) {
  for (const std::string_view list : {"partition-specs", "sort-orders"}) {
    JsonValue json = Table(R"({"format-version":"1"})").json();
    json.Find(list)->items().front().Remove("fields");
    EXPECT_FALSE(TableDocument::Parse(json.ToJson()).has_value()) << list;
  }
}

TEST(TableDocumentTest, MetadataLogIsBounded) {
  TableDocument table = Table(R"({"write.metadata.previous-versions-max":"2"})");
  EXPECT_TRUE(table.PushMetadataLog("a", 1).empty());
  EXPECT_TRUE(table.PushMetadataLog("b", 2).empty());
  EXPECT_EQ(table.PushMetadataLog("c", 3), std::vector<std::string>{"a"});
}

TEST(TableDocumentTest, RefsOnlyLeavesTheRestOut) {
  TableDocument table = Table();
  Append(&table, 10, 1, 0, 2'000);
  Append(&table, 11, 2, 10, 3'000);
  const auto refs = TableDocument::Parse(table.ToJsonOfRefs());
  ASSERT_TRUE(refs.has_value());
  EXPECT_EQ(refs->json().Find("snapshots")->items().size(), 1U);
  EXPECT_EQ(table.json().Find("snapshots")->items().size(), 2U);
}

TEST(TableDocumentTest, GarbageIsRefused) {
  for (const char* text : {"", "[]", "{", "{}", R"({"format-version":4})",
                           R"({"format-version":2,"snapshots":[1]})"}) {
    EXPECT_FALSE(TableDocument::Parse(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace tidemark::iceberg
