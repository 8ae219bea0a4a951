#include "fuzz/dialects.h"

#include "base/check.h"
#include "collect/body.h"
#include "collect/dialects/all.h"
#include "event/batch.h"

namespace tidemark::fuzz {
namespace {

constexpr TimeMicros kNow(1'700'000'000'000'000);
constexpr event::JsonLimits kJson = {
    .event_bytes_max = 4'096, .depth_max = 64, .events_max = 100, .refused_listed_max = 10};
constexpr net::DecompressLimits kBody = {64 << 10, 256 << 10, 200};

net::Request RequestOf(std::string_view bytes) {
  net::Request request;
  const auto take_line = [&bytes] {
    const std::string_view line = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(std::min(bytes.size(), line.size() + 1));
    return line;
  };
  request.SetTarget(take_line());
  for (std::string_view line = take_line(); !line.empty(); line = take_line()) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) break;
    request.AddHeader(line.substr(0, colon), line.substr(colon + 1));
  }
  request.body = bytes;
  return request;
}

// What a dialect made of a body is what it says: native JSON that can be read, event for event.
void CheckNative(const collect::Dialect& dialect, const collect::Claim& claim,
                 const net::Request& request) {
  std::uint64_t dice = 0;
  event::JsonEventParser parser(kJson, [&dice] { return ++dice; });
  event::BatchBuilder builder("default", kNow);
  const auto parsed = parser.Parse(
      request.body, {.project = "default", .received_at = kNow, .rules = dialect.RulesOf(claim)},
      &builder);
  if (!parsed) {
    TM_CHECK(!parsed.error().message().empty());
    // A dialect that writes native JSON itself never writes what is none.
    TM_CHECK(dialect.name() == "cloudevents" ||
             parsed.error().message().find("events in one body") != std::string::npos);
    return;
  }
  TM_CHECK_EQ(parsed->received, parsed->accepted + parsed->refused);
  const std::string batch = std::move(builder).Finish();
  auto reader = event::BatchReader::Open(batch);
  TM_CHECK(reader.has_value());
  event::EventView event;
  for (std::uint32_t i = 0; i < parsed->accepted; ++i) {
    TM_CHECK(reader->Next(&event).value_or(false));
  }
}

void Run(const collect::Dialect& dialect, std::string_view bytes) {
  event::JsonIndexer indexer;
  for (const collect::Claim& claim : dialect.claims()) {
    net::Request request = RequestOf(bytes);
    request.method = claim.method;
    if (claim.is_reply) {
      TM_CHECK_EQ(dialect.Reply(claim, request).status, 200);
      continue;
    }
    if (request.path() != claim.path && claim.path != dialect.claims().front().path) continue;
    if (collect::UnwrapBody(kBody, dialect.IsOpaque(request), &request)) continue;
    TM_CHECK_LE(request.body.size(), kBody.bytes_max);
    static_cast<void>(dialect.KeyIn(request, indexer));
    const Status done = dialect.Translate(claim, {kNow, indexer}, &request);
    if (!done) {
      TM_CHECK(!done.error().message().empty());
      continue;
    }
    CheckNative(dialect, claim, request);
  }
}

}  // namespace

void RunCloudEvents(std::string_view bytes) { Run(*collect::MakeCloudEventsDialect(), bytes); }
void RunSegment(std::string_view bytes) { Run(*collect::MakeSegmentDialect(), bytes); }
void RunPostHog(std::string_view bytes) { Run(*collect::MakePostHogDialect(), bytes); }

std::vector<std::string> CloudEventSeeds() {
  return {
      "/v1/cloudevents\nContent-Type: application/cloudevents+json\n\n"
      R"({"specversion":"1.0","id":"1","source":"/s","type":"a","data":{"n":1}})",
      "/v1/cloudevents\nContent-Type: application/json\nce-specversion: 1.0\nce-id: 1\n"
      "ce-source: /s\nce-type: a%20b\n\n{\"n\":[1,2]}",
      "/v1/cloudevents\nce-specversion: 1.0\nce-id: 1\nce-source: /s\nce-type: a\n"
      "Content-Type: text/plain\n\nhello",
      "/v1/cloudevents\nContent-Type: application/cloudevents-batch+json\n\n"
      R"([{"specversion":"1.0","id":"1","source":"/s","type":"a","data":"x"},)"
      R"({"specversion":"1.0","id":"2","source":"/s","type":"b","data_base64":"AA=="}])"};
}

std::vector<std::string> SegmentSeeds() {
  return {
      "/v1/batch\nAuthorization: Basic a2V5Og==\n\n"
      R"({"batch":[{"type":"track","event":"a","userId":"u","messageId":"m","properties":)"
      R"({"n":1.50,"x":{"y":[1]}},"context":{"page":{"url":"https://a/","path":"/"},"ip":"1.2.3.4",)"
      R"("campaign":{"name":"c"}},"timestamp":"2024-05-06T07:08:09.123Z"},{"type":"page"},5],)"
      R"("sentAt":"2024-05-06T07:08:10Z","context":{"os":{"name":"x"}},"writeKey":"k"})",
      "/v1/page\n\n"
      R"({"properties":{"url":"https:\/\/a\/","title":"\u00e9"},"originalTimestamp":1715000000000})",
      "/pixel/v1/track?writeKey=k&event=a%20b&properties.n=1&context.page.url=u&traits=%7B%7D\n\n",
      "/beacon/v1/batch?writeKey=k\n\n{\"batch\":[]}",
      "/v1/track\n\ndata=eyJldmVudCI6ImEifQ%3D%3D"};
}

std::vector<std::string> PostHogSeeds() {
  return {
      "/batch\n\n"
      R"({"api_key":"k","sent_at":"2024-05-06T07:08:10Z","batch":[{"event":"a","uuid":"u",)"
      R"("distinct_id":"d","properties":{"$current_url":"https://a/","$device_id":"v","token":"k","n":[1]},)"
      R"("timestamp":"2024-05-06T07:08:09Z"},{"event":"b","offset":1500,"type":"x"}]})",
      "/e\n\n"
      R"([{"event":"a","properties":{"token":"t","distinct_id":"d"}}])",
      "/e?data=eyJldmVudCI6ImEifQ\n\n",
      "/capture\n\n"
      R"({"api_key":"k","event":"a","distinct_id":7,"$set":{"p":1}})",
      "/capture\n\ndata=%7B%22event%22%3A%22a%22%7D"};
}

}  // namespace tidemark::fuzz
