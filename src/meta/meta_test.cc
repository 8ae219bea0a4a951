// The database keeps what was committed and nothing else, and refuses what a newer binary wrote.
#include <gtest/gtest.h>
#include <unistd.h>

#include "meta/database.h"
#include "meta/projects.h"
#include "meta/used_limits.h"
#include "sim/expect.h"

namespace tidemark::meta {
namespace {

class MetaTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "meta_test_" + std::to_string(getpid()) + "_" +
            testing::UnitTest::GetInstance()->current_test_info()->name() + ".db";
    TearDown();
  }
  void TearDown() override {
    for (const char* end : {"", "-wal", "-shm"}) unlink((path_ + end).c_str());
  }
  std::unique_ptr<Database> Open() {
    auto database = Database::Open(path_);
    EXPECT_OK(database);
    return std::move(*database);
  }
  std::string path_;
};

constexpr std::array<std::string_view, 2> kSteps = {"CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)",
                                                    "ALTER TABLE t ADD COLUMN c BLOB"};

TEST_F(MetaTest, KeepsWhatWasCommittedAndForgetsWhatWasNot) {
  {
    auto database = Open();
    ASSERT_OK(database->Migrate({"test", kSteps}));
    {
      auto transaction = database->Begin();
      ASSERT_OK(transaction);
      ASSERT_OK(transaction->Execute("INSERT INTO t VALUES(1,'kept',NULL)"));
      ASSERT_OK(transaction->Commit());
    }
    auto transaction = database->Begin();
    ASSERT_OK(transaction->Execute("INSERT INTO t VALUES(2,'lost',NULL)"));
  }
  auto database = Open();
  auto transaction = database->Begin();
  auto read = transaction->Prepare("SELECT a,b,c FROM t");
  ASSERT_OK(read);
  ASSERT_TRUE(*read->Step());
  EXPECT_EQ(read->Int(0), 1);
  EXPECT_EQ(read->Text(1), "kept");
  EXPECT_TRUE(read->IsNull(2));
  EXPECT_FALSE(*read->Step());
}

TEST_F(MetaTest, SaysThatAKeyIsTaken) {
  auto database = Open();
  ASSERT_OK(database->Migrate({"test", kSteps}));
  auto transaction = database->Begin();
  ASSERT_OK(transaction->Execute("INSERT INTO t VALUES(1,'a',NULL)"));
  EXPECT_CODE(transaction->Execute("INSERT INTO t VALUES(1,'b',NULL)"), Code::kAlreadyExists);
}

TEST_F(MetaTest, AnOlderBinaryRefusesNewerTables) {
  auto database = Open();
  ASSERT_OK(database->Migrate({"test", kSteps}));
  ASSERT_OK(database->Migrate({"test", kSteps}));
  const Status older = database->Migrate({"test", std::span(kSteps).first(1)});
  ASSERT_CODE(older, Code::kInvalidArgument);
  EXPECT_NE(older.error().message().find("newer version"), std::string::npos);
}

TEST_F(MetaTest, AnOlderBinaryRefusesANewerFile) {
  {
    auto database = Open();
    auto transaction = database->Begin();
    ASSERT_OK(transaction->Execute("PRAGMA user_version=99"));
    ASSERT_OK(transaction->Commit());
  }
  EXPECT_CODE(Database::Open(path_), Code::kInvalidArgument);
}

TEST_F(MetaTest, RefusesAFileThatIsNoDatabase) {
  FILE* file = fopen(path_.c_str(), "w");
  fputs("This is not a database, but it is long enough to be looked at as one........", file);
  fclose(file);
  EXPECT_CODE(Database::Open(path_), Code::kCorruption);
}

TEST_F(MetaTest, ProjectsAreMadeOnceAndListed) {
  auto database = Open();
  auto projects = Projects::Open(database.get());
  ASSERT_OK(projects);
  EXPECT_OK(projects->Create("shop", TimeMicros(5)));
  EXPECT_OK(projects->Create("default", TimeMicros(6)));
  EXPECT_CODE(projects->Create("shop", TimeMicros(7)), Code::kAlreadyExists);
  for (const char* bad : {"", "Shop", "a/b", "..", "-x", "_x", "a b"}) {
    EXPECT_CODE(projects->Create(bad, TimeMicros(7)), Code::kInvalidArgument);
  }
  const auto list = projects->List();
  ASSERT_OK(list);
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ((*list)[0].name, "default");
  EXPECT_EQ((*list)[1].created, TimeMicros(5));
  EXPECT_FALSE((*projects->Find("nobody")).has_value());
  EXPECT_TRUE((*projects->Find("shop")).has_value());
}

TEST_F(MetaTest, UsedLimitsAreThereAfterARestartUntilTheyAreFull) {
  using Bucket = KeyLimits::Bucket;
  const auto at = [](std::int64_t second) { return TimeMicros(second * 1'000'000); };
  const std::vector<UsedLimit> used = {{"a", Bucket::kRequests, at(100)},
                                       {"a", Bucket::kBytes, at(200)},
                                       {"user:ann", Bucket::kEvents, at(300)}};
  {
    auto database = Open();
    auto limits = UsedLimits::Open(database.get());
    ASSERT_OK(limits);
    EXPECT_TRUE(limits->Load(at(0))->empty());
    ASSERT_OK(limits->Save(used, at(0)));
    ASSERT_OK(limits->Save(std::vector<UsedLimit>{{"a", Bucket::kBytes, at(250)}}, at(1)));
  }
  auto database = Open();
  auto limits = UsedLimits::Open(database.get());
  ASSERT_OK(limits);
  const auto loaded = limits->Load(at(150));
  ASSERT_OK(loaded);
  ASSERT_EQ(loaded->size(), 2U);
  EXPECT_EQ(loaded->at(0).key, "user:ann");
  EXPECT_EQ(loaded->at(0).bucket, Bucket::kEvents);
  EXPECT_EQ(loaded->at(0).full_at, at(300));
  EXPECT_EQ(loaded->at(1).full_at, at(250));
  // What is full is forgotten, and what did not change is not written.
  ASSERT_OK(limits->Save(std::vector<UsedLimit>{{"b", Bucket::kEvents, at(1'000)}}, at(260)));
  ASSERT_EQ(limits->Load(at(0))->size(), 2U);
}

}  // namespace
}  // namespace tidemark::meta
