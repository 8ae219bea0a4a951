// What the JSON door promises: names of two spellings, types and digits kept, bad events refused
// one by one, nothing half read.

#include "event/json_events.h"

#include <gtest/gtest.h>

#include "event/receipt.h"

namespace tidemark::event {
namespace {

constexpr TimeMicros kNow{1'700'000'000'000'000};

struct Outcome {
  bool ok = false;
  std::string error;
  ParsedEvents parsed;
  std::string bytes;  // The batch.

  // Column `column` of event `index`; "<null>" if it has none.
  std::string Text(std::size_t index, Column column) const {
    auto reader = BatchReader::Open(bytes).value();
    EventView view;
    for (std::size_t i = 0; i <= index; ++i) {
      if (!reader.Next(&view).value()) return "<no event>";
    }
    if (!view.Has(column)) return "<null>";
    if (column == Column::kTimestamp) return FormatTime(view.timestamp);
    if (column == Column::kValue) return std::to_string(view.value);
    return std::string(view.Text(column));
  }
  std::string Properties(std::size_t index = 0) const { return Text(index, Column::kProperties); }
  std::string FirstCode() const {
    return parsed.listed.empty() ? "" : std::string(parsed.listed[0].code);
  }
};

Outcome Parse(const std::string& body, JsonRules rules = JsonRules::kOpen, JsonLimits limits = {}) {
  std::uint64_t die = 7;
  JsonEventParser parser(limits, [&die] { return die += 0x9E3779B97F4A7C15ULL; });
  BatchBuilder builder("default", kNow);
  auto parsed =
      parser.Parse(body, {.project = "default", .received_at = kNow, .rules = rules}, &builder);
  Outcome outcome;
  outcome.ok = parsed.has_value();
  if (!parsed) {
    outcome.error = parsed.error().message();
    return outcome;
  }
  outcome.parsed = *parsed;
  EXPECT_EQ(builder.count(), parsed->accepted);
  EXPECT_EQ(parsed->received, parsed->accepted + parsed->refused);
  outcome.bytes = std::move(builder).Finish();
  return outcome;
}

std::string PropertiesOf(const std::string& properties) {
  return Parse(R"({"event_type":"x","properties":)" + properties + "}").Properties();
}

TEST(JsonEvents, ReadsBothSpellingsOfEveryName) {
  const Outcome snake = Parse(
      R"({"event_id":"1","event_type":"page_view","user_id":"u","anonymous_id":"a","session_id":"s",
          "page_url":"p","page_title":"t","utm_source":"us","device_type":"d","user_agent":"ua",
          "product_id":"pr","search_query":"q","transaction_id":"tx","user_tier":"gold",
          "ip":"::1"})");
  const Outcome camel = Parse(
      R"({"eventId":"1","eventType":"page_view","userId":"u","anonymousId":"a","sessionId":"s",
          "pageUrl":"p","pageTitle":"t","utmSource":"us","deviceType":"d","userAgent":"ua",
          "productId":"pr","searchQuery":"q","transactionId":"tx","userTier":"gold",
          "ipAddress":"::1"})");
  ASSERT_TRUE(snake.ok && camel.ok) << snake.error << camel.error;
  EXPECT_EQ(snake.bytes, camel.bytes);
  EXPECT_EQ(snake.Text(0, Column::kUserTier), "gold");
  EXPECT_EQ(snake.Properties(), "<null>");
}

TEST(JsonEvents, KeepsUnknownFieldsInPropertiesWithTheirTypes) {
  const Outcome outcome = Parse(
      R"({"event":"x","plan":"pro","n":12345678901234567.123,"t":true,"z":null,"l":[1, 2],
          "properties":{"a":1.0}})");
  EXPECT_EQ(outcome.Properties(),
            R"({"plan":"pro","n":12345678901234567.123,"t":true,"z":null,"l":[1,2],"a":1.0})");
  EXPECT_EQ(Parse(R"({"event":"x","plan":"pro"})").Properties(), R"({"plan":"pro"})");
}

