// Addresses read back as they were written, and a range holds what is in it and nothing else.

#include "base/ip_address.h"

#include <gtest/gtest.h>

#include "base/rate.h"

namespace tidemark {
namespace {

TEST(IpAddress, ReadsBothFamiliesAndWritesThemTheShortWay) {
  for (const char* text : {"192.0.2.1", "0.0.0.0", "2001:db8::1", "::1", "::"}) {
    const auto address = IpAddress::Parse(text);
    ASSERT_TRUE(address.has_value()) << text;
    EXPECT_EQ(address->ToString(), text);
  }
  EXPECT_EQ(IpAddress::Parse("::ffff:192.0.2.1"), IpAddress::Parse("192.0.2.1"));
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", "[::1]", "::1%eth0",
                           "1.2.3.4:80", "localhost", "1::2::3"}) {
    EXPECT_FALSE(IpAddress::Parse(text).has_value()) << text;
  }
  EXPECT_FALSE(IpAddress::Parse(std::string_view("1.2.3.4\0x", 9)).has_value());
}

TEST(IpAddress, KnowsThisMachine) {
  for (const char* text : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(IpAddress::Parse(text)->is_loopback()) << text;
  }
  for (const char* text : {"128.0.0.1", "::2", "::", "2001::1"}) {
    EXPECT_FALSE(IpAddress::Parse(text)->is_loopback()) << text;
  }
}

TEST(IpAddress, IsCutAtAnyBit) {
  EXPECT_EQ(IpAddress::Parse("192.0.2.255")->Truncated(24, 48).ToString(), "192.0.2.0");
  EXPECT_EQ(IpAddress::Parse("192.0.255.255")->Truncated(17, 48).ToString(), "192.0.128.0");
  EXPECT_EQ(IpAddress::Parse("2001:db8:1:2:3::4")->Truncated(24, 48).ToString(), "2001:db8:1::");
  EXPECT_EQ(IpAddress::Parse("10.1.2.3")->Truncated(32, 128).ToString(), "10.1.2.3");
  EXPECT_EQ(IpAddress::Parse("10.1.2.3")->Truncated(0, 0).ToString(), "0.0.0.0");
}

TEST(IpRange, HoldsWhatIsInIt) {
  struct Case {
    const char* range;
    const char* address;
    bool inside;
  };
  for (const Case& one : {Case{"10.0.0.0/8", "10.255.0.1", true},
                          {"10.0.0.0/8", "11.0.0.1", false},
                          {"10.1.2.3", "10.1.2.3", true},
                          {"10.1.2.3", "10.1.2.4", false},
                          {"192.168.4.0/22", "192.168.7.9", true},
                          {"192.168.4.0/22", "192.168.8.0", false},
                          {"0.0.0.0/0", "203.0.113.9", true},
                          {"0.0.0.0/0", "2001:db8::1", false},
                          {"2001:db8::/33", "2001:db8:7fff::1", true},
                          {"2001:db8::/33", "2001:db8:8000::1", false},
                          {"::/0", "2001:db8::1", true},
                          {"::/0", "10.0.0.1", true}}) {
    const auto range = IpRange::Parse(one.range);
    ASSERT_TRUE(range.has_value()) << one.range;
    EXPECT_EQ(range->Contains(*IpAddress::Parse(one.address)), one.inside)
        << one.range << " " << one.address;
  }
}

TEST(IpRange, RefusesWhatWouldAllowSomethingElseThanWasMeant) {
  for (const char* text : {"10.0.0.1/8", "10.0.0.0/33", "2001:db8::/129", "10.0.0.0/",
                           "10.0.0.0/-1", "10.0.0.0/8x", "/8", "", "2001:db8::1/64"}) {
    EXPECT_FALSE(IpRange::Parse(text).has_value()) << text;
  }
  EXPECT_EQ(IpRange::Parse("10.0.0.0/8")->ToString(), "10.0.0.0/8");
  EXPECT_EQ(IpRange::Parse("2001:db8::/32")->ToString(), "2001:db8::/32");
}

TEST(Rate, IsReadInTheFormsThatPeopleWrite) {
  using std::chrono::seconds;
  const std::pair<const char*, Rate> cases[] = {
      {"1000 a minute", {1'000, seconds(60)}},
      {"1000/minute", {1'000, seconds(60)}},
      {"1000 per 1 minute", {1'000, seconds(60)}},
      {"50000/s", {50'000, seconds(1)}},
      {"50K a second", {50'000, seconds(1)}},
      {"64 MiB a second", {0, seconds(0)}},
      {"64MiB a second", {64U << 20U, seconds(1)}},
      {"10 an hour", {10, seconds(3'600)}},
      {"5 per 10 minutes", {5, seconds(600)}},
      {"7", {7, seconds(1)}},
      {"2 A DAY", {2, seconds(86'400)}},
  };
  for (const auto& [text, rate] : cases) {
    const auto read = ParseRate(text);
    if (rate.count == 0) {
      EXPECT_FALSE(read.has_value()) << text;
      continue;
    }
    ASSERT_TRUE(read.has_value()) << text;
    EXPECT_EQ(*read, rate) << text;
    EXPECT_EQ(ParseRate(FormatRate(rate)), rate) << FormatRate(rate);
  }
  for (const char* text :
       {"", "a minute", "0 a minute", "-1 a minute", "1000 a", "1000 minute", "1000 a fortnight",
        "1.5/s", "1000 a minute!", "9999999999999999999/s", "1 per 0 seconds"}) {
    EXPECT_FALSE(ParseRate(text).has_value()) << text;
  }
  EXPECT_EQ(FormatRate({1'000, seconds(60)}), "1000 a minute");
}

}  // namespace
}  // namespace tidemark
