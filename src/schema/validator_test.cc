// What the validator promises beside the public suite (tests/schema): events as they are laid out,
// findings that say where and why, numbers to the last digit, and an end to every judgement.

#include "schema/validator.h"

#include <array>
#include <map>

#include <gtest/gtest.h>

#include "schema/builtins.h"
#include "schema/column_rules.h"
#include "schema/name_table.h"
#include "schema/number.h"
#include "schema/pattern.h"
#include "schema/rule_counts.h"
#include "schema/uri.h"

namespace tidemark::schema {
namespace {

std::shared_ptr<const Validator> Compiled(const std::string& text) {
  auto made = Validator::Compile(JsonValue::Parse(text).value(), {});
  EXPECT_TRUE(made.has_value()) << made.error().message();
  return made.value_or(nullptr);
}

std::string Refusal(const std::string& text) {
  const auto made = Validator::Compile(JsonValue::Parse(text).value(), {});
  return made ? "taken" : made.error().message();
}

struct Verdict {
  Judgement judgement;
  std::vector<Finding> findings;
};

Verdict Judge(const std::string& schema, const std::string& json) {
  const auto value = JsonValue::Parse(json).value();
  Instance instance;
  EXPECT_TRUE(instance.Read(value).has_value());
  Verdict verdict{};
  verdict.judgement = Compiled(schema)->Judge(instance, &verdict.findings, 10);
  return verdict;
}

TEST(SchemaNumber, IsExact) {
  EXPECT_TRUE(Number("1.0").IsInteger());
  EXPECT_TRUE(Number("1e2").IsInteger());
  EXPECT_FALSE(Number("1.5").IsInteger());
  EXPECT_EQ(Number("100"), Number("1E+2"));
  EXPECT_EQ(Number("-0"), Number("0.00e5"));
  EXPECT_LT(Number("18446744073709551616"), Number("18446744073709551617"));
  EXPECT_LT(Number("-2"), Number("-1.999"));
  EXPECT_LT(Number("9.99"), Number("10"));
  EXPECT_LT(Number("1e-400"), Number("1e-399"));
  EXPECT_TRUE(Number("0.0075").IsMultipleOf(Number("0.0001")));
  EXPECT_FALSE(Number("0.00751").IsMultipleOf(Number("0.0001")));
  EXPECT_TRUE(Number("1e308").IsMultipleOf(Number("0.5")));
  EXPECT_FALSE(Number("1e308").IsMultipleOf(Number("0.123456789")));
  EXPECT_FALSE(Number("1e999999999999999999999").IsMultipleOf(Number("3")));
  EXPECT_FALSE(Number("1234567890123456789").IsDivisor());
}

TEST(SchemaUri, ResolvesByTheRulesOfTheRfc) {
  const std::string base = "http://a/b/c/d;p?q";
  EXPECT_EQ(ResolveUri(base, "g"), "http://a/b/c/g");
  EXPECT_EQ(ResolveUri(base, "./g/"), "http://a/b/c/g/");
  EXPECT_EQ(ResolveUri(base, "/g"), "http://a/g");
  EXPECT_EQ(ResolveUri(base, "//g"), "http://g");
  EXPECT_EQ(ResolveUri(base, "?y"), "http://a/b/c/d;p?y");
  EXPECT_EQ(ResolveUri(base, "#s"), "http://a/b/c/d;p?q#s");
  EXPECT_EQ(ResolveUri(base, "../../../g"), "http://a/g");
  EXPECT_EQ(ResolveUri(base, ".."), "http://a/b/");
  EXPECT_EQ(ResolveUri(base, "urn:x:y#z"), "urn:x:y#z");
}

TEST(SchemaPattern, SpeaksEcmaAndRefusesWhatIsNotLinear) {
  EXPECT_TRUE(Pattern::Make("^\\p{Letter}+\\u00e9$")->Matches("caf\xC3\xA9"));
  EXPECT_TRUE(Pattern::Make("\\s")->Matches("\xC2\xA0"));
  EXPECT_FALSE(Pattern::Make("^a$")->Matches("a\n"));
  EXPECT_TRUE(Pattern::Make("^\\uD83D\\uDC32$")->Matches("\xF0\x9F\x90\xB2"));
  EXPECT_TRUE(Pattern::Make("[[a]")->Matches("["));
  for (const char* bad : {"(?=a)", "(?<!a)b", "(a)\\1", "\\k<n>", "[", "a{2,1}", "\\Q",
                          "((((a{1,100}){1,100}){1,100}){1,100})"}) {
    EXPECT_FALSE(Pattern::Make(bad).has_value()) << bad;
  }
}

TEST(Schema, SaysWhereAndWhy) {
  const Verdict verdict =
      Judge(R"({"type":"object","required":["a"],"properties":{"b/c":{"items":{"minimum":3}}}})",
            R"({"b/c":[5,1]})");
  EXPECT_EQ(verdict.judgement, Judgement::kInvalid);
  ASSERT_EQ(verdict.findings.size(), 2U);
  EXPECT_EQ(verdict.findings[0].instance_path, "/b~1c/1");
  EXPECT_EQ(verdict.findings[0].keyword, "minimum");
  EXPECT_EQ(verdict.findings[0].schema_path, "#/properties/b~1c/items/minimum");
  EXPECT_EQ(verdict.findings[1].instance_path, "/a");
  EXPECT_EQ(verdict.findings[1].message, "is missing");
}

TEST(Schema, ReadsABooleanRequiredAsDraft3MeantIt) {
  const std::string schema = R"({"type":"object","properties":{
      "productId":{"type":"string","required":true},"note":{"type":"string","required":false}}})";
  EXPECT_EQ(Judge(schema, R"({"productId":"p"})").judgement, Judgement::kValid);
  EXPECT_EQ(Judge(schema, R"({"note":"n"})").judgement, Judgement::kInvalid);
  ASSERT_EQ(Compiled(schema)->notes().size(), 1U);
  EXPECT_NE(Compiled(schema)->notes()[0].find("#/properties/productId"), std::string::npos);
}

