// Each enricher fills what it finds, leaves what the client said, and never waits. Rules and files
// of others are checked with their own examples where they are there (../shared/data/suites).

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include "enrich/clock_skew.h"
#include "enrich/csv_source.h"
#include "enrich/enrichment.h"
#include "enrich/page_url.h"
#include "enrich/postgres_source.h"
#include "enrich/referrer.h"
#include "enrich/rule_file.h"
#include "enrich/sqlite_source.h"
#include "enrich/user_agent.h"
#include "sim/expect.h"
#include "sim/sim_clock.h"

namespace tidemark::enrich {
namespace {

using event::Column;
using event::EventView;

constexpr const char* kRulesFile = "/usr/share/uap-core/regexes.yaml";
constexpr const char* kChrome =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/104.0.0.0 Safari/537.36";
constexpr const char* kIphone =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 15_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/15.5 Mobile/15E148 Safari/604.1";
constexpr const char* kIpad =
    "Mozilla/5.0 (iPad; CPU OS 15_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/15.5 Mobile/15E148 Safari/604.1";
constexpr const char* kGooglebot =
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

EventView Event(std::initializer_list<std::pair<Column, std::string_view>> texts = {}) {
  EventView event;
  event.timestamp = TimeMicros(1'767'225'600'000'000);
  for (const auto& [column, text] : texts) event.SetText(column, text);
  return event;
}

std::string TempPath(const char* name) {
  return testing::TempDir() + "enrich_" + std::to_string(::getpid()) + "_" + name;
}

std::string ReadText(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The folder of a suite that is unpacked for the test, or empty if it is not there.
std::filesystem::path Unpack(const std::string& suite) {
  // Beside the tree, wherever the test is run in it.
  std::string root = "../";
  for (int up = 0; up < 6; ++up, root += "../") {
    const std::string path = root + "shared/data/suites/" + suite + ".tar.gz";
    if (!std::filesystem::exists(path)) continue;
    const std::string folder = TempPath(suite.c_str());
    std::filesystem::create_directories(folder);
    const std::string command = "tar xzf " + path + " -C " + folder;
    return std::system(command.c_str()) == 0 ? std::filesystem::path(folder)
                                             : std::filesystem::path();
  }
  return {};
}

class EnrichTest : public testing::Test {
 protected:
  std::shared_ptr<LookupTable> Table(std::unique_ptr<DimensionSource> source) {
    return std::make_shared<LookupTable>(std::move(source), &clock_, &metrics_,
                                         [this] { ++woken_; });
  }

  sim::SimClock clock_;
  telemetry::Registry registry_;
  EnrichMetrics metrics_{&registry_};
  RequestFacts facts_{.received_at = TimeMicros(1'767'225'600'000'000)};
  int woken_ = 0;
};

TEST_F(EnrichTest, AgentsTellBrowserSystemAndKindOfDevice) {
  const auto rules = AgentRules::Read(kRulesFile);
  if (!rules) GTEST_SKIP() << "uap-core is not installed";
  EXPECT_EQ((*rules)->left_out(), 0U);
  auto published = std::make_shared<Published<AgentRules>>();
  UserAgent enricher(published, &metrics_);
  EventView early = Event({{Column::kUserAgent, kChrome}});
  enricher.Enrich(facts_, &early);
  EXPECT_FALSE(early.Has(Column::kBrowser));  // No rules yet.
  published->Store(*rules);
  struct Case {
    const char* agent;
    const char* browser;
    const char* os;
    const char* device;
  };
  for (const Case& one : {Case{kChrome, "Chrome", "Windows", "desktop"},
                          {kIphone, "Mobile Safari", "iOS", "mobile"},
                          {kIpad, "Mobile Safari", "iOS", "tablet"},
                          {kGooglebot, "Googlebot", "", "bot"},
                          {"nonsense", "", "", ""}}) {
    EventView event = Event({{Column::kUserAgent, one.agent}});
    enricher.Enrich(facts_, &event);
    EXPECT_EQ(event.Has(Column::kBrowser) ? event.Text(Column::kBrowser) : "", one.browser);
    EXPECT_EQ(event.Has(Column::kOs) ? event.Text(Column::kOs) : "", one.os) << one.agent;
    EXPECT_EQ(event.Has(Column::kDeviceType) ? event.Text(Column::kDeviceType) : "", one.device)
        << one.agent;
  }
  EXPECT_EQ(metrics_.bots.value(), 1U);
  EXPECT_EQ(metrics_.agents_parsed.value(), 5U);
  // What is remembered is not parsed again, and what the client said stays.
  EventView said = Event({{Column::kUserAgent, kChrome}, {Column::kBrowser, "mine"}});
  enricher.Enrich(facts_, &said);
  EXPECT_EQ(said.Text(Column::kBrowser), "mine");
  EXPECT_EQ(said.Text(Column::kOs), "Windows");
  EXPECT_EQ(metrics_.agents_parsed.value(), 5U);
}

TEST_F(EnrichTest, TheRequestsAgentIsAUsersOnlyIfAPageSentIt) {
  const auto rules = AgentRules::Read(kRulesFile);
  if (!rules) GTEST_SKIP() << "uap-core is not installed";
  UserAgent enricher(std::make_shared<Published<AgentRules>>(*rules), &metrics_);
  facts_.user_agent = kChrome;
  EventView server = Event();
  enricher.Enrich(facts_, &server);
  EXPECT_FALSE(server.Has(Column::kUserAgent));
  facts_.from_page = true;
  EventView page = Event();
  enricher.Enrich(facts_, &page);
  EXPECT_EQ(page.Text(Column::kUserAgent), kChrome);
  EXPECT_EQ(page.Text(Column::kBrowser), "Chrome");
}

// A header may hold any bytes; a data file with such a text in it no engine reads.
TEST_F(EnrichTest, AnAgentThatIsNoTextIsNotStored) {
  const auto rules = AgentRules::Parse("user_agent_parsers:\n  - regex: '(Thing)/(\\d+)'\n");
  ASSERT_OK(rules);
  UserAgent enricher(std::make_shared<Published<AgentRules>>(*rules), &metrics_);
  facts_.from_page = true;
  for (const std::string_view agent : {"Thing/1 caf\xe9", "Thing/1 \xc0\x80",
                                       "Thing/1 \xed\xa0\x80", "Thing/1 \xf4\x90\x80\x80"}) {
    facts_.user_agent = agent;
    EventView event = Event();
    enricher.Enrich(facts_, &event);
    EXPECT_FALSE(event.Has(Column::kUserAgent)) << agent;
    EXPECT_FALSE(event.Has(Column::kBrowser)) << agent;
  }
  facts_.user_agent = "Thing/1 caf\xc3\xa9";
  EventView event = Event();
  enricher.Enrich(facts_, &event);
  EXPECT_EQ(event.Text(Column::kUserAgent), facts_.user_agent);
}

TEST_F(EnrichTest, ThousandsOfAgentsDoNotGrowTheMemory) {
  const auto rules = AgentRules::Parse("user_agent_parsers:\n  - regex: '(Thing)/(\\d+)'\n");
  ASSERT_OK(rules);
  UserAgent enricher(std::make_shared<Published<AgentRules>>(*rules), &metrics_);
  for (int i = 0; i < 10'000; ++i) {
    const std::string agent = "Thing/" + std::to_string(i);
    EventView event = Event({{Column::kUserAgent, agent}});
    enricher.Enrich(facts_, &event);
    ASSERT_EQ(event.Text(Column::kBrowser), "Thing");
  }
  const std::string endless = "Thing/1" + std::string(1 << 20, 'x');
  EventView event = Event({{Column::kUserAgent, endless}});
  enricher.Enrich(facts_, &event);
  EXPECT_EQ(event.Text(Column::kBrowser), "Thing");
}

TEST(AgentRulesFile, WhatAreNoRulesIsRefused) {
  for (const char* bad : {"", "[]", "a: 1", "user_agent_parsers:\n  - - regex: x\n", "\t{", "x: *y",
                          "user_agent_parsers: []", "user_agent_parsers:\n  regex: x\n"}) {
    EXPECT_CODE(AgentRules::Parse(bad), Code::kInvalidArgument) << bad;
  }
  // One that RE2 does not understand is left out, the others count.
  const auto rules = AgentRules::Parse(
      "user_agent_parsers:\n  - regex: '(?<!a)b'\n  - regex: '(Good)/(\\d+)'\n    "
      "family_replacement: 'Very $1'\n");
  ASSERT_OK(rules);
  EXPECT_EQ((*rules)->left_out(), 1U);
  EXPECT_EQ((*rules)->Match("Good/7").browser.family, "Very Good");
  EXPECT_EQ((*rules)->Match("Good/7").browser.major, "7");
  EXPECT_CODE(AgentRules::Read("/nowhere/regexes.yaml"), Code::kNotFound);
}

TEST(AgentRulesFile, AgreesWithTheExamplesOfItsSuite) {
  const auto folder = Unpack("user-agents");
  if (folder.empty()) GTEST_SKIP() << "../shared/data/suites/user-agents.tar.gz is not there";
  const auto rules = AgentRules::Read((folder / "regexes.yaml").string());
  ASSERT_OK(rules);
  std::size_t count = 0;
  for (const char* name : {"test_ua.yaml", "test_os.yaml", "test_device.yaml"}) {
    const auto lists = ReadRuleFile(ReadText(folder / "tests" / name));
    ASSERT_OK(lists);
    for (const RuleMap& one : lists->at("test_cases")) {
      const auto at = [&one](const char* key) {
        const auto found = one.find(key);
        return found == one.end() ? std::string() : found->second;
      };
      const Agent agent = (*rules)->Match(at("user_agent_string"));
      if (std::string_view(name) == "test_device.yaml") {
        ASSERT_EQ(agent.device.family, at("family")) << at("user_agent_string");
        ASSERT_EQ(agent.device.brand, at("brand")) << at("user_agent_string");
        ASSERT_EQ(agent.device.model, at("model")) << at("user_agent_string");
      } else {
        const Agent::Version& got =
            std::string_view(name) == "test_os.yaml" ? agent.os : agent.browser;
        ASSERT_EQ(got.family, at("family")) << at("user_agent_string");
        ASSERT_EQ(got.major, at("major")) << at("user_agent_string");
        ASSERT_EQ(got.minor, at("minor")) << at("user_agent_string");
        ASSERT_EQ(got.patch, at("patch")) << at("user_agent_string");
      }
      ++count;
    }
  }
  EXPECT_GT(count, 10'000U);
  std::filesystem::remove_all(folder);
}

TEST_F(EnrichTest, OnlyTheNetworkOfAnAddressIsKept) {
  const auto ip = [this](AddressRule rule, std::string_view said) -> std::string {
    ClientAddress enricher(rule, &metrics_);
    EventView event = said.empty() ? Event() : Event({{Column::kIp, said}});
    enricher.Enrich(facts_, &event);
    return event.Has(Column::kIp) ? std::string(event.Text(Column::kIp)) : "none";
  };
  EXPECT_EQ(ip(AddressRule::kTruncate, "203.0.113.77"), "203.0.113.0");
  EXPECT_EQ(ip(AddressRule::kTruncate, "2001:db8:1:2:3:4:5:6"), "2001:db8:1::");
  EXPECT_EQ(ip(AddressRule::kTruncate, "::ffff:203.0.113.77"), "203.0.113.0");
  EXPECT_EQ(ip(AddressRule::kTruncate, "somebody@example"), "none");
  EXPECT_EQ(metrics_.addresses_unread.value(), 1U);
  EXPECT_EQ(ip(AddressRule::kKeep, "203.0.113.77"), "203.0.113.77");
  EXPECT_EQ(ip(AddressRule::kDrop, "203.0.113.77"), "none");
  facts_.address = *IpAddress::Parse("198.51.100.9");
  EXPECT_EQ(ip(AddressRule::kTruncate, ""), "none");
  facts_.from_page = true;
  EXPECT_EQ(ip(AddressRule::kTruncate, ""), "198.51.100.0");
  EXPECT_EQ(ip(AddressRule::kKeep, ""), "198.51.100.9");
  EXPECT_EQ(ip(AddressRule::kDrop, ""), "none");
}

TEST_F(EnrichTest, ThePageTellsItsCampaign) {
  PageUrl enricher;
  EventView event = Event(
      {{Column::kPageUrl,
        "https://shop.example/?a=1&utm_source=News%20letter&utm_medium=e+mail&utm_campaign=%C3%BC#"
        "utm_source=no"}});
  enricher.Enrich(facts_, &event);
  EXPECT_EQ(event.Text(Column::kUtmSource), "News letter");
  EXPECT_EQ(event.Text(Column::kUtmMedium), "e mail");
  EXPECT_EQ(event.Text(Column::kUtmCampaign), "ü");
  EventView said =
      Event({{Column::kPageUrl, "/x?utm_source=a&utm_medium="}, {Column::kUtmSource, "b"}});
  enricher.Enrich(facts_, &said);
  EXPECT_EQ(said.Text(Column::kUtmSource), "b");
  EXPECT_FALSE(said.Has(Column::kUtmMedium));
  std::string value;
  for (const char* bad :
       {"/x?utm_source=%FF", "/x?utm_source=%00", "/x?utm_source=%ED%A0%80", "/x?utm_source=%C0%80",
        "/x?xutm_source=a", "/x?utm_source", "utm_source=a"}) {
    EXPECT_FALSE(FindInQuery(bad, "utm_source", &value)) << bad;
  }
  ASSERT_TRUE(FindInQuery("/x?utm_source=100%&b", "utm_source", &value));
  EXPECT_EQ(value, "100%");
}

TEST_F(EnrichTest, TheReferrerTellsWhereAVisitCameFrom) {
  Referrer enricher(&metrics_);
  const auto told = [&](std::string_view referrer,
                        std::string_view page = "https://www.shop.example/a?x=1") {
    EventView event = Event();
    if (!page.empty()) event.SetText(Column::kPageUrl, page);
    if (!referrer.empty()) event.SetText(Column::kReferrer, referrer);
    enricher.Enrich(facts_, &event);
    return event.Has(Column::kProperties) ? std::string(event.Text(Column::kProperties)) : "none";
  };
  EXPECT_EQ(told(""), R"({"referrer_type":"direct"})");
  EXPECT_EQ(told("$direct"), R"({"referrer_type":"direct"})");
  EXPECT_EQ(told("https://blog.shop.example/b"),
            R"({"referrer_type":"internal","referrer_host":"blog.shop.example"})");
  EXPECT_EQ(told("https://www.Google.co.uk:443/search?q=tide+%22mark%22&hl=en"),
            R"({"referrer_type":"search","referrer_host":"www.google.co.uk",)"
            R"("referrer_source":"Google","referrer_term":"tide \"mark\""})");
  EXPECT_EQ(
      told("https://mail.google.com/"),
      R"({"referrer_type":"email","referrer_host":"mail.google.com","referrer_source":"Gmail"})");
  EXPECT_EQ(told("https://l.facebook.com/l.php?u=x"),
            R"({"referrer_type":"social","referrer_host":"l.facebook.com",)"
            R"("referrer_source":"Facebook"})");
  EXPECT_EQ(told("android-app://com.twitter.android"),
            R"({"referrer_type":"social","referrer_host":"com.twitter.android",)"
            R"("referrer_source":"X"})");
  EXPECT_EQ(told("https://user:pass@news.example./x"),
            R"({"referrer_type":"referral","referrer_host":"news.example"})");
  EXPECT_EQ(told("https://www.bing.com/", "https://shop.example/?utm_source=a&gclid=7"),
            R"({"referrer_type":"campaign","referrer_host":"www.bing.com",)"
            R"("referrer_source":"Bing"})");
  // Not by their names alone: these are no known sites, nor is one part of the other.
  for (const char* other : {"https://notgoogle.com/", "https://google.com.evil.example/",
                            "https://xshop.example/", "https://netflix.com/"}) {
    EXPECT_TRUE(told(other).starts_with(R"({"referrer_type":"referral")")) << told(other);
  }
  for (const char* no : {"r", "about:blank", "https://", "https://[::1]/", "http://a b/",
                         "javascript:1", "https://\xC3\xBC.example/"}) {
    EXPECT_EQ(told(no), "none") << no;
  }
  EXPECT_EQ(told("", ""), "none");
  EXPECT_EQ(metrics_.referrers[static_cast<std::size_t>(ReferrerType::kReferral)]->value(), 5U);
  EXPECT_EQ(metrics_.referrers[static_cast<std::size_t>(ReferrerType::kCampaign)]->value(), 1U);
}

TEST_F(EnrichTest, WhatTheClientSaidOfTheReferrerStays) {
  Referrer enricher(&metrics_);
  EventView event = Event({{Column::kReferrer, "https://duckduckgo.com/?q=a"},
                           {Column::kProperties, R"({"a":1,"referrer_type":"mine"})"}});
  enricher.Enrich(facts_, &event);
  EXPECT_EQ(event.Text(Column::kProperties),
            R"({"a":1,"referrer_type":"mine","referrer_host":"duckduckgo.com",)"
            R"("referrer_source":"DuckDuckGo","referrer_term":"a"})");
  // Endless texts cost no more than their limit, and none is cut in the middle.
  const std::string endless = "https://duckduckgo.com/?q=" + std::string(kTermBytesMax + 1, 'a') +
                              std::string(1 << 20, 'b');
  EventView large = Event({{Column::kReferrer, endless}});
  enricher.Enrich(facts_, &large);
  EXPECT_EQ(large.Text(Column::kProperties).find("term"), std::string_view::npos);
  EventView odd = Event({{Column::kReferrer, "https://a.example/"}, {Column::kProperties, "[1]"}});
  enricher.Enrich(facts_, &odd);
  EXPECT_EQ(odd.Text(Column::kProperties), "[1]");
}

TEST_F(EnrichTest, AWrongClockIsPutRightAndTheFarFutureIsNow) {
  ClockSkew enricher(&metrics_);
  const TimeMicros now = facts_.received_at;
  const auto after = [&](std::int64_t seconds) {
    return TimeMicros(now.value + seconds * 1'000'000);
  };
  const auto corrected = [&](TimeMicros happened, std::optional<TimeMicros> sent) {
    facts_.sent_at = sent;
    EventView event = Event();
    event.timestamp = happened;
    enricher.Enrich(facts_, &event);
    return event.timestamp;
  };
  EXPECT_EQ(corrected(after(-90), std::nullopt), after(-90));
  EXPECT_EQ(corrected(after(-90), after(-30)), after(-90));        // On its way.
  EXPECT_EQ(corrected(after(-7'290), after(-7'200)), after(-90));  // Two hours late.
  EXPECT_EQ(corrected(after(7'110), after(7'200)), after(-90));    // Two hours early.
  EXPECT_EQ(corrected(after(22 * 3'600), now), after(22 * 3'600));
  EXPECT_EQ(corrected(after(24 * 3'600), now), now);
  EXPECT_EQ(corrected(after(24 * 3'600), std::nullopt), after(24 * 3'600));  // Meant so, perhaps.
  EXPECT_EQ(metrics_.times_shifted.value(), 2U);
  EXPECT_EQ(metrics_.times_clamped.value(), 1U);
}

TEST_F(EnrichTest, TheCountryIsAHeadersOrAFiles) {
  Country header(nullptr, &metrics_);
  facts_.country = "DE";
  EventView event = Event();
  header.Enrich(facts_, &event);
  EXPECT_FALSE(event.Has(Column::kCountry));  // Of a server that sends for others.
  facts_.from_page = true;
  for (const char* none : {"XX", "T1", "de", "DEU", ""}) {
    facts_.country = none;
    header.Enrich(facts_, &event);
    EXPECT_FALSE(event.Has(Column::kCountry)) << none;
  }
  facts_.country = "DE";
  header.Enrich(facts_, &event);
  EXPECT_EQ(event.Text(Column::kCountry), "DE");
  EXPECT_CODE(CountryFile::Open("/nowhere.mmdb"), Code::kInvalidArgument);

  const auto folder = Unpack("geoip");
  if (folder.empty()) GTEST_SKIP() << "../shared/data/suites/geoip.tar.gz is not there";
  const auto file = CountryFile::Open((folder / "test-data/GeoIP2-Country-Test.mmdb").string());
  ASSERT_OK(file);
  Country country(*file, &metrics_);
  facts_.country = {};
  const auto of = [&](const char* ip) {
    EventView one = Event({{Column::kIp, ip}});
    country.Enrich(facts_, &one);
    return one.Has(Column::kCountry) ? std::string(one.Text(Column::kCountry)) : "none";
  };
  EXPECT_EQ(of("81.2.69.160"), "GB");
  EXPECT_EQ(of("2001:218::1"), "JP");
  EXPECT_EQ(of("10.0.0.1"), "none");
  EXPECT_EQ(of("nonsense"), "none");
  // Broken files give no country and harm nobody.
  for (const auto& entry : std::filesystem::directory_iterator(folder / "test-data")) {
    const auto odd = CountryFile::Open(entry.path().string());
    if (!odd) continue;
    for (const char* ip : {"81.2.69.160", "2001:218::1", "1.1.1.1", "::1"}) {
      EXPECT_LE((*odd)->Find(*IpAddress::Parse(ip)).size(), 2U);
    }
  }
  std::filesystem::remove_all(folder);
}

TEST_F(EnrichTest, DimensionsComeFromAFileWithoutWaitingForIt) {
  const std::string path = TempPath("tiers.csv");
  std::ofstream(path)
      << "user_id,user_tier,country\r\nann,gold,SE\n\"b\"\"o\nb\",\"silver, new\",\n";
  auto source = CsvSource::Open(path, &clock_);
  ASSERT_OK(source);
  const auto table = Table(*std::move(source));
  Lookup enricher(table);
  const auto tier = [&](std::string_view user) {
    EventView event = Event({{Column::kUserId, user}});
    enricher.Enrich(facts_, &event);
    return std::string(event.Text(Column::kUserTier)) + "/" +
           std::string(event.Text(Column::kCountry));
  };
  EXPECT_EQ(tier("ann"), "unknown/unknown");
  EXPECT_EQ(woken_, 1);
  EXPECT_EQ(tier("b\"o\nb"), "unknown/unknown");
  EXPECT_EQ(tier("nobody"), "unknown/unknown");
  table->Step();
  EXPECT_EQ(tier("ann"), "gold/SE");
  EXPECT_EQ(tier("b\"o\nb"), "silver, new/unknown");
  EXPECT_EQ(tier("nobody"), "unknown/unknown");
  EXPECT_EQ(metrics_.lookups_missed.value(), 1U);
  // The file changes: seen after the age, and until then, and while it is gone, the old value
  // counts.
  std::ofstream(path) << "user_id,user_tier,country\nann,bronze,NO\n";
  EXPECT_EQ(tier("ann"), "gold/SE");
  clock_.Advance(kLookupAge + std::chrono::seconds(1));
  std::filesystem::rename(path, path + ".gone");
  EXPECT_EQ(tier("ann"), "gold/SE");
  EXPECT_EQ(table->Step(), kLookupRetry);
  EXPECT_EQ(metrics_.source_failures.value(), 1U);
  std::filesystem::rename(path + ".gone", path);
  EXPECT_EQ(tier("ann"), "gold/SE");
  clock_.Advance(kLookupAge);
  table->Step();
  EXPECT_EQ(tier("ann"), "bronze/NO");
  EventView anonymous = Event();
  enricher.Enrich(facts_, &anonymous);
  EXPECT_FALSE(anonymous.Has(Column::kUserTier));
  std::filesystem::remove(path);
  for (const char* bad :
       {"", "user_id\n", "user_id,nonsense\n", "user_id,user_tier,user_tier\n",
        "user_id,user_tier\nann,Smith, John\n", "user_id,user_tier\nann,\"gold\nbob,new\n",
        "user_id,value\n", "event_id,user_tier\n"}) {
    std::ofstream(path, std::ios::trunc) << bad;
    EXPECT_CODE(CsvSource::Open(path, &clock_), Code::kInvalidArgument) << bad;
  }
  std::filesystem::remove(path);
}

TEST_F(EnrichTest, AFileThatASpreadsheetWroteIsRead) {
  const std::string path = TempPath("sheet.csv");
  std::ofstream(path) << "\xEF\xBB\xBFuser_id,user_tier,country\r\nann,gold\r\n\r\n";
  auto source = CsvSource::Open(path, &clock_);
  ASSERT_OK(source);
  const std::string ann = "ann";
  const auto found = (*source)->Find({&ann, 1});
  ASSERT_OK(found);
  EXPECT_EQ(found->front(), (DimensionValues{"gold", ""}));
  std::ofstream(path, std::ios::trunc) << "user_id,user_tier\n\"a\nb\",x\nann,1,2\n";
  const auto wrong = CsvSource::Open(path, &clock_);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_NE(wrong.error().message().find("line 4 has 3 fields"), std::string::npos);
  std::filesystem::remove(path);
}

// A file of another encoding must not end in data files that no engine reads.
TEST_F(EnrichTest, ADimensionThatIsNoTextIsUnknown) {
  const std::string path = TempPath("latin.csv");
  std::ofstream(path) << "user_id,user_tier,country\nann,caf\xe9,SE\n";
  auto source = CsvSource::Open(path, &clock_);
  ASSERT_OK(source);
  const auto table = Table(*std::move(source));
  Lookup enricher(table);
  EventView first = Event({{Column::kUserId, "ann"}});
  enricher.Enrich(facts_, &first);
  table->Step();
  EventView event = Event({{Column::kUserId, "ann"}});
  enricher.Enrich(facts_, &event);
  EXPECT_EQ(event.Text(Column::kUserTier), "unknown");
  EXPECT_EQ(event.Text(Column::kCountry), "SE");
  std::filesystem::remove(path);
}

TEST_F(EnrichTest, DimensionsComeFromATableOfUsers) {
  const std::string path = TempPath("users.db");
  std::filesystem::remove(path);
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(database,
                   "CREATE TABLE users(user_id TEXT PRIMARY KEY, tier TEXT, is_active INTEGER);"
                   "INSERT INTO users VALUES('ann','gold',1),('bob','gold',0);",
                   nullptr, nullptr, nullptr),
      SQLITE_OK);
  auto source = SqliteSource::Open(path, EnrichOptions().lookup_sql);
  ASSERT_OK(source);
  const auto table = Table(*std::move(source));
  for (const char* user : {"ann", "bob"}) EXPECT_EQ(table->Find(user), nullptr);
  table->Step();
  ASSERT_NE(table->Find("ann"), nullptr);
  EXPECT_EQ(table->Find("ann")->front(), "gold");
  EXPECT_EQ(table->Find("bob"), nullptr);
  // Gone: what is remembered counts, the others are unknown, and nobody waits.
  ASSERT_EQ(sqlite3_exec(database, "DROP TABLE users", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_EQ(table->Find("eve"), nullptr);
  EXPECT_EQ(table->Step(), kLookupRetry);
  EXPECT_EQ(table->Find("ann")->front(), "gold");
  sqlite3_close(database);
  for (const char* bad : {"SELECT tier FROM nowhere WHERE user_id = ?", "SELECT 1 AS user_tier",
                          "DELETE FROM users WHERE user_id = ?", "", "nonsense"}) {
    EXPECT_CODE(SqliteSource::Open(path, bad), Code::kInvalidArgument) << bad;
  }
  std::filesystem::remove(path);
}

TEST_F(EnrichTest, AFileThatTakesThePlaceOfAnotherIsAsked) {
  const std::string path = TempPath("replaced.db");
  const auto write = [](const std::string& to, const std::string& tier) {
    std::filesystem::remove(to);
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(to.c_str(), &database), SQLITE_OK);
    const std::string sql =
        "CREATE TABLE users(user_id TEXT, tier TEXT, is_active INTEGER);"
        "INSERT INTO users VALUES('ann','" +
        tier + "',1)";
    ASSERT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  };
  write(path, "gold");
  const auto source = SqliteSource::Open(path, EnrichOptions().lookup_sql).value();
  const std::vector<std::string> ann = {"ann"};
  EXPECT_EQ(source->Find(ann).value().front(), DimensionValues({"gold"}));
  write(path + ".new", "silver");
  std::filesystem::rename(path + ".new", path);
  EXPECT_EQ(source->Find(ann).value().front(), DimensionValues({"silver"}));
  std::filesystem::remove(path);
  EXPECT_FALSE(source->Find(ann).has_value());  // What was found goes on to count.
  std::ofstream(path) << "this is no database, and longer than the head of one would be";
  EXPECT_FALSE(source->Find(ann).has_value());
  write(path + ".new", "iron");
  std::filesystem::rename(path + ".new", path);
  EXPECT_EQ(source->Find(ann).value().front(), DimensionValues({"iron"}));
  std::filesystem::remove(path);
}

TEST_F(EnrichTest, AStatementOfOneUserIsMadeOneOfMany) {
  const auto many = StatementForMany("SELECT tier FROM t WHERE id = ? AND a = '?' -- ?\n;");
  ASSERT_OK(many);
  EXPECT_NE(many->find("WHERE id = tidemark_key.id AND a = '?' -- ?\n) AS q"), std::string::npos);
  // With the number, question marks are what PostgreSQL takes them for.
  ASSERT_OK(StatementForMany("SELECT tier FROM t WHERE id = $1 AND doc ? 'a' AND doc ? 'b'"));
  for (const char* bad :
       {"", "SELECT 1", "SELECT ? + ?", "SELECT $1, ?", "SELECT '?'", "SELECT \"?"}) {
    EXPECT_CODE(StatementForMany(bad), Code::kInvalidArgument) << bad;
  }
  const std::vector<std::string> keys = {"a", "b\"\\,{}", "", std::string("n\0l", 3)};
  EXPECT_EQ(ArrayOf(keys), R"({"a","b\"\\,{}","",NULL})");
}

TEST_F(EnrichTest, AServerThatIsDownIsASourceThatIsDown) {
  const std::string statement = EnrichOptions().lookup_sql;
  // Nobody listens at port 1 of this machine: refused at once.
  const std::string url = "postgresql://nobody@127.0.0.1:1/nothing";
  auto source = PostgresSource::Open({url, statement, "tier, country"}, &clock_);
  ASSERT_OK(source);
  const auto table = Table(*std::move(source));
  Lookup enricher(table);
  EventView event = Event({{Column::kUserId, "ann"}});
  enricher.Enrich(facts_, &event);
  EXPECT_EQ(event.Text(Column::kUserTier), "unknown");
  EXPECT_EQ(event.Text(Column::kCountry), "unknown");
  // Asked less and less often.
  for (const Duration pause :
       {kLookupRetry, kLookupRetry * 2, kLookupRetry * 4, kLookupRetryMax, kLookupRetryMax}) {
    EXPECT_EQ(table->Step(), pause);
  }
  EXPECT_EQ(metrics_.source_failures.value(), 5U);
  struct Case {
    std::string url, statement, columns;
  };
  for (const Case& bad :
       {Case{"nonsense", statement, "user_tier"},
        Case{"postgresql://u:secret@127.0.0.1:1/x", statement, "user_tier"},
        Case{url, "SELECT 1", "user_tier"}, Case{url, statement, ""},
        Case{url, statement, "user_tier,value"}, Case{url, statement, "event_id"}}) {
    EXPECT_CODE(PostgresSource::Open({bad.url, bad.statement, bad.columns}, &clock_),
                Code::kInvalidArgument)
        << bad.url << bad.statement << bad.columns;
  }
}

// A source that knows every key.
class Endless final : public DimensionSource {
 public:
  Column key_column() const override { return Column::kUserId; }
  const std::vector<Column>& columns() const override { return columns_; }
  Result<std::vector<std::optional<DimensionValues>>> Find(
      std::span<const std::string> keys) override {
    return std::vector<std::optional<DimensionValues>>(keys.size(), DimensionValues{"tier"});
  }

 private:
  std::vector<Column> columns_{Column::kUserTier};
};

TEST_F(EnrichTest, NoMoreKeysAreRememberedThanTheLimit) {
  const auto table = Table(std::make_unique<Endless>());
  for (int i = 0; i < 300'000; ++i) {
    table->Find("user" + std::to_string(i));
    if (i % 1'000 == 0) {
      while (table->Step() == Duration::zero()) {
      }
    }
  }
  EXPECT_LE(metrics_.lookup_entries.value(), static_cast<std::int64_t>(kLookupEntriesMax));
  EXPECT_GT(metrics_.lookup_entries.value(), static_cast<std::int64_t>(kLookupEntriesMax / 4));
}

}  // namespace
}  // namespace tidemark::enrich
