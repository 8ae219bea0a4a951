// Metadata of strangers names files: none of another project's is read for whoever may not.
#include "iceberg/reach.h"

#include <gtest/gtest.h>

#include "catalog/test_catalog.h"
#include "env/local_store.h"
#include "sim/expect.h"
#include "sim/sim_disk.h"

namespace tidemark::iceberg {
namespace {

constexpr char kDropped[] = "plain.tables/shop/orders-1/data/1.parquet";

class ReachTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(directory_->CreateNamespace({"shop", {}, true}));
    ASSERT_OK(directory_->CreateNamespace({"rival", {}, true}));
    ASSERT_OK(directory_->CreateNamespace({"common", {}, false}));
  }
  void Register(const std::string& ns, const std::string& location) {
    catalog::EntryChange change;
    change.action = catalog::EntryChange::Action::kCreate;
    catalog::TableRecord& record = change.entry.record;
    record.uuid = MakeUuidV4(++made_, 1);
    record.ns = ns;
    record.name = "t" + std::to_string(made_);
    record.location = Locations::Normal(location);
    record.managed = false;
    ASSERT_OK(directory_->Apply({&change, 1}));
  }
  // Status of a file of the warehouse for a key of `project`; 200: it may.
  int Try(const std::string& project, const std::string& key, const std::string& home = "") {
    return TryUri({.project = project}, warehouse_.Uri(key), home);
  }
  int TryUri(const Access& access, const std::string& uri, const std::string& home = "") {
    const Reach reach(&locations_, directory_, access, home);
    const auto place = reach.Resolve(uri);
    return place ? 200 : place.error().status;
  }

  std::uint64_t made_ = 0;
  sim::SimDisk disk_{1};
  env::LocalStore warehouse_{&disk_, "lake"};
  env::LocalStore outside_{&disk_, "elsewhere"};
  Locations locations_{&warehouse_, {{"file:/srv/x", &outside_}}};
  catalog::TestCatalog catalog_{"reach_test"};
  catalog::SqliteDirectory* const directory_ = catalog_.directory();
};

TEST_F(ReachTest, ManagedFilesAreTheirProjectsAlone) {
  const std::string file = "shop/events-1/data/1.parquet";
  EXPECT_EQ(Try("shop", file), 200);
  EXPECT_EQ(Try("rival", file), 403);
  EXPECT_EQ(TryUri({.all = true, .project = "default"}, warehouse_.Uri(file)), 200);
  // A project whose namespace is still to come, and what lies in no folder.
  EXPECT_EQ(Try("rival", "later/events-1/data/1.parquet"), 403);
  EXPECT_EQ(Try("rival", "1.parquet"), 403);
}

TEST_F(ReachTest, PlainFilesAreThoseOfTheTableThatLivesThere) {
  Register("shop", warehouse_.Uri("plain.tables/common/bought-1"));
  Register("common", warehouse_.Uri("plain.tables/shop/given-1"));
  EXPECT_EQ(Try("rival", "plain.tables/common/bought-1/data/1.parquet"), 403);
  EXPECT_EQ(Try("shop", "plain.tables/common/bought-1/data/1.parquet"), 200);
  EXPECT_EQ(Try("rival", "plain.tables/shop/given-1/data/deep/1.parquet"), 200);
  EXPECT_EQ(Try("rival", "plain.tables/common/other-1/data/1.parquet"), 200);
}

TEST_F(ReachTest, FilesOfDroppedTablesAreTheirNamespaces) {
  EXPECT_EQ(Try("rival", kDropped), 403);
  EXPECT_EQ(Try("shop", kDropped), 200);
  EXPECT_EQ(Try("rival", "plain.tables/shop.daily/t-1/data/1.parquet"), 403);
  EXPECT_EQ(Try("rival", "plain.tables/nobody/t-1/data/1.parquet"), 200);
  EXPECT_EQ(Try("rival", "plain.tables/~zz/t-1/data/1.parquet"), 200);
}

TEST_F(ReachTest, OutsideRootsAreForAllButForTheirTables) {
  EXPECT_EQ(TryUri({.project = "rival"}, "file:///srv/x/free/1.parquet"), 200);
  Register("shop", "file:///srv/x/mine");
  EXPECT_EQ(TryUri({.project = "rival"}, "/srv/x/mine/data/1.parquet"), 403);
  EXPECT_EQ(TryUri({.project = "shop"}, "/srv/x/mine/data/1.parquet"), 200);
  EXPECT_EQ(TryUri({.project = "rival"}, "/srv/x/mine2/data/1.parquet"), 200);
  EXPECT_EQ(TryUri({.project = "rival"}, "/etc/passwd"), 400);
}

TEST_F(ReachTest, AnotherSpellingIsTheSameFile) {
  const std::string root = Locations::Normal(warehouse_.Uri(""));
  for (const char* file : {"/plain.tables//shop/orders-1/data/1.parquet",
                           "//shop/events-1/data/1.parquet", "/shop//events-1/data//1.parquet"}) {
    EXPECT_EQ(TryUri({.project = "rival"}, root + file), 403) << file;
  }
  const std::string home = root + "/plain.tables/rival/t-1";
  EXPECT_EQ(TryUri({.project = "rival"}, home + "/../../shop/orders-1/1.parquet", home), 400);
}

TEST_F(ReachTest, ATableMayReadWhatIsItsOwn) {
  const std::string home = warehouse_.Uri("plain.tables/shop/given-1");
  EXPECT_EQ(Try("rival", "plain.tables/shop/given-1/data/1.parquet", home), 200);
  EXPECT_EQ(Try("rival", "plain.tables/shop/given-1", home), 200);
  EXPECT_EQ(Try("rival", "plain.tables/shop/given-10/data/1.parquet", home), 403);
}

}  // namespace
}  // namespace tidemark::iceberg
