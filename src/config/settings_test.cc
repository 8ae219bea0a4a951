// Later sources win, wrong ones are refused by name, and the table of options keeps its own rules.

#include "config/settings.h"

#include <gtest/gtest.h>

#include "config/values.h"

namespace tidemark::config {
namespace {

TEST(Settings, EveryDefaultIsWithinItsOwnBounds) {
  Settings settings;
  for (const Option& option : Options()) {
    const Status set = settings.Set(option.key, option.standard, "default");
    EXPECT_TRUE(set) << (set ? "" : set.error().message());
    EXPECT_TRUE(option.sentence.ends_with('.')) << option.key;
  }
}

TEST(Settings, ALaterSourceWinsAndIsNamed) {
  Settings settings;
  ASSERT_TRUE(settings.ReadToml("[query]\nthreads = 8\ntime = \"5m\"\n", "a.toml"));
  ASSERT_TRUE(settings.ReadVariable("TIDEMARK_QUERY__THREADS", "16"));
  ASSERT_TRUE(settings.SetAssignment("query.rows=7", "-X"));
  EXPECT_EQ(settings.Number("query.threads"), 16U);
  EXPECT_EQ(settings.Time("query.time"), std::chrono::minutes(5));
  EXPECT_EQ(settings.Number("query.rows"), 7U);
  EXPECT_NE(settings.Print().find("threads = 16  # TIDEMARK_QUERY__THREADS"), std::string::npos);
  EXPECT_NE(settings.Print().find("time = '5m'  # a.toml:3"), std::string::npos);
}

TEST(Settings, WhatItPrintsGivesTheSameSettingsAgain) {
  Settings settings;
  ASSERT_TRUE(settings.Set("server.data_dir", "C:\\with \"quotes\"", "-X"));
  ASSERT_TRUE(settings.Set("flush.age", "0.25", "-X"));
  Settings again;
  const Status read = again.ReadToml(settings.Print(), "printed");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(again.Text("server.data_dir"), settings.Text("server.data_dir"));
  EXPECT_EQ(again.Time("flush.age"), std::chrono::milliseconds(250));
}

TEST(Settings, AnUnknownNameIsRefusedWithTheNearestOne) {
  Settings settings;
  const auto message = [](const Status& status) {
    return status ? std::string() : status.error().message();
  };
  EXPECT_EQ(message(settings.ReadToml("[flush]\nsise = 1\n", "a.toml")),
            "a.toml:2: there is no option flush.sise; did you mean flush.size?");
  EXPECT_NE(message(settings.ReadToml("memory = 1\n", "a.toml")).find("server.memory"),
            std::string::npos);
  EXPECT_NE(message(settings.ReadVariable("TIDEMARK_HTTP__LISTN", "x")).find("http.listen"),
            std::string::npos);
  EXPECT_TRUE(settings.ReadVariable("TIDEMARK_KEY", "tm_x"));
  EXPECT_TRUE(settings.ReadVariable("PATH", "x"));
}

TEST(Settings, AWrongValueIsRefused) {
  Settings settings;
  for (const char* toml :
       {"[query]\nthreads = 0\n", "[query]\nthreads = 2.5\n", "[query]\nthreads = \"many\"\n",
        "[query]\nthreads = [1]\n", "[query]\nthreads = 1e30\n", "[flush]\nage = \"1 week\"\n",
        "[flush]\nsize = \"-1MB\"\n", "[flush]\nsize = nan\n", "[server]\ndev = 2\n",
        "[server]\ndata_dir = \"\"\n", "[server\n", "[server]\ndev = true\ndev = false\n"}) {
    EXPECT_FALSE(settings.ReadToml(toml, "a.toml")) << toml;
  }
  EXPECT_FALSE(settings.SetAssignment("query.threads", "-X"));
  EXPECT_EQ(settings.Number("query.threads"), 4U);
}

TEST(Values, SizesAndTimesAreReadAsPeopleWriteThem) {
  EXPECT_EQ(ReadBytes("64MiB"), 64.0 * 1024 * 1024);
  EXPECT_EQ(ReadBytes("64 MB"), 64e6);
  EXPECT_EQ(ReadBytes("2g"), 2.0 * 1024 * 1024 * 1024);
  EXPECT_EQ(ReadBytes("10"), 10.0);
  EXPECT_EQ(ReadBytes("ten"), std::nullopt);
  EXPECT_EQ(ReadSeconds("500ms"), 0.5);
  EXPECT_EQ(ReadSeconds("7d"), 7.0 * 86'400);
  EXPECT_EQ(ReadSeconds("inf"), std::nullopt);
  EXPECT_EQ(BytesText(64.0 * 1024), "64KiB");
}

}  // namespace
}  // namespace tidemark::config
