// A commit is all or nothing and fenced three times: by version, by epoch, by offset.
#include <gtest/gtest.h>
#include <unistd.h>

#include "catalog/sqlite_catalog.h"
#include "sim/expect.h"

namespace tidemark::catalog {
namespace {

class CatalogTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "catalog_test_" + std::to_string(getpid()) + "_" +
            testing::UnitTest::GetInstance()->current_test_info()->name() + ".db";
    RemoveFiles();
    Open();
    epoch_ = *catalog_->BeginEpoch("log");
    ASSERT_OK(catalog_->CreateTable(Record(1, "events")));
  }
  void TearDown() override {
    catalog_.reset();
    database_.reset();
    RemoveFiles();
  }
  void RemoveFiles() {
    for (const char* end : {"", "-wal", "-shm"}) unlink((path_ + end).c_str());
  }
  void Open() {
    catalog_.reset();
    database_.reset();
    auto database = meta::Database::Open(path_);
    ASSERT_OK(database);
    database_ = std::move(*database);
    auto catalog = SqliteCatalog::Open(database_.get());
    ASSERT_OK(catalog);
    catalog_ = std::move(*catalog);
  }
  static Uuid Id(std::uint64_t n) { return MakeUuidV4(n, n); }
  static TableRecord Record(std::uint64_t n, const std::string& name) {
    TableRecord record;
    record.uuid = Id(n);
    record.ns = "default";
    record.name = name;
    record.location = "default/" + name;
    record.metadata_key = "k0";
    record.metadata_bytes = std::string("\0gz", 3);
    record.log_id = "log";
    return record;
  }
  TableChange Change(std::uint64_t table, std::int64_t base, std::int64_t begin, std::int64_t end,
                     std::uint64_t commit) {
    TableChange change;
    change.table = Id(table);
    change.base_version = base;
    change.epoch = epoch_;
    change.metadata_key = "k" + std::to_string(base + 1);
    change.metadata_bytes = "bytes";
    change.head = SnapshotId(static_cast<std::int64_t>(commit));
    LedgerRow row;
    row.table = change.table;
    row.snapshot = change.head;
    row.log_id = "log";
    row.epoch = epoch_;
    row.begin = LogOffset(begin);
    row.end = LogOffset(end);
    row.commit_id = Id(commit);
    row.rows = 7;
    row.rows_hash = {1, 2};
    row.dropped["erasure"] = {3, {4, 5}};
    change.ledger = row;
    change.inflight = row.commit_id;
    return change;
  }
  Status Commit(const TableChange& change) { return catalog_->Commit(std::span(&change, 1)); }

  std::string path_;
  std::unique_ptr<meta::Database> database_;
  std::unique_ptr<SqliteCatalog> catalog_;
  Epoch epoch_;
};

TEST_F(CatalogTest, AnOwnerThatWasReplacedBeginsNoWrite) {
  const Inflight write{Id(10), Id(1), CommitKind::kFlush, TimeMicros(1), epoch_, {"f"}};
  ASSERT_OK(catalog_->BeginEpoch("log"));
  EXPECT_CODE(catalog_->AddInflight(write), Code::kConflict);
  EXPECT_TRUE((*catalog_->ListInflight()).empty());
}