TEST(JsonEvents, WritesPropertiesInOneForm) {
  EXPECT_EQ(PropertiesOf("{}"), "{}");
  EXPECT_EQ(PropertiesOf("{ }"), "{}");
  EXPECT_EQ(PropertiesOf(R"({"a":1,"b":"c"})"), R"({"a":1,"b":"c"})");
  EXPECT_EQ(PropertiesOf("{ \"a\" : [ 1 , { \"b\" : -0.10e+5 } ] }"),
            R"({"a":[1,{"b":-0.10e+5}]})");
  EXPECT_EQ(PropertiesOf(R"({"a":"\u00e9\/\"\\\n\u0001"})"),
            "{\"a\":\"\u00e9/\\\"\\\\\\n\\u0001\"}");
  EXPECT_EQ(PropertiesOf(R"({"\u0061":"\ud83d\ude00"})"), "{\"a\":\"\U0001F600\"}");
}

TEST(JsonEvents, OfRepeatedKeysTheLastCounts) {
  EXPECT_EQ(PropertiesOf(R"({"a":1,"b":2,"a":3})"), R"({"b":2,"a":3})");
  EXPECT_EQ(PropertiesOf(R"({"a":1,"\u0061":2})"), R"({"a":2})");
  EXPECT_EQ(PropertiesOf(R"({"o":{"x":1,"x":{"y":1,"y":2}}})"), R"({"o":{"x":{"y":2}}})");
  const Outcome top = Parse(R"({"event":"a","event":"b","k":1,"k":2,"properties":{"k":3}})");
  EXPECT_EQ(top.Text(0, Column::kEventType), "b");
  EXPECT_EQ(top.Properties(), R"({"k":3})");
  // More keys than are compared one by one.
  std::string many = "{";
  for (int i = 0; i < 300; ++i)
    many += "\"k" + std::to_string(i % 200) + "\":" + std::to_string(i) + ",";
  many.back() = '}';
  const std::string kept = PropertiesOf(many);
  EXPECT_EQ(std::count(kept.begin(), kept.end(), ':'), 200);
  EXPECT_NE(kept.find("\"k5\":205"), std::string::npos);
  EXPECT_EQ(kept.find("\"k5\":5,"), std::string::npos);
}

TEST(JsonEvents, TheShorterNameOfAColumnGivesWayAndIsKept) {
  const Outcome outcome =
      Parse(R"({"type":"kind","event_type":"purchase","url":"u","page_url":"p"})");
  EXPECT_EQ(outcome.Text(0, Column::kEventType), "purchase");
  EXPECT_EQ(outcome.Text(0, Column::kPageUrl), "p");
  EXPECT_EQ(outcome.Properties(), R"({"type":"kind","url":"u"})");
}

TEST(JsonEvents, TakesNumbersForTextWithTheirDigits) {
  const Outcome outcome = Parse(R"({"event_type":"x","user_id":00})");
  EXPECT_FALSE(outcome.ok);
  const Outcome number =
      Parse(R"({"event_type":"x","user_id":12345678901234567890.10,"version":null})");
  EXPECT_EQ(number.Text(0, Column::kUserId), "12345678901234567890.10");
  EXPECT_EQ(number.Text(0, Column::kVersion), "<null>");
  EXPECT_EQ(Parse(R"({"event_type":"x","user_id":{"a":1}})").FirstCode(), "wrong_type");
  EXPECT_EQ(Parse(R"({"event_type":"x","properties":[1]})").FirstCode(), "wrong_type");
}

struct TimeCase {
  std::string json;
  std::string expected;  // A code, if it is one.
};

