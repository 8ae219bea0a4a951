#include "engine/kept_values.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/json_path.h"
#include "env/random.h"

namespace tidemark::engine {
namespace {

using event::ColumnView;
using event::KeptPath;
using event::KeptPaths;
using event::StringRef;
using event::Type;

// Texts as the `properties` of a chunk; the texts must outlive it.
ColumnView TextView(const std::vector<std::string>& texts, std::vector<StringRef>* refs) {
  refs->clear();
  for (const std::string& text : texts) refs->push_back(StringRef::Of(text));
  ColumnView view;
  view.kind = ColumnView::Kind::kStrings;
  view.strings = refs->data();
  return view;
}

std::optional<std::string> TextAt(const KeptValues& values, std::size_t path, std::size_t row) {
  const ColumnView view = values.View(path);
  if (view.kind == ColumnView::Kind::kNull) return std::nullopt;
  if (!view.IsValid(row)) return std::nullopt;
  return std::string(view.strings[row].view());
}

TEST(KeptValuesTest, TypesOnlyNumbersThatGiveTheirTextBack) {
  for (const char* text : {"0", "-1", "7", "9223372036854775807", "-9223372036854775808"}) {
    ASSERT_TRUE(ExactInt(text)) << text;
    EXPECT_EQ(std::to_string(*ExactInt(text)), text);
  }
  for (const char* text :
       {"", "-", "-0", "00", "01", "-01", "1.0", "1e3", "9223372036854775808", "+1", " 1", "1 "}) {
    EXPECT_FALSE(ExactInt(text)) << text;
  }
  for (const char* text : {"0.0", "1.5", "-0.25", "10.0", "0.0001", "123456789012.345"}) {
    EXPECT_TRUE(ExactDouble(text)) << text;
  }
  for (const char* text :
       {"1", "0.10", "-0.0", "1.50", "0.00001", "1e5", "1.5E3", "1234567890123456.5",
        "12345678901234567.123", ".5", "1.", "00.5", "999999999999999.95"}) {
    EXPECT_FALSE(ExactDouble(text)) << text;
  }
}

TEST(KeptValuesTest, ReadsManyPathsInOnePass) {
  const KeptPaths paths{40,
                        {{{"plan"}, Type::kString, 41, "plan"},
                         {{"cart", "total"}, Type::kString, 42, "cart_total"},
                         {{"a.b"}, Type::kString, 43, "a_b"},
                         {{"cart"}, Type::kString, 44, "cart"}}};
  KeptValues values(paths);
  const std::vector<std::string> texts = {
      R"({"plan":"pro","cart":{"items":[1,{"total":9}],"total":1.50},"a.b":true})",
      R"({"cart":{"total":"x"},"plan":null})", R"({"pl\u0061n":"esc\"aped","cart":7})", "{}",
      R"({"plan":1,"plan":2,"cart":{},"cart":{"total":3}})"};
  std::vector<StringRef> refs;
  values.Read(TextView(texts, &refs), texts.size());
  EXPECT_EQ(TextAt(values, 0, 0), "pro");
  EXPECT_EQ(TextAt(values, 0, 1), std::nullopt);
  EXPECT_EQ(TextAt(values, 0, 2), "esc\"aped");
  EXPECT_EQ(TextAt(values, 0, 4), "1");
  EXPECT_EQ(TextAt(values, 1, 0), "1.50");
  EXPECT_EQ(TextAt(values, 1, 1), "x");
  EXPECT_EQ(TextAt(values, 1, 4), std::nullopt);
  EXPECT_EQ(TextAt(values, 2, 0), "true");
  EXPECT_EQ(TextAt(values, 3, 0), R"({"items":[1,{"total":9}],"total":1.50})");
  EXPECT_EQ(TextAt(values, 3, 2), "7");
  for (std::size_t i = 0; i < paths.paths.size(); ++i) EXPECT_TRUE(values.complete(i)) << i;
}

