// Keys are found by their clear text and stored by their hash; they end when they are revoked,
// replaced or expired; what was made by an older version still works.
#include "meta/keys.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/secret_hash.h"
#include "env/random.h"
#include "meta/database.h"
#include "meta/key_text.h"
#include "meta/projects.h"
#include "meta/tables.h"
#include "sim/expect.h"

namespace tidemark::meta {
namespace {

constexpr TimeMicros kNow(1'767'225'600'000'000);
const TimeMicros kLater(kNow.value + 3'600'000'000);

class KeysTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "keys_test_" + std::to_string(getpid()) + "_" +
            testing::UnitTest::GetInstance()->current_test_info()->name() + ".db";
    TearDown();
    database_ = *Database::Open(path_);
  }
  void TearDown() override {
    for (const char* end : {"", "-wal", "-shm"}) unlink((path_ + end).c_str());
  }
  std::unique_ptr<Keys> OpenKeys() {
    auto projects = Projects::Open(database_.get());
    EXPECT_OK(projects);
    static_cast<void>(projects->Create("shop", kNow));
    auto keys = Keys::Open(database_.get());
    EXPECT_OK(keys);
    return *std::move(keys);
  }
  static KeySpec Spec(std::string scopes = "ingest query") {
    return {.project = "shop", .scopes = std::move(scopes)};
  }

  std::string path_;
  std::unique_ptr<Database> database_;
  env::Random random_{1};
  Entropy entropy_ = [this] { return random_.Next(); };
};

TEST_F(KeysTest, AKeyIsFoundByItsClearTextUntilItIsRevoked) {
  auto keys = OpenKeys();
  KeySpec nowhere = Spec();
  nowhere.project = "nobody";
  EXPECT_CODE(keys->Create(nowhere, kNow, entropy_), Code::kNotFound);
  const auto made = keys->Create(Spec(), kNow, entropy_);
  ASSERT_OK(made);
  EXPECT_EQ(made->clear.size(), 46U);
  keys = OpenKeys();
  const auto found = keys->Find(made->clear);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->key->project, "shop");
  EXPECT_TRUE(found->key->Allows("query"));
  EXPECT_FALSE(found->key->Allows("admin"));
  EXPECT_FALSE(found->key->Allows("que"));
  EXPECT_FALSE(found->key->IsBrowserKey());
  EXPECT_FALSE(keys->Find("tm_something_else").has_value());
  EXPECT_EQ(keys->List().size(), 1U);
  const std::string id = found->key->id;
  EXPECT_OK(keys->Revoke(id, kLater));
  EXPECT_OK(keys->Revoke(id, kLater));
  EXPECT_CODE(keys->Revoke("000000000000", kLater), Code::kNotFound);
  EXPECT_EQ(keys->Find(made->clear)->key->StateAt(kLater), "revoked");
  EXPECT_CODE(keys->Rotate(id, std::chrono::hours(1), kLater, entropy_), Code::kConflict);
}

TEST_F(KeysTest, EverythingThatWasSaidOfAKeyIsThereAfterARestart) {
  const auto body = JsonValue::Parse(
      R"({"name":"web","project":"shop","scopes":["ingest"],"dialect":"segment",)"
      R"("origins":["https://shop.example","https://*.shop.example"],)"
      R"("addresses":"192.0.2.0/24, 2001:db8::/32",)"
      R"("limits":{"requests":"1000 a minute","events":"50K/s","bytes":"1MiB a second"},)"
      R"("expires":"90d"})");
  ASSERT_OK(body);
  const auto spec = ReadKeySpec(*body, kNow);
  ASSERT_OK(spec);
  const auto made = OpenKeys()->Create(*spec, kNow, entropy_);
  ASSERT_OK(made);
  const auto keys = OpenKeys();
  const auto key = keys->FindById(made->key->id);
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(
      KeyJson(*key, kNow),
      R"({"id":")" + key->id +
          R"(","name":"web","project":"shop","scopes":["ingest"],"grants":[],"state":"active",)"
          R"("dialect":"segment","origins":["https://shop.example","https://*.shop.example"],)"
          R"("addresses":["192.0.2.0/24","2001:db8::/32"],"limits":{"requests":)"
          R"("1000 a minute","events":"50000 a second","bytes":"1048576 a second"},)"
          R"("created":"2026-01-01T00:00:00.000000Z","expires":)"
          R"("2026-04-01T00:00:00.000000Z","rotated":null,"old_secret_until":null,)"
          R"("revoked":null})"
          "\n");
  EXPECT_TRUE(key->IsBrowserKey());
  EXPECT_EQ(key->StateAt(*key->expires), "expired");
  ASSERT_NE(key->limits, nullptr);
  // Making another key does not give back what this one has used up.
  EXPECT_EQ(key->limits->Admit(std::chrono::hours(1)).remaining, 999U);
  ASSERT_OK(keys->Create(Spec(), kNow, entropy_));
  EXPECT_EQ(keys->FindById(key->id)->limits, key->limits);
}

