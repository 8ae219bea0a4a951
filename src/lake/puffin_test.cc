// A Puffin file's footer tells where its blobs are; what it cannot mean is refused.
#include "lake/puffin.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "sim/expect.h"

namespace tidemark::lake {
namespace {

std::string File(const std::string& blobs, const std::string& footer, std::uint32_t flags = 0) {
  std::string file = "PFA1" + blobs + "PFA1" + footer;
  PutU32(&file, static_cast<std::uint32_t>(footer.size()));
  PutU32(&file, flags);
  return file + "PFA1";
}

TEST(Puffin, BlobsAreFoundByTheFooter) {
  const std::string file =
      File("abcdefghi",
           R"({"blobs":[{"type":"t","fields":[1,2],"snapshot-id":3,"sequence-number":4,"offset":6,)"
           R"("length":2,"properties":{"k":"v"}}],"properties":{"created-by":"x"}})");
  const auto puffin = ParsePuffin(file);
  ASSERT_OK(puffin);
  ASSERT_EQ(puffin->blobs.size(), 1U);
  const PuffinBlob& blob = puffin->blobs.front();
  EXPECT_EQ(blob.type, "t");
  EXPECT_EQ(blob.fields, (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(blob.snapshot, 3);
  EXPECT_EQ(blob.sequence_number, 4);
  EXPECT_EQ(blob.properties.at("k"), "v");
  EXPECT_EQ(puffin->properties.at("created-by"), "x");
  EXPECT_EQ(*BlobOf(file, blob), "cd");
  EXPECT_OK(ParsePuffin(File("", R"({"blobs":[]})")));
}

TEST(Puffin, WhatCannotBeIsRefused) {
  const auto code = [](const std::string& file) { return ParsePuffin(file).error().code(); };
  const std::string empty = R"({"blobs":[]})";
  EXPECT_EQ(code(""), Code::kCorruption);
  EXPECT_EQ(code("PFA1PFA1"), Code::kCorruption);
  EXPECT_EQ(code(File("", "{}")), Code::kCorruption);
  EXPECT_EQ(code(File("", empty, 2)), Code::kCorruption);
  EXPECT_EQ(code(File("", empty, 1)), Code::kUnimplemented);
  for (const char* place : {R"("offset":3,"length":1)", R"("offset":4,"length":10)",
                            R"("offset":-1,"length":1)", R"("offset":4,"length":-1)"}) {
    EXPECT_EQ(code(File("abc", R"({"blobs":[{"type":"t",)" + std::string(place) + "}]}")),
              Code::kCorruption)
        << place;
  }
  std::string long_footer = File("", empty);
  long_footer[long_footer.size() - 12] = '\x7f';
  EXPECT_EQ(code(long_footer), Code::kCorruption);
}

}  // namespace
}  // namespace tidemark::lake
