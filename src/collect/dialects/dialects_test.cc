// What every dialect promises: the events of its bodies become rows of the table with the right
// columns, nothing of them is lost, keys are found where its clients put them and never stored.

#include <map>

#include <gtest/gtest.h>

#include "base/json_writer.h"
#include "collect/body.h"
#include "collect/dialects/all.h"
#include "event/batch.h"

namespace tidemark::collect {
namespace {

constexpr TimeMicros kNow(1'700'000'000'000'000);

// A request to `path`, which exactly one dialect must claim.
struct Sent {
  std::string dialect;
  std::string key;
  std::string error;
  event::ParsedEvents parsed;
  std::vector<std::string> rows;  // `column=value|...`, without what was made up here.
};

std::string RowText(const event::EventView& event) {
  std::string row;
  for (const event::ColumnInfo& info : event::kColumns) {
    if (!event.Has(info.column)) continue;
    std::string value(event.Text(info.column));
    if (info.column == event::Column::kTimestamp) {
      if (event.timestamp == kNow) continue;
      value = FormatTime(event.timestamp);
    }
    if (info.column == event::Column::kEventId && value.size() == 36) continue;
    row.append(row.empty() ? "" : "|").append(info.name).append("=").append(value);
  }
  return row;
}

Sent Send(std::string_view target, std::string body, net::Method method = net::Method::kPost) {
  Sent sent;
  net::Request request;
  request.method = method;
  request.SetTarget(target);
  request.body = std::move(body);
  for (const auto& dialect : MakeDialects()) {
    for (const Claim& claim : dialect->claims()) {
      if (claim.path != request.path() || claim.method != method || claim.only_pinned) continue;
      EXPECT_EQ(sent.dialect, "") << target;
      sent.dialect = dialect->name();
      event::JsonIndexer indexer;
      EXPECT_FALSE(UnwrapBody({}, dialect->IsOpaque(request), &request).has_value());
      sent.key = dialect->KeyIn(request, indexer);
      if (const Status done = dialect->Translate(claim, {kNow, indexer}, &request); !done) {
        sent.error = done.error().message();
        continue;
      }
      std::uint64_t dice = 0;
      event::JsonEventParser parser({}, [&dice] { return ++dice; });
      event::BatchBuilder builder("default", kNow);
      auto parsed = parser.Parse(
          request.body,
          {.project = "default", .received_at = kNow, .rules = dialect->RulesOf(claim)}, &builder);
      if (!parsed) {
        sent.error = parsed.error().message();
        continue;
      }
      sent.parsed = *std::move(parsed);
      const std::string batch = std::move(builder).Finish();
      auto reader = event::BatchReader::Open(batch);
      for (event::EventView event; reader && reader->Next(&event).value_or(false);) {
        sent.rows.push_back(RowText(event));
      }
    }
  }
  return sent;
}

using Rows = std::vector<std::string>;

TEST(SegmentTest, ATrackCallIsCalledByItsEvent) {
  const Sent sent = Send(
      "/v1/track",
      R"({"messageId":"m1","userId":"u1","anonymousId":"a1","event":"Order \"1\"",)"
      R"("type":"track","timestamp":"2024-05-06T07:08:09.123Z","sentAt":"2024-05-06T07:08:10Z",)"
      R"("properties":{"revenue":9.50,"type":"gift"},"integrations":{},"writeKey":"wk"})");
  EXPECT_EQ(sent.dialect, "segment");
  EXPECT_EQ(sent.key, "wk");
  EXPECT_EQ(sent.rows,
            Rows{"event_id=m1|event_type=Order \"1\"|user_id=u1|anonymous_id=a1|"
                 "timestamp=2024-05-06T07:08:09.123000Z|"
                 R"(properties={"sentAt":"2024-05-06T07:08:10Z","revenue":9.50,"type":"gift"})"});
}

TEST(SegmentTest, OtherCallsAreCalledByTheirPathOrType) {
  EXPECT_EQ(Send("/v1/identify", R"({"userId":7,"traits":{"plan":"pro"}})").rows,
            Rows{R"(event_type=identify|user_id=7|properties={"traits":{"plan":"pro"}})"});
  EXPECT_EQ(Send("/v1/g", R"({"userId":"u","groupId":"g","anonymousId":null})").rows,
            Rows{R"(event_type=group|user_id=u|properties={"groupId":"g"})"});
  EXPECT_EQ(Send("/v1/b", R"({"batch":[{"type":"alias","previousId":"a","userId":"u"},)"
                          R"({"event":"Bare"},{"type":"track"},5,{"type":"screen","event":"x"}]})")
                .rows,
            (Rows{R"(event_type=alias|user_id=u|properties={"previousId":"a"})",
                  R"(event_type=Bare|properties={"type":"track"})",
                  R"(event_type=screen|properties={"event":"x"})"}));
}

TEST(SegmentTest, RefusedEventsKeepTheirPlaceInTheBatch) {
  const Sent sent =
      Send("/v1/batch", R"({"batch":[{"type":"track"},{"type":"page"},5,{"type":"track",)"
                        R"("event":"a","timestamp":"noon"}],"sentAt":"2024-05-06T07:08:10Z"})");
  EXPECT_EQ(sent.parsed.received, 4U);
  ASSERT_EQ(sent.parsed.listed.size(), 3U);
  EXPECT_EQ(sent.parsed.listed[0].index, 0U);
  EXPECT_EQ(sent.parsed.listed[0].code, "missing_field");
  EXPECT_EQ(sent.parsed.listed[1].index, 2U);
  EXPECT_EQ(sent.parsed.listed[1].code, "not_an_object");
  EXPECT_EQ(sent.parsed.listed[2].code, "bad_timestamp");
}

TEST(SegmentTest, TheContextBecomesColumnsAndWhatIsLeftIsKept) {
  EXPECT_EQ(
      Send("/v1/p", R"({"properties":{"url":"https://b/","title":"B","search":"?q"},"context":{)"
                    R"("page":{"url":"https://a/?q","path":"/","referrer":""},"userAgent":"UA",)"
                    R"("ip":"1.2.3.4","campaign":{"name":"spring","source":"mail"},"locale":"de",)"
                    R"("os":{"name":"iOS"},"app":"none","sessionId":1700000000001}})")
          .rows,
      Rows{"event_type=page|session_id=1700000000001|page_url=https://a/?q|page_title=B|referrer=|"
           "utm_source=mail|utm_campaign=spring|os=iOS|ip=1.2.3.4|user_agent=UA|properties="
           R"({"context":{"page":{"path":"/"},"locale":"de","app":"none"},)"
           R"("url":"https://b/","search":"?q"})"});
}

TEST(SegmentTest, ABatchSpeaksForItsEvents) {
  EXPECT_EQ(Send("/v1/batch",
                 R"({"context":{"ip":"1.1.1.1"},"sentAt":"t","batch":[{"type":"page"},)"
                 R"({"type":"page","context":{"ip":"2.2.2.2"},"sentAt":"u"}],"writeKey":"k"})")
                .rows,
            (Rows{R"(event_type=page|ip=1.1.1.1|properties={"sentAt":"t"})",
                  R"(event_type=page|ip=2.2.2.2|properties={"sentAt":"u"})"}));
}

TEST(SegmentTest, NativeNamesOfForeignEventsAreNoColumns) {
  EXPECT_EQ(Send("/v1/t", R"({"event":"a","project_id":"other","value":"x","id":1,"url":"u",)"
                          R"("specversion":"1.0","data":{"user_id":"z"},"events":[1]})")
                .rows,
            Rows{R"(event_type=a|properties={"project_id":"other","value":"x","id":1,"url":"u",)"
                 R"("specversion":"1.0","data":{"user_id":"z"},"events":[1],"type":"track"})"});
}

TEST(SegmentTest, APixelIsAnEvent) {
  const Sent sent = Send(
      "/pixel/v1/track?writeKey=wk&anonymousId=a%201&event=Mail%20Opened&properties.plan=pro&"
      "context.page.url=https%3A%2F%2Fa%2F&traits=%7B%22n%22%3A1%7D",
      "", net::Method::kGet);
  EXPECT_EQ(sent.key, "wk");
  EXPECT_EQ(sent.rows, Rows{"event_type=Mail Opened|anonymous_id=a 1|page_url=https://a/|"
                            R"(properties={"traits":{"n":1},"type":"track","plan":"pro"})"});
  EXPECT_EQ(Send("/v1/pixel/page?data=eyJ1c2VySWQiOiJ1In0", "", net::Method::kGet).rows,
            Rows{"event_type=page|user_id=u"});
}

TEST(PostHogTest, EventsBecomeRows) {
  const Sent sent =
      Send("/batch",
           R"({"api_key":"phc","sent_at":"2024-05-06T07:08:10Z","batch":[{"event":"bought",)"
           R"("uuid":"u-1","distinct_id":"d1","timestamp":"2024-05-06T07:08:09Z","type":"capture",)"
           R"("properties":{"$current_url":"https://a/","$lib":"x","utm_source":"mail","n":1.50,)"
           R"("token":"phc","$session_id":"s1","$device_id":"v1","$raw_user_agent":"UA"}}]})");
  EXPECT_EQ(sent.dialect, "posthog");
  EXPECT_EQ(sent.key, "phc");
  EXPECT_EQ(sent.rows,
            Rows{"event_id=u-1|event_type=bought|user_id=d1|anonymous_id=v1|session_id=s1|"
                 "timestamp=2024-05-06T07:08:09.000000Z|page_url=https://a/|utm_source=mail|"
                 R"(user_agent=UA|properties={"type":"capture","sent_at":"2024-05-06T07:08:10Z",)"
                 R"("$lib":"x","n":1.50})"});
}

TEST(PostHogTest, OneEventAnArrayAndAnOffset) {
  const Sent sent = Send("/e", R"([{"event":"a","properties":{"token":"t1","distinct_id":"d"},)"
                               R"("offset":1500},{"event":"b"}])");
  EXPECT_EQ(sent.key, "t1");
  EXPECT_EQ(sent.rows, (Rows{"event_type=a|user_id=d|timestamp=2023-11-14T22:13:18.500000Z|"
                             R"(properties={"offset":1500})",
                             "event_type=b"}));
  EXPECT_EQ(Send("/i/v0/e", R"({"token":"t2","event":"a","distinct_id":"d"})").key, "t2");
}

TEST(PostHogTest, BodiesAreLookedAt) {
  const std::string base64 = "eyJldmVudCI6ImEiLCJhcGlfa2V5IjoiayJ9";  // {"event":"a","api_key":"k"}
  for (const std::string& body :
       {base64, "data=" + base64, "data=" + base64 + "%3D%3D&compression=base64",
        std::string("ip=1&data=%7B%22event%22%3A%22a%22%2C%22api_key%22%3A%22k%22%7D")}) {
    const Sent sent = Send("/capture", body);
    EXPECT_EQ(sent.key, "k") << body;
    EXPECT_EQ(sent.rows, Rows{"event_type=a"}) << body;
  }
  EXPECT_EQ(Send("/e?data=" + base64, "", net::Method::kGet).rows, Rows{"event_type=a"});
}

TEST(DialectsTest, WhatIsNoJsonIsRefusedAndNeverReadAsSomethingElse) {
  for (const char* path : {"/v1/batch", "/v1/track", "/batch", "/e"}) {
    for (const char* body :
         {"", "hello", "{", "[{}", "{\"batch\":[}", "{\"a\":1}\n{\"event_type\":\"b\"}",
          "{\"event_type\":\"b\"}{}", "\"x\"", "7", "data=", "data=%", "\xff"}) {
      const Sent sent = Send(path, body);
      EXPECT_NE(sent.error, "") << path << " " << body;
      EXPECT_TRUE(sent.rows.empty()) << path << " " << body;
    }
  }
}

TEST(DialectsTest, EveryPathHasOneDialectWithoutAPin) {
  std::map<std::pair<std::string_view, net::Method>, int> claimed;
  const auto dialects = MakeDialects();
  for (const auto& dialect : dialects) {
    EXPECT_FALSE(dialect->name().empty());
    for (const Claim& claim : dialect->claims()) {
      if (claim.only_pinned) continue;
      EXPECT_EQ(++claimed[std::make_pair(claim.path, claim.method)], 1) << claim.path;
    }
  }
}

}  // namespace
}  // namespace tidemark::collect
