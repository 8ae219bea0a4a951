// Metadata of strangers names files: only those in the warehouse and the named roots are touched.
#include "iceberg/locations.h"

#include <gtest/gtest.h>

#include "env/local_store.h"
#include "sim/sim_disk.h"

namespace tidemark::iceberg {
namespace {

TEST(LocationsTest, OneSpelling) {
  for (const char* same : {"file:/w/t", "file:///w/t", "/w/t", "file:///w/t/", "file:////w/t"}) {
    EXPECT_EQ(Locations::Normal(same), "file:///w/t") << same;
  }
  EXPECT_EQ(Locations::Normal("s3://b/t/"), "s3://b/t");
}

class LocationsPlaceTest : public testing::Test {
 protected:
  sim::SimDisk disk_{1};
  env::LocalStore warehouse_{&disk_, "lake"};
  env::LocalStore outside_{&disk_, "elsewhere"};
  Locations locations_{&warehouse_, {{"file:/srv/x", &outside_}}};
};

TEST_F(LocationsPlaceTest, OnlyBelowARoot) {
  const auto own = locations_.Resolve(warehouse_.Uri("plain.tables/a/t"));
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(own->key, "plain.tables/a/t");
  EXPECT_TRUE(own->in_warehouse);
  const auto other = locations_.Resolve("file:///srv/x/t/metadata/1.json");
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ(other->key, "t/metadata/1.json");
  EXPECT_EQ(other->store, &outside_);
  for (const char* bad : {"file:///srv/xx/t", "file:///srv/x/../../etc/passwd", "/etc/passwd",
                          "s3://bucket/t", "file:///srv/x/./t", "", "srv/x/t"}) {
    EXPECT_FALSE(locations_.Resolve(bad).has_value()) << bad;
  }
}

TEST_F(LocationsPlaceTest, TheServersOwnFoldersAreNotForTables) {
  EXPECT_TRUE(locations_.CheckForTable(warehouse_.Uri("plain.tables/a/t")).has_value());
  EXPECT_FALSE(locations_.CheckForTable(warehouse_.Uri("default/events-1")).has_value());
  EXPECT_FALSE(locations_.CheckForTable(warehouse_.Uri("plain.tables")).has_value());
  EXPECT_FALSE(locations_.CheckForTable("file:///srv/x").has_value());
}

TEST_F(LocationsPlaceTest, NewOnesAreUnlikeAndSafe) {
  const std::string a = locations_.ForNew(
      "a\x1f"
      "b",
      "t/../x", MakeUuidV4(1, 2));
  const std::string b = locations_.ForNew(
      "a\x1f"
      "b",
      "t/../x", MakeUuidV4(3, 4));
  EXPECT_NE(a, b);
  EXPECT_NE(a.find("/plain.tables/a.b/t~2F~2E~2E~2Fx-"), std::string::npos) << a;
  EXPECT_TRUE(locations_.CheckForTable(a).has_value());
}

TEST_F(LocationsPlaceTest, AFolderTellsWhoseNamespaceItIs) {
  const auto folder_of = [&](std::string_view ns) {
    const std::string uri = locations_.OfNamespace(ns);
    return uri.substr(uri.rfind('/') + 1);
  };
  for (const char* top : {"shop", "a.b", "a/b", "~", "100%", "\xe6\xbc\xa2", "a b"}) {
    EXPECT_EQ(Locations::TopLevelOfFolder(folder_of(top)), top);
    EXPECT_EQ(Locations::TopLevelOfFolder(folder_of(std::string(top) + "\x1f" + "below")), top);
  }
  for (const char* none : {"", ".below", "~", "~2", "~zz", "a~2"}) {
    EXPECT_EQ(Locations::TopLevelOfFolder(none), std::nullopt) << none;
  }
}

TEST_F(LocationsPlaceTest, LongNamesAreCutToWhatFileSystemsTake) {
  std::string name;
  while (name.size() < 252) name += "\xe6\xbc\xa2";
  const std::string uri = locations_.ForNew(name, name, MakeUuidV4(1, 2));
  EXPECT_TRUE(locations_.CheckForTable(uri).has_value());
  const std::size_t slash = uri.rfind('/');
  EXPECT_LT(uri.size() - slash, 256U);
  EXPECT_LT(slash - uri.rfind('/', slash - 1), 256U);
  EXPECT_NE(uri, locations_.ForNew(name, name, MakeUuidV4(3, 4)));
}

}  // namespace
}  // namespace tidemark::iceberg
