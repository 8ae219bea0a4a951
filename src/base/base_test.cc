// What the words of base promise: times, ids, bytes and JSON read back as they were written.

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/json_elements.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/memory_budget.h"
#include "base/text_scan.h"
#include "base/time.h"
#include "base/uuid.h"

namespace tidemark {
namespace {

TEST(Time, IsCutNotRoundedBelowTheMicrosecond) {
  EXPECT_EQ(FormatTime(*ParseTime("2024-01-15T10:30:00.1234569Z")), "2024-01-15T10:30:00.123456Z");
}

TEST(Time, ReadsTheFormsThatClientsSend) {
  const std::pair<const char*, const char*> cases[] = {
      {"2024-01-15", "2024-01-15T00:00:00.000000Z"},
      {"2024-01-15 10:30:00", "2024-01-15T10:30:00.000000Z"},
      {"2024-01-15T10:30:00+02:00", "2024-01-15T08:30:00.000000Z"},
      {"2024-01-15T10:30:00.5-0130", "2024-01-15T12:00:00.500000Z"},
      {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
      {"2024-02-29T00:00Z", "2024-02-29T00:00:00.000000Z"},
      {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"},
  };
  for (const auto& [text, expected] : cases) {
    const auto time = ParseTime(text);
    ASSERT_TRUE(time.has_value()) << text;
    EXPECT_EQ(FormatTime(*time), expected) << text;
  }
}

TEST(Time, RefusesWhatItCannotRead) {
  for (const char* text : {"", "yesterday", "2024-13-01", "2023-02-29", "2024-01-15T25:00:00Z",
                           "2024-01-15T10:30:00Zjunk", "0000-01-01", "2024-1-5", "10000-01-01"}) {
    EXPECT_FALSE(ParseTime(text).has_value()) << text;
  }
}

TEST(Time, ReadsWhatElseIso8601Allows) {
  const std::pair<const char*, const char*> cases[] = {
      {"20240115T103000Z", "2024-01-15T10:30:00.000000Z"},
      {"20240115T103000.25+0200", "2024-01-15T08:30:00.250000Z"},
      {"20240115t1030", "2024-01-15T10:30:00.000000Z"},
      {"20240115T1030+02", "2024-01-15T08:30:00.000000Z"},
      {"2024-02-28T24:00:00Z", "2024-02-29T00:00:00.000000Z"},
      {"2024-12-31 24:00", "2025-01-01T00:00:00.000000Z"},
      {"20241231T240000.000+0100", "2024-12-31T23:00:00.000000Z"},
      {"2024-01-15T10:30:00Z", "2024-01-15T10:30:00.000000Z"},
  };
  for (const auto& [text, expected] : cases) {
    const auto time = ParseIsoTime(text);
    ASSERT_TRUE(time.has_value()) << text;
    EXPECT_EQ(FormatTime(*time), expected) << text;
  }
  for (const char* text :
       {"", "2024", "20240115", "20240115T10", "20240115T103", "20240115T10300", "20241315T103000Z",
        "20240115T10:30:00Z", "2024-01-15T24:00:01Z", "2024-01-15T24:30:00Z",
        "2024-01-15T24:00:00.001Z", "2024-01-15T24", "9999-12-31T24:00:00Z", "20240115T103000Zx",
        "2024-W03-1T10:30:00Z", "20240115T103000+2460"}) {
    EXPECT_FALSE(ParseIsoTime(text).has_value()) << text;
  }
}

// A zone in digits is read by another way than Z.
TEST(Time, ReadsTheUsualFormAsAnyOther) {
  std::uint64_t state = 7;
  const auto below = [&state](std::uint64_t end) {
    state = state * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
    return (state >> 33) % end;
  };
  constexpr std::string_view kOther = "0129:-T.Z /;";
  std::size_t read = 0;
  for (int i = 0; i < 200'000; ++i) {
    const TimeMicros time(static_cast<std::int64_t>(below(1ULL << 31)) * 100'000'000 +
                          static_cast<std::int64_t>(below(1ULL << 31)) - 62'000'000'000'000'000);
    std::string text = FormatTime(time);
    text.resize(text.size() - (below(2) == 0 ? 1 : below(text.size())));
    for (std::uint64_t wrong = below(3); wrong > 1 && !text.empty(); --wrong) {
      text[below(text.size())] = kOther[below(kOther.size())];
    }
    const auto usual = ParseTime(text + "Z");
    ASSERT_EQ(usual, ParseTime(text + "+00:00")) << text;
    read += usual.has_value() ? 1U : 0U;
  }
  EXPECT_GT(read, 80'000U);
}

TEST(Time, TellsEpochUnitsApartBySize) {
  const TimeMicros expected(1'700'000'000'000'000);
  EXPECT_EQ(TimeFromEpochNumber(std::int64_t{1'700'000'000}), expected);
  EXPECT_EQ(TimeFromEpochNumber(std::int64_t{1'700'000'000'000}), expected);
  EXPECT_EQ(TimeFromEpochNumber(std::int64_t{1'700'000'000'000'000}), expected);
  EXPECT_EQ(TimeFromEpochNumber(1'700'000'000.5), expected + 500'000);
}

TEST(Uuid, Version7SortsByTime) {
  const Uuid early = MakeUuidV7(TimeMicros(1'000'000), ~0ULL, ~0ULL);
  const Uuid late = MakeUuidV7(TimeMicros(1'001'000), 0, 0);
  EXPECT_LT(early, late);
  EXPECT_EQ(Uuid::Parse(late.ToString()), late);
  EXPECT_EQ(late.ToString()[14], '7');
}

TEST(Bytes, ReaderNeverRunsPastTheEnd) {
  std::string bytes;
  PutVarint(&bytes, 300);
  PutString(&bytes, "abc");
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    ByteReader in(std::string_view(bytes).substr(0, cut));
    std::uint64_t number = 0;
    std::string_view text;
    EXPECT_FALSE(in.Varint(&number) && in.String(&text)) << cut;
  }
}

TEST(Bytes, Base64ReadsBackBothAlphabets) {
  const std::string bytes("\xff\xfe\x00\x01\x02", 5);
  for (std::size_t n = 0; n <= bytes.size(); ++n) {
    const std::string part = bytes.substr(0, n);
    EXPECT_EQ(FromBase64(ToBase64(AsBytes(part))), part);
    EXPECT_EQ(FromBase64(ToBase64(AsBytes(part), true)), part);
  }
  EXPECT_FALSE(FromBase64("a").has_value());
  EXPECT_FALSE(FromBase64("a%b=").has_value());
}

TEST(Hash128, AddsAndSubtractsAcrossTheCarry) {
  Hash128 sum{~0ULL, 1};
  const Hash128 one{1, 0};
  sum += one;
  EXPECT_EQ(sum, (Hash128{0, 2}));
  sum -= one;
  EXPECT_EQ(sum, (Hash128{~0ULL, 1}));
  Hash128 parsed;
  ASSERT_TRUE(Hash128::Parse(sum.ToString(), &parsed));
  EXPECT_EQ(parsed, sum);
}

TEST(Json, KeepsDigitsAndTheLastOfRepeatedKeys) {
  const auto value = JsonValue::Parse(R"({"a":12345678901234567.123,"b":1,"b":[true,null,"x\n"]})");
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->ToJson(), R"({"a":12345678901234567.123,"b":[true,null,"x\n"]})");
}

// Members by the hundred thousand are what somebody sends who means ill: each is found at once.
TEST(Json, TakesManyMembersAndTheLastOfThoseRepeated) {
  constexpr std::size_t kMany = 200'000;
  std::string text = "{";
  for (std::size_t round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < kMany; ++i) {
      text += (text.size() > 1 ? ",\"m" : "\"m") + std::to_string(i) + "\":";
      text += std::to_string(round * kMany + i);
    }
  }
  const auto value = JsonValue::Parse(text + "}");
  ASSERT_TRUE(value.has_value());
  ASSERT_EQ(value->members().size(), kMany);
  for (std::size_t i = 0; i < kMany; ++i) {
    const auto& [name, number] = value->members()[i];
    ASSERT_EQ(name, "m" + std::to_string(i));
    ASSERT_EQ(number.text(), std::to_string(kMany + i));
  }
}

TEST(Json, ReadsNumbersAsTheyAreWritten) {
  for (const char* number :
       {"0", "-0", "7", "-12", "18446744073709551616", "1.50", "-0.0", "1e3"}) {
    const auto value = JsonValue::Parse(std::string("[") + number + " ]");
    ASSERT_TRUE(value.has_value()) << number;
    EXPECT_EQ(value->items()[0].text(), number);
  }
  for (const char* wrong : {"01", "-", "+1", "1.", ".5", "1e", "0x1", "1a", "--1", "1-1"}) {
    EXPECT_FALSE(JsonValue::Parse(std::string("[") + wrong + "]").has_value()) << wrong;
    EXPECT_FALSE(JsonValue::Parse(std::string(R"({"a":)") + wrong + "}").has_value()) << wrong;
  }
}

TEST(Json, RefusesBrokenAndTooDeepText) {
  for (const char* text : {"", "{", "{\"a\":}", "[1,]", "{} {}", "nul", "\"\xff\""}) {
    EXPECT_FALSE(JsonValue::Parse(text).has_value()) << text;
  }
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  EXPECT_FALSE(JsonValue::Parse(deep).has_value());
}

TEST(Json, TellsTheObjectsOfArraysAsText) {
  constexpr std::array<std::string_view, 2> kMembers = {"list", "none"};
  std::vector<std::string> told;
  const JsonElements elements{kMembers, [&](std::string_view member) { told.emplace_back(member); },
                              [&](std::string_view /*member*/, std::string_view text) -> Status {
                                if (text == R"({"stop":1})") return Fail(Code::kConflict, "stop");
                                told.emplace_back(text);
                                return {};
                              }};
  const auto value = ParseJsonElements(
      R"({"a":[{"list":[{}]}],"list": [ {"x":[1,{"y":"]}"}]} , 7,{} ,{"z":2}],"none":5,"b":[]})",
      elements);
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->ToJson(), R"({"a":[{"list":[{}]}],"list":[7],"none":5,"b":[]})");
  EXPECT_EQ(told,
            (std::vector<std::string>{"list", R"({"x":[1,{"y":"]}"}]})", "{}", R"({"z":2})"}));
  EXPECT_EQ(ParseJsonElements(R"({"list":[{"stop":1},{"x":1}]})", elements).error().code(),
            Code::kConflict);
  for (const char* broken : {R"({"list":[{"x":1})", R"({"list":[{"x":1]})", R"({"list":[{}]} x)"}) {
    EXPECT_FALSE(ParseJsonElements(broken, elements).has_value()) << broken;
  }
  EXPECT_EQ(ParseJsonElements("[{}]", elements)->ToJson(), "[{}]");
}

TEST(Json, WriterEscapesAndSeparates) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject().Field("a", "q\"\\\x01").Field("n", 1.5).Key("l").BeginArray();
  json.Int(-1).Bool(true).EndArray().EndObject();
  EXPECT_EQ(out, "{\"a\":\"q\\\"\\\\\\u0001\",\"n\":1.5,\"l\":[-1,true]}");
}

TEST(Json, WriterSeparatesHoweverDeep) {
  std::string out;
  std::string wanted;
  JsonWriter json(&out);
  constexpr int kDeep = 200;
  for (int i = 0; i < kDeep; ++i) {
    json.BeginArray().Int(i);
    wanted += (i == 0 ? "[" : ",[") + std::to_string(i);
  }
  for (int i = kDeep - 1; i >= 0; --i) {
    json.Int(i).EndArray();
    wanted += "," + std::to_string(i) + "]";
  }
  EXPECT_EQ(out, wanted);
}

TEST(Json, WriterEscapesWhereverItIs) {
  const std::vector<std::pair<char, std::string>> escapes = {
      {'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}, {'\x1F', "\\u001f"}, {'\0', "\\u0000"}};
  for (std::size_t size = 1; size <= 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const auto& [c, escaped] : escapes) {
        // Neighbours of them in the code, and bytes above 127.
        std::string text(size, at % 2 == 0 ? '!' : '\xA2');
        if (size > 2) text[size / 2] = ' ';
        text[at] = c;
        if (size - at > 9) text[size - 1] = c;
        std::string told;
        for (const char one : text) told += one == c ? escaped : std::string(1, one);
        std::string out;
        AppendJsonString(&out, text);
        EXPECT_EQ(out, "\"" + told + "\"");
      }
    }
  }
}

TEST(TextScan, FindsTheFirstQuoteOrBackslashWhereverItIs) {
  for (std::size_t size = 0; size <= 100; ++size) {
    for (std::size_t at = 0; at <= size; ++at) {
      for (const char c : {'"', '\\'}) {
        // Neighbours of both in the code, bytes above 127, and others of them behind.
        std::string text(size, at % 2 == 0 ? '#' : '\xA2');
        if (size > 2) text[size / 2] = '!';
        for (std::size_t i = at; i < size; i += 3) text[i] = i == at ? c : '"';
        const char* const end = text.data() + size;
        EXPECT_EQ(FindQuoteOrBackslash(text.data(), end) - text.data(),
                  static_cast<std::ptrdiff_t>(at))
            << size;
      }
    }
  }
}

TEST(TextScan, FindsAWordAtEveryPlace) {
  for (std::size_t size = 0; size < 140; ++size) {
    // Its first, its last and three of its bytes are everywhere.
    std::string text;
    while (text.size() < size) text += "s..tsen."[text.size() % 8];
    const char* const end = text.data() + size;
    EXPECT_EQ(FindWord(text.data(), end, "sent"), end) << size;
    for (std::size_t at = 0; at + 4 <= size; ++at) {
      std::string with = text;
      with.replace(at, 4, "sent");
      EXPECT_EQ(FindWord(with.data(), with.data() + size, "sent") - with.data(),
                static_cast<std::ptrdiff_t>(with.find("sent")));
    }
  }
}

TEST(TextScan, ReadsTheDigitsInFront) {
  for (const std::string digits :
       {"", "0", "7", "42", "007", "1234", "99999", "654321", "9876543"}) {
    for (const char after : {',', '}', '.', '/', ':', '\0', '\x80', '\xB5'}) {
      const std::string text = digits + std::string(8, after) + "123";
      const Digits read = ReadDigits(text.data());
      EXPECT_EQ(read.count, digits.size());
      EXPECT_EQ(read.value, digits.empty() ? 0 : std::stoull(digits));
    }
  }
  EXPECT_EQ(ReadDigits("123456789").count, 8U);
  EXPECT_EQ(ReadDigits("12345678").value, 12'345'678U);
}

TEST(MemoryBudget, RefusesWhatDoesNotFit) {
  MemoryBudget budget(100);
  EXPECT_TRUE(budget.TryReserve(60));
  EXPECT_FALSE(budget.TryReserve(41));
  EXPECT_FALSE(budget.TryReserve(~0ULL));
  budget.Release(60);
  EXPECT_TRUE(budget.TryReserve(100));
}

TEST(Json, IsChangedInPlace) {
  auto json = JsonValue::Parse(R"({"a":1,"b":{"c":[1.50]},"d":null})");
  ASSERT_TRUE(json.has_value());
  json->Set("a", 2).Set("e", "text").Set("f", JsonValue::Flag(true));
  json->Find("b")->Find("c")->Append(JsonValue::Number(-7));
  EXPECT_TRUE(json->Remove("d"));
  EXPECT_FALSE(json->Remove("d"));
  EXPECT_EQ(json->ToJson(), R"({"a":2,"b":{"c":[1.50,-7]},"e":"text","f":true})");
  // Members may stand in any order; items may not.
  EXPECT_EQ(*JsonValue::Parse(R"({"x":1,"y":[1,2]})"), *JsonValue::Parse(R"({"y":[1,2],"x":1})"));
  EXPECT_FALSE(*JsonValue::Parse("[1,2]") == *JsonValue::Parse("[2,1]"));
  EXPECT_FALSE(JsonValue::String("1") == JsonValue::Number(1));
}

TEST(Json, ChangesManyMembersAtOnce) {
  for (const std::size_t many : {std::size_t{1}, std::size_t{1'000}}) {
    auto value = *JsonValue::Parse(R"({"a":1,"b":2,"c":3})");
    std::vector<JsonValue::Member> more = {{"b", JsonValue::Number(2)},
                                           {"a", JsonValue::String("x")}};
    std::set<std::string_view> less = {"a", "c", "nothing"};
    for (std::size_t i = 0; i < many; ++i) {
      more.emplace_back("m" + std::to_string(i), JsonValue::Flag(true));
    }
    EXPECT_TRUE(value.SetAll(more));
    EXPECT_TRUE(value.ToJson().starts_with(R"({"a":"x","b":2,"c":3,"m0":true)"));
    EXPECT_EQ(value.members().size(), 3 + many);
    EXPECT_FALSE(value.SetAll(more));
    EXPECT_TRUE(value.RemoveAll(less));
    EXPECT_FALSE(value.RemoveAll(less));
    EXPECT_TRUE(value.ToJson().starts_with(R"({"b":2,"m0":true)"));
    EXPECT_EQ(value.members().size(), 1 + many);
  }
}

}  // namespace
}  // namespace tidemark
