// A lake of a later time than catalog and log is told by what its metadata files settled, however
// far ahead they are; what a crash, a rollback or another log leaves is none.
#include "lake/catalog_age.h"

#include <gtest/gtest.h>

#include "env/local_store.h"
#include "lake/names.h"
#include "lake/table.h"
#include "sim/expect.h"
#include "sim/sim_disk.h"

namespace tidemark::lake {
namespace {

constexpr std::int64_t kVersion = 7;

class CatalogAgeTest : public testing::Test {
 protected:
  void SetUp() override {
    known_.location = TableLocation("shop", "events", table_);
    known_.version = kVersion;
    known_.log_id = "log";
    known_.settled = LogOffset(100);
    known_.log_end = LogOffset(120);
  }

  struct File {
    std::int64_t version = 0;
    std::int64_t settled = 0;
    std::int64_t floor = 0;
    std::string log_id = "log";
    std::string lost_logs = {};
    std::int64_t foreign = 0;   // The number of a commit of another engine; 0: it has none.
    std::string built_on = {};  // Another file.
  };
  std::string Put(const File& file) {
    TableMetadata metadata = MakeTableMetadata({.uuid = table_,
                                                .location_uri = store_.Uri(known_.location),
                                                .log_id = file.log_id,
                                                .floor = LogOffset(file.floor),
                                                .now = TimeMicros(1'000'000)});
    metadata.properties[std::string(kPropertyOffsets)] = OffsetsJson(LogOffset(file.settled));
    if (!file.lost_logs.empty()) {
      metadata.properties[std::string(kPropertyLostLogs)] = file.lost_logs;
    }
    if (file.foreign > 0) {
      Snapshot snapshot;
      snapshot.id = SnapshotId(1'000 + file.foreign);
      snapshot.sequence_number = file.foreign;
      snapshot.timestamp_ms = 1'000;
      snapshot.manifest_list = store_.Uri(known_.location + "/metadata/list.avro");
      snapshot.summary = {{"operation", "delete"}, {std::string(kSummaryKind), "external"}};
      snapshot.Seal();
      metadata.snapshots.push_back(std::make_shared<const Snapshot>(std::move(snapshot)));
      metadata.last_sequence_number = file.foreign;
    }
    if (!file.built_on.empty()) metadata.metadata_log = {{store_.Uri(file.built_on), 1'000}};
    const Uuid id = MakeUuidV4(1, ++files_);
    std::string key = MetadataKey(known_.location, file.version, id, GzipsMetadata(metadata));
    EXPECT_OK(store_.Put(key, WriteMetadataFile(metadata)));
    return key;
  }
  bool Refuses() const {
    const Status status = CheckCatalogIsNewest(store_, known_);
    EXPECT_TRUE(status || status.error().code() == Code::kCorruption);
    return !status;
  }

  sim::SimDisk disk_{1};
  env::LocalStore store_{&disk_, "lake"};
  Uuid table_ = MakeUuidV7(TimeMicros(1), 1, 1);
  KnownState known_;
  std::uint64_t files_ = 0;
};

TEST_F(CatalogAgeTest, TellsALaterStateOneCommitAheadAndAThousand) {
  const std::string key = Put({.version = kVersion + 1, .settled = 121});
  const Status near = CheckCatalogIsNewest(store_, known_);
  ASSERT_FALSE(near);
  for (const std::string_view words :
       {"older than the table shop.events", "120", "121", key.c_str(), "--rebuild-catalog"}) {
    EXPECT_NE(near.error().message().find(words), std::string::npos) << near.error().message();
  }
  ASSERT_OK(store_.Remove(key));
  EXPECT_FALSE(Refuses());
  // It names no snapshot of the catalog's: those are long gone.
  Put({.version = kVersion + 1'000, .settled = 9'000});
  EXPECT_TRUE(Refuses());
}

TEST_F(CatalogAgeTest, TakesWhatTheLogHasForACrashOrAnOlderCatalogAlone) {
  Put({.version = kVersion + 1, .settled = 120});
  Put({.version = kVersion + 40, .settled = 120});
  EXPECT_FALSE(Refuses());
  known_.log_end = LogOffset(119);
  EXPECT_TRUE(Refuses());
}

TEST_F(CatalogAgeTest, TellsACommitOfAnotherEngineThatSomethingWasBuiltOn) {
  known_.sequence_number = 20;
  const std::string key = Put({.version = kVersion + 1, .settled = 100, .foreign = 21});
  // A crash may have left it: the catalog would never have named it.
  EXPECT_FALSE(Refuses());
  Put({.version = kVersion + 2, .settled = 110, .foreign = 21, .built_on = key});
  const Status newer = CheckCatalogIsNewest(store_, known_);
  ASSERT_FALSE(newer);
  for (const std::string_view words : {"older than the table shop.events", "another engine", "1021",
                                       key.c_str(), "above version 7", "--rebuild-catalog"}) {
    EXPECT_NE(newer.error().message().find(words), std::string::npos) << newer.error().message();
  }
  // The catalog has it, or has come from there another way.
  known_.sequence_number = 21;
  EXPECT_FALSE(Refuses());
  known_.sequence_number = 20;
  known_.version = kVersion + 1;
  EXPECT_FALSE(Refuses());
}

TEST_F(CatalogAgeTest, CountsWhatARollbackTookBack) {
  Put({.version = kVersion + 3, .settled = 40, .floor = 130});
  EXPECT_TRUE(Refuses());
}

TEST_F(CatalogAgeTest, LooksAtLaterFilesOfTheTableAlone) {
  Put({.version = kVersion, .settled = 500});
  Put({.version = kVersion - 2, .settled = 500});
  const std::string key = MetadataKey(known_.location, kVersion + 2, MakeUuidV4(2, 2), false);
  ASSERT_OK(store_.Put(key, "no metadata"));
  EXPECT_FALSE(Refuses());
}

TEST_F(CatalogAgeTest, AsksForTheOrderOfLogs) {
  // Of a log that this one came after: it was given up.
  Put({.version = kVersion + 1, .settled = 500, .log_id = "before"});
  EXPECT_FALSE(Refuses());
  // Of one that came after this: whatever offsets this one has, they are other events.
  const std::string lost = R"([{"log-id":"log","settled":100,"accepted-at-ms":1}])";
  Put({.version = kVersion + 2, .settled = 100, .log_id = "after", .lost_logs = lost});
  EXPECT_FALSE(Refuses());
  Put({.version = kVersion + 3, .settled = 101, .log_id = "after", .lost_logs = lost});
  EXPECT_TRUE(Refuses());
}

TEST_F(CatalogAgeTest, TellsATableThatTheCatalogNeverHad) {
  known_.version = -1;
  known_.settled = LogOffset(0);
  known_.log_end = LogOffset(0);
  Put({.version = 0});
  EXPECT_FALSE(Refuses());
  Put({.version = 1, .settled = 1});
  EXPECT_TRUE(Refuses());
  known_.log_end = LogOffset(1);
  EXPECT_FALSE(Refuses());
}

// By what the folders of a lake are called one finds tables that no catalog names.
TEST_F(CatalogAgeTest, NamesAreWhatLiesDirectlyBelow) {
  Put({.version = 1});
  ASSERT_OK(store_.Put("shop/notes", "a file"));
  const std::string table = known_.location.substr(known_.location.find('/') + 1);
  const std::vector<std::string> in_shop = {table, "notes"};
  for (const auto& names : {store_.Names("shop/"), store_.env::ObjectStore::Names("shop/")}) {
    ASSERT_OK(names);
    EXPECT_EQ(*names, in_shop);
  }
  EXPECT_EQ(store_.Names("").value(), std::vector<std::string>{"shop"});
  EXPECT_TRUE(store_.Names("shop/notes/").value().empty());
  EXPECT_TRUE(store_.Names("nowhere/").value().empty());
}

// Versions are counted again from those of a catalog that was put back.
TEST_F(CatalogAgeTest, FindsTheStateThatSettledMostNotTheHighestVersion) {
  Put({.version = 9, .settled = 30});
  const std::string most = Put({.version = 5, .settled = 50});
  Put({.version = 6, .settled = 40, .floor = 45});
  auto found = FindNewestMetadata(store_, known_.location);
  ASSERT_OK(found);
  EXPECT_EQ(found->record.metadata_key, most);
  // A later log begins where the lake ended, whatever else is settled.
  const std::string lost = R"([{"log-id":"log","settled":45,"accepted-at-ms":1}])";
  const std::string later = Put({.version = 7, .settled = 46, .log_id = "b", .lost_logs = lost});
  found = FindNewestMetadata(store_, known_.location);
  ASSERT_OK(found);
  EXPECT_EQ(found->record.metadata_key, later);
}

TEST_F(CatalogAgeTest, KnowsAHeadByItsMetadata) {
  const std::string key = Put({.version = kVersion, .settled = 40, .floor = 60});
  const auto bytes = store_.Get(key, kMetadataBytesMax);
  ASSERT_OK(bytes);
  const auto metadata = ParseMetadata(*bytes);
  ASSERT_OK(metadata);
  const auto state = KnownStateOf(store_, *metadata, kVersion, LogOffset(50));
  ASSERT_OK(state);
  EXPECT_EQ(state->location, known_.location);
  EXPECT_EQ(state->log_id, "log");
  EXPECT_EQ(state->settled, LogOffset(60));
  EXPECT_EQ(state->log_end, LogOffset(50));
}

}  // namespace
}  // namespace tidemark::lake
