// What the doors promise: 202 only for what the sink took, every refusal told, counters that sum.

#include "collect/doors.h"

#include <gtest/gtest.h>

#include "base/json_reader.h"
#include "event/batch.h"
#include "event/quarantine.h"
#include "net/test_responder.h"
#include "sim/sim_clock.h"

namespace tidemark::collect {
namespace {

class FakeSink final : public EventSink {
 public:
  struct Call {
    event::Request request;
    Done done;
  };
  void Submit(event::Request request, Done done) override {
    if (refuse) return done(Fail(Code::kOverloaded, "hot memory is full"));
    calls.push_back({std::move(request), std::move(done)});
    if (!hold) Complete(calls.size() - 1);
  }
  void Complete(std::size_t index) {
    const event::Request& request = calls[index].request;
    calls[index].done(event::BatchAnswer{.receipt = {"log", 0, LogOffset(5), request.events.count,
                                                     LogOffset(3), request.quarantine.count},
                                         .outcomes = {},
                                         .spent = {}});
  }
  bool refuse = false;
  bool hold = false;
  std::vector<Call> calls;
};

class FakeKeys final : public Authenticator {
 public:
  tl::expected<Identity, Refusal> Identify(const Caller& caller) override {
    const std::string_view key = caller.key;
    if (key == "writer") return Identity{"shop", 1, false};
    if (key == "reader") return Identity{"shop", 2, false};
    if (key.empty() && caller.trusted && dev) return Identity{"default", 7, true};
    return tl::unexpected(Refusal{.message = "the API key is not known"});
  }
  bool dev = true;
};

class DoorsTest : public testing::Test {
 protected:
  DoorsTest() { doors_.AddTo(&router_); }

  void Ask(std::string_view target, std::string body,
           std::vector<std::pair<std::string, std::string>> headers = {}) {
    net::Request request;
    request.method = net::Method::kPost;
    request.SetTarget(target);
    request.body = std::move(body);
    request.peer_is_loopback = true;
    for (const auto& [name, value] : headers) request.AddHeader(name, value);
    router_.Handle(std::move(request), std::make_shared<net::TestResponder>(&answers_));
  }
  net::Response Answer(std::string_view target, std::string body,
                       std::vector<std::pair<std::string, std::string>> headers = {}) {
    answers_.clear();
    Ask(target, std::move(body), std::move(headers));
    EXPECT_EQ(answers_.size(), 1U);
    return answers_.empty() ? net::Response() : answers_.front();
  }
  static std::string HeaderOf(const net::Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "";
  }
  std::uint64_t Metric(const std::string& name) const {
    const std::string text = "\n" + registry_.ToPrometheus();
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? 999 : std::stoull(text.substr(at + name.size() + 2));
  }

  FakeSink sink_;
  FakeKeys keys_;
  sim::SimClock clock_;
  telemetry::Registry registry_;
  Doors doors_{&sink_, &keys_, nullptr, nullptr, &clock_, &registry_, {}, 1};
  net::Router router_;
  std::vector<net::Response> answers_;
};

constexpr auto kOne = R"({"eventId":"evt_123","eventType":"x"})";

TEST_F(DoorsTest, OneEventIsAnsweredWithItsIdAndReceipt) {
  const net::Response answer = Answer("/v1/events", kOne);
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.body, R"({"status":"accepted","eventId":"evt_123"})");
  EXPECT_EQ(HeaderOf(answer, "X-Tidemark-Receipt"), "log.0.5.6");
  ASSERT_EQ(sink_.calls.size(), 1U);
  EXPECT_EQ(sink_.calls[0].request.project, "default");
  EXPECT_EQ(sink_.calls[0].request.events.count, 1U);
  EXPECT_EQ(event::BatchReader::Open(sink_.calls[0].request.events.batch).value().count(), 1U);
}

TEST_F(DoorsTest, ABatchWithABadEventIsTakenAndTheBadOneKeptAndTold) {
  const net::Response answer =
      Answer("/events", R"({"events":[{"type":"a"},{"user_id":"u"},7,{"type":"b"}]})");
  EXPECT_EQ(answer.status, 202);
  const std::string id = JsonValue::Parse(answer.body)
                             ->Find("quarantine")
                             ->items()
                             .front()
                             .StringAt("quarantineId")
                             .value();
  EXPECT_EQ(answer.body,
            R"({"status":"accepted","received":4,"accepted":2,"duplicate":0,"quarantined":1,)"
            R"("refused":[{"index":2,"error":"not_an_object","message":)"
            R"("an event must be a JSON object"}],"quarantine":[{"index":1,)"
            R"("error":"missing_field","message":"`event_type` is missing","quarantineId":")" +
                id + R"("}],"results":["ok","quarantined","refused","ok"]})");
  EXPECT_EQ(HeaderOf(answer, "X-Tidemark-Receipt"), "log.0.5.7.q.3.4");
  EXPECT_EQ(Metric("tidemark_collect_received_events_total"), 4U);
  EXPECT_EQ(Metric("tidemark_collect_events_total{outcome=\"accepted\"}"), 2U);
  EXPECT_EQ(Metric("tidemark_collect_events_total{outcome=\"refused\"}"), 1U);
  EXPECT_EQ(Metric("tidemark_collect_events_total{outcome=\"quarantined\"}"), 1U);
  EXPECT_EQ(Metric("tidemark_collect_quarantined_events_total{reason=\"missing_field\"}"), 1U);
  // The item is what was sent.
  const event::Request& request = sink_.calls.at(0).request;
  EXPECT_EQ(request.quarantine.count, 1U);
  auto items = event::BatchReader::Open(request.quarantine.batch).value();
  event::EventView item;
  ASSERT_TRUE(items.Next(&item).value());
  using event::QuarantineColumn;
  EXPECT_EQ(item.Text(SlotOf(QuarantineColumn::kRaw)), R"({"user_id":"u"})");
  EXPECT_EQ(item.Text(SlotOf(QuarantineColumn::kQuarantineId)), id);
  EXPECT_EQ(item.Text(SlotOf(QuarantineColumn::kDoor)), "POST /events");
}

