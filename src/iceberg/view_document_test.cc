// Views keep a short history of versions and never lose a dialect by accident.
#include "iceberg/view_document.h"

#include <gtest/gtest.h>

#include "sim/expect.h"

namespace tidemark::iceberg {
namespace {

JsonValue ViewJson(std::string_view text) {
  auto json = JsonValue::Parse(text);
  EXPECT_TRUE(json.has_value()) << text;
  return json ? *json : JsonValue();
}

constexpr std::string_view kViewSchema =
    R"({"type":"struct","schema-id":5,"fields":[
      {"id":1,"name":"x","required":false,"type":"int"}]})";

std::string Version(std::string_view sql, std::string_view dialect = "spark") {
  return R"({"version-id":9,"schema-id":-1,"timestamp-ms":5,"summary":{},
    "default-namespace":["a"],"representations":[{"type":"sql","sql":")" +
         std::string(sql) + R"(","dialect":")" + std::string(dialect) + "\"}]}";
}

ViewDocument View(std::string_view properties = "{}") {
  NewView view{MakeUuidV4(1, 2), "file:///w/v", ViewJson(kViewSchema),
               ViewJson(Version("select 1")), ViewJson(properties)};
  auto made = ViewDocument::Create(view, 10);
  EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().message);
  return *std::move(made);
}

// A commit that replaces the view; "ok" or why not.
std::string Replace(ViewDocument* view, const std::string& version) {
  auto next = ViewDocument::Parse(view->ToFile());
  EXPECT_TRUE(next.has_value());
  for (const std::string& update :
       {R"({"action":"add-schema","schema":)" + std::string(kViewSchema) + "}",
        R"({"action":"add-view-version","view-version":)" + version + "}",
        std::string(R"({"action":"set-current-view-version","view-version-id":-1})")}) {
    const Done applied = next->Apply(ViewJson(update), 20);
    if (!applied) return applied.error().message;
  }
  const Done finished = next->Finish();
  if (!finished) return finished.error().message;
  *view = *std::move(next);
  return "ok";
}

std::size_t Count(const ViewDocument& view, std::string_view list) {
  return ViewJson(view.ToJson()).Find(list)->items().size();
}
std::int64_t Current(const ViewDocument& view) {
  return *ViewJson(view.ToJson()).IntAt("current-version-id");
}

TEST(ViewDocumentTest, CreateBeginsItsHistory) {
  const ViewDocument view = View();
  EXPECT_EQ(Current(view), 1);
  EXPECT_EQ(Count(view, "versions"), 1U);
  EXPECT_EQ(Count(view, "version-log"), 1U);
}

TEST(ViewDocumentTest, ReplaceAddsAVersionAndAnOldOneIsReused) {
  ViewDocument view = View();
  EXPECT_EQ("ok", Replace(&view, Version("select 2")));
  EXPECT_EQ(Current(view), 2);
  EXPECT_EQ(Count(view, "schemas"), 1U);
  EXPECT_EQ("ok", Replace(&view, Version("select 1")));
  EXPECT_EQ(Current(view), 1);
  EXPECT_EQ(Count(view, "versions"), 2U);
  EXPECT_EQ(Count(view, "version-log"), 3U);
}

TEST(ViewDocumentTest, DialectsAreNotLost) {
  ViewDocument view = View();
  EXPECT_EQ(
      "Cannot replace view due to loss of view dialects (replace.drop-dialect.allowed=false)"
      ":\nPrevious dialects: [spark]\nNew dialects: [trino]",
      Replace(&view, Version("select 2", "trino")));
  ViewDocument free = View(R"({"replace.drop-dialect.allowed":"true"})");
  EXPECT_EQ("ok", Replace(&free, Version("select 2", "trino")));
}

// What is committed can be loaded again: nobody could mend a view that is not read.
TEST(ViewDocumentTest, AVersionThatNoReaderTakesIsRefused) {
  const std::string spark = R"({"type":"sql","sql":"select 2","dialect":"spark"})";
  const auto version = [](const std::string& queries, std::string_view schema) {
    return R"({"version-id":9,"schema-id":)" + std::string(schema) +
           R"(,"timestamp-ms":5,"summary":{},"default-namespace":[],"representations":[)" +
           queries + "]}";
  };
  ViewDocument view = View();
  EXPECT_EQ(
      "Invalid view version: Cannot add multiple queries for dialect SPARK",
      Replace(&view, version(spark + R"(,{"type":"sql","sql":"x","dialect":"SPARK"})", "-1")));
  EXPECT_EQ("Cannot add version with unknown schema: 7", Replace(&view, version(spark, "7")));
  // Of kinds that we do not know there may be several.
  const std::string others = spark + R"(,{"type":"plan"},{"type":"plan"})";
  EXPECT_EQ("ok", Replace(&view, version(others, "-1")));
  EXPECT_TRUE(ViewDocument::Parse(view.ToFile()).has_value());
}

TEST(ViewDocumentTest, IdsBeyondTheFormatsAreRefused) {
  const std::string text = View().ToJson();
  for (const std::string_view member : {R"("version-id":1,"schema)", R"("schema-id":0,"fields)"}) {
    std::string other = text;
    const std::size_t at = other.find(member);
    ASSERT_NE(at, std::string::npos) << text;
    other.replace(other.find(':', at) + 1, 1, "9223372036854775807");
    EXPECT_FALSE(ViewDocument::Parse(other).has_value()) << other;
  }
}

TEST(ViewDocumentTest, OldVersionsGo) {
  ViewDocument view = View(R"({"version.history.num-entries":"2"})");
  for (int n = 2; n < 6; ++n) {
    EXPECT_EQ("ok", Replace(&view, Version("select " + std::to_string(n))));
  }
  EXPECT_EQ(Current(view), 5);
  EXPECT_EQ(Count(view, "versions"), 2U);
  EXPECT_EQ(Count(view, "version-log"), 2U);
}

TEST(ViewDocumentTest, WhatIsWrongIsRefused) {
  ViewDocument view = View();
  EXPECT_FALSE(view.Apply(ViewJson(R"({"action":"add-view-version","view-version":{}})"), 1));
  EXPECT_FALSE(
      view.Apply(ViewJson(R"({"action":"set-current-view-version","view-version-id":7})"), 1));
  EXPECT_FALSE(view.Apply(ViewJson(R"({"action":"dance"})"), 1));
  EXPECT_FALSE(view.Check(ViewJson(R"({"type":"assert-view-uuid",
    "uuid":"00000000-0000-4000-8000-000000000000"})")));
  EXPECT_FALSE(ViewDocument::Parse("{}").has_value());
}

}  // namespace
}  // namespace tidemark::iceberg