TEST(KeptValuesTest, APathWhoseTypeDoesNotGiveATextBackIsNotComplete) {
  const KeptPaths paths{40,
                        {{{"n"}, Type::kInt64, 41, "n"},
                         {{"d"}, Type::kDouble, 42, "d"},
                         {{"b"}, Type::kBool, 43, "b"},
                         {{"s"}, Type::kString, 44, "s"}}};
  KeptValues values(paths);
  std::vector<StringRef> refs;
  std::vector<std::string> texts = {R"({"n":12,"d":1.5,"b":false,"s":"x"})", R"({"n":null})"};
  values.Read(TextView(texts, &refs), texts.size());
  EXPECT_EQ(*static_cast<const std::int64_t*>(values.View(0).fixed), 12);
  EXPECT_EQ(*static_cast<const double*>(values.View(1).fixed), 1.5);
  EXPECT_EQ(*static_cast<const bool*>(values.View(2).fixed), false);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(values.complete(i)) << i;
  // "12" as a string has the same text, but is no number.
  texts = {R"({"n":"12","d":1.50,"b":1})"};
  values.Read(TextView(texts, &refs), texts.size());
  EXPECT_FALSE(values.complete(0));
  EXPECT_FALSE(values.complete(1));
  EXPECT_FALSE(values.complete(2));
  EXPECT_TRUE(values.complete(3));
  EXPECT_EQ(values.View(0).kind, ColumnView::Kind::kNull);
  // Text that is none of ours says nothing about any path.
  texts = {R"({"s" : "blank"})"};
  values.Read(TextView(texts, &refs), texts.size());
  EXPECT_FALSE(values.complete(3));
}

// Numbers of all lengths, with what makes a text one that its value does not give back.
std::string RandomNumber(env::Random* dice) {
  std::string text = dice->OneIn(3) ? "-" : "";
  for (std::uint64_t i = dice->Below(20); i > 0; --i) {
    text += static_cast<char>('0' + dice->Below(dice->OneIn(4) ? 1 : 10));
  }
  if (dice->OneIn(2)) text += '.';
  for (std::uint64_t i = dice->Below(12); i > 0; --i) {
    text += static_cast<char>('0' + dice->Below(10));
  }
  if (dice->OneIn(20)) text += "e2";
  return text;
}