TEST(Schema, RefusesWhatIsNoSchemaOrCannotBeKept) {
  EXPECT_NE(Refusal(R"({"type":"strnig"})").find("no valid JSON Schema"), std::string::npos);
  EXPECT_NE(Refusal(R"({"properties":{"a":{"minimum":"3"}}})").find("#/properties/a/minimum"),
            std::string::npos);
  EXPECT_NE(Refusal("3").find("object or a boolean"), std::string::npos);
  EXPECT_NE(Refusal(R"({"$schema":"http://json-schema.org/draft-04/schema#"})").find("draft"),
            std::string::npos);
  EXPECT_NE(Refusal(R"({"$ref":"http://elsewhere/x"})").find("not registered"), std::string::npos);
  EXPECT_NE(Refusal(R"({"$ref":"#/$defs/none"})").find("no schema"), std::string::npos);
  EXPECT_NE(Refusal(R"x({"pattern":"(?=a)"})x").find("linear time"), std::string::npos);
  EXPECT_NE(Refusal(R"({"multipleOf":1.23456789012345678901})").find("digits"), std::string::npos);
}

TEST(Schema, RefusesToComeBackToItselfInPlace) {
  for (const char* loop :
       {R"({"$ref":"#"})", R"({"allOf":[{"anyOf":[{"$ref":"#"}]}]})", R"({"not":{"$ref":"#"}})",
        R"({"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"if":{"$ref":"#/$defs/a"}}},
            "$ref":"#/$defs/a"})"}) {
    EXPECT_NE(Refusal(loop).find("never end"), std::string::npos) << loop;
  }
  EXPECT_EQ(Refusal(R"({"properties":{"next":{"$ref":"#"}}})"), "taken");
}

TEST(Schema, DoublingSchemasEndUndecided) {
  std::string doubling = R"({"$ref":"#/$defs/d0","$defs":{)";
  for (int i = 0; i < 40; ++i) {
    const std::string next = R"({"$ref":"#/$defs/d)" + std::to_string(i + 1) + "\"}";
    doubling += "\"d" + std::to_string(i) + R"(":{"allOf":[)" + next + "," + next + "]},";
  }
  doubling += R"("d40":{"type":"object"}}})";
  EXPECT_EQ(Judge(doubling, "{}").judgement, Judgement::kUndecided);
}

TEST(Schema, LongArraysOfOneKindAreComparedInLittleTime) {
  std::string items = "[";
  for (int i = 0; i < 5'000; ++i) items += std::to_string(i) + ",";
  EXPECT_EQ(Judge(R"({"uniqueItems":true})", items + "5001]").judgement, Judgement::kValid);
  EXPECT_EQ(Judge(R"({"uniqueItems":true})", items + "7.0]").judgement, Judgement::kInvalid);
}

TEST(Schema, TakesLargeAndDeepSchemas) {
  std::string large = R"({"properties":{"p":{})";
  for (int i = 0; i < 3'000; ++i) large += ",\"p" + std::to_string(i) + R"(":{"type":"string"})";
  EXPECT_EQ(Refusal(large + "}}"), "taken");
  std::string deep = "{}";
  for (int i = 0; i < 30; ++i) deep = R"({"properties":{"a":)" + deep + "}}";
  EXPECT_EQ(Refusal(deep), "taken");
}

TEST(SchemaInstance, LaysAnEventOutByColumnsAndProperties) {
  event::EventView view;
  view.SetText(event::Column::kEventId, "e1");
  view.SetText(event::Column::kEventType, "purchase");
  view.SetText(event::Column::kBrowser, "Chrome");
  view.SetText(event::Column::kProperties,
               R"({"amount":9.5,"browser":"hidden","tags":["a\n",{"k":null}],"ok":true})");
  view.timestamp = TimeMicros(1'700'000'000'000'000);
  view.present |= event::Bit(event::Column::kTimestamp);
  Instance instance;
  const auto judge = [&](const std::string& schema) {
    const auto validator = Compiled(schema);
    EXPECT_TRUE(instance.Read(view, "shop", validator->shape()).has_value());
    std::vector<Finding> findings;
    validator->Judge(instance, &findings, 5);
    std::string all;
    for (const Finding& finding : findings) all += finding.instance_path + " " + finding.message;
    return all;
  };
  EXPECT_EQ(judge(R"({"required":["event_id","timestamp","project_id","amount"],"properties":{
      "amount":{"type":"number","maximum":10},"browser":{"const":"Chrome"},"ok":{"const":true},
      "tags":{"const":["a\n",{"k":null}]},"project_id":{"const":"shop"},
      "timestamp":{"pattern":"^2023-11-14T"},"event_type":{},"event_id":{}},
      "additionalProperties":false})"),
            "");
  EXPECT_EQ(judge(R"({"properties":{"properties":{"required":["amount"],"properties":{
      "browser":{"const":"hidden"}}}},"not":{"required":["amount"]}})"),
            "");
  EXPECT_EQ(judge(R"({"required":["user_id"]})"), "/user_id is missing");
}

