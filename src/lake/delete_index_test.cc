// Which rows are deleted is decided as the table format says: by sequence number, partition and
// path.
#include "lake/delete_index.h"

#include <gtest/gtest.h>

#include "env/local_store.h"
#include "sim/expect.h"
#include "sim/sim_disk.h"

namespace tidemark::lake {
namespace {

class DeleteIndexTest : public testing::Test {
 protected:
  DeleteIndexTest() {
    hour_.spec_id = 0;
    hour_.fields.push_back({6, 1000, "timestamp_hour", Transform::kHour});
    whole_.spec_id = 7;
  }
  static ManifestEntry Entry(FileContent content, std::string path, std::int64_t sequence,
                             std::string partition) {
    ManifestEntry entry;
    entry.sequence_number = sequence;
    entry.file.content = content;
    entry.file.path = std::move(path);
    entry.file.partition_key = std::move(partition);
    entry.file.rows = 2;
    return entry;
  }
  void Positions(std::string path, std::int64_t sequence, std::string partition,
                 std::string of = "") {
    ManifestEntry entry =
        Entry(FileContent::kPositionDeletes, std::move(path), sequence, std::move(partition));
    if (!of.empty()) entry.file.referenced_file = std::move(of);
    EXPECT_OK(index_.Add(entry, hour_));
  }
  static ManifestEntry Vector(std::string path, std::int64_t sequence, std::string of) {
    ManifestEntry entry =
        Entry(FileContent::kPositionDeletes, std::move(path), sequence, "another");
    entry.file.format = "PUFFIN";
    entry.file.referenced_file = std::move(of);
    entry.file.content_offset = 4;
    entry.file.content_bytes = 40;
    return entry;
  }
  void Equalities(std::string path, std::int64_t sequence, std::string partition,
                  const PartitionSpec& spec) {
    ManifestEntry entry =
        Entry(FileContent::kEqualityDeletes, std::move(path), sequence, std::move(partition));
    entry.file.equality_ids = {3};
    EXPECT_OK(index_.Add(entry, spec));
  }
  std::string Of(std::string path, std::int64_t sequence, std::string partition,
                 std::int32_t spec = 0) {
    const auto found =
        index_.Of(Entry(FileContent::kData, std::move(path), sequence, std::move(partition)), spec);
    std::string keys;
    if (!found) return keys;
    for (const LiveDelete& one : *found) keys += one.key + " ";
    return keys;
  }

  sim::SimDisk disk_{1};
  env::LocalStore store_{&disk_, "lake"};
  PartitionSpec hour_;
  PartitionSpec whole_;
  DeleteIndex index_{&store_};
};

TEST_F(DeleteIndexTest, PositionsCountForFilesThatAreNotYounger) {
  Positions("p", 5, "1");
  EXPECT_EQ(Of("a", 4, "1"), "p ");
  EXPECT_EQ(Of("a", 5, "1"), "p ");
  EXPECT_EQ(Of("a", 6, "1"), "");
}

TEST_F(DeleteIndexTest, EqualitiesCountForFilesThatAreOlder) {
  Equalities("q", 5, "1", hour_);
  EXPECT_EQ(Of("a", 4, "1"), "q ");
  EXPECT_EQ(Of("a", 5, "1"), "");
}

TEST_F(DeleteIndexTest, BothAreOfTheirSpecAndPartition) {
  Positions("p", 5, "1");
  Equalities("q", 5, "1", hour_);
  EXPECT_EQ(Of("a", 4, "2"), "");
  EXPECT_EQ(Of("a", 4, "1", 1), "");
}

TEST_F(DeleteIndexTest, EqualitiesOfNoPartitionAreForAll) {
  Equalities("q", 5, "", whole_);
  EXPECT_EQ(Of("a", 4, "2"), "q ");
  EXPECT_EQ(Of("a", 4, "9", 2), "q ");
}

TEST_F(DeleteIndexTest, EqualitiesOfASpecWhoseFieldsWereDroppedAreForAll) {
  PartitionSpec dropped;
  dropped.spec_id = 8;
  dropped.fields.push_back({6, 1000, "timestamp_hour", Transform::kVoid});
  Equalities("q", 5, "null", dropped);
  EXPECT_EQ(Of("a", 4, "2"), "q ");
  EXPECT_EQ(Of("a", 5, "2"), "");
}

TEST_F(DeleteIndexTest, PositionsThatNameAFileAreForItAlone) {
  Positions("p", 5, "1", "a");
  EXPECT_EQ(Of("a", 4, "1"), "p ");
  EXPECT_EQ(Of("b", 4, "1"), "");
  ManifestEntry bounded = Entry(FileContent::kPositionDeletes, "r", 5, "1");
  bounded.file.lower_bounds = bounded.file.upper_bounds = {{kDeletePathId, "b"}};
  EXPECT_OK(index_.Add(bounded, hour_));
  EXPECT_EQ(Of("b", 4, "1"), "r ");
  EXPECT_EQ(index_.totals().files, 2U);
  EXPECT_EQ(index_.totals().positions, 4U);
}

TEST_F(DeleteIndexTest, AVectorTakesThePlaceOfAllPositionsOfItsFile) {
  Positions("p", 5, "1");
  Positions("r", 5, "1", "a");
  Equalities("q", 7, "1", hour_);
  EXPECT_OK(index_.Add(Vector("v", 6, "a"), hour_));
  EXPECT_EQ(Of("a", 4, "1"), "q v ");
  EXPECT_EQ(Of("a", 6, "1"), "q v ");
  EXPECT_EQ(Of("b", 4, "1"), "p q ");
  const auto found = index_.Of(Entry(FileContent::kData, "a", 4, "1"), 0);
  EXPECT_EQ(found->back().vector, (engine::VectorPlace{4, 40, 2}));
  EXPECT_EQ(index_.totals().files, 4U);
  EXPECT_EQ(index_.totals().vectors, 1U);
  EXPECT_EQ(index_.totals().positions, 6U);
}

// One of a file that was written again under its name.
TEST_F(DeleteIndexTest, AVectorCountsForFilesThatAreNotYounger) {
  Positions("p", 9, "1");
  EXPECT_OK(index_.Add(Vector("v", 6, "a"), hour_));
  EXPECT_EQ(Of("a", 7, "1"), "p ");
}

TEST_F(DeleteIndexTest, AFileHasOneVectorWithItsPlace) {
  EXPECT_OK(index_.Add(Vector("v", 6, "a"), hour_));
  EXPECT_OK(index_.Add(Vector("v", 6, "b"), hour_));
  EXPECT_CODE(index_.Add(Vector("w", 7, "a"), hour_), Code::kCorruption);
  ManifestEntry placeless = Vector("x", 7, "c");
  placeless.file.content_offset.reset();
  EXPECT_CODE(index_.Add(placeless, hour_), Code::kCorruption);
  ManifestEntry fileless = Vector("x", 7, "c");
  fileless.file.referenced_file.reset();
  EXPECT_CODE(index_.Add(fileless, hour_), Code::kCorruption);
}

}  // namespace
}  // namespace tidemark::lake
