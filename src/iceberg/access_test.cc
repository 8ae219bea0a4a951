// What a commit needs follows from all that it does.

#include "iceberg/access.h"

#include <gtest/gtest.h>

#include "sim/expect.h"

namespace tidemark::iceberg {
namespace {

std::vector<Right> Needs(const std::string& updates, const std::string& requirements = "") {
  const auto request =
      JsonValue::Parse(R"({"requirements":[)" + requirements + R"(],"updates":[)" + updates + "]}");
  EXPECT_OK(request);
  return RightsOfCommit(*request);
}

constexpr const char* kAppend =
    R"({"action":"add-snapshot","snapshot":{"summary":{"operation":"append"}}})";
constexpr const char* kCompaction =
    R"({"action":"add-snapshot","snapshot":{"summary":{"operation":"replace"}}})";
constexpr const char* kMain = R"({"action":"set-snapshot-ref","ref-name":"main"})";
constexpr const char* kProperty = R"({"action":"set-properties","updates":{"a":"b"}})";

TEST(RightsOfCommit, RowsAreWritten) {
  const std::vector<Right> write{Right::kWrite};
  EXPECT_EQ(Needs(std::string(kAppend) + "," + kMain), write);
  EXPECT_EQ(Needs(std::string(kAppend) + "," + kMain + R"(,{"action":"set-statistics"})"), write);
  EXPECT_EQ(Needs(R"({"action":"add-snapshot"})"), write);  // It does not say what it is.
  EXPECT_EQ(Needs(""), write);                              // Nor does this.
}

TEST(RightsOfCommit, TheRestIsMaintained) {
  const std::vector<Right> maintain{Right::kMaintain};
  EXPECT_EQ(Needs(std::string(kCompaction) + "," + kMain), maintain);
  EXPECT_EQ(Needs(kMain), maintain);  // A rollback.
  EXPECT_EQ(Needs(kProperty), maintain);
  EXPECT_EQ(Needs(R"({"action":"of-another-version"})"), maintain);
  EXPECT_EQ(Needs(std::string(kAppend) + "," + kMain + "," + kProperty),
            (std::vector<Right>{Right::kWrite, Right::kMaintain}));
}

TEST(RightsOfCommit, WhoMakesATableCreates) {
  EXPECT_EQ(Needs(std::string(kProperty) + "," + kAppend, R"({"type":"assert-create"})"),
            std::vector<Right>{Right::kCreate});
}

}  // namespace
}  // namespace tidemark::iceberg