TEST_F(KeysTest, ARotatedKeyHasTwoSecretsForAWhile) {
  auto keys = OpenKeys();
  const auto first = keys->Create(Spec(), kNow, entropy_);
  ASSERT_OK(first);
  const auto second = keys->Rotate(first->key->id, std::chrono::hours(1), kNow, entropy_);
  ASSERT_OK(second);
  EXPECT_EQ(second->key->id, first->key->id);
  EXPECT_NE(second->clear, first->clear);
  EXPECT_EQ(keys->Find(first->clear)->secret_expires, kLater);
  EXPECT_FALSE(keys->Find(second->clear)->secret_expires.has_value());
  const auto third = keys->Rotate(first->key->id, Duration::zero(), kLater, entropy_);
  ASSERT_OK(third);
  EXPECT_FALSE(keys->Find(first->clear).has_value());
  EXPECT_EQ(keys->Find(second->clear)->secret_expires, kLater);
  EXPECT_TRUE(keys->Find(third->clear).has_value());
  EXPECT_CODE(keys->Rotate("000000000000", Duration::zero(), kNow, entropy_), Code::kNotFound);
}

TEST_F(KeysTest, KeysOfTheFirstVersionStillWork) {
  ASSERT_OK(database_->Migrate({.component = "meta", .steps = std::span(kTableSteps).first(1)}));
  {
    auto transaction = database_->Begin();
    ASSERT_OK(transaction);
    ASSERT_OK(transaction->Execute("INSERT INTO project VALUES('shop',5)"));
    ASSERT_OK(transaction->Execute("INSERT INTO api_key VALUES('" + Sha256Hex("tm_old") +
                                   "','shop','ingest query',7)"));
    ASSERT_OK(transaction->Commit());
  }
  const auto keys = OpenKeys();
  const auto found = keys->Find("tm_old");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->key->id, Sha256Hex("tm_old").substr(0, 12));
  EXPECT_EQ(found->key->scopes, "ingest query");
  EXPECT_EQ(found->key->created, TimeMicros(7));
  EXPECT_EQ(found->key->limits, nullptr);
}

TEST(KeySpec, ASlipDoesNotMakeAKeyThatMayMore) {
  const auto read = [](const char* body) -> Status {
    TM_ASSIGN(const JsonValue json, JsonValue::Parse(body));
    TM_ASSIGN(KeySpec spec, ReadKeySpec(json, kNow));
    if (spec.project.empty()) spec.project = "shop";
    return spec.Check(kNow);
  };
  EXPECT_OK(read(R"({"scopes":"ingest"})"));
  EXPECT_OK(read(R"({"scope":"query, live","expires":"2027-01-01"})"));
  EXPECT_OK(read(R"({"scopes":"ingest","expires":"90d","origins":["http://localhost:8080",)"
                 R"("https://[::1]:80","http://*.shop.example:443","https://[::1]"]})"));
  for (const char* bad : {"[]",
                          "{}",
                          R"({"scopes":[]})",
                          R"({"scopes":["ingset"]})",
                          R"({"scopes":[1]})",
                          R"({"scopes":"ingest","orgins":["https://a.example"]})",
                          R"({"scopes":"ingest","origins":["shop.example"]})",
                          R"({"scopes":"ingest","origins":["https://shop.example/"]})",
                          R"({"scopes":"ingest","origins":["https://Shop.example"]})",
                          R"({"scopes":"ingest","origins":["https://*"]})",
                          R"({"scopes":"ingest","origins":["https://shop.example:443"]})",
                          R"({"scopes":"ingest","origins":["http://shop.example:80"]})",
                          R"({"scopes":"ingest","origins":["http://shop.example:99999"]})",
                          R"({"scopes":"ingest","origins":["http://shop.example:"]})",
                          R"({"scopes":"ingest","origins":["http://[::1]:080"]})",
                          R"({"scopes":"ingest","expires":"90"})",
                          R"({"scopes":"ingest","origins":"*"})",
                          R"({"scopes":"ingest","addresses":["10.0.0.1/8"]})",
                          R"({"scopes":"ingest","addresses":["everywhere"]})",
                          R"({"scopes":"ingest","limits":{"requests":"many"}})",
                          R"({"scopes":"ingest","limits":{"request":"1/s"}})",
                          R"({"scopes":"ingest","limits":5})",
                          R"({"scopes":"ingest","expires":"soon"})",
                          R"({"scopes":"ingest","expires":"2020-01-01"})",
                          R"({"scopes":"ingest","expires":5})",
                          R"({"scopes":"ingest","project":"No Such"})",
                          R"({"scopes":"ingest","dialect":"Seg ment"})"}) {
    EXPECT_CODE(read(bad), Code::kInvalidArgument) << bad;
  }
}

TEST(Origins, AStarStandsForNamesBelowAndNothingElse) {
  const char* pattern = "https://*.shop.example";
  EXPECT_TRUE(MatchesOrigin(pattern, "https://www.shop.example"));
  EXPECT_TRUE(MatchesOrigin(pattern, "https://a.b.shop.example"));
  for (const char* other :
       {"https://shop.example", "http://www.shop.example", "https://.shop.example.evil.example",
        "https://evil.example/.shop.example", "https://www.shop.example:8443",
        "https://.shop.example", "https://evilshop.example", "", "null"}) {
    EXPECT_FALSE(MatchesOrigin(pattern, other)) << other;
  }
  EXPECT_TRUE(MatchesOrigin("https://shop.example", "https://shop.example"));
  EXPECT_FALSE(MatchesOrigin("https://shop.example", "https://shop.example.evil.example"));
}

}  // namespace
}  // namespace tidemark::meta
