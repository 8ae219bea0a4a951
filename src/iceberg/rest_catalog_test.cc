// Commits on a disk that fails: what did not come about leaves no file behind.
#include "iceberg/rest_catalog.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "catalog/test_catalog.h"
#include "env/local_store.h"
#include "lake/table.h"
#include "sim/expect.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"

namespace tidemark::iceberg {
namespace {

constexpr std::string_view kNewTable = R"({"name":"t","schema":{"type":"struct","fields":[
  {"id":1,"name":"x","required":false,"type":"long"}]}})";

JsonValue BodyOf(std::string_view text) {
  auto json = JsonValue::Parse(text);
  EXPECT_TRUE(json.has_value()) << text;
  return json ? *json : JsonValue();
}

class NoFeeder final : public Feeder {
 public:
  explicit NoFeeder(Epoch epoch) : epoch_(epoch) {}
  Epoch epoch() const override { return epoch_; }
  TimeMicros ReadersUntil(TimeMicros now) const override { return now; }
  void Refresh(const std::string& /*ns*/) override {}

 private:
  const Epoch epoch_;
};

class RestCatalogTest : public testing::Test {
 protected:
  RestCatalog::Parts Parts() {
    RestCatalog::Parts parts;
    parts.directory = catalog_.directory();
    parts.locations = &locations_;
    parts.clock = &clock_;
    parts.new_id = [this] { return MakeUuidV4(++made_, 1); };
    parts.feeder = &feeder_;
    return parts;
  }
  std::set<std::string> Files() {
    std::set<std::string> files;
    for (const char* folder : {"plain.tables/", "shop/"}) {
      const auto keys = warehouse_.List(folder);
      EXPECT_TRUE(keys.has_value());
      if (keys) files.insert(keys->begin(), keys->end());
    }
    return files;
  }
  // Commits while the n-th call of the disk fails, for every n until there is none left to fail.
  // Returns how many failed.
  int CommitUntilNoCallFails(const Name& name) {
    for (int n = 1;; ++n) {
      const std::set<std::string> before = Files();
      const JsonValue request =
          BodyOf(R"({"updates":[{"action":"set-properties","updates":{"n":")" + std::to_string(n) +
                 "\"}}]}");
      disk_.FailCallAt(static_cast<std::uint64_t>(n));
      const auto made = catalog_under_test_.CommitTable(kAll, name, request);
      disk_.FailCallAt(0);
      if (made) {
        EXPECT_EQ(Files().size(), before.size() + 1);
        return n - 1;
      }
      EXPECT_GE(made.error().status, 500) << made.error().message;
      EXPECT_EQ(Files(), before) << "call " << n << ": " << made.error().message;
      const auto loaded = catalog_under_test_.LoadTable(name, false);
      EXPECT_TRUE(loaded && loaded->metadata.find("\"n\"") == std::string::npos);
    }
  }

  static inline const Access kAll{.all = true, .write = true, .project = "default"};
  std::uint64_t made_ = 0;
  sim::SimDisk disk_{1};
  sim::SimClock clock_;
  env::LocalStore warehouse_{&disk_, "lake"};
  Locations locations_{&warehouse_, {}};
  catalog::TestCatalog catalog_{"rest_catalog_test"};
  NoFeeder feeder_{*catalog_.catalog()->BeginEpoch("log")};
  RestCatalog catalog_under_test_{Parts()};
};

TEST_F(RestCatalogTest, AFailedCommitLeavesNoMetadataFile) {
  ASSERT_TRUE(catalog_under_test_.CreateTable(kAll, "default", BodyOf(kNewTable)).has_value());
  EXPECT_GE(CommitUntilNoCallFails({"default", "t"}), 3);
}

// Even of one who may do all: nothing would ever read it.
TEST_F(RestCatalogTest, TakesNoSnapshotWhoseManifestListIsNowhere) {
  ASSERT_TRUE(catalog_under_test_.CreateTable(kAll, "default", BodyOf(kNewTable)).has_value());
  const std::set<std::string> before = Files();
  for (const std::string list : {"file:///etc/passwd", "s3://bucket/snap-1.avro", "m.avro"}) {
    const auto made = catalog_under_test_.CommitTable(
        kAll, {"default", "t"},
        BodyOf(R"({"updates":[{"action":"add-snapshot","snapshot":{"snapshot-id":1,
                   "sequence-number":1,"timestamp-ms":1000,"schema-id":0,
                   "summary":{"operation":"append"},"manifest-list":")" +
               list + R"("}}]})"));
    ASSERT_FALSE(made.has_value()) << list;
    EXPECT_EQ(made.error().status, 400) << list;
    EXPECT_NE(made.error().message.find("Cannot add snapshot 1: Location " + list),
              std::string::npos)
        << made.error().message;
  }
  EXPECT_EQ(Files(), before);
}

TEST_F(RestCatalogTest, AFailedCommitToAManagedTableLeavesNoneEither) {
  auto record = lake::CreateTable(&warehouse_, {.uuid = MakeUuidV7(TimeMicros(1), 1, 1),
                                                .ns = "shop",
                                                .log_id = "log",
                                                .epoch = feeder_.epoch(),
                                                .now = clock_.WallNow()});
  ASSERT_OK(record);
  ASSERT_OK(catalog_.catalog()->CreateTable(*record));
  EXPECT_GE(CommitUntilNoCallFails({"shop", "events"}), 3);
}

// A user's token names a project that may have no key yet.
TEST_F(RestCatalogTest, ANamespaceOfOnesOwnProjectIsItsOwnFromThenOn) {
  const Access shop{.write = true, .project = "shop"};
  const Access rival{.write = true, .project = "rival"};
  ASSERT_TRUE(catalog_under_test_.CreateNamespace(rival, "common", JsonValue()).has_value());
  ASSERT_TRUE(catalog_under_test_.CreateNamespace(shop, "shop", JsonValue()).has_value());
  EXPECT_TRUE(catalog_under_test_.Allow(shop, Right::kCreate, {"common", ""}).has_value());
  EXPECT_TRUE(catalog_under_test_.Allow(shop, Right::kMaintain, {"shop", "t"}).has_value());
  EXPECT_FALSE(catalog_under_test_.Allow(rival, Right::kSee, {"shop", ""}).has_value());
}

}  // namespace
}  // namespace tidemark::iceberg