TEST(JsonEvents, ReadsTimesOrRefusesThem) {
  const TimeCase cases[] = {
      {R"("2024-01-15T10:30:00.123456+02:00")", "2024-01-15T08:30:00.123456Z"},
      {R"("2024-01-15")", "2024-01-15T00:00:00.000000Z"},
      {"1705314600", "2024-01-15T10:30:00.000000Z"},
      {"1705314600.123456", "2024-01-15T10:30:00.123456Z"},
      {"1705314600123", "2024-01-15T10:30:00.123000Z"},
      {"1705314600123.5", "2024-01-15T10:30:00.123500Z"},
      {"1705314600123456", "2024-01-15T10:30:00.123456Z"},
      {R"("1705314600123")", "2024-01-15T10:30:00.123000Z"},
      {"-1", "1969-12-31T23:59:59.000000Z"},
      {"null", FormatTime(kNow)},
      {R"("yesterday")", "bad_timestamp"},
      {R"("2024-02-30")", "bad_timestamp"},
      {R"("20240115")", "bad_timestamp"},
      {R"("99999-01-01")", "bad_timestamp"},
      {"1e300", "bad_timestamp"},
      {"true", "bad_timestamp"},
      {"{}", "bad_timestamp"},
  };
  for (const TimeCase& one : cases) {
    const Outcome outcome = Parse(R"({"event_type":"x","timestamp":)" + one.json + "}");
    ASSERT_TRUE(outcome.ok) << one.json << outcome.error;
    const std::string got =
        outcome.parsed.accepted == 1 ? outcome.Text(0, Column::kTimestamp) : outcome.FirstCode();
    EXPECT_EQ(got, one.expected) << one.json;
  }
}

TEST(JsonEvents, MakesAnIdOnlyWhereNoneIs) {
  const Outcome outcome = Parse(R"([{"event":"a"},{"event":"a","eventId":"evt_1"},{"event":"a"}])");
  EXPECT_EQ(outcome.Text(1, Column::kEventId), "evt_1");
  EXPECT_EQ(outcome.Text(0, Column::kEventId).size(), 36U);
  EXPECT_EQ(outcome.Text(0, Column::kEventId)[14], '7');
  EXPECT_NE(outcome.Text(0, Column::kEventId), outcome.Text(2, Column::kEventId));
  EXPECT_EQ(outcome.parsed.first_event_id, outcome.Text(0, Column::kEventId));
}

TEST(JsonEvents, ReadsEveryKindOfBody) {
  EXPECT_TRUE(Parse(R"({"event":"a"})").parsed.single);
  EXPECT_FALSE(Parse(R"([{"event":"a"}])").parsed.single);
  EXPECT_EQ(Parse(" [ ] ").parsed.received, 0U);
  EXPECT_EQ(Parse(R"({"events":[{"event":"a"},{"event":"b"}],"sentAt":1})").parsed.accepted, 2U);
  EXPECT_EQ(
      Parse("{\"event\":\"a\"}\n{\"event\":\"b\"}\r\n\n  {\"event\":\"c\"}\n").parsed.accepted, 3U);
  EXPECT_EQ(Parse("\xEF\xBB\xBF{\"event\":\"a\"}").parsed.accepted, 1U);
  EXPECT_EQ(Parse("{\n\"event\"\n:\n\"a\",\n\"properties\":\n{\n\"a\":1}\n}\n").parsed.accepted,
            1U);
  const Outcome nested = Parse(R"({"event":"a","events":[1]})");
  EXPECT_EQ(nested.Properties(), R"({"events":[1]})");
}

TEST(JsonEvents, ReadsStructuredCloudEvents) {
  const Outcome bare = Parse(R"({"specversion":"1.0","type":"test.event","source":"test"})");
  ASSERT_EQ(bare.parsed.accepted, 1U);
  EXPECT_EQ(bare.Text(0, Column::kEventType), "test.event");
  EXPECT_EQ(bare.Text(0, Column::kSource), "test");
  EXPECT_EQ(bare.Text(0, Column::kTimestamp), FormatTime(kNow));
  const Outcome full = Parse(
      R"({"id":"c1","specversion":"1.0","type":"t","source":"s","time":"2024-01-15T00:00:00Z",
          "subject":"o","data":{"user_id":"u","cart":{"n":1},"type":"inner"}})");
  EXPECT_EQ(full.Text(0, Column::kEventId), "c1");
  EXPECT_EQ(full.Text(0, Column::kUserId), "u");
  EXPECT_EQ(full.Text(0, Column::kEventType), "t");
  EXPECT_EQ(full.Properties(),
            R"({"specversion":"1.0","subject":"o","cart":{"n":1},"type":"inner"})");
  const Outcome plain = Parse(R"({"event":"x","id":5,"data":[1]})");
  EXPECT_EQ(plain.Properties(), R"({"id":5,"data":[1]})");
}

