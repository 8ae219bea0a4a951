// The promise: every required case of the JSON-Schema-Test-Suite for draft 7 and 2020-12 is judged
// as the suite says. Read from ../shared in place; skipped, saying so, where that is absent.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "schema/validator.h"

namespace tidemark::schema {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class Suite : public testing::Test {
 protected:
  void SetUp() override {
    const fs::path archive = fs::path(TM_SOURCE_DIR) / "../shared/data/suites/json-schema.tar.gz";
    if (!fs::exists(archive)) GTEST_SKIP() << "the test suite is not here: " << archive;
    std::string pattern = testing::TempDir() + "/json-schema-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    const std::string unpack = "tar xzf '" + archive.string() + "' -C '" + pattern + "'";
    ASSERT_EQ(std::system(unpack.c_str()), 0);
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "remotes")) {
      if (!entry.is_regular_file()) continue;
      const std::string name = fs::relative(entry.path(), folder_ / "remotes").string();
      remotes_["http://localhost:1234/" + name] = ReadFile(entry.path());
    }
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  void RunFile(const fs::path& path, Draft draft) {
    const auto groups = JsonValue::Parse(ReadFile(path));
    ASSERT_TRUE(groups.has_value()) << path;
    for (const JsonValue& group : groups->items()) {
      const std::string name =
          path.filename().string() + ": " + group.StringAt("description").value_or("?");
      CompileOptions options{.uri = {}, .draft = draft, .find = {}};
      options.find = [this](std::string_view uri) { return Remote(uri); };
      const auto validator = Validator::Compile(*group.Find("schema"), options);
      for (const JsonValue& test : group.Find("tests")->items()) {
        ++run_;
        const std::string full = name + ": " + test.StringAt("description").value_or("?");
        if (!validator) {
          failed_.push_back(full + " (" + validator.error().message() + ")");
          continue;
        }
        Instance instance;
        ASSERT_TRUE(instance.Read(*test.Find("data")).has_value());
        std::vector<Finding> findings;
        const bool told = (*validator)->Judge(instance, &findings, 10) == Judgement::kValid;
        BrokenRule broken;
        const bool quick = (*validator)->Judge(instance, &broken) == Judgement::kValid;
        const bool valid = *test.Find("valid")->Bool();
        if (told != valid || quick != valid) failed_.push_back(full);
        if (told != findings.empty()) failed_.push_back(full + " (findings)");
      }
    }
  }

  void RunFolder(const std::string& name, Draft draft) {
    for (const auto& entry : fs::directory_iterator(folder_ / "tests" / name)) {
      if (entry.is_regular_file()) RunFile(entry.path(), draft);
    }
    std::string list;
    for (const std::string& failed : failed_) list += "  " + failed + "\n";
    EXPECT_TRUE(failed_.empty()) << failed_.size() << " of " << run_ << " differ:\n" << list;
  }

  std::optional<JsonValue> Remote(std::string_view uri) const {
    const auto found = remotes_.find(uri);
    if (found == remotes_.end()) return std::nullopt;
    auto parsed = JsonValue::Parse(found->second);
    return parsed ? std::optional(*std::move(parsed)) : std::nullopt;
  }

  fs::path folder_;
  std::map<std::string, std::string, std::less<>> remotes_;
  std::vector<std::string> failed_;
  int run_ = 0;
};

TEST_F(Suite, JudgesEveryRequiredCaseOfDraft7) {
  RunFolder("draft7", Draft::k7);
  EXPECT_EQ(run_, 927);
}

TEST_F(Suite, JudgesEveryRequiredCaseOfDraft202012) {
  RunFolder("draft2020-12", Draft::k202012);
  EXPECT_EQ(run_, 1'299);
}

}  // namespace
}  // namespace tidemark::schema