// What the fuzzer of dialects cannot see: a rewritten body, and the event as it was before.
TEST_F(DoorsTest, ADialectKeepsWhatItsClientSentAndReadsItAgain) {
  const std::string bad = R"({"type":"track", "userId":"u"})";
  Answer("/v1/batch", R"({"batch":[{"type":"page"},)" + bad + R"(],"sentAt":"2026-01-01"})");
  const event::Request& request = sink_.calls.at(0).request;
  auto items = event::BatchReader::Open(request.quarantine.batch).value();
  event::EventView item;
  ASSERT_TRUE(items.Next(&item).value());
  using event::QuarantineColumn;
  EXPECT_EQ(item.Text(SlotOf(QuarantineColumn::kRaw)),
            R"({"sentAt":"2026-01-01","batch":[)" + bad + "]}");
  event::KeptEvent kept{"default",
                        std::string(item.Text(SlotOf(QuarantineColumn::kDialect))),
                        std::string(item.Text(SlotOf(QuarantineColumn::kDoor))),
                        bad,
                        {event::RequestKey::Kind::kResolution, "q", 0, 0, 1}};
  EXPECT_EQ(doors_.Read(kept).error().code(), Code::kInvalidArgument);
  kept.received_at = TimeMicros(1'700'000'000'000'000);
  kept.body = R"({"type":"track","event":"bought","userId":"u"})";
  const auto read = doors_.Read(kept);
  ASSERT_TRUE(read.has_value());
  auto events = event::BatchReader::Open(read->events.batch).value();
  EXPECT_EQ(events.key()->kind, event::RequestKey::Kind::kResolution);
  ASSERT_TRUE(events.Next(&item).value());
  EXPECT_EQ(item.Text(event::Column::kEventType), "bought");
  // When nobody says when it happened, it happened when it came, not when it is read again.
  EXPECT_EQ(item.timestamp, kept.received_at);
  EXPECT_NE(events.received_at(), kept.received_at);
  kept.body = "[" + kept.body + "," + kept.body + "]";
  EXPECT_EQ(doors_.Read(kept).error().code(), Code::kInvalidArgument);
  kept.door = "POST /nowhere";
  EXPECT_EQ(doors_.Read(kept).error().code(), Code::kNotFound);
}

TEST_F(DoorsTest, NothingIsAnsweredBeforeTheSinkIsDone) {
  sink_.hold = true;
  Ask("/v1/events", kOne);
  EXPECT_TRUE(answers_.empty());
  sink_.Complete(0);
  ASSERT_EQ(answers_.size(), 1U);
  EXPECT_EQ(answers_[0].status, 202);
}

TEST_F(DoorsTest, WhoDoesNotWaitGetsNoReceipt) {
  sink_.hold = true;
  const net::Response answer = Answer("/v1/events?ack=memory", kOne);
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(HeaderOf(answer, "X-Tidemark-Receipt"), "");
  sink_.Complete(0);
  EXPECT_EQ(answers_.size(), 1U);
  EXPECT_EQ(Metric("tidemark_collect_events_total{outcome=\"accepted\"}"), 1U);
  sink_.refuse = true;
  EXPECT_EQ(Answer("/v1/events?ack=memory", kOne).status, 503);
}

TEST_F(DoorsTest, AFullServerSaysWhenToComeBack) {
  sink_.refuse = true;
  const net::Response answer = Answer("/v1/events", "[" + std::string(kOne) + "]");
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(HeaderOf(answer, "Retry-After"), "");
  EXPECT_EQ(Metric("tidemark_collect_events_total{outcome=\"refused\"}"), 1U);
  EXPECT_EQ(Metric("tidemark_collect_received_events_total"), 1U);
}

struct StatusCase {
  std::string target;
  std::string body;
  int status;
};

TEST_F(DoorsTest, AnswersBadBodiesWithTheRightStatus) {
  const std::string strict = R"({"timestamp":1,"event_type":"x","user_id":"u","value":1})";
  const StatusCase cases[] = {
      {"/v1/events", "", 400},
      {"/v1/events", "{", 400},
      {"/v1/events", "[]", 400},
      {"/v1/events", R"({"user_id":"u"})", 202},
      {"/v1/events", R"([{"user_id":"u"}])", 202},
      {"/v1/events", R"({"event":"x","p":")" + std::string(3 << 20, 'a') + "\"}", 413},
      {"/v1/events", std::string(65 << 20, ' '), 413},
      {"/v1/events", "\x1f\x8b trap", 400},
      {"/ingest", strict, 202},
      {"/ingest", R"({"timestamp":1,"event_type":"x","user_id":"u"})", 400},
      {"/ingest", R"({"timestamp":"1","event_type":"x","user_id":"u","value":1})", 400},
      {"/ingest", R"([{"event_type":"x"}])", 202},
      {"/ingest/batch", "[" + strict + R"(,{"event_type":"x"}])", 202},
      {"/ingest/batch", R"([{"event_type":"x"}])", 202},
      {"/events", R"({"specversion":"1.0","type":"test.event","source":"test"})", 202},
  };
  for (const StatusCase& one : cases) {
    const net::Response answer = Answer(one.target, one.body);
    EXPECT_EQ(answer.status, one.status) << one.target << one.body.substr(0, 80) << answer.body;
    const auto json = JsonValue::Parse(answer.body);
    ASSERT_TRUE(json.has_value()) << answer.body;
    const bool kept = json->StringAt("status").value_or("") == "quarantined";
    EXPECT_TRUE(kept || (json->Find("message") != nullptr) == (one.status >= 400));
    EXPECT_EQ(json->Find("hint") != nullptr, one.status >= 400) << answer.body;
  }
}