TEST(JsonEvents, TheIdOfACloudEventIsOneOfItsSource) {
  const auto is_of_source = [](const std::string& body) {
    const Outcome outcome = Parse(body);
    EXPECT_EQ(outcome.parsed.accepted, 1U) << body;
    EXPECT_EQ(outcome.Text(0, Column::kEventId), "1") << body;
    auto reader = BatchReader::Open(outcome.bytes).value();
    EventView view;
    EXPECT_TRUE(reader.Next(&view).value());
    return (view.made & kIdOfSource) != 0;
  };
  EXPECT_TRUE(is_of_source(R"({"specversion":"1.0","type":"t","source":"s","id":"1"})"));
  EXPECT_TRUE(is_of_source(
      R"({"specversion":"1.0","type":"t","source":"s","id":"1","data":{"source":"x","id":"2"}})"));
  // Not an id and a source of its own.
  EXPECT_FALSE(is_of_source(R"({"event_type":"t","source":"s","event_id":"1"})"));
  EXPECT_FALSE(is_of_source(R"({"specversion":"1.0","type":"t","id":"1"})"));
  EXPECT_FALSE(is_of_source(R"({"specversion":"1.0","type":"t","source":"","id":"1"})"));
  EXPECT_FALSE(is_of_source(R"({"specversion":"1.0","type":"t","source":null,"id":"1"})"));
  EXPECT_FALSE(is_of_source(R"({"specversion":"1.0","type":"t","id":"1","data":{"source":"x"}})"));
  EXPECT_FALSE(is_of_source(
      R"({"specversion":"1.0","type":"t","source":"s","data":{"event_id":"1","source":"s"}})"));
}

TEST(JsonEvents, TakesIpAndAgentFromTheContext) {
  const Outcome outcome =
      Parse(R"({"event":"x","context":{"ip":"1.2.3.4","userAgent":"Firefox","locale":"de"}})");
  EXPECT_EQ(outcome.Text(0, Column::kIp), "1.2.3.4");
  EXPECT_EQ(outcome.Text(0, Column::kUserAgent), "Firefox");
  EXPECT_EQ(outcome.Properties(), R"({"context":{"locale":"de"}})");
  EXPECT_EQ(Parse(R"({"event":"x","context":{"ip":"1"}})").Properties(), "<null>");
}

TEST(JsonEvents, RefusesBadEventsOneByOne) {
  const Outcome outcome = Parse(
      R"([{"event":"a"},{"user_id":"u"},5,{"event":"b","value":"x"},
          {"event":"c","project_id":"other"},{"event":"d","properties":{"a":"\u0000"}},
          {"event":"e","a":"\ud800"},{"event":"f"}])");
  ASSERT_TRUE(outcome.ok) << outcome.error;
  EXPECT_EQ(outcome.parsed.accepted, 2U);
  ASSERT_EQ(outcome.parsed.listed.size(), 6U);
  const std::string_view codes[] = {"missing_field", "not_an_object", "wrong_type",
                                    "wrong_project", "nul_character", "bad_string"};
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(outcome.parsed.listed[i].index, i + 1);
    EXPECT_EQ(outcome.parsed.listed[i].code, codes[i]);
  }
  EXPECT_EQ(outcome.Text(1, Column::kEventType), "f");
}

