// Names: one transaction for several changes, versions compared, managed tables never touched.
#include <gtest/gtest.h>

#include "catalog/test_catalog.h"
#include "sim/expect.h"

namespace tidemark::catalog {
namespace {

class DirectoryTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(directory_->CreateNamespace({"a", {{"k", "v"}}, false})); }
  static EntryChange Create(std::uint64_t n, const std::string& name,
                            EntryKind kind = EntryKind::kTable) {
    EntryChange change;
    change.action = EntryChange::Action::kCreate;
    change.entry.kind = kind;
    TableRecord& record = change.entry.record;
    record.uuid = MakeUuidV4(n, n);
    record.ns = "a";
    record.name = name;
    record.location = "file:///w/" + std::to_string(n);
    record.metadata_key = "m0";
    record.managed = false;
    return change;
  }
  static EntryChange Swap(EntryChange change, std::int64_t base) {
    change.action = EntryChange::Action::kSwap;
    change.base_version = base;
    change.entry.record.metadata_key = "m" + std::to_string(base + 1);
    return change;
  }
  Status Apply(const EntryChange& change) { return directory_->Apply({&change, 1}); }
  Code CodeOf(const Status& status) { return status ? Code::kInternal : status.error().code(); }

  TestCatalog temporary_{"directory_test"};
  SqliteCatalog* const catalog_ = temporary_.catalog();
  SqliteDirectory* const directory_ = temporary_.directory();
};

TEST_F(DirectoryTest, NamespacesNest) {
  EXPECT_EQ(CodeOf(directory_->CreateNamespace({"a", {}, false})), Code::kAlreadyExists);
  ASSERT_OK(directory_->CreateNamespace({"x\x1fy\x1fz", {}, false}));
  EXPECT_EQ(*directory_->ListNamespaces("", {}), (std::vector<std::string>{"a", "default", "x"}));
  EXPECT_EQ(*directory_->ListNamespaces("x", {}), (std::vector<std::string>{"x\x1fy"}));
  EXPECT_EQ(*directory_->ListNamespaces("", {"a", 1}), (std::vector<std::string>{"default"}));
  EXPECT_EQ(CodeOf(directory_->DropNamespace("x")), Code::kConflict);
  ASSERT_OK(directory_->DropNamespace("x\x1fy\x1fz"));
  EXPECT_EQ(CodeOf(directory_->DropNamespace("default")), Code::kPermissionDenied);
  EXPECT_EQ(CodeOf(directory_->DropNamespace("nothing")), Code::kNotFound);
}

TEST_F(DirectoryTest, PropertiesChangeAtOnce) {
  const std::vector<std::string> removals = {"k", "none"};
  const auto before = directory_->ChangeNamespace("a", removals, {{"n", "1"}});
  ASSERT_OK(before);
  EXPECT_EQ(*before, (Properties{{"k", "v"}}));
  EXPECT_EQ((*directory_->FindNamespace("a"))->properties, (Properties{{"n", "1"}}));
}

TEST_F(DirectoryTest, TablesAndViewsShareTheirNames) {
  ASSERT_OK(Apply(Create(1, "t")));
  EXPECT_EQ(CodeOf(Apply(Create(2, "t", EntryKind::kView))), Code::kAlreadyExists);
  ASSERT_OK(Apply(Create(2, "v", EntryKind::kView)));
  EXPECT_EQ(*directory_->ListEntries("a", EntryKind::kTable, {}), std::vector<std::string>{"t"});
  EXPECT_EQ(*directory_->ListEntries("a", EntryKind::kView, {}), std::vector<std::string>{"v"});
  EXPECT_EQ(CodeOf(directory_->Rename(MakeUuidV4(2, 2), "a", "t")), Code::kAlreadyExists);
  EXPECT_EQ(CodeOf(directory_->Rename(MakeUuidV4(2, 2), "none", "w")), Code::kNotFound);
  // What reads tables of the log does not meet views.
  EXPECT_EQ(catalog_->ListTables()->size(), 1U);
  EXPECT_EQ(CodeOf(directory_->DropNamespace("a")), Code::kConflict);
}

TEST_F(DirectoryTest, ChangesAreAllOrNone) {
  ASSERT_OK(Apply(Create(1, "t")));
  ASSERT_OK(Apply(Create(2, "u")));
  EXPECT_EQ(CodeOf(Apply(Swap(Create(1, "t"), 5))), Code::kConflict);
  const std::vector<EntryChange> two = {Swap(Create(1, "t"), 0), Swap(Create(2, "u"), 3)};
  EXPECT_EQ(CodeOf(directory_->Apply(two)), Code::kConflict);
  EXPECT_EQ((*directory_->FindEntry("a", "t"))->record.metadata_key, "m0");
  ASSERT_OK(Apply(Swap(Create(1, "t"), 0)));
  EXPECT_EQ((*directory_->FindEntry("a", "t"))->record.metadata_version, 1);
  ASSERT_OK(directory_->Rename(MakeUuidV4(1, 1), "a", "t2"));
  EXPECT_EQ(CodeOf(Apply(Swap(Create(1, "t"), 1))), Code::kNotFound);
}

TEST_F(DirectoryTest, AProjectIsOneByItsKeysOrByItsTables) {
  EXPECT_FALSE(*directory_->IsProject("a"));  // There, and nobody's.
  ASSERT_OK(directory_->AddProject("young", TimeMicros(7)));
  ASSERT_OK(directory_->AddProject("young", TimeMicros(8)));
  EXPECT_TRUE(*directory_->IsProject("young"));
  TableRecord record;
  record.uuid = MakeUuidV4(9, 9);
  record.ns = "shop";
  record.name = "events";
  record.location = "shop/events-1";
  ASSERT_OK(catalog_->CreateTable(record));
  EXPECT_TRUE(*directory_->IsProject("shop"));
}

