// A grant is of what it names and of nothing else, and comes back as it was said.

#include "meta/key_grant.h"

#include <gtest/gtest.h>

#include "sim/expect.h"

namespace tidemark::meta {
namespace {

KeyGrant Grant(std::string_view json) {
  const auto value = JsonValue::Parse("[" + std::string(json) + "]");
  EXPECT_OK(value);
  const auto grants = ReadGrants(*value);
  EXPECT_OK(grants);
  return grants->front();
}

TEST(KeyGrant, IsOfOneTable) {
  const KeyGrant grant = Grant(R"({"namespace":"shop","table":"orders","rights":["write"]})");
  EXPECT_TRUE(grant.Covers("shop", "orders"));
  EXPECT_FALSE(grant.Covers("shop", "orders2"));
  EXPECT_FALSE(grant.Covers("shop", ""));  // Not the whole namespace.
  EXPECT_FALSE(grant.Covers("shop\x1flab", "orders"));
  EXPECT_TRUE(grant.Has(GrantRight::kRead));  // Who writes reads.
  EXPECT_FALSE(grant.Has(GrantRight::kMaintain));
  EXPECT_TRUE(grant.Leads("shop"));
  EXPECT_FALSE(grant.Leads("shop\x1flab"));
  EXPECT_FALSE(grant.Leads("sho"));
}

TEST(KeyGrant, IsOfANamespaceAndAllBelow) {
  const KeyGrant grant = Grant(R"({"namespace":["shop","lab"],"rights":["create"]})");
  EXPECT_TRUE(grant.Covers("shop\x1flab", ""));
  EXPECT_TRUE(
      grant.Covers("shop\x1flab\x1f"
                   "deep",
                   "t"));
  EXPECT_FALSE(grant.Covers("shop\x1flaboratory", "t"));
  EXPECT_FALSE(grant.Covers("shop", "t"));
  EXPECT_FALSE(grant.Has(GrantRight::kRead));
  for (const char* through : {"shop", "shop\x1flab",
                              "shop\x1flab\x1f"
                              "deep"}) {
    EXPECT_TRUE(grant.Leads(through)) << through;
  }
  EXPECT_FALSE(
      grant.Leads("shop\x1f"
                  "other"));
}

TEST(KeyGrant, ComesBackAsItWasSaid) {
  const std::vector<KeyGrant> grants{
      Grant(R"({"namespace":["a","b.c \"d\""],"table":"t/1","rights":["maintain","read"]})"),
      Grant(R"({"namespace":["a"],"rights":["read","write","maintain","create"]})")};
  const auto again = ParseGrants(GrantsText(grants));
  ASSERT_OK(again);
  EXPECT_EQ(*again, grants);
  EXPECT_EQ(GrantsText({}), "");
  EXPECT_TRUE(ParseGrants("")->empty());
}

}  // namespace
}  // namespace tidemark::meta