TEST(JsonEvents, ABadLineDoesNotHarmTheOthers) {
  for (const std::string bad : {"{\"event\":\"b\"", "{\"event\":\"b}", "nonsense",
                                "{\"event\":\"\xFF\"}", "{\"event\":\"b\"} {\"event\":\"c\"}"}) {
    const Outcome outcome = Parse("{\"event\":\"a\"}\n" + bad + "\n{\"event\":\"d\"}\n");
    ASSERT_TRUE(outcome.ok) << bad << outcome.error;
    EXPECT_EQ(outcome.parsed.accepted, 2U) << bad;
    EXPECT_EQ(outcome.FirstCode(), "invalid_json") << bad;
    EXPECT_EQ(outcome.parsed.listed[0].index, 1U);
  }
}

TEST(JsonEvents, RefusesABodyThatIsNoJson) {
  for (const std::string body : {"",
                                 "   ",
                                 "5",
                                 "\"x\"",
                                 "{",
                                 "[",
                                 "{\"event\"}",
                                 "{\"event\":}",
                                 "{\"event\":\"a\",}",
                                 "[{\"event\":\"a\"},]",
                                 "[{\"event\":\"a\"} {\"event\":\"b\"}]",
                                 "{\"event\":\"a\"}}",
                                 "{\"event\":\"a\"]",
                                 "{\"event\":tru}",
                                 "{\"event\":01}",
                                 "{\"event\":\"a\"}x",
                                 "{\"event\":\"\xC0\x80\"}",
                                 "{\"event\":\"a\nb\"}",
                                 "{event:\"a\"}",
                                 "{\"event\":\"a\" \"b\"}",
                                 "{\"a\":1.}",
                                 "{\"a\":-}",
                                 "{\"a\":+1}",
                                 "{\"a\":.5}",
                                 "{\"a\":1e}",
                                 "{\"a\":0x1}",
                                 "{\"a\":NaN}",
                                 "{\"a\":'x'}",
                                 "{\"events\":[1}",
                                 "{\"events\":[],\"events\":[]}"}) {
    EXPECT_FALSE(Parse(body).ok) << body;
  }
  std::string nul = R"({"event":"a"})";
  nul[10] = '\0';
  EXPECT_FALSE(Parse(nul).ok);
}

