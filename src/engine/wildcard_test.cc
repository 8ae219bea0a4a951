// What LIKE and GLOB match; that it is what the engine says is shown in bounds_duckdb_test.cc.

#include "engine/wildcard.h"

#include <string>

#include <gtest/gtest.h>

namespace tidemark::engine {
namespace {

bool Like(std::string_view text, std::string_view pattern, char escape = '\0') {
  const auto matches = MatchesLike(text, pattern, escape);
  return matches && *matches;
}

TEST(WildcardTest, LikeMatchesTheWholeText) {
  EXPECT_TRUE(Like("", ""));
  EXPECT_TRUE(Like("", "%%"));
  EXPECT_FALSE(Like("", "_"));
  EXPECT_TRUE(Like("abcabd", "%ab%d"));
  EXPECT_FALSE(Like("abcabd", "%ab%c"));
  EXPECT_TRUE(Like("mississippi", "m%is%ip%i"));
  EXPECT_FALSE(Like("mississippi", "m%is%is%is%"));
  EXPECT_TRUE(Like("a€b", "a_b"));
  EXPECT_TRUE(Like("x€€y", "%_€_"));
  EXPECT_FALSE(Like("€", "__"));
  EXPECT_TRUE(Like("a%b", "a!%b", '!'));
  EXPECT_FALSE(Like("axb", "a!%b", '!'));
  EXPECT_TRUE(Like("a!b", "%!!%", '!'));
  EXPECT_EQ(MatchesLike("a", "%a!", '!').error().code(), Code::kInvalidArgument);
}

TEST(WildcardTest, GlobHasClassesOfBytes) {
  EXPECT_TRUE(MatchesGlob("/shop/item-7.html", "/*/item-[0-9].htm?"));
  EXPECT_FALSE(MatchesGlob("/shop/item-x.html", "/*/item-[0-9].htm?"));
  EXPECT_TRUE(MatchesGlob("b]c", "[!a]*[]]*c"));
  EXPECT_TRUE(MatchesGlob("a*c", "a\\*c"));
  EXPECT_FALSE(MatchesGlob("abc", "a\\*c"));
  EXPECT_FALSE(MatchesGlob("a", "[a"));
  EXPECT_FALSE(MatchesGlob("a", "a\\"));
}

TEST(WildcardTest, NoPatternTakesLongerThanTheProductOfTheLengths) {
  const std::string text(100'000, 'a');
  std::string pattern;
  for (int i = 0; i < 1'000; ++i) pattern += "%a_";
  EXPECT_FALSE(Like(text, pattern + "%b"));
  EXPECT_TRUE(Like(text, pattern + "%"));
  for (char& c : pattern) c = c == '%' ? '*' : c == '_' ? '?' : c;
  EXPECT_FALSE(MatchesGlob(text, pattern + "*b"));
}

}  // namespace
}  // namespace tidemark::engine