TEST(SchemaInstance, ReshapedIsAsReadAnew) {
  event::EventView view;
  view.SetText(event::Column::kEventType, "purchase");
  view.SetText(event::Column::kProperties, R"({"amount":1,"event_type":"hidden"})");
  const auto keys = [](const Instance& instance) {
    std::string all;
    for (const InstanceNode& node : instance.nodes()) {
      all += std::string(node.key) + ":" + std::to_string(node.next) + " ";
    }
    return all + std::to_string(instance.nodes().front().count);
  };
  Instance anew;
  Instance reshaped;
  ASSERT_TRUE(reshaped.Read(view, "shop", Shape::kFlat).has_value());
  for (const Shape shape : {Shape::kColumns, Shape::kNested, Shape::kFlat, Shape::kColumns}) {
    ASSERT_TRUE(anew.Read(view, "shop", shape).has_value());
    ASSERT_TRUE(reshaped.Reshape(view, shape).has_value());
    EXPECT_EQ(keys(reshaped), keys(anew));
  }
}

TEST(SchemaNames, AreFoundByTextNotByHash) {
  std::map<std::string, int> names;
  for (int i = 0; i < 500; ++i) names.emplace("name_" + std::to_string(i * i), i);
  // Of every length: a hash reads names in pieces of 8 and 4 bytes.
  for (int i = 0; i < 40; ++i) names.emplace(std::string(static_cast<std::size_t>(i), 'n'), i);
  const NameTable<int> table(names);
  for (const auto& [name, value] : names) {
    const int* found = table.Find(name, HashName(name));
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(*found, value);
    EXPECT_EQ(table.Find(name + "?", HashName(name)), nullptr);
  }
  EXPECT_EQ(NameTable<int>().Find("a", HashName("a")), nullptr);
}