TEST_F(CatalogTest, ACommitMovesTheHeadTheOffsetsAndTheLedgerTogether) {
  ASSERT_OK(
      catalog_->AddInflight({Id(10), Id(1), CommitKind::kFlush, TimeMicros(1), epoch_, {"f"}}));
  EXPECT_EQ((*catalog_->ListInflight()).at(0).keys.at(0), "f");
  TableChange change = Change(1, 0, 0, 100, 10);
  change.garbage.push_back({"old", Id(1), "metadata", TimeMicros(50)});
  ASSERT_OK(Commit(change));
  Open();
  const auto record = *catalog_->FindTable("default", "events");
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->metadata_version, 1);
  EXPECT_EQ(record->metadata_key, "k1");
  EXPECT_EQ(record->metadata_bytes, "bytes");
  EXPECT_EQ(record->off_head, LogOffset(100));
  EXPECT_EQ(record->head, SnapshotId(10));
  EXPECT_TRUE((*catalog_->ListInflight()).empty());
  const auto row = *catalog_->FindCommit(Id(1), Id(10));
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->rows, 7U);
  EXPECT_EQ(row->rows_hash, (Hash128{1, 2}));
  EXPECT_EQ(row->dropped.at("erasure"), (DroppedRows{3, {4, 5}}));
  EXPECT_EQ((*catalog_->Ledger(Id(1))).size(), 1U);
  EXPECT_TRUE((*catalog_->DueGarbage(TimeMicros(49), 10)).empty());
  const auto due = *catalog_->DueGarbage(TimeMicros(50), 10);
  ASSERT_EQ(due.size(), 1U);
  ASSERT_OK(catalog_->RemoveGarbage(std::vector<std::string>{due[0].key}));
  EXPECT_TRUE((*catalog_->DueGarbage(TimeMicros(50), 10)).empty());
}

