// What the registry promises: versions that only grow, settings and deletions that survive a
// restart, refusals that say what breaks, and built-ins that stand aside.

#include "meta/schemas.h"

#include <cstdlib>
#include <filesystem>
#include <functional>

#include <gtest/gtest.h>

#include "sim/expect.h"

namespace tidemark::meta {
namespace {

constexpr TimeMicros kRegistered{1'700'000'000'000'000};

class SchemasTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/schemas-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    Reopen();
  }
  void TearDown() override {
    schemas_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Reopen() {
    schemas_.reset();
    database_.reset();
    database_ = Database::Open(folder_ + "/meta.db").value();
    schemas_ = Schemas::Open(database_.get()).value();
  }

  Result<Registered> Register(const std::string& subject, const std::string& text) {
    return schemas_->Register("shop", {.subject = subject, .text = text}, kRegistered);
  }
  std::string InForce(std::string_view type) const {
    std::string names;
    for (const SchemaInForce& one : schemas_->Of("shop")->Of(type)) {
      names += (names.empty() ? "" : " ") + one.subject->name + "/" +
               std::to_string(one.version->version);
    }
    return names;
  }

  std::string folder_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Schemas> schemas_;
};

constexpr const char* kAmount = R"({"properties":{"amount":{"type":"number"}}})";

TEST_F(SchemasTest, VersionsAndIdsGrowAndTheSameSchemaIsOne) {
  const auto first = Register("order", kAmount);
  ASSERT_TRUE(first.has_value()) << first.error().message();
  EXPECT_TRUE(first->is_new);
  EXPECT_EQ(first->version->version, 1);
  const auto same = Register("order", R"( {"properties" : {"amount":{"type":"number"}}} )");
  EXPECT_FALSE(same->is_new);
  EXPECT_EQ(same->version->version, 1);
  const auto second = Register("order", R"({"properties":{"amount":{"type":"number"},"note":{}}})");
  EXPECT_EQ(second->version->version, 2);
  EXPECT_GT(second->version->id, first->version->id);
  EXPECT_EQ(Register("sale", kAmount)->version->id, first->version->id);
  EXPECT_EQ(InForce("order"), "order/2 base/0");
  EXPECT_EQ(schemas_->Of("other")->Of("order").size(), 1U);  // Only base.
}

TEST_F(SchemasTest, RefusesWhatIsNotCompatibleAndSaysHow) {
  ASSERT_TRUE(Register("order", kAmount).has_value());
  const auto broken = Register("order", R"({"properties":{"amount":{"type":"string"}}})");
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(broken.error().code(), Code::kConflict);
  EXPECT_NE(broken.error().message().find("#/properties/amount/type type_narrowed"),
            std::string::npos);
  SubjectChange none;
  none.compatibility = schema::Compatibility::kNone;
  ASSERT_TRUE(schemas_->Change("shop", "order", none, kRegistered).has_value());
  EXPECT_TRUE(Register("order", R"({"properties":{"amount":{"type":"string"}}})").has_value());
}

TEST_F(SchemasTest, TransitiveModesLookAtEveryVersion) {
  ASSERT_TRUE(Register("order", R"({"type":["string","number"]})").has_value());
  ASSERT_TRUE(schemas_->SetCompatibility("shop", schema::Compatibility::kNone).has_value());
  ASSERT_TRUE(Register("order", R"({"type":"string"})").has_value());
  const std::string third = R"({"type":"string","title":"third"})";
  ASSERT_TRUE(
      schemas_->SetCompatibility("shop", schema::Compatibility::kBackwardTransitive).has_value());
  EXPECT_FALSE(Register("order", third).has_value());
  ASSERT_TRUE(schemas_->SetCompatibility("shop", schema::Compatibility::kBackward).has_value());
  EXPECT_TRUE(Register("order", third).has_value());
}

TEST_F(SchemasTest, ANumberIsNeverGivenOutAgain) {
  ASSERT_TRUE(Register("order", kAmount).has_value());
  EXPECT_EQ(schemas_->Delete("shop", "order", std::nullopt, kRegistered).value(),
            std::vector<std::int32_t>{1});
  EXPECT_EQ(InForce("order"), "base/0");
  EXPECT_EQ(schemas_->Delete("shop", "order", std::nullopt, kRegistered).error().code(),
            Code::kNotFound);
  Reopen();
  EXPECT_EQ(Register("order", kAmount)->version->version, 2);
}

TEST_F(SchemasTest, SettingsSurviveARestart) {
  ASSERT_TRUE(Register("order", kAmount).has_value());
  SubjectChange change;
  change.mode = SchemaMode::kEnforce;
  change.event_types = std::vector<std::string>{"order placed", "order"};
  ASSERT_TRUE(schemas_->Change("shop", "order", change, kRegistered).has_value());
  Reopen();
  EXPECT_EQ(InForce("order placed"), "order/1 base/0");
  EXPECT_EQ(schemas_->Of("shop")->FindSubject("order")->mode, SchemaMode::kEnforce);
  EXPECT_NE(schemas_->Of("shop")->FindSubject("order")->newest()->validator, nullptr);
}

TEST_F(SchemasTest, BuiltInsStandAsideForAProjectsOwn) {
  EXPECT_EQ(InForce("page_view"), "page_view/0 user_event/0 base/0");
  EXPECT_EQ(InForce("video_event"), "video_event/0 base/0");
  ASSERT_TRUE(Register("page_view", kAmount).has_value());
  EXPECT_EQ(InForce("page_view"), "page_view/1 user_event/0 base/0");
  SubjectChange off;
  off.mode = SchemaMode::kOff;
  ASSERT_TRUE(schemas_->Change("shop", "base", off, kRegistered).has_value());
  EXPECT_EQ(InForce("page_view"), "page_view/1 user_event/0");
  EXPECT_FALSE(schemas_->Delete("shop", "base", std::nullopt, kRegistered).has_value());
  ASSERT_TRUE(schemas_->Delete("shop", "page_view", std::nullopt, kRegistered).has_value());
  EXPECT_EQ(InForce("page_view"), "page_view/0 user_event/0");
}

TEST_F(SchemasTest, AWriteLeavesOtherProjectsAndCompiledSchemasAsTheyAre) {
  ASSERT_TRUE(Register("order", kAmount).has_value());
  ASSERT_TRUE(Register("refund", kAmount).has_value());  // The same text has the same id.
  ASSERT_TRUE(
      schemas_->Register("other", {.subject = "order", .text = kAmount}, kRegistered).has_value());
  const auto shop = schemas_->Of("shop");
  const auto validator_of = [this](std::string_view subject) {
    return schemas_->Of("shop")->FindSubject(subject)->newest()->validator.get();
  };
  const auto* const order = validator_of("order");
  const auto* const refund = validator_of("refund");
  ASSERT_NE(refund, nullptr);
  SubjectChange change;
  change.mode = SchemaMode::kEnforce;
  ASSERT_OK(schemas_->Change("other", "order", change, kRegistered));
  EXPECT_EQ(schemas_->Of("other")->FindSubject("order")->mode, SchemaMode::kEnforce);
  EXPECT_EQ(schemas_->Of("shop"), shop);
  ASSERT_TRUE(Register("visit", "{}").has_value());
  EXPECT_EQ(validator_of("order"), order);
  EXPECT_EQ(validator_of("refund"), refund);
  Reopen();
  EXPECT_EQ(schemas_->Of("other")->FindSubject("order")->mode, SchemaMode::kEnforce);
  EXPECT_EQ(InForce("refund"), "refund/1 base/0");
}

TEST_F(SchemasTest, RefersToWhatIsRegisteredAndToNothingElse) {
  ASSERT_TRUE(Register("money", R"({"type":"number","minimum":0})").has_value());
  EXPECT_TRUE(Register("order", R"({"properties":{"amount":{"$ref":"/schemas/money"}}})"));
  EXPECT_TRUE(Register("order2", R"({"properties":{"amount":{"$ref":"/schemas/money/1"}}})"));
  EXPECT_FALSE(Register("order3", R"({"properties":{"amount":{"$ref":"/schemas/money/2"}}})"));
  EXPECT_FALSE(Register("order4", R"({"$ref":"http://127.0.0.1:1/x"})"));
  const NewSchema with{.subject = "order5",
                       .text = R"({"properties":{"amount":{"$ref":"m.json"}}})",
                       .references = R"([{"name":"m.json","subject":"money","version":1}])"};
  EXPECT_TRUE(schemas_->Register("shop", with, kRegistered).has_value());
}

TEST_F(SchemasTest, WhatRefersToANewestVersionFollowsItNowAndAfterARestart) {
  ASSERT_TRUE(Register("money", R"({"$defs":{"sum":{"type":"number"}}})").has_value());
  ASSERT_TRUE(Register("order", R"({"properties":{"a":{"$ref":"/schemas/money#/$defs/sum"}}})"));
  ASSERT_TRUE(Register("fixed", R"({"properties":{"a":{"$ref":"/schemas/money/1#/$defs/sum"}}})"));
  const auto validator_of = [this](std::string_view subject) {
    return schemas_->Of("shop")->FindSubject(subject)->newest()->validator;
  };
  const auto order = validator_of("order");
  const auto fixed = validator_of("fixed");
  const auto counts = schemas_->Of("shop")->in_force.at("order").counts;
  ASSERT_TRUE(Register("money", R"({"$defs":{"sum":{"type":"number"},"tax":{}}})").has_value());
  EXPECT_NE(validator_of("order"), order);
  EXPECT_NE(schemas_->Of("shop")->in_force.at("order").counts, counts);  // Of other rules.
  EXPECT_EQ(validator_of("fixed"), fixed);
  // A version without which, or with which, another schema would be none.
  const auto without = Register("money", R"({"$defs":{"tax":{}}})");
  ASSERT_FALSE(without.has_value());
  EXPECT_EQ(without.error().code(), Code::kConflict);
  EXPECT_NE(without.error().message().find("`order` refers to it"), std::string::npos);
  EXPECT_EQ(schemas_->Of("shop")->FindSubject("money")->newest()->version, 2);
  const auto gone = schemas_->Delete("shop", "money", std::nullopt, kRegistered);
  ASSERT_FALSE(gone.has_value());
  EXPECT_EQ(gone.error().code(), Code::kConflict);
  EXPECT_TRUE(schemas_->Delete("shop", "money", 2, kRegistered).has_value());
  ASSERT_TRUE(schemas_->Delete("shop", "order", std::nullopt, kRegistered).has_value());
  EXPECT_TRUE(schemas_->Delete("shop", "money", std::nullopt, kRegistered).has_value());
  Reopen();
  EXPECT_EQ(InForce("fixed"), "fixed/1 base/0");  // Numbers that are named stay readable.
}

// What is refused once it is written leaves nothing: no number, no id, no setting.
TEST_F(SchemasTest, ARefusedVersionLeavesNothing) {
  ASSERT_TRUE(Register("money", R"({"$defs":{"sum":{"type":"number"}}})").has_value());
  ASSERT_TRUE(Register("order", R"({"properties":{"a":{"$ref":"/schemas/money#/$defs/sum"}}})"));
  const NewSchema refused{
      .subject = "money", .text = R"({"$defs":{"tax":{}}})", .mode = SchemaMode::kEnforce};
  for (int i = 0; i < 3; ++i) {
    EXPECT_CODE(schemas_->Register("shop", refused, kRegistered), Code::kConflict);
  }
  EXPECT_EQ(schemas_->Of("shop")->FindSubject("money")->mode, SchemaMode::kObserve);
  const auto next = Register("money", R"({"$defs":{"sum":{"type":"number"},"tax":{}}})");
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->version->version, 2);
  EXPECT_EQ(next->version->id, 3);
  Reopen();
  EXPECT_EQ(schemas_->Of("shop")->FindSubject("money")->mode, SchemaMode::kObserve);
  EXPECT_EQ(schemas_->Of("shop")->FindSubject("money")->versions.size(), 2U);
}

// Whatever the order of writes was, it is what a restart finds.
TEST_F(SchemasTest, WhatIsPublishedIsWhatIsStored) {
  const auto shown = [this] {
    std::string text;
    for (const auto& [name, subject] : schemas_->Of("shop")->subjects) {
      text += name + (subject->builtin ? " builtin " : " ") +
              std::string(SchemaModeName(subject->mode));
      for (const auto& one : subject->versions) {
        text += " " + std::to_string(one->version) + ":" + std::to_string(one->id) +
                (one->deleted ? "-" : "") + (one->validator != nullptr ? "*" : "");
      }
      text += "; ";
    }
    for (const auto& [type, list] : schemas_->Of("shop")->by_type)
      text += type + "=" + InForce(type);
    return text + std::string(schema::CompatibilityName(schemas_->Of("shop")->compatibility));
  };
  SubjectChange off;
  off.mode = SchemaMode::kOff;
  const auto number = [](int i) { return R"({"maximum":)" + std::to_string(i) + "}"; };
  const std::vector<std::function<void()>> writes = {
      [&] { EXPECT_OK(schemas_->Change("shop", "page_view", off, kRegistered)); },
      [&] { EXPECT_OK(Register("order", number(1))); },
      [&] { EXPECT_OK(Register("order", number(2))); },
      [&] { EXPECT_OK(Register("page_view", number(3))); },
      [&] { EXPECT_OK(schemas_->SetCompatibility("shop", schema::Compatibility::kNone)); },
      [&] { EXPECT_OK(Register("bill", R"({"$ref":"/schemas/order"})")); },
      [&] { EXPECT_OK(schemas_->Delete("shop", "order", 2, kRegistered)); },
      [&] { EXPECT_OK(schemas_->Delete("shop", "page_view", std::nullopt, kRegistered)); },
      [&] { EXPECT_OK(schemas_->Change("shop", "bill", off, kRegistered)); },
      [&] { EXPECT_OK(schemas_->Delete("shop", "bill", std::nullopt, kRegistered)); },
      [&] { EXPECT_OK(schemas_->Delete("shop", "order", std::nullopt, kRegistered)); },
      [&] { EXPECT_OK(Register("order", number(5))); }};
  for (const auto& write : writes) {
    write();
    const std::string published = shown();
    Reopen();
    EXPECT_EQ(published, shown());
  }
}

// A newer binary may be stricter than the one that took a schema: the others stay in force.
TEST_F(SchemasTest, WhatCannotBeCompiledAnyMoreStopsNothing) {
  ASSERT_TRUE(Register("order", kAmount).has_value());
  ASSERT_TRUE(Register("page_view", R"({"maximum":1})").has_value());
  {
    Transaction transaction = database_->Begin().value();
    ASSERT_OK(transaction.Execute(
        R"(UPDATE schema_text SET body='{"type":7}' WHERE body='{"maximum":1}')"));
    ASSERT_OK(transaction.Commit());
  }
  Reopen();
  EXPECT_EQ(InForce("order"), "order/1 base/0");
  EXPECT_EQ(InForce("page_view"), "user_event/0 base/0");
  EXPECT_OK(Register("bill", kAmount));
  EXPECT_EQ(InForce("bill"), "bill/1 base/0");
  EXPECT_OK(Register("page_view", "{}"));
  EXPECT_EQ(InForce("page_view"), "page_view/2 user_event/0 base/0");
}

TEST_F(SchemasTest, ReferencesOfWhatIsReferredToAreFollowed) {
  const auto with = [this](const std::string& subject, const std::string& text,
                           const std::string& to) {
    return schemas_->Register(
        "shop",
        {.subject = subject,
         .text = text,
         .references = R"([{"name":")" + to + R"(.json","subject":")" + to + R"(","version":1}])"},
        kRegistered);
  };
  ASSERT_TRUE(Register("money", R"({"type":"number"})").has_value());
  ASSERT_OK(with("line", R"({"properties":{"sum":{"$ref":"money.json"}}})", "money"));
  ASSERT_OK(with("order", R"({"properties":{"line":{"$ref":"line.json"}}})", "line"));
  // Also of a schema that says itself where it is.
  ASSERT_OK(with("bill", R"({"$id":"https://x.example/b.json","$ref":"line.json"})", "line"));
  ASSERT_OK(with("basket", R"({"items":{"$ref":"bill.json"}})", "bill"));
  Reopen();
  EXPECT_NE(schemas_->Of("shop")->in_force.at("basket").version->validator, nullptr);
}

TEST_F(SchemasTest, RefusesBadNamesAndTexts) {
  EXPECT_FALSE(Register("", "{}").has_value());
  EXPECT_FALSE(Register("a/b", "{}").has_value());
  EXPECT_FALSE(Register("a\xff", "{}").has_value());
  EXPECT_TRUE(Register("caf\xc3\xa9", "{}").has_value());
  EXPECT_FALSE(Register("a", "{").has_value());
  EXPECT_FALSE(Register("a", R"({"$ref":"#"})").has_value());
  EXPECT_FALSE(Register("a", "{\"title\":\"" + std::string(300'000, 'x') + "\"}").has_value());
}

}  // namespace
}  // namespace tidemark::meta