TEST(Schema, NamesTheFirstBrokenRuleWithoutTelling) {
  const auto validator = Compiled(R"({"required":["b","a"],"properties":{"n":{"maximum":3}}})");
  Instance instance;
  RuleCounts counts;
  const auto rule = [&](const char* json) {
    const auto value = JsonValue::Parse(json).value();
    EXPECT_TRUE(instance.Read(value).has_value());
    BrokenRule broken;
    if (validator->Judge(instance, &broken) == Judgement::kValid) return std::string("none");
    counts.AddBroken(broken, false, 1);
    return validator->RuleName(broken);
  };
  EXPECT_EQ(rule(R"({"a":1,"b":2,"n":3})"), "none");
  EXPECT_EQ(rule(R"({"a":1,"b":2,"n":4})"), "#/properties/n/maximum");
  EXPECT_EQ(rule(R"({"a":1})"), "#/required/b");
  EXPECT_EQ(rule(R"({"b":1})"), "#/required/a");
  EXPECT_EQ(rule(R"({"b":2})"), "#/required/a");
  std::map<std::string, std::uint64_t> seen;
  counts.ForEach([&](const BrokenRule& broken, std::uint64_t count) {
    seen[validator->RuleName(broken)] = count;
  });
  EXPECT_EQ(seen, (std::map<std::string, std::uint64_t>{
                      {"#/properties/n/maximum", 1}, {"#/required/a", 2}, {"#/required/b", 1}}));
  EXPECT_EQ(counts.observed(), 4U);
}

// SplitMix64.
class Dice {
 public:
  std::uint64_t Below(std::uint64_t limit) {
    std::uint64_t mixed = state_ += 0x9E3779B97F4A7C15ULL;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBULL;
    return (mixed ^ mixed >> 31) % limit;
  }
  bool OneIn(std::uint64_t limit) { return Below(limit) == 0; }

 private:
  std::uint64_t state_ = 0;
};

// An event with some columns and properties, of few texts and names so that rules meet them.
event::EventView RandomEvent(Dice* dice, std::string* properties) {
  static constexpr std::array<std::string_view, 4> kTexts = {"login", "gold", "page_view", ""};
  static constexpr std::array<std::string_view, 10> kMembers = {R"("a":1)",
                                                                R"("userId":"long")",
                                                                R"("x":null)",
                                                                R"("version":2)",
                                                                R"("type":"gold")",
                                                                R"("os":"o,s}")",
                                                                R"("\u000bb":[{},"]"])",
                                                                R"("o":{"os":1,"x":[]})",
                                                                R"("q\"":"\\")",
                                                                R"("":0)"};
  event::EventView event;
  event.present = event::Bit(event::Column::kTimestamp);
  *properties = "{";
  for (std::uint64_t i = dice->Below(4); i > 0; --i) {
    if (properties->size() > 1) *properties += ',';
    *properties += kMembers[dice->Below(kMembers.size())];
  }
  *properties += '}';
  event.value = 1.5;
  for (const event::ColumnInfo& info : event::kColumns) {
    if (dice->OneIn(4)) continue;
    if (info.column == event::Column::kValue) event.present |= event::Bit(info.column);
    if (info.type != event::Type::kString || info.column == event::Column::kProjectId) continue;
    const bool all = info.column == event::Column::kProperties;
    event.SetText(info.column, all ? *properties : kTexts[dice->Below(kTexts.size())]);
  }
  return event;
}

std::vector<std::string> SchemasOfEvents() {
  std::vector<std::string> texts = {
      R"({"properties":{"userId":{"maxLength":3},"value":{"type":"string"}},"required":["x"]})",
      R"({"properties":{"value":{"minimum":2},"user_tier":{"const":"gold"}},"required":["ip"]})",
      R"({"properties":{"timestamp":{"enum":["now"]},"project_id":{"const":"p"}}})",
      R"({"additionalProperties":false,"properties":{"os":true}})",
      R"({"minProperties":9})",
      R"({"properties":{"type":{"const":"x"}}})",
      R"({"required":["type"]})",
      R"({"properties":{"os":false,"browser":{"enum":["gold","login"],"const":"gold"}}})"};
  for (const Builtin& builtin : Builtins()) texts.emplace_back(builtin.json);
  for (std::size_t i = 0, end = texts.size(); i < end; ++i) {
    if (texts[i].find("x-tidemark-shape") != std::string::npos) continue;
    texts.push_back(texts[i]);
    texts.back().insert(texts.back().find('{') + 1, R"("x-tidemark-shape":"columns",)");
  }
  return texts;
}