TEST(JsonEvents, RefusesDeepNestingWithoutDyingOfIt) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(Parse(R"([{"event":"a","x":)" + deep + R"(},{"event":"b"}])").FirstCode(), "too_deep");
  EXPECT_FALSE(Parse(std::string(100'000, '[')).ok);
  EXPECT_FALSE(Parse(R"({"a":)" + std::string(100'000, '[')).ok);
  const std::string fits = std::string(63, '[') + std::string(63, ']');
  EXPECT_EQ(Parse(R"({"event":"a","x":)" + fits + "}").parsed.accepted, 1U);
}

TEST(JsonEvents, HasLimits) {
  const std::string large(3U << 20, 'x');
  const Outcome outcome = Parse(R"([{"event":"a","x":")" + large + R"("},{"event":"b"}])");
  EXPECT_EQ(outcome.FirstCode(), "event_too_large");
  EXPECT_EQ(outcome.parsed.accepted, 1U);
  EXPECT_FALSE(Parse("[1,2,3]", JsonRules::kOpen, {.events_max = 2}).ok);
  const Outcome listed = Parse("[1,2,3]", JsonRules::kOpen, {.refused_listed_max = 2});
  EXPECT_EQ(listed.parsed.refused, 3U);
  EXPECT_EQ(listed.parsed.listed.size(), 2U);
}

TEST(JsonEvents, StrictRulesWantFourFieldsOfFixedTypes) {
  const auto code = [](const std::string& body) {
    const Outcome outcome = Parse(body, JsonRules::kStrict);
    return outcome.parsed.accepted == 1 ? outcome.Text(0, Column::kTimestamp) : outcome.FirstCode();
  };
  EXPECT_EQ(
      code(R"({"timestamp":1705314600123,"event_type":"x","user_id":"u","value":1,"more":2})"),
      "2024-01-15T10:30:00.123000Z");
  EXPECT_EQ(code(R"({"timestamp":1000,"event_type":"x","user_id":"u","value":1})"),
            "1970-01-01T00:00:01.000000Z");
  EXPECT_EQ(code(R"({"timestamp":"2024","event_type":"x","user_id":"u","value":1})"), "wrong_type");
  EXPECT_EQ(code(R"({"timestamp":1,"event_type":"x","user_id":1,"value":1})"), "wrong_type");
  EXPECT_EQ(code(R"({"timestamp":1,"event_type":"x","value":1})"), "missing_field");
  EXPECT_EQ(code(R"({"timestamp":1,"event_type":"x","user_id":"u"})"), "missing_field");
}

// Refuses purchases without a value and warns of those without a user.
class PurchaseCheck final : public EventCheck {
 public:
  CheckFinding Check(const EventView& event) override {
    ++calls;
    if (event.Text(Column::kEventType) != "purchase") return {};
    if (!event.Has(Column::kValue)) return {"schema", "purchase/1: value", "no value", true};
    if (!event.Has(Column::kUserId)) return {"schema", "purchase/1: user_id", "no user", false};
    return {};
  }
  int calls = 0;
};

TEST(JsonEvents, ACheckRefusesOrWarnsOfWhatCouldBeRead) {
  PurchaseCheck check;
  JsonEventParser parser({}, [] { return 7ULL; });
  BatchBuilder builder("default", kNow);
  const std::string body = R"([{"event_type":"view"},{"event_type":"purchase"},
      {"event_type":7},{"type":"purchase","value":1},
      {"no":"type"},{"eventType":"purchase","value":1,"userId":"u"}])";
  const auto parsed =
      parser.Parse(body, {.project = "default", .received_at = kNow, .check = &check}, &builder);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(check.calls, 5);
  EXPECT_EQ(parsed->accepted, 4U);
  EXPECT_EQ(builder.count(), 4U);
  ASSERT_EQ(parsed->refused, 2U);
  EXPECT_EQ(parsed->listed[0].index, 1U);
  EXPECT_EQ(parsed->listed[0].code, "schema");
  EXPECT_EQ(parsed->listed[0].rule, "purchase/1: value");
  EXPECT_EQ(parsed->listed[1].code, "missing_field");
  ASSERT_EQ(parsed->warned, 1U);
  EXPECT_EQ(parsed->warnings[0].index, 3U);
  EXPECT_EQ(parsed->warnings[0].message, "no user");
}

TEST(JsonEvents, FindsTheProjectThatABodyNames) {
  EXPECT_EQ(FindProject(R"({"event":"a","project_id":"shop"})"), "shop");
  EXPECT_EQ(FindProject(R"({"events":[{"projectId":"shop"}]})"), "shop");
  EXPECT_EQ(FindProject(R"({"event":"a","properties":{"project_id":"x"}})"), "");
  EXPECT_EQ(FindProject(R"({"event":"project"})"), "");
}

TEST(Receipt, SurvivesItsToken) {
  const Receipt receipt{.log_id = "0192f0c1-aa",
                        .partition = 3,
                        .first = LogOffset(41),
                        .count = 9,
                        .quarantine_first = {}};
  EXPECT_EQ(EncodeReceipt(receipt), "0192f0c1-aa.3.41.50");
  EXPECT_EQ(DecodeReceipt(EncodeReceipt(receipt)).value(), receipt);
  for (const std::string_view bad :
       {"", "a", "a.1.2", "a.1.3.2", "a.-1.2.3", "a.1.2.3.4", "a b.1.2.3", "a.1.2.03",
        "a.99999999999.1.2", "a.1.2.99999999999999999999", "a.1.2.3.", "a.1.2.3.q", "a.1.2.3.q.4",
        "a.1.2.3.q.4.4", "a.1.2.3.q.5.4", "a.1.2.3.x.4.5", "a.1.2.3.q.4.5.", "a.1.2.3.q.4.5.6"}) {
    EXPECT_FALSE(DecodeReceipt(bad).has_value()) << bad;
  }
}

TEST(Receipt, NamesWhatIsInQuarantineToo) {
  const Receipt receipt{.log_id = "a",
                        .partition = 0,
                        .first = LogOffset(7),
                        .count = 0,
                        .quarantine_first = LogOffset(3),
                        .quarantine_count = 2};
  EXPECT_EQ(EncodeReceipt(receipt), "a.0.7.7.q.3.5");
  EXPECT_EQ(DecodeReceipt(EncodeReceipt(receipt)).value(), receipt);
}

// Keeps what it is given, as text.
class Kept final : public InvalidEvents {
 public:
  std::string Keep(const InvalidEvent& event) override {
    const auto text = [&event](Column column) {
      return event.read.Has(column) ? std::string(event.read.Text(column)) : "-";
    };
    all.push_back(std::to_string(event.index) + " " + std::string(event.code) + " " +
                  text(Column::kEventId) + " " + text(Column::kEventType) + " " +
                  std::string(event.raw));
    times.push_back(event.read.timestamp);
    return "name-" + std::to_string(all.size());
  }
  std::vector<std::string> all;
  std::vector<TimeMicros> times;
};

ParsedEvents ParseAndKeep(const std::string& body, Kept* kept) {
  JsonEventParser parser({.event_bytes_max = 200}, [] { return std::uint64_t{1}; });
  BatchBuilder builder("shop", TimeMicros(77));
  return parser
      .Parse(body, {.project = "shop", .received_at = TimeMicros(77), .invalid = kept}, &builder)
      .value();
}

TEST(InvalidEvents, AreKeptByTheirOwnTextWithWhatNamesThem) {
  Kept kept;
  const ParsedEvents parsed =
      ParseAndKeep(R"([{"event":"a"}, {"id": 1, "event_id":"x\u0041","user_id":[]},)"
                   R"({"type":"b","timestamp":"noon"},)"
                   R"({"type":"c","value":"1","timestamp":0}])",
                   &kept);
  EXPECT_EQ(parsed.received, 4U);
  EXPECT_EQ(parsed.accepted, 1U);
  EXPECT_EQ(parsed.quarantined, 3U);
  EXPECT_EQ(parsed.refused, 0U);
  const std::vector<std::string> expected = {
      R"(1 wrong_type xA - {"id": 1, "event_id":"x\u0041","user_id":[]})",
      R"(2 bad_timestamp - b {"type":"b","timestamp":"noon"})",
      R"(3 wrong_type - c {"type":"c","value":"1","timestamp":0})"};
  EXPECT_EQ(kept.all, expected);
  // An unreadable time is that of the arrival; one that can be read is the event's own.
  EXPECT_EQ(kept.times, (std::vector<TimeMicros>{TimeMicros(77), TimeMicros(77), TimeMicros(0)}));
  ASSERT_EQ(parsed.kept.size(), 3U);
  EXPECT_EQ(parsed.kept[1].index, 2U);
  EXPECT_EQ(parsed.kept[1].quarantine_id, "name-2");
}

TEST(InvalidEvents, OfLinesAreTheLines) {
  Kept kept;
  ParseAndKeep("{\"event\":\"a\"}\n{\"event\":\n{\"event\":\"b\"} x\n", &kept);
  EXPECT_EQ(kept.all, (std::vector<std::string>{"1 invalid_json - - {\"event\":",
                                                "2 invalid_json - - {\"event\":\"b\"} x"}));
}

TEST(InvalidEvents, ThatAreNoEventsAreRefused) {
  Kept kept;
  const std::string large(300, 'x');
  const ParsedEvents parsed =
      ParseAndKeep(R"([7,{"event":"a","project_id":"site"},{"event":")" + large + R"("}])", &kept);
  EXPECT_EQ(parsed.refused, 3U);
  EXPECT_EQ(parsed.quarantined, 0U);
  EXPECT_TRUE(kept.all.empty());
}

}  // namespace
}  // namespace tidemark::event
