#include "fuzz/seeds.h"

#include <span>

#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/check.h"
#include "env/random.h"
#include "event/batch.h"
#include "lake/avro.h"
#include "lake/manifest.h"
#include "lake/metadata.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"
#include "wal/format.h"
#include "wal/log.h"

namespace tidemark::fuzz {
namespace {

constexpr TimeMicros kNow(1'700'000'000'000'000);

std::string Gzip(const std::string& text) {
  std::string out(compressBound(text.size()) + 64, '\0');
  z_stream stream{};
  TM_CHECK_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  TM_CHECK_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

lake::TableMetadata SomeTable() {
  lake::NewTable table;
  table.location_uri = "file:///t";
  table.log_id = "log";
  table.now = kNow;
  return lake::MakeTableMetadata(table);
}

event::EventView SomeEvent(std::string_view id) {
  event::EventView event;
  event.SetText(event::Column::kEventId, id);
  event.SetText(event::Column::kEventType, "page_view");
  event.SetText(event::Column::kUserId, "u1");
  event.SetText(event::Column::kProperties, R"({"a":1})");
  event.timestamp = kNow;
  event.present |= event::Bit(event::Column::kTimestamp);
  event.value = 1.5;
  event.present |= event::Bit(event::Column::kValue);
  return event;
}

}  // namespace

std::vector<std::string> HttpSeeds() {
  return {
      "POST /v1/events?project=a%20b&ack=memory HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"event_type\":\"a\"}",
      "POST /ingest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nTrailer: t\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /health HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n",
      "OPTIONS http://a/v1/sql HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
      "GET / HTTP/1.1\r\nHost:\r\r\n a\r\n\r\n",
  };
}

std::vector<std::string> BodySeeds() {
  const std::string text(5'000, 'x');
  return {Gzip(text), Zstd(text), Gzip(text) + Gzip("again"), "plain"};
}

std::vector<std::string> JsonSeeds() {
  return {
      R"({"event_id":"e","event_type":"a","user_id":"u","timestamp":1700000000000,"value":1.50,)"
      R"("properties":{"a":[1,{"b":"\u00e9\n"}],"a":null,"n":12345678901234567.123}})",
      R"([{"eventType":"a","timestamp":"2024-05-06T07:08:09.123+02:00"},{"type":7},null,"x"])",
      R"({"events":[{"event_type":"a","context":{"ip":"1.2.3.4","userAgent":"u"}}],"sent":true})",
      "{\"event_type\":\"a\"}\n{\"event_type\":\n{\"event_type\":\"b\",\"project_id\":\"x\"}\n",
      R"({"specversion":"1.0","type":"t","source":"s","data":{"user_id":"u","x":-0.0e-5}})",
  };
}

std::vector<std::string> BatchSeeds() {
  event::BatchBuilder builder("default", kNow);
  builder.Add(SomeEvent("one"));
  builder.Add(SomeEvent("two"));
  const std::string plain = std::move(builder).Finish();
  std::string promoted = plain;
  event::SetBatchPromotion(&promoted, 3);
  return {plain, promoted};
}

std::vector<std::string> PromotedSeeds() {
  return {
      "a\n{\"b\":{\"a\":[1]},\"a\":-12.50}",         "t\n{\"t\":\"2024-03-01T10:00:00.5+01:00\"}",
      "a\n{\"\\u0061\":9223372036854775807}",        "a\n{\"a\":1e300,\"c\":true}",
      "a\n{\"a\":1e-" + std::string(30, '0') + "1}", "\n1." + std::string(1'200, '0')};
}

std::vector<std::string> WalSeeds() {
  sim::SimDisk disk(1);
  sim::SimClock clock;
  env::Random random(1);
  auto log = wal::Log::Open(&disk, &clock, &random,
                            {.segment_bytes = 4'096,
                             .frame_bytes_max = 65'536,
                             .group_bytes_max = 262'144,
                             .reserve_bytes = 4'096,
                             .free_bytes_min = 0},
                            [](const wal::Frame&) { return Status(); });
  TM_CHECK(log.has_value());
  for (int group = 0; group < 3; ++group) {
    const std::string payload = BatchSeeds().front();
    const std::vector<wal::Append> appends = {{"default", 2, payload}, {"other", 2, payload}};
    std::vector<LogOffset> offsets;
    TM_CHECK((*log)->WriteGroup(appends, &offsets).has_value());
    (*log)->StartSync();
    TM_CHECK((*log)->WaitSync().has_value());
  }
  std::string segment = env::ReadFile(disk, "log/" + wal::SegmentName(1), 1 << 20).value_or("");
  TM_CHECK(!segment.empty());
  std::string body;
  wal::AppendFrameHeader(&body, "default", LogOffset(7), 2, 3);
  return {segment, body + "abc"};
}

std::vector<std::string> AvroSeeds() {
  lake::TableMetadata metadata = SomeTable();
  std::vector<lake::ManifestEntry> entries(2);
  for (lake::ManifestEntry& entry : entries) {
    entry.snapshot = SnapshotId(5);
    entry.file.path = "file:///t/data/a.parquet";
    entry.file.partition = {17};
    entry.file.rows = 10;
    entry.file.value_counts = {{1, 10}};
    entry.file.lower_bounds = {{1, "a"}};
    entry.file.split_offsets = {4};
  }
  const lake::PartitionSpec& spec = metadata.specs.front();
  lake::ManifestFile summary = lake::SummarizeManifest(spec, entries, SnapshotId(5));
  summary.path = "file:///t/metadata/m.avro";
  lake::Snapshot snapshot;
  snapshot.id = SnapshotId(5);
  return {lake::WriteManifest(metadata, spec, entries, Uuid()),
          lake::WriteManifestList(snapshot, {summary, summary}, Uuid()),
          lake::ManifestSchema(spec)};
}

std::vector<std::string> PuffinSeeds() {
  // The places 1, 3, 5, 7 and 9.
  const std::string vector = *FromHex(
      "0000002ad1d33964010000000000000000000000"
      "3a30000001000000000004001000000001000300050007000900b3fb20be");
  const std::string footer =
      R"({"blobs":[{"type":"deletion-vector-v1","fields":[],"snapshot-id":-1,)"
      R"("sequence-number":-1,"offset":4,"length":)" +
      std::to_string(vector.size()) + "}]}";
  std::string file = "PFA1" + vector + "PFA1" + footer;
  PutU32(&file, static_cast<std::uint32_t>(footer.size()));
  PutU32(&file, 0);
  return {file + "PFA1", vector};
}

std::vector<std::string> MetadataSeeds() {
  lake::TableMetadata metadata = SomeTable();
  lake::Snapshot snapshot;
  snapshot.id = SnapshotId(5);
  snapshot.sequence_number = 1;
  snapshot.timestamp_ms = lake::NextTimestamp(metadata, kNow);
  snapshot.manifest_list = "file:///t/metadata/list.avro";
  snapshot.summary = {{"operation", "append"}, {"tidemark.offsets", R"({"v":1,"p":{"0":3}})"}};
  snapshot.Seal();
  static_cast<void>(lake::AddSnapshot(&metadata, std::move(snapshot)));
  return {lake::WriteMetadataJson(metadata), lake::WriteMetadataFile(metadata)};
}

std::vector<std::string> CommitSeeds() {
  const lake::TableMetadata metadata = SomeTable();
  const std::string schema = metadata.schemas.front()->json;
  const std::string more = schema.substr(0, schema.rfind("]}")) +
                           R"(,{"id":40,"name":"note","required":false,"type":"string"}]})";
  const auto updates = [](const std::string& list) { return R"({"updates":[)" + list + "]}"; };
  return {
      R"({"requirements":[{"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":5}],)"
      R"("updates":[{"action":"add-snapshot","snapshot":{"snapshot-id":6,"parent-snapshot-id":5,)"
      R"("sequence-number":2,"timestamp-ms":1,"manifest-list":"file:///t/l.avro",)"
      R"("summary":{"operation":"append"}}},)"
      R"({"action":"set-snapshot-ref","ref-name":"main","type":"branch","snapshot-id":6}]})",
      updates(R"({"action":"add-schema","schema":)" + more +
              R"(,"last-column-id":40},{"action":"set-current-schema","schema-id":-1})"),
      updates(R"({"action":"set-properties","updates":{"owner":"x","gc.enabled":"false"}},)"
              R"({"action":"remove-properties","removals":["owner"]})"),
      updates(R"({"action":"add-spec","spec":{"fields":[{"source-id":6,"name":"y",)"
              R"("transform":"year"}]}},{"action":"set-default-spec","spec-id":-1})"),
      updates(R"({"action":"set-snapshot-ref","ref-name":"t","type":"tag","snapshot-id":5},)"
              R"({"action":"remove-snapshots","snapshot-ids":[5]},)"
              R"({"action":"upgrade-format-version","format-version":3})"),
  };
}

// A schema, a line end, a value.
std::vector<std::string> SchemaSeeds() {
  return {
      R"({"type":"object","required":["a"],"properties":{"a":{"type":["integer","null"],)"
      R"("minimum":-3,"multipleOf":0.5},"b":{"enum":["x",1,null]}},"additionalProperties":false})"
      "\n"
      R"({"a":4.0,"b":"x"})",
      R"({"$id":"tidemark:/t","$dynamicAnchor":"n","$defs":{"s":{"$anchor":"s","minLength":2,)"
      R"("pattern":"^[a-z\\p{Lu}]+$"}},"properties":{"v":{"$ref":"#s"},"c":{"items":)"
      R"({"$dynamicRef":"#n"},"uniqueItems":true}},"unevaluatedProperties":false})"
      "\n"
      R"({"v":"ab","c":[{"v":"cd"},{"v":"ef","c":[]}]})",
      R"({"$schema":"http://json-schema.org/draft-07/schema#","if":{"required":["x"]},"then":)"
      R"({"dependencies":{"x":["y"]}},"else":{"not":{"const":{"z":[1]}}},"items":[true,false]})"
      "\n"
      R"({"x":1,"y":2})",
      R"({"anyOf":[{"prefixItems":[{"const":1}],"contains":{"maximum":3},"minContains":0},)"
      R"({"oneOf":[{"propertyNames":{"maxLength":3}},{"patternProperties":{"^x":false}}]}]})"
      "\n"
      R"([1,2,{"abc":1}])",
  };
}

}  // namespace tidemark::fuzz
