// Manifests are read once, and memory for them is bounded.
#include "iceberg/manifest_cache.h"

#include <gtest/gtest.h>

#include "env/local_store.h"
#include "event/schema.h"
#include "lake/bounds.h"
#include "lake/metadata.h"
#include "sim/expect.h"
#include "sim/sim_disk.h"

namespace tidemark::iceberg {
namespace {

using lake::ManifestEntry;
using lake::ManifestFile;

class ManifestCacheTest : public testing::Test {
 protected:
  ManifestFile Write(const std::string& name, std::size_t files) {
    std::vector<ManifestEntry> entries;
    for (std::size_t i = 0; i < files; ++i) {
      ManifestEntry& entry = entries.emplace_back();
      entry.file.path = "file:///w/t/data/" + name + "-" + std::to_string(i);
      entry.file.rows = 10;
      entry.file.bytes = 100;
      entry.file.partition = {1};
      entry.file.value_counts = {{1, 10}, {31, 10}};
      entry.file.null_counts = {{1, 0}, {31, 10}};
      entry.file.lower_bounds = {{1, "a"}, {31, lake::BoundOf(std::int64_t{5})}};
      entry.file.upper_bounds = {{1, "z"}, {31, lake::BoundOf(std::int64_t{9})}};
    }
    const std::string key = "t/metadata/" + name;
    const std::string bytes =
        lake::WriteManifest(metadata_, metadata_.specs[0], entries, MakeUuidV4(1, 2));
    EXPECT_OK(store_.Put(key, bytes));
    ManifestFile manifest;
    manifest.path = store_.Uri(key);
    manifest.length = static_cast<std::int64_t>(bytes.size());
    manifest.sequence_number = 3;
    manifest.added_snapshot = SnapshotId(7);
    return manifest;
  }

  sim::SimDisk disk_{1};
  env::LocalStore store_{&disk_, "w"};
  const Locations locations_{&store_, {}};
  const lake::TableMetadata metadata_ = lake::MakeTableMetadata({.uuid = MakeUuidV4(1, 2),
                                                                 .location_uri = "file:///w/t",
                                                                 .log_id = "log",
                                                                 .floor = LogOffset(0),
                                                                 .now = TimeMicros(0)});
};

TEST_F(ManifestCacheTest, AManifestIsReadOnce) {
  const ManifestFile manifest = Write("m1", 2);
  ManifestCache cache;
  const auto first = cache.Read(locations_, {manifest});
  ASSERT_OK(first);
  const ManifestEntry& entry = (*first)[0]->entries.at(1);
  EXPECT_EQ(entry.file.path, "file:///w/t/data/m1-1");
  EXPECT_EQ(entry.sequence_number, 3);
  EXPECT_TRUE(entry.file.value_counts.empty());
  EXPECT_EQ(entry.file.lower_bounds.size(), 1U);  // Of log_offset.
  EXPECT_EQ((*first)[0]->bounds[1]->Find(1).lower, "a");
  EXPECT_FALSE((*first)[0]->bounds[1]->Find(1).may_be_null);
  EXPECT_OK(store_.Remove("t/metadata/m1"));
  const auto again = cache.Read(locations_, {manifest});
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)[0], (*first)[0]);
  // Another list that gives its entries other numbers does not get these.
  ManifestFile other = manifest;
  other.sequence_number = 4;
  EXPECT_CODE(cache.Read(locations_, {other}), Code::kCorruption);
}

TEST_F(ManifestCacheTest, TheOldestGoWhenItIsFull) {
  const ManifestFile a = Write("a", 50), b = Write("b", 50), c = Write("c", 50);
  ManifestCache probe;
  ASSERT_TRUE(probe.Read(locations_, {a}));
  ManifestCache cache(probe.bytes() * 5 / 2);
  ASSERT_TRUE(cache.Read(locations_, {a, b}));
  ASSERT_TRUE(cache.Read(locations_, {a}));
  ASSERT_TRUE(cache.Read(locations_, {c}));  // b was asked for longest ago.
  EXPECT_EQ(cache.count(), 2U);
  EXPECT_LE(cache.bytes(), probe.bytes() * 5 / 2);
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_OK(store_.Remove(std::string("t/metadata/") + name));
  }
  EXPECT_TRUE(cache.Read(locations_, {a, c}));
  EXPECT_FALSE(cache.Read(locations_, {b}));
  // One that is larger than all is read, but not kept.
  ManifestCache small(10);
  ASSERT_TRUE(small.Read(locations_, {Write("d", 5)}));
  EXPECT_EQ(small.count(), 0U);
}

}  // namespace
}  // namespace tidemark::iceberg