TEST_F(DirectoryTest, ManagedTablesAreNotItsOwn) {
  TableRecord record;
  record.uuid = MakeUuidV4(9, 9);
  record.ns = "shop";
  record.name = "events";
  record.location = "shop/events-1";
  ASSERT_OK(catalog_->CreateTable(record));
  EXPECT_TRUE((*directory_->FindNamespace("shop"))->project);
  EntryChange drop = Create(9, "events");
  drop.action = EntryChange::Action::kDrop;
  EXPECT_EQ(CodeOf(Apply(drop)), Code::kPermissionDenied);
  drop.action = EntryChange::Action::kSwap;
  EXPECT_EQ(CodeOf(Apply(drop)), Code::kPermissionDenied);
  EXPECT_EQ(CodeOf(directory_->Rename(record.uuid, "a", "mine")), Code::kPermissionDenied);
}

TEST_F(DirectoryTest, CommitsToManagedTablesHaveTheCatalogsConditions) {
  const Epoch epoch = *catalog_->BeginEpoch("log");
  TableRecord record;
  record.uuid = MakeUuidV4(9, 9);
  record.ns = "shop";
  record.name = "events";
  record.location = "shop/events-1";
  record.log_id = "log";
  ASSERT_OK(catalog_->CreateTable(record));
  ASSERT_OK(Apply(Create(1, "t")));
  std::int64_t version = 0;
  const auto change = [&](std::int64_t head, std::int64_t begin, std::int64_t end) {
    EntryChange one;
    one.action = EntryChange::Action::kCommit;
    TableChange& commit = one.commit.emplace();
    commit.table = record.uuid;
    commit.base_version = version;
    commit.epoch = epoch;
    commit.metadata_key = "m" + std::to_string(head);
    commit.head = SnapshotId(head);
    LedgerRow& row = commit.ledger.emplace();
    row.table = record.uuid;
    row.snapshot = commit.head;
    row.kind = begin == end ? CommitKind::kExternal : CommitKind::kFlush;
    row.log_id = "log";
    row.epoch = epoch;
    row.begin = LogOffset(begin);
    row.end = LogOffset(end);
    row.commit_id = MakeUuidV4(50, static_cast<std::uint64_t>(head));
    return one;
  };
  for (const std::int64_t end : {10, 20}) {
    ASSERT_OK(Apply(change(end, end - 10, end)));
    ++version;
  }
  EXPECT_EQ(CodeOf(Apply(change(21, 10, 10))), Code::kConflict);  // Not where the head ends.
  EntryChange old_owner = change(21, 20, 20);
  old_owner.commit->epoch = Epoch(0);
  EXPECT_EQ(CodeOf(Apply(old_owner)), Code::kConflict);
  EntryChange stale = change(21, 20, 20);
  stale.commit->base_version = 1;
  const std::vector<EntryChange> both = {Swap(Create(1, "t"), 0), stale};
  EXPECT_EQ(CodeOf(directory_->Apply(both)), Code::kConflict);
  EXPECT_EQ((*directory_->FindEntry("a", "t"))->record.metadata_version, 0);
  ASSERT_OK(directory_->Apply(std::vector{Swap(Create(1, "t"), 0), change(21, 20, 20)}));
  ++version;
  EXPECT_EQ((*catalog_->FindTable(record.uuid))->off_head, LogOffset(20));
  EXPECT_EQ(catalog_->Ledger(record.uuid)->back().kind, CommitKind::kExternal);

  // Back to the first snapshot: its offsets, and the floor in their place.
  EntryChange back = change(10, 20, 20);
  back.commit->ledger.reset();
  back.commit->off_head = LogOffset(10);
  EXPECT_EQ(CodeOf(Apply(back)), Code::kConflict);
  back.commit->floor = LogOffset(20);
  ASSERT_OK(Apply(back));
  EXPECT_EQ((*catalog_->FindTable(record.uuid))->off_head, LogOffset(10));
  EXPECT_EQ((*catalog_->FindTable(record.uuid))->visible(), LogOffset(20));
}

TEST_F(DirectoryTest, LocationsDoNotOverlap) {
  ASSERT_OK(Apply(Create(1, "t")));
  EXPECT_TRUE(*directory_->OverlapsLocation("file:///w/1", {}));
  EXPECT_TRUE(*directory_->OverlapsLocation("file:///w/1/below", {}));
  EXPECT_TRUE(*directory_->OverlapsLocation("file:///w", {}));
  EXPECT_FALSE(*directory_->OverlapsLocation("file:///w/10", {}));
  const Uuid itself = MakeUuidV4(1, 1);
  EXPECT_FALSE(*directory_->OverlapsLocation("file:///w/1/below", {&itself, 1}));
  ASSERT_OK(Apply(Create(2, "u")));
  EXPECT_TRUE(*directory_->OverlapsLocation("file:///w", {&itself, 1}));
}

TEST_F(DirectoryTest, ALocationTellsWhoLivesThere) {
  ASSERT_OK(Apply(Create(1, "t")));
  const std::vector<std::string> above = {"file:///w/1/data", "file:///w/1", "file:///w"};
  const auto found = directory_->FindAtLocation(above);
  ASSERT_OK(found);
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->uuid, MakeUuidV4(1, 1));
  EXPECT_EQ((*found)->ns, "a");
  const std::vector<std::string> other = {"file:///w/10", "file:///w"};
  EXPECT_FALSE(directory_->FindAtLocation(other)->has_value());
  EXPECT_FALSE(directory_->FindAtLocation({})->has_value());
}

}  // namespace
}  // namespace tidemark::catalog