TEST_F(DoorsTest, AKeyNamesItsProject) {
  EXPECT_EQ(Answer("/v1/events", kOne, {{"X-API-Key", "writer"}}).status, 202);
  EXPECT_EQ(Answer("/v1/events", kOne, {{"Authorization", "bearer writer"}}).status, 202);
  EXPECT_EQ(Answer("/v1/events", kOne, {{"Authorization", "Basic d3JpdGVyOg=="}}).status, 202);
  for (const auto& call : sink_.calls) EXPECT_EQ(call.request.project, "shop");
  const net::Response unknown = Answer("/v1/events", kOne, {{"X-API-Key", "nobody"}});
  EXPECT_EQ(unknown.status, 401);
  EXPECT_NE(unknown.body.find(R"("error":"Unauthorized")"), std::string::npos);
  EXPECT_EQ(Answer("/v1/events", kOne, {{"X-API-Key", "reader"}}).status, 403);
  EXPECT_EQ(Answer("/v1/events?project=other", kOne, {{"X-API-Key", "writer"}}).status, 403);
  const std::string other = R"({"event":"x","project_id":"other"})";
  EXPECT_EQ(Answer("/v1/events", other, {{"X-API-Key", "writer"}}).status, 403);
  EXPECT_EQ(sink_.calls.size(), 3U);
}

TEST_F(DoorsTest, ATrustedPeerMayNameAnyProject) {
  EXPECT_EQ(Answer("/v1/events", R"({"event":"x","project_id":"site"})").status, 202);
  EXPECT_EQ(Answer("/v1/events?project=video", kOne).status, 202);
  EXPECT_EQ(Answer("/v1/events", kOne, {{"X-Tidemark-Project", "games"}}).status, 202);
  EXPECT_EQ(sink_.calls[0].request.project, "site");
  EXPECT_EQ(sink_.calls[1].request.project, "video");
  EXPECT_EQ(sink_.calls[2].request.project, "games");
  EXPECT_EQ(Answer("/v1/events?project=../up", kOne).status, 400);
  EXPECT_EQ(Answer("/v1/events", kOne, {{"Origin", "https://evil.example"}}).status, 401);
  EXPECT_EQ(Answer("/v1/events", kOne, {{"Origin", "http://localhost:3000"}}).status, 202);
  EXPECT_EQ(Answer("/v1/events", kOne, {{"Host", "evil.example:8080"}}).status, 401);
  EXPECT_EQ(Answer("/v1/events", kOne, {{"X-Forwarded-For", "1.2.3.4"}}).status, 401);
  keys_.dev = false;
  EXPECT_EQ(Answer("/v1/events", kOne).status, 401);
}

}  // namespace
}  // namespace tidemark::collect