TEST(Schema, TellsAtALookWhatItTellsOfTheWholeEvent) {
  Dice dice;
  std::size_t told = 0;
  // Of all schemas together; a text has the names that it has.
  KnownShapes known;
  std::map<std::string, std::uint64_t> shapes;
  for (const std::string& text : SchemasOfEvents()) {
    CompileOptions options;
    options.of_events = true;
    const auto made = Validator::Compile(JsonValue::Parse(text).value(), options);
    ASSERT_TRUE(made.has_value()) << made.error().ToString();
    for (int i = 0; i < 2'000; ++i) {
      std::string properties;
      event::EventView event = RandomEvent(&dice, &properties);
      BrokenRule quick;
      const auto judged = (*made)->JudgeColumns(event, &quick);
      event.properties_shape = shapes.emplace(properties, shapes.size() + 1).first->second;
      BrokenRule remembered;
      ASSERT_EQ((*made)->JudgeColumns(event, &remembered, &known), judged) << text << properties;
      if (!judged) continue;
      ASSERT_EQ(remembered, quick) << text << properties;
      ++told;
      Instance instance;
      BrokenRule broken;
      ASSERT_TRUE(instance.Read(event, "p", (*made)->shape()).has_value());
      ASSERT_EQ((*made)->Judge(instance, &broken), *judged) << text << properties;
      ASSERT_EQ(quick, broken) << text << properties;
    }
  }
  EXPECT_GT(told, 8'000U);
}

// As every call of Segment's `track` has: it need not be laid out.
TEST(Schema, TellsAtALookOfNamesOfColumnsThatAreThere) {
  CompileOptions options;
  options.of_events = true;
  const auto schema =
      JsonValue::Parse(
          R"({"properties":{"x":{"minimum":1},"os":{"minLength":1},"ip":{"type":"string"}},
              "required":["browser"]})")
          .value();
  const auto made = Validator::Compile(schema, options);
  ASSERT_TRUE(made.has_value());
  event::EventView event;
  event.SetText(event::Column::kEventType, "bought");
  event.SetText(event::Column::kProperties, R"({"type":"track","price":2})");
  event.properties_shape = 1;
  KnownShapes known;
  BrokenRule broken;
  EXPECT_EQ((*made)->JudgeColumns(event, &broken, &known), Judgement::kInvalid);
  EXPECT_EQ((*made)->JudgeColumns(event, &broken), Judgement::kInvalid);
  event.SetText(event::Column::kProperties, R"({"type":"track","browser":"b","ip":"any"})");
  EXPECT_EQ((*made)->JudgeColumns(event, &broken), Judgement::kValid);
  event.SetText(event::Column::kProperties, R"({"type":"track","browser":"b","ip":3})");
  EXPECT_EQ((*made)->JudgeColumns(event, &broken), std::nullopt);
  // A name of a column that has no value is there, and its own rules are not told at a look.
  event.SetText(event::Column::kProperties, R"({"type":"track","browser":2})");
  EXPECT_EQ((*made)->JudgeColumns(event, &broken), Judgement::kValid);
  event.SetText(event::Column::kProperties, R"({"type":"track","browser":2,"os":""})");
  event.properties_shape = 3;
  EXPECT_EQ((*made)->JudgeColumns(event, &broken, &known), std::nullopt);
  event.SetText(event::Column::kOs, "o");
  EXPECT_EQ((*made)->JudgeColumns(event, &broken, &known), std::nullopt);  // "os" has other rules.
  event.SetText(event::Column::kProperties, R"({"type":"track","x":0})");
  event.properties_shape = 2;
  EXPECT_EQ((*made)->JudgeColumns(event, &broken, &known), std::nullopt);
}

TEST(Schema, ReadsTheNamesThatClientsGiveToColumns) {
  CompileOptions options;
  options.of_events = true;
  const auto made = Validator::Compile(
      JsonValue::Parse(R"({"required":["userId","user_id"],"properties":{"url":{"minLength":9}}})")
          .value(),
      options);
  ASSERT_TRUE(made.has_value());
  event::EventView view;
  view.SetText(event::Column::kUserId, "u");
  view.SetText(event::Column::kPageUrl, "short");
  Instance instance;
  ASSERT_TRUE(instance.Read(view, "p", Shape::kFlat).has_value());
  std::vector<Finding> findings;
  (*made)->Judge(instance, &findings, 5);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].instance_path, "/page_url");
}

}  // namespace
}  // namespace tidemark::schema
