// What a new version of a schema may change, in each mode.

#include "schema/compatibility.h"

#include <gtest/gtest.h>

#include "schema/builtins.h"
#include "schema/validator.h"

namespace tidemark::schema {
namespace {

// The rules that break if `reader` is to take what `writer` takes.
std::string Rules(const std::string& reader, const std::string& writer) {
  std::string rules;
  const auto reads = JsonValue::Parse(reader).value();
  const auto writes = JsonValue::Parse(writer).value();
  for (const Break& one : FindBreaks(reads, writes)) {
    rules += (rules.empty() ? "" : " ") + one.path + ":" + one.rule;
  }
  return rules;
}

constexpr const char* kOld =
    R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]})";

TEST(Compatibility, AnOptionalPropertyMayComeAndGo) {
  const std::string more =
      R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},
          "required":["a"]})";
  EXPECT_EQ(Rules(more, kOld), "");
  EXPECT_EQ(Rules(kOld, more), "");
}

TEST(Compatibility, NamesWhatIsNarrowed) {
  EXPECT_EQ(Rules(R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a","b"]})",
                  kOld),
            "#/required:required_added");
  EXPECT_EQ(
      Rules(R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"]})", kOld),
      "#/properties/a/type:type_narrowed");
  EXPECT_EQ(Rules(R"({"type":"object","properties":{"a":{"type":"number"}}})", kOld), "");
  EXPECT_EQ(Rules(R"({"type":"object","additionalProperties":false})", kOld),
            "#/properties/a:property_removed #/additionalProperties:closed");
  EXPECT_EQ(Rules(R"({"enum":["x"]})", R"({"enum":["x","y"]})"), "#/enum:enum_value_removed");
  EXPECT_EQ(Rules(R"({"enum":["x","y"]})", R"({"const":"x"})"), "");
  EXPECT_EQ(Rules(R"({"type":"string"})", R"({"enum":["x",1]})"), "#/type:type_narrowed");
  EXPECT_EQ(Rules(R"({"minimum":1})", R"({"exclusiveMinimum":1})"), "");
  EXPECT_EQ(Rules(R"({"exclusiveMinimum":1})", R"({"minimum":1})"), "#/minimum:range_narrowed");
  EXPECT_EQ(Rules(R"({"maxLength":5})", R"({"maxLength":6})"), "#/maxLength:size_narrowed");
  EXPECT_EQ(Rules(R"({"minLength":0})", "{}"), "");
  EXPECT_EQ(Rules(R"({"pattern":"a"})", "{}"), "#/pattern:cannot_compare");
  EXPECT_EQ(Rules("false", "{}"), "#:forbidden");
}

TEST(Compatibility, ComparesChoicesBranchByBranch) {
  const std::string one = R"({"type":"string"})";
  const std::string both = R"({"anyOf":[{"type":"string"},{"type":"number"}]})";
  EXPECT_EQ(Rules(both, one), "");
  EXPECT_EQ(Rules(one, both), "#/type:type_narrowed");
  EXPECT_EQ(Rules(both, both), "");
  EXPECT_EQ(Rules(both, R"({"type":"null"})"), "#/anyOf:choice_removed");
}

TEST(Compatibility, FollowsReferencesThatComeBack) {
  const std::string tree =
      R"({"$ref":"#/$defs/t","$defs":{"t":{"type":"object","properties":{
          "v":{"type":"integer"},"next":{"$ref":"#/$defs/t"}}}}})";
  const std::string wider =
      R"({"$ref":"#/$defs/t","$defs":{"t":{"type":"object","properties":{
          "v":{"type":"number"},"next":{"$ref":"#/$defs/t"}}}}})";
  EXPECT_EQ(Rules(wider, tree), "");
  EXPECT_EQ(Rules(tree, wider), "#/properties/v/type:type_narrowed");
}

TEST(Compatibility, ModesLookBackwardForwardAndBoth) {
  const auto older = JsonValue::Parse(kOld).value();
  const auto stricter =
      JsonValue::Parse(R"({"type":"object","properties":{"a":{"type":"integer","minimum":0}},
                           "required":["a"]})")
          .value();
  EXPECT_EQ(FindBreaks(stricter, older, Compatibility::kBackward).size(), 1U);
  EXPECT_EQ(FindBreaks(stricter, older, Compatibility::kForward).size(), 0U);
  EXPECT_EQ(FindBreaks(stricter, older, Compatibility::kFull).size(), 1U);
  EXPECT_EQ(FindBreaks(stricter, older, Compatibility::kNone).size(), 0U);
  EXPECT_EQ(*FindCompatibility("full_transitive"), Compatibility::kFullTransitive);
  EXPECT_FALSE(FindCompatibility("SIDEWAYS").has_value());
}

TEST(Builtins, AreGoodSchemasThatTakeTheirOwnEvents) {
  EXPECT_EQ(Builtins().size(), 5U);
  for (const Builtin& builtin : Builtins()) {
    const auto json = JsonValue::Parse(builtin.json);
    ASSERT_TRUE(json.has_value()) << builtin.subject;
    EXPECT_TRUE(Validator::Compile(*json, {}).has_value()) << builtin.subject;
    EXPECT_TRUE(FindBreaks(*json, *json).empty()) << builtin.subject;
  }
}

}  // namespace
}  // namespace tidemark::schema
