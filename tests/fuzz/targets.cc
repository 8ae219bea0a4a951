#include "fuzz/targets.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "base/json_reader.h"
#include "engine/deletion_vector.h"
#include "engine/promoted_rows.h"
#include "event/batch.h"
#include "event/json_events.h"
#include "event/json_tokens.h"
#include "event/quarantine.h"
#include "fuzz/dialects.h"
#include "fuzz/documents.h"
#include "fuzz/names.h"
#include "fuzz/referrer.h"
#include "fuzz/seeds.h"
#include "fuzz/statistics.h"
#include "fuzz/texts.h"
#include "iceberg/commit_request.h"
#include "iceberg/guardian.h"
#include "lake/avro.h"
#include "lake/manifest.h"
#include "lake/metadata.h"
#include "lake/puffin.h"
#include "lake/table_columns.h"
#include "net/decompress.h"
#include "net/request_parser.h"
#include "schema/compatibility.h"
#include "schema/validator.h"
#include "sim/sim_disk.h"
#include "wal/recovery.h"
#ifdef TM_FUZZ_ENGINE
#include "fuzz/registry.h"
#include "fuzz/statements.h"
#endif

namespace tidemark::fuzz {
namespace {

// A head that is too long and no HTTP as well is refused for what is seen first: by whole lines, or
// byte by byte.
std::string Refusal(int status) {
  return status == 414 || status == 431 ? "refused 400" : "refused " + std::to_string(status);
}

// What a parser makes of a connection's bytes, given in pieces.
std::string Exchange(std::string_view bytes, std::size_t piece) {
  net::RequestParser parser({1'024, 4'096});
  std::string told;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    while (!part.empty()) {
      const auto step = parser.Feed(&part);
      if (step == net::RequestParser::Step::kRefused) {
        return told + Refusal(parser.status());
      }
      if (step == net::RequestParser::Step::kNeedMore) continue;
      const net::Request request = parser.Take();
      static_cast<void>(request.QueryParameter("project"));
      told.append(net::MethodName(request.method)).append(" ").append(request.path());
      told.append(" ").append(request.body).append("\n");
    }
  }
  return told;
}

// However the network cuts them, the same bytes are the same requests.
void RunHttp(std::string_view bytes) {
  const std::string whole = Exchange(bytes, bytes.size());
  TM_CHECK(Exchange(bytes, 1) == whole);
  TM_CHECK(Exchange(bytes, 7) == whole);
}

void RunBody(std::string_view bytes) {
  const net::DecompressLimits limits{64 << 10, 256 << 10, 200};
  bool too_large = false;
  const auto body = net::Decompress(std::string(bytes), limits, &too_large);
  if (!body) return;
  TM_CHECK(!too_large);
  TM_CHECK_LE(body->size(), limits.bytes_max);
}

// The properties that were kept are sent again: they are kept as they are.
void CheckFixedPoint(const std::string& properties) {
  std::uint64_t dice = 0;
  event::JsonEventParser parser({}, [&dice] { return ++dice; });
  const TimeMicros now(1'700'000'000'000'000);
  event::BatchBuilder builder("default", now);
  const auto parsed = parser.Parse(R"({"event_type":"a","properties":)" + properties + "}",
                                   {.project = "default", .received_at = now}, &builder);
  TM_CHECK(parsed.has_value() && parsed->accepted == 1);
  const std::string batch = std::move(builder).Finish();
  auto reader = event::BatchReader::Open(batch);
  event::EventView event;
  TM_CHECK(reader.has_value() && reader->Next(&event).value_or(false));
  const bool has = event.Has(event::Column::kProperties);
  TM_CHECK((has ? event.Text(event::Column::kProperties) : "{}") == properties);
}

// What is accepted can be decoded again.
void CheckBatch(const std::string& encoded, std::uint32_t accepted) {
  auto reader = event::BatchReader::Open(encoded);
  TM_CHECK(reader.has_value());
  TM_CHECK_EQ(reader->count(), accepted);
  event::EventView event;
  for (std::uint32_t i = 0; i < accepted; ++i) {
    TM_CHECK(reader->Next(&event).value_or(false));
    TM_CHECK(event.Has(event::Column::kEventId) && event.Has(event::Column::kEventType));
    TM_CHECK(event.timestamp >= kTimeMin && event.timestamp <= kTimeMax);
    for (const event::ColumnInfo& info : event::kColumns) {
      if (event.Has(info.column)) TM_CHECK(IsUtf8(event.Text(info.column)));
    }
    if (!event.Has(event::Column::kProperties)) continue;
    CheckFixedPoint(std::string(event.Text(event::Column::kProperties)));
  }
  const auto end = reader->Next(&event);
  TM_CHECK(end.has_value() && !*end);
}

void RunBatch(std::string_view bytes) {
  auto reader = event::BatchReader::Open(bytes);
  if (!reader) return;
  for (event::EventView event;;) {
    const auto more = reader->Next(&event);
    if (!more || !*more) return;
  }
}

// What is kept is some of the body, under a fault that may be kept, and one record of the log.
class CheckedKeeper final : public event::InvalidEvents {
 public:
  CheckedKeeper(std::string_view body, event::BatchBuilder* builder)
      : body_(body), builder_(builder) {}

  std::string Keep(const event::InvalidEvent& event) override {
    TM_CHECK(event::CanBeKept(event.code) && !event.message.empty());
    TM_CHECK(!event.raw.empty() && body_.find(event.raw) != std::string_view::npos);
    const auto text = [&event](event::Column column) {
      return event.read.Has(column) ? event.read.Text(column) : std::string_view();
    };
    event::AddRecord({.quarantine_id = "q",
                      .event_id = text(event::Column::kEventId),
                      .event_type = text(event::Column::kEventType),
                      .user_id = text(event::Column::kUserId),
                      .timestamp = event.read.timestamp,
                      .reason = event.code,
                      .raw = event.raw},
                     builder_);
    return "q";
  }

 private:
  const std::string_view body_;
  event::BatchBuilder* const builder_;
};

void RunJsonEvents(std::string_view bytes) {
  std::uint64_t dice = 0;
  event::JsonEventParser parser(
      {.event_bytes_max = 4'096, .depth_max = 16, .events_max = 100, .refused_listed_max = 10},
      [&dice] { return ++dice; });
  const std::string body(bytes);
  static_cast<void>(event::FindProject(body));
  for (const auto rules : {event::JsonRules::kOpen, event::JsonRules::kStrict}) {
    const TimeMicros now(1'700'000'000'000'000);
    event::BatchBuilder builder("default", now);
    event::BatchBuilder items("default", now);
    CheckedKeeper keeper(body, &items);
    const auto parsed = parser.Parse(
        body, {.project = "default", .received_at = now, .rules = rules, .invalid = &keeper},
        &builder);
    if (!parsed) {
      TM_CHECK(!parsed.error().message().empty());
      continue;
    }
    TM_CHECK_EQ(parsed->received, parsed->accepted + parsed->quarantined + parsed->refused);
    TM_CHECK_EQ(items.count(), parsed->quarantined);
    if (parsed->quarantined > 0) RunBatch(std::move(items).Finish());
    TM_CHECK_EQ(builder.count(), parsed->accepted);
    if (parsed->accepted > 0) CheckBatch(std::move(builder).Finish(), parsed->accepted);
  }
}

// A segment as a disk gives it back, and a body that passed its checksum.
void RunWal(std::string_view bytes) {
  sim::SimDisk disk(1);
  TM_CHECK(disk.MakeDir("log").has_value());
  const std::string name = wal::SegmentName(1);
  auto file = disk.Create("log/" + name);
  TM_CHECK(file.has_value() && (*file)->WriteAt(0, bytes).has_value());
  std::uint64_t frames = 0;
  const auto visit = [&frames](const wal::Frame& frame) {
    ++frames;
    TM_CHECK_LE(frame.count, wal::kFrameEventsMax);
    return Status();
  };
  const auto log = wal::Recover(&disk, "log", {name}, visit);
  if (log) TM_CHECK_EQ(log->frames, frames);

  std::string_view body = bytes;
  for (wal::Frame frame; wal::TakeFrame(&body, &frame);) TM_CHECK_LE(body.size(), bytes.size());
  wal::Ends ends;
  Status status;
  static_cast<void>(wal::VisitFrames(bytes, 0, 3, visit, &ends, &status));
}

void RunAvro(std::string_view bytes) {
  static_cast<void>(lake::avro::ParseSchema(bytes));
  static_cast<void>(lake::ReadManifestList(bytes));
  static_cast<void>(lake::ReadManifest(bytes, {}));
  static const lake::TableMetadata kTable = lake::MakeTableMetadata(lake::NewTable());
  static_cast<void>(lake::ReadManifestForMerge(bytes, {}, kTable.specs.front()));
}

// Blobs lie within their file; a vector's places grow and are as many as it says.
void RunPuffin(std::string_view bytes) {
  if (const auto puffin = lake::ParsePuffin(bytes)) {
    for (const lake::PuffinBlob& blob : puffin->blobs) {
      TM_CHECK_LE(blob.offset + blob.length, bytes.size());
      static_cast<void>(lake::BlobOf(bytes, blob));
    }
  }
  std::uint64_t next = 0;
  std::uint64_t seen = 0;
  const auto count = engine::VisitVector(bytes, [&](std::uint64_t place) -> Status {
    TM_CHECK_GE(place, next);
    next = place + 1;
    ++seen;
    return {};
  });
  if (count) TM_CHECK_EQ(*count, seen);
}

// What was read is written and read again without a change.
void RunMetadata(std::string_view bytes) {
  const auto metadata = lake::ParseMetadata(bytes);
  if (!metadata) return;
  const std::string written = lake::WriteMetadataJson(*metadata);
  const auto again = lake::ParseMetadata(written);
  TM_CHECK(again.has_value());
  TM_CHECK(lake::WriteMetadataJson(*again) == written);
}

// Whatever others commit to a table that the server feeds: it is refused with a reason, or the
// table opens as before, with the same offsets and the columns of events.
void RunCommit(std::string_view bytes) {
  static const auto before = iceberg::TableDocument::Parse(MetadataSeeds().front());
  const auto request = JsonValue::Parse(bytes);
  if (!request || !request->is_object()) return;
  iceberg::TableDocument after = *before;
  const std::int64_t now = before->last_updated_ms();
  const auto applied = iceberg::ApplyRequest(*request, now, &after);
  if (!applied || !after.Finish(now)) return;
  const auto move = iceberg::CheckManaged(*before, after, now);
  if (!move) {
    TM_CHECK(move.error().status >= 400 && move.error().status < 500);
    TM_CHECK(!move.error().message.empty());
    return;
  }
  const auto metadata = lake::ParseMetadata(after.ToJson());
  TM_CHECK(metadata.has_value());
  TM_CHECK(after.Property(lake::kPropertyOffsets) == before->Property(lake::kPropertyOffsets));
  const auto columns = lake::WithOthers(*metadata, event::EventsSchema());
  TM_CHECK_GE(columns->columns.size(), event::kColumnCount);
  for (const event::ColumnInfo& column : event::kColumns) {
    const auto* field =
        metadata->FindSchema(metadata->current_schema_id)->FindField(column.field_id);
    TM_CHECK(field != nullptr && field->name == column.name);
  }
}

// Whatever the schema: its judgement ends, telling and not telling come to the same, and what is
// invalid has a finding.
void RunSchema(std::string_view bytes) {
  const std::size_t line = std::min(bytes.find('\n'), bytes.size());
  const auto text = JsonValue::Parse(bytes.substr(0, line));
  const auto value = JsonValue::Parse(bytes.substr(std::min(line + 1, bytes.size())));
  if (!text) return;
  schema::CompileOptions options;
  options.check_metaschema = bytes.size() % 8 == 0;
  options.of_events = bytes.size() % 2 == 0;
  const auto validator = schema::Validator::Compile(*text, options);
  if (!validator) {
    TM_CHECK(!validator.error().message().empty());
    return;
  }
  if (!value) return;
  schema::Instance instance;
  if (!instance.Read(*value)) return;
  std::vector<schema::Finding> findings;
  const auto told = (*validator)->Judge(instance, &findings, 5);
  schema::BrokenRule broken;
  const auto quick = (*validator)->Judge(instance, &broken);
  // Telling goes on behind the first finding and so may take more steps.
  TM_CHECK(told == quick || told == schema::Judgement::kUndecided);
  if (quick == schema::Judgement::kInvalid) TM_CHECK(broken.keyword != 0);
  if (told == schema::Judgement::kInvalid) TM_CHECK(!findings.empty());
  if (told == schema::Judgement::kValid) TM_CHECK(findings.empty());
  TM_CHECK(!(*validator)->RuleName(broken).empty());
  static_cast<void>(schema::FindBreaks(*text, *value));
}

// Whatever lies in `properties`: a promoted column has the value that is there, or none. A number
// is read by the C library here: the parser of JSON takes none of a thousand digits, or with an
// exponent that begins with dozens of zeros.
void RunPromoted(std::string_view bytes) {
  const std::size_t line = std::min(bytes.find('\n'), bytes.size());
  const std::string_view key = bytes.substr(0, line);
  const std::string_view object = bytes.substr(std::min(line + 1, bytes.size()));
  const auto json = engine::FindMember(object, key);
  const std::string text(json.value_or(object));
  if (const auto whole = engine::PromotedInt(text)) {
    TM_CHECK(event::IsJsonNumber(text));
    errno = 0;
    TM_CHECK(std::strtoll(text.c_str(), nullptr, 10) == *whole && errno == 0);
  }
  if (const auto number = engine::PromotedDouble(text)) {
    TM_CHECK(event::IsJsonNumber(text) && std::isfinite(*number));
    TM_CHECK(std::strtod(text.c_str(), nullptr) == *number);
  }
  if (const auto time = engine::PromotedTime(text)) {
    TM_CHECK(*time >= kTimeMin && *time <= kTimeMax);
  }
}

constexpr std::array kTargets = {
    Target{"http", RunHttp, HttpSeeds},
    Target{"body", RunBody, BodySeeds},
    Target{"json_events", RunJsonEvents, JsonSeeds},
    Target{"batch", RunBatch, BatchSeeds},
    Target{"wal", RunWal, WalSeeds},
    Target{"avro", RunAvro, AvroSeeds},
    Target{"puffin", RunPuffin, PuffinSeeds},
    Target{"metadata", RunMetadata, MetadataSeeds},
    Target{"commit", RunCommit, CommitSeeds},
    Target{"scan_filter", RunScanFilter, ScanFilterSeeds},
    Target{"cloud_events", RunCloudEvents, CloudEventSeeds},
    Target{"segment", RunSegment, SegmentSeeds},
    Target{"posthog", RunPostHog, PostHogSeeds},
    Target{"schema", RunSchema, SchemaSeeds},
    Target{"referrer", RunReferrer, ReferrerSeeds},
    Target{"promoted", RunPromoted, PromotedSeeds},
    Target{"names", RunNames, NamesSeeds},
    Target{"table", RunTableDocument, TableDocumentSeeds},
    Target{"view", RunViewDocument, ViewDocumentSeeds},
    Target{"receipt", RunReceipt, ReceiptSeeds},
    Target{"jwt", RunJwt, JwtSeeds},
    Target{"key_spec", RunKeySpec, KeySpecSeeds},
    Target{"config", RunConfig, ConfigSeeds},
    Target{"pixel", RunPixel, PixelSeeds},
    Target{"user_agent", RunUserAgent, UserAgentSeeds},
    Target{"json_path", RunJsonPath, JsonPathSeeds},
#ifdef TM_FUZZ_ENGINE
    Target{"registry", RunRegistry, RegistrySeeds, 100},
    Target{"sql", RunSql, SqlSeeds, 200},
    Target{"parquet", RunParquet, ParquetSeeds, 500},
#endif
};

}  // namespace

std::span<const Target> Targets() { return kTargets; }

const Target* FindTarget(std::string_view name) {
  for (const Target& target : kTargets) {
    if (target.name == name) return &target;
  }
  return nullptr;
}

}  // namespace tidemark::fuzz
