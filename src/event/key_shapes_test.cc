// Names that are told by their sequence are told as if each had been looked at.

#include "event/key_shapes.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "event/batch.h"
#include "event/event_check.h"
#include "event/json_events.h"
#include "event/json_tokens.h"

namespace tidemark::event {
namespace {

constexpr TimeMicros kReceivedAt{1'795'225'877'887'000};

class Dice {
 public:
  std::uint64_t Below(std::uint64_t end) {
    state_ = state_ * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
    return (state_ >> 33) % end;
  }

 private:
  std::uint64_t state_ = 7;
};

std::string Padded(std::string text) {
  text.reserve(text.size() + kJsonPadding);
  return text;
}

// Few names, so that some are there twice; of sizes around those that are compared at once.
std::string RandomObject(Dice* dice, int depth) {
  static const std::vector<std::string> kNames = {"",
                                                  "a",
                                                  "b",
                                                  "seven_7",
                                                  "eight__8",
                                                  "fourteen______",
                                                  "fifteen________",
                                                  "sixteen_________",
                                                  "seventeen________",
                                                  "seventeen_______x",
                                                  R"(\u0061)",
                                                  R"(q\")",
                                                  std::string(63, 'l'),
                                                  std::string(63, 'l') + "m"};
  static const std::vector<std::string> kValues = {
      "1", "-2.5e3", "null", R"("x")", "[]", R"([{"a":1},{"a":2}])", R"("\n")"};
  std::string text = "{";
  for (std::uint64_t i = dice->Below(5); i > 0; --i) {
    if (text.size() > 1) text += dice->Below(20) == 0 ? " ," : ",";
    text += "\"" + kNames[dice->Below(kNames.size())] + "\":";
    const bool nested = depth > 0 && dice->Below(4) == 0;
    text += nested ? RandomObject(dice, depth - 1) : kValues[dice->Below(kValues.size())];
  }
  return text + "}";
}

TEST(KeyShapes, AnObjectIsWhatItIsWithoutThem) {
  Dice dice;
  KeyShapes shapes;
  JsonIndexer indexer;
  std::size_t known = 0;
  std::map<std::uint64_t, std::string> names_by_number;
  for (int i = 0; i < 50'000; ++i) {
    const std::string text = Padded(RandomObject(&dice, 2));
    ASSERT_TRUE(indexer.Index(text).has_value()) << text;
    JsonCursor told(text, indexer.starts(), indexer.count());
    JsonCursor looked = told;
    told.Use(&shapes);
    JsonSpan span;
    JsonSpan wanted;
    ASSERT_TRUE(looked.Check(8, &wanted)) << text;
    ASSERT_TRUE(told.Check(8, &span)) << text;
    ASSERT_EQ(span.plain, wanted.plain) << text;
    ASSERT_EQ(span.end, wanted.end) << text;
    ASSERT_EQ(told.fault(), looked.fault()) << text;
    ASSERT_EQ(looked.shape(), KeyShapes::kNone);
    if (told.shape() == KeyShapes::kNone) continue;
    ASSERT_TRUE(span.plain) << text;
    ++known;
    std::string names;
    ForEachMember(JsonCursor(text, indexer.starts(), indexer.count()), span,
                  [&](const JsonCursor& in, const JsonSpan& key, const JsonSpan&) {
                    names.append(in.Raw(key)).push_back(',');
                  });
    const auto [place, added] = names_by_number.emplace(shapes.NumberOf(told.shape()), names);
    ASSERT_EQ(place->second, names);
  }
  EXPECT_GT(known, 10'000U);
  std::map<std::string, std::uint64_t> number_by_names;
  for (const auto& [number, names] : names_by_number) {
    EXPECT_TRUE(number_by_names.emplace(names, number).second) << names;
  }
}

TEST(KeyShapes, KeepBoundedMemoryAndLearnAnew) {
  KeyShapes shapes;
  const auto next = [&shapes](KeyShapes::Shape from, const std::string& name) {
    const std::string text = Padded("\"" + name + "\":");
    return shapes.Next(from, std::string_view(text).substr(0, name.size() + 2));
  };
  const KeyShapes::Shape known = next(KeyShapes::kObject, "a");
  ASSERT_NE(known, KeyShapes::kNone);
  const std::uint64_t number = shapes.NumberOf(known);
  for (std::uint32_t i = 0; i < KeyShapes::kMissesMax + KeyShapes::kChildrenMax; ++i) {
    next(KeyShapes::kObject, "x" + std::to_string(i));
  }
  EXPECT_EQ(shapes.size(), 2 + KeyShapes::kChildrenMax);
  EXPECT_EQ(next(KeyShapes::kObject, "a"), known);
  shapes.MakeRoom();
  EXPECT_EQ(shapes.size(), 2U);
  const KeyShapes::Shape later = next(KeyShapes::kObject, "b");
  ASSERT_NE(later, KeyShapes::kNone);
  EXPECT_NE(shapes.NumberOf(later), number);
  KeyShapes::Shape shape = KeyShapes::kObject;
  for (std::uint32_t i = 0; i < KeyShapes::kKeysMax; ++i) shape = next(shape, std::to_string(i));
  ASSERT_NE(shape, KeyShapes::kNone);
  EXPECT_EQ(next(shape, "one_more"), KeyShapes::kNone);
  for (int i = 0; i < 100'000; ++i) {
    shape = next(KeyShapes::kObject, std::to_string(i % 13));
    for (int k = i; k > 0 && shape != KeyShapes::kNone; k /= 13) {
      shape = next(shape, "n" + std::to_string(k % 13));
    }
  }
  EXPECT_LE(shapes.size(), KeyShapes::kShapesMax);
}

// Notes by which names an event's properties are known.
class ShapeCheck final : public EventCheck {
 public:
  CheckFinding Check(const EventView& event) override {
    numbers.push_back(event.properties_shape);
    return {};
  }
  std::vector<std::uint64_t> numbers;
};

std::string BatchOf(JsonEventParser* parser, const std::string& body, EventCheck* check = nullptr) {
  BatchBuilder builder("default", kReceivedAt);
  const auto parsed = parser->Parse(
      body, {.project = "default", .received_at = kReceivedAt, .check = check}, &builder);
  EXPECT_TRUE(parsed.has_value()) << body;
  return std::move(builder).Finish();
}

TEST(KeyShapes, BytesThatAreNoNameAreNoShape) {
  KeyShapes shapes;
  for (const char byte : {'\0', '\xff', ' ', '"'}) {
    const std::string bytes = Padded(std::string(64, byte));
    for (const KeyShapes::Shape from : {KeyShapes::kEvent, KeyShapes::kObject}) {
      EXPECT_EQ(shapes.Known(from, bytes.data()), KeyShapes::kNone);
      const KeyShapes::Shape next = shapes.Next(from, "\"event_type\"");
      EXPECT_EQ(shapes.Known(from, bytes.data()), KeyShapes::kNone);
      if (next != KeyShapes::kNone) {
        EXPECT_EQ(shapes.Known(next, bytes.data()), KeyShapes::kNone);
      }
    }
  }
}

TEST(KeyShapes, AnEventIsReadAsIfItWereTheFirst) {
  Dice dice;
  static const std::vector<std::string> kFields = {R"("event_id":"1")",
                                                   R"("type":"t")",
                                                   R"("event_type":"e")",
                                                   R"("userId":"u")",
                                                   R"("user_id":"v")",
                                                   R"("plan":1)",
                                                   R"("context":{"ip":"::1","x":2})",
                                                   R"("value":2)",
                                                   R"("value":null)",
                                                   R"("specversion":"1.0")",
                                                   R"("data":{"os":"o"})"};
  const auto dice_of_ids = [] { return std::uint64_t{7}; };
  JsonEventParser learned({}, dice_of_ids);
  for (int i = 0; i < 5'000; ++i) {
    std::string body = R"({"event":"x")";
    for (std::uint64_t k = dice.Below(6); k > 0; --k) {
      body += "," + kFields[dice.Below(kFields.size())];
    }
    if (dice.Below(2) == 0) body += R"(,"properties":)" + RandomObject(&dice, 1);
    body = Padded(body + "}");
    JsonEventParser first({}, dice_of_ids);
    ASSERT_EQ(BatchOf(&learned, body), BatchOf(&first, body)) << body;
  }
}

TEST(KeyShapes, AnEventNamesThatOfItsPropertiesOnlyAsTheyAreKept) {
  JsonEventParser parser({}, [] { return std::uint64_t{7}; });
  ShapeCheck check;
  BatchOf(&parser, Padded(R"([{"event":"x","properties":{"a":1,"b":2}},
                              {"event":"y","properties":{"a":3,"b":{"a":4}}},
                              {"event":"x","properties":{"b":1,"a":2}},
                              {"event":"x","properties":{"a":1,"b":2},"more":1},
                              {"event":"x","properties":{"a":1, "b":2}},
                              {"event":"x","properties":{"a":1,"b":2,"a":3}},
                              {"event":"x"}])"),
          &check);
  ASSERT_EQ(check.numbers.size(), 7U);
  EXPECT_NE(check.numbers[0], 0U);
  EXPECT_EQ(check.numbers[1], check.numbers[0]);
  EXPECT_NE(check.numbers[2], 0U);
  EXPECT_NE(check.numbers[2], check.numbers[0]);
  EXPECT_EQ(std::vector<std::uint64_t>(check.numbers.begin() + 3, check.numbers.end()),
            std::vector<std::uint64_t>(4, 0));
}

TEST(JsonCursorTest, ASkimmedStringHasEscapesWhereverTheCursorWasBefore) {
  std::string text = R"({"a":"\n","b":{"c":"\t","d":"e"},"f":{"g":"h"},"i":"\\"})";
  text.reserve(text.size() + kJsonPadding);
  JsonIndexer indexer;
  ASSERT_TRUE(indexer.Index(text));
  JsonCursor cursor(text, indexer.starts(), indexer.count());
  JsonSpan whole;
  ASSERT_TRUE(cursor.Check(8, &whole));
  std::string escaped;
  const auto visit = [&escaped](const JsonCursor& in, const JsonSpan& key, const JsonSpan& value) {
    if (value.escaped) escaped += in.Inside(key);
  };
  // From behind the end, and from behind what is within.
  for (int round = 0; round < 2; ++round) {
    ForEachMember(cursor, whole,
                  [&](const JsonCursor& in, const JsonSpan& key, const JsonSpan& value) {
                    visit(in, key, value);
                    if (value.kind == '{') ForEachMember(in, value, visit);
                  });
  }
  EXPECT_EQ(escaped, "aciaci");
}

// All members, by what they are.
void List(const JsonCursor& in, const JsonSpan& object, std::string* out) {
  ForEachMember(in, object,
                [out](const JsonCursor& inner, const JsonSpan& key, const JsonSpan& value) {
                  out->append(inner.Raw(key)).append("=").append(inner.Raw(value)).append("\n");
                  if (value.kind == '{') List(inner, value, out);
                });
}

TEST(JsonCursorTest, SkimsToTheEndsThatCheckHasNoted) {
  std::string text =
      R"({"a":{},"b":{"c":[{"d":1},[]],"e":{"f":{"deep":[{"x":[]}]},"g":2}},"h":[[]]})";
  text.reserve(text.size() + kJsonPadding);
  JsonIndexer indexer;
  for (const std::uint32_t depth : {2U, 3U, 4U, 64U}) {  // What is too deep is passed, not noted.
    ASSERT_TRUE(indexer.Index(text));
    std::string counted;
    std::string noted;
    JsonSpan whole;
    JsonCursor cursor(text, indexer.starts(), indexer.count());
    const JsonCursor start = cursor;
    ASSERT_TRUE(cursor.Check(depth, &whole));
    List(start, whole, &counted);
    std::uint32_t* const ends = indexer.NoEnds();
    cursor = start;
    cursor.UseEnds(ends);
    const JsonCursor noting = cursor;
    ASSERT_TRUE(cursor.Check(depth, &whole));
    EXPECT_EQ(ends[0], indexer.count());
    List(noting, whole, &noted);
    EXPECT_EQ(noted, counted);
    EXPECT_NE(noted.find("\"g\"=2\n"), std::string::npos);
  }
  // It is believed.
  std::uint32_t* const ends = indexer.NoEnds();
  ends[0] = 1;
  JsonCursor cursor(text, indexer.starts(), indexer.count());
  cursor.UseEnds(ends);
  JsonSpan whole;
  cursor.Skim(&whole);
  EXPECT_EQ(cursor.at(), 1U);
}

}  // namespace
}  // namespace tidemark::event
