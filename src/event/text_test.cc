// What may stand in a text column.

#include "event/text.h"

#include <string>

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace tidemark::event {
namespace {

TEST(TextTest, IsUtf8WithoutTheZeroByte) {
  for (const std::string text : {"", "plain", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                 "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF", "\x7F\n\t"}) {
    EXPECT_TRUE(IsText(text)) << text;
    EXPECT_TRUE(IsUtf8(text)) << text;  // The plain way of base.
  }
  const std::string zero("a\0b", 3);
  EXPECT_TRUE(IsUtf8(zero));
  EXPECT_FALSE(IsText(zero));
}

TEST(TextTest, IsNoOtherBytes) {
  for (const std::string bytes : {"caf\xE9", "\x80", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xC0\x80",
                                  "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
                                  "\xF4\x90\x80\x80", "\xFF", "\xC3(", "ends in \xE2\x28\xA1"}) {
    EXPECT_FALSE(IsUtf8(bytes)) << bytes;
    EXPECT_FALSE(IsText(bytes)) << bytes;
  }
}

}  // namespace
}  // namespace tidemark::event