TEST(KeptValuesTest, TypesANumberIffItsTextIsExact) {
  const KeptPaths paths{40, {{{"n"}, Type::kInt64, 41, "n"}, {{"d"}, Type::kDouble, 42, "d"}}};
  env::Random dice(3);
  std::size_t ints = 0;
  std::size_t doubles = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string number = RandomNumber(&dice);
    const std::vector<std::string> texts = {"{\"n\":" + number + ",\"d\":" + number + "}"};
    const auto exact_int = ExactInt(number);
    const auto exact_double = ExactDouble(number);
    KeptValues values(paths);
    std::vector<StringRef> refs;
    values.Read(TextView(texts, &refs), 1);
    ASSERT_EQ(values.complete(0), exact_int.has_value()) << number;
    ASSERT_EQ(values.complete(1), exact_double.has_value()) << number;
    if (exact_int) {
      ++ints;
      ASSERT_EQ(*static_cast<const std::int64_t*>(values.View(0).fixed), *exact_int) << number;
    }
    if (exact_double) {
      ++doubles;
      ASSERT_EQ(*static_cast<const double*>(values.View(1).fixed), *exact_double) << number;
    }
  }
  EXPECT_GT(ints, 1'000U);
  EXPECT_GT(doubles, 1'000U);
}

TEST(KeptValuesTest, ReadsKeysAndStringsOfEveryLength) {
  for (std::size_t size = 1; size < 100; ++size) {
    const std::string key(size, 'k');
    const KeptPaths paths{40, {{{key}, Type::kString, 41, "k"}, {{"b"}, Type::kBool, 42, "b"}}};
    KeptValues values(paths);
    // Keys that are its beginning or begin with it are others.
    const std::vector<std::string> texts = {
        "{\"" + key + "\":\"" + std::string(size, 'v') + "\"}",
        "{\"b\":true,\"" + key + "x\":1,\"" + key + "\":\"\"}",
        "{\"" + key.substr(1) + "\":2,\"" + key + "\":\"" + std::string(size, 'w') + "\\n\"}"};
    std::vector<StringRef> refs;
    values.Read(TextView(texts, &refs), texts.size());
    ASSERT_TRUE(values.complete(0) && values.complete(1));
    EXPECT_EQ(TextAt(values, 0, 0), std::string(size, 'v'));
    EXPECT_EQ(TextAt(values, 0, 1), "");
    EXPECT_EQ(TextAt(values, 0, 2), std::string(size, 'w') + "\n");
    EXPECT_TRUE(static_cast<const bool*>(values.View(1).fixed)[1]);
  }
}

// A text at random, of few keys so that they meet.
std::string RandomJson(env::Random* dice, int depth) {
  static constexpr std::array<const char*, 8> kScalars = {
      "1", "-2.5", "true", "null", R"("x")", R"("q\"u")", "1E5", R"("\u00e9")"};
  if (depth == 0 || dice->OneIn(2)) return kScalars[dice->Next() % kScalars.size()];
  if (dice->OneIn(5)) return "[" + RandomJson(dice, depth - 1) + ",[]]";
  static constexpr std::array<const char*, 4> kKeys = {"a", "b", R"(\u0061)", "c d"};
  std::string text = "{";
  for (std::uint64_t i = dice->Next() % 4; i > 0; --i) {
    if (text.size() > 1) text += ',';
    text +=
        '"' + std::string(kKeys[dice->Next() % kKeys.size()]) + "\":" + RandomJson(dice, depth - 1);
  }
  return text + "}";
}

TEST(KeptValuesTest, SeesWhatJsonPathSees) {
  KeptPaths paths{40, {}};
  for (const auto& keys : std::vector<std::vector<std::string>>{
           {"a"}, {"b"}, {"a", "b"}, {"b", "a"}, {"c d"}, {"a", "a", "b"}}) {
    paths.paths.push_back({keys, Type::kString, 41, "x"});
  }
  env::Random dice(7);
  std::vector<std::string> texts;
  while (texts.size() < 2'000) {
    const std::string text = RandomJson(&dice, 4);
    if (text.front() == '{') texts.push_back(text);
  }
  KeptValues values(paths);
  std::vector<StringRef> refs;
  values.Read(TextView(texts, &refs), texts.size());
  for (std::size_t i = 0; i < paths.paths.size(); ++i) {
    EXPECT_TRUE(values.complete(i));
    const auto path = JsonPath::Parse(event::PathText(paths.paths[i].keys));
    ASSERT_TRUE(path && path->Keys() == paths.paths[i].keys);
    for (std::size_t row = 0; row < texts.size(); ++row) {
      const JsonFound found = path->Find(texts[row]);
      if (found.kind == JsonFound::Kind::kUnsure) continue;  // Escapes in the value.
      const bool none =
          found.kind == JsonFound::Kind::kMissing || found.kind == JsonFound::Kind::kNull;
      EXPECT_EQ(TextAt(values, i, row),
                none ? std::nullopt : std::optional(std::string(found.text)))
          << texts[row] << " at " << event::PathText(paths.paths[i].keys);
    }
  }
}

TEST(PathCountsTest, CountsPathsAndTheTypesOfTheirValues) {
  const std::vector<std::string> texts = {R"({"n":1,"d":2.5,"m":1,"o":{"p":true},"l":[1]})",
                                          R"({"n":2,"d":3.5,"m":0.5,"o":{"p":false},"x\"":1})",
                                          R"({"n":null,"o":{"p":true,"q":"t"}})"};
  std::vector<StringRef> refs;
  PathCounts counts;
  counts.Add(TextView(texts, &refs), texts.size());
  EXPECT_EQ(counts.row_count(), 3U);
  std::map<std::string, std::pair<std::uint64_t, Type>> found;
  std::uint64_t containers = 0;
  for (const auto& [text, one] : counts.counts()) {
    found[event::PathText(one.keys)] = {one.rows, one.type()};
    containers += one.containers;
  }
  const std::map<std::string, std::pair<std::uint64_t, Type>> wanted = {
      {R"($."n")", {2, Type::kInt64}},    {R"($."d")", {2, Type::kDouble}},
      {R"($."m")", {2, Type::kString}},   {R"($."o")", {3, Type::kString}},
      {R"($."o"."p")", {3, Type::kBool}}, {R"($."o"."q")", {1, Type::kString}},
      {R"($."l")", {1, Type::kString}}};
  EXPECT_EQ(found, wanted);
  EXPECT_EQ(containers, 4U);
}

}  // namespace
}  // namespace tidemark::engine
