// What a path finds, and what it leaves to a full parser.

#include "engine/json_path.h"

#include <gtest/gtest.h>

namespace tidemark::engine {
namespace {

using Kind = JsonFound::Kind;

constexpr const char* kText =
    R"({"a":{"b":0.10,"c":[1E5,{"d":"x,]}"},null]},"a b":-0.0,"n":12345678901234567.123,)"
    R"("s":"sch\u00f6n","t":true,"e":{},"l":[]})";

std::string Found(const char* path, const char* text = kText) {
  const auto parsed = JsonPath::Parse(path);
  if (!parsed) return "not simple";
  const JsonFound found = parsed->Find(text);
  switch (found.kind) {
    case Kind::kMissing:
      return "missing";
    case Kind::kNull:
      return "null";
    case Kind::kUnsure:
      return "unsure";
    default:
      return std::string(found.text);
  }
}

TEST(JsonPath, GivesNumbersAsTheyWereSent) {
  EXPECT_EQ(Found("$.n"), "12345678901234567.123");
  EXPECT_EQ(Found("n"), "12345678901234567.123");
  EXPECT_EQ(Found("$.a.b"), "0.10");
  EXPECT_EQ(Found("$.a.c[0]"), "1E5");
  EXPECT_EQ(Found("$.\"a b\""), "-0.0");
  EXPECT_EQ(Found("a b"), "-0.0");
}

TEST(JsonPath, GoesIntoObjectsAndLists) {
  EXPECT_EQ(Found("$.a.c[1].d"), "x,]}");
  EXPECT_EQ(Found("$.a.c[1]"), R"({"d":"x,]}"})");
  EXPECT_EQ(Found("$.a.c[2]"), "null");
  EXPECT_EQ(Found("$.t"), "true");
  EXPECT_EQ(Found("$.e"), "{}");
  EXPECT_EQ(Found("$"), kText);
  EXPECT_EQ(Found("$[1]", "[1,20]"), "20");
}

TEST(JsonPath, SaysWhatIsMissing) {
  for (const char* path :
       {"$.x", "$.a.x", "$.a.c[3]", "$.a[0]", "$[0]", "$.n.x", "$.e.x", "$.l[0]", "a.b", "$.A"}) {
    EXPECT_EQ(Found(path), "missing") << path;
  }
}

TEST(JsonPath, LeavesTheRestToAParser) {
  for (const char* path : {"", "/a/b", "$.*", "$..b", "$[*]", "$[#-1]", "$[-1]", "$.", "$[", "$[1",
                           "$x", "$.\"a", "a\"b", "$.a.\"\"", "$[99999999999999999999]"}) {
    EXPECT_EQ(Found(path), "not simple") << path;
  }
  EXPECT_EQ(Found("$.s"), "unsure");
  EXPECT_EQ(Found("$.t"), "true");
  EXPECT_EQ(Found("$.a", R"({"b":2,"\u0061":0.10})"), "0.10");
  for (const char* text :
       {"", "1", "\"a\"", "{", "{]", "{\"a\" :1}", "{ \"a\":1}", "{\"a\":}", "{\"a\":01}",
        "{\"a\":tru}", "{\"a\":\"}", "{a:1}", "{\"a\":[1, 2]}", "{\"b\":[}"}) {
    EXPECT_EQ(Found("$.a", text), "unsure") << text;
  }
}

TEST(JsonPath, FindsTheEndOfStringsWithEscapes) {
  EXPECT_EQ(Found("$.b", R"({"a":"x\\","b":1})"), "1");
  EXPECT_EQ(Found("$.b", R"({"a":"x\\\"","b":1})"), "1");
  EXPECT_EQ(Found("$.b", R"({"a":["\"]"],"b":1})"), "1");
}

}  // namespace
}  // namespace tidemark::engine