TEST_F(CatalogTest, CommitsAreFoundByTheOffsetsThatTheyAdded) {
  for (std::int64_t i = 0; i < 20; ++i) {
    ASSERT_OK(Commit(Change(1, i * 2, i * 100, i * 100 + 100, static_cast<std::uint8_t>(10 + i))));
    // One that adds none, as a compaction.
    ASSERT_OK(Commit(
        Change(1, i * 2 + 1, i * 100 + 100, i * 100 + 100, static_cast<std::uint8_t>(100 + i))));
  }
  const auto found = [this](std::int64_t begin, std::int64_t end) {
    std::vector<std::int64_t> begins;
    const auto rows = *catalog_->LedgerOver(Id(1), LogOffset(begin), LogOffset(end));
    for (const LedgerRow& row : rows) begins.push_back(row.begin.value);
    return begins;
  };
  EXPECT_EQ(found(0, 1), (std::vector<std::int64_t>{0}));
  EXPECT_EQ(found(250, 251), (std::vector<std::int64_t>{200}));
  EXPECT_EQ(found(299, 401), (std::vector<std::int64_t>{200, 300, 400}));
  EXPECT_EQ(found(300, 400), (std::vector<std::int64_t>{300}));
  EXPECT_TRUE(found(2'000, 2'001).empty());
  EXPECT_EQ(found(0, 5'000).size(), 20U);
  EXPECT_TRUE(catalog_->LedgerOver(Id(2), LogOffset(0), LogOffset(100))->empty());
}

TEST_F(CatalogTest, AStaleBeginIsRefused) {
  ASSERT_OK(Commit(Change(1, 0, 0, 100, 10)));
  const Status status = Commit(Change(1, 1, 0, 150, 11));
  ASSERT_CODE(status, Code::kConflict);
  EXPECT_NE(status.error().message().find("stale begin"), std::string::npos);
  ASSERT_CODE(Commit(Change(1, 1, 101, 150, 11)), Code::kConflict);
  EXPECT_OK(Commit(Change(1, 1, 100, 150, 11)));
}

TEST_F(CatalogTest, TheLoserOfTheSwapIsRefused) {
  ASSERT_OK(Commit(Change(1, 0, 0, 0, 10)));
  const Status status = Commit(Change(1, 0, 0, 100, 11));
  ASSERT_CODE(status, Code::kConflict);
  EXPECT_NE(status.error().message().find("someone won"), std::string::npos);
}

TEST_F(CatalogTest, AnOldOwnerIsRefusedEvenIfItsOffsetsMatch) {
  const Epoch next = *catalog_->BeginEpoch("log");
  EXPECT_EQ(next, epoch_ + 1);
  EXPECT_EQ(*catalog_->CurrentEpoch("log"), next);
  const Status status = Commit(Change(1, 0, 0, 100, 10));
  ASSERT_CODE(status, Code::kConflict);
  EXPECT_NE(status.error().message().find("old epoch"), std::string::npos);
}

TEST_F(CatalogTest, ACommitIdIsAcceptedOnce) {
  ASSERT_OK(Commit(Change(1, 0, 0, 100, 10)));
  EXPECT_CODE(Commit(Change(1, 1, 100, 100, 10)), Code::kAlreadyExists);
  EXPECT_CODE(Commit(Change(1, 0, 0, 100, 10)), Code::kAlreadyExists);
}

TEST_F(CatalogTest, TwoTablesCommitTogetherOrNotAtAll) {
  ASSERT_OK(catalog_->CreateTable(Record(2, "quarantine")));
  const std::vector<TableChange> bad = {Change(1, 0, 0, 100, 10), Change(2, 5, 0, 100, 10)};
  EXPECT_CODE(catalog_->Commit(bad), Code::kConflict);
  EXPECT_EQ((*catalog_->FindTable(Id(1)))->off_head, LogOffset(0));
  const std::vector<TableChange> good = {Change(1, 0, 0, 100, 10), Change(2, 0, 0, 100, 10)};
  EXPECT_OK(catalog_->Commit(good));
  const auto tables = *catalog_->ListTables();
  ASSERT_EQ(tables.size(), 2U);
  EXPECT_EQ(tables[1].off_head, LogOffset(100));
}

TEST_F(CatalogTest, TheFloorCountsAndNeverSinks) {
  TableChange raise = Change(1, 0, 0, 0, 10);
  raise.floor = LogOffset(40);
  ASSERT_OK(Commit(raise));
  TableChange next = Change(1, 1, 0, 100, 11);
  next.floor = LogOffset(40);
  EXPECT_CODE(Commit(next), Code::kConflict);
  next = Change(1, 1, 40, 100, 11);
  EXPECT_CODE(Commit(next), Code::kInvalidArgument);
  next.floor = LogOffset(40);
  EXPECT_OK(Commit(next));
}

TEST_F(CatalogTest, AllTablesOfALogGoOnWithAnotherOrNone) {
  ASSERT_OK(catalog_->CreateTable(Record(2, "quarantine")));
  const TableChange first = Change(1, 0, 0, 10, 1);
  ASSERT_OK(catalog_->Commit(std::span(&first, 1)));
  const auto next = [](std::uint64_t table, std::int64_t base) {
    return ContinuedTable{Id(table), base, "n" + std::to_string(table), "bytes", {}};
  };
  // Not all, and one that has moved on.
  EXPECT_CODE(catalog_->ContinueLog("log", "new", std::vector{next(1, 1)}), Code::kConflict);
  EXPECT_CODE(catalog_->ContinueLog("log", "new", std::vector{next(1, 0), next(2, 0)}),
              Code::kConflict);
  EXPECT_EQ(catalog_->FindTable(Id(1)).value()->log_id, "log");
  EXPECT_EQ(catalog_->CurrentEpoch("new").value(), Epoch(0));

  ASSERT_OK(catalog_->ContinueLog("log", "new", std::vector{next(1, 1), next(2, 0)}));
  const auto table = catalog_->FindTable(Id(1)).value();
  EXPECT_EQ(table->log_id, "new");
  EXPECT_EQ(table->metadata_key, "n1");
  EXPECT_EQ(table->metadata_version, 2);
  EXPECT_EQ(table->visible(), LogOffset(10));
  // Who owned the old log cannot commit any more; who owns the new one goes on at the same offset.
  TableChange late = Change(1, 2, 10, 20, 2);
  EXPECT_FALSE(catalog_->Commit(std::span(&late, 1)).has_value());
  late.epoch = catalog_->BeginEpoch("new").value();
  EXPECT_GT(late.epoch, epoch_);
  late.ledger->log_id = "new";
  late.ledger->epoch = late.epoch;
  ASSERT_OK(catalog_->Commit(std::span(&late, 1)));
  EXPECT_EQ(catalog_->Ledger(Id(1)).value().size(), 2U);
}

TEST_F(CatalogTest, NamesAndLocationsAreTakenOnce) {
  EXPECT_CODE(catalog_->CreateTable(Record(2, "events")), Code::kAlreadyExists);
  EXPECT_FALSE((*catalog_->FindTable("default", "nothing")).has_value());
  EXPECT_CODE(Commit(Change(9, 0, 0, 1, 10)), Code::kNotFound);
}

}  // namespace
}  // namespace tidemark::catalog
