#include "serve/quarantine_handler.h"

#include <array>
#include <charconv>
#include <utility>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "base/uuid.h"
#include "event/quarantine.h"
#include "net/query_names.h"

namespace tidemark::serve {
namespace {

// Between the moment in an item's name and its time in the log, as a rule.
constexpr std::int64_t kItemNearMicros = 3'600LL * 1'000'000;
constexpr std::string_view kPending = "pending";
constexpr std::string_view kItemHint =
    "GET /v1/quarantine lists the items; what one is called, is its quarantine_id";
constexpr std::string_view kReplayHint =
    "send the event put right as the body, in the item's own dialect; the item stays as it is";
constexpr std::string_view kListHint =
    "the parameters are status, reason, event_type, limit and before";
constexpr std::array<std::string_view, 6> kListParameters = {"project",    "status", "reason",
                                                             "event_type", "limit",  "before"};
constexpr std::string_view kSentence = "Items of the quarantine that were resolved.";

// All but `raw`, which may be long.
constexpr std::string_view kListColumns =
    "quarantine_id, status, reason, rule, message, event_id, event_type, user_id, \"timestamp\","
    " received_at, dialect, door, \"schema\", resolved_at, replayed_event_id, log_offset";

constexpr std::array<std::string_view, 4> kStatuses = {kPending, event::kReplayedRecord,
                                                       event::kDroppedRecord, "all"};

// When the item of that name was made, to the millisecond below (RFC 9562, 5.7); nothing if no item
// can be called so.
std::optional<TimeMicros> TimeOfItem(const Uuid& id) {
  if (id.bytes[6] >> 4U != 7) return std::nullopt;
  std::int64_t millis = 0;
  for (std::size_t i = 0; i < 6; ++i) millis = millis << 8 | id.bytes[i];
  if (millis > kTimeMax.value / 1'000 - kItemNearMicros) return std::nullopt;
  return TimeMicros(millis * 1'000);
}

Result<std::int64_t> NumberOf(const net::Request& request, std::string_view name,
                              std::int64_t otherwise) {
  const auto text = request.QueryParameter(name);
  if (!text) return otherwise;
  std::int64_t number = 0;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), number);
  if (read.ec == std::errc() && read.ptr == text->data() + text->size() && number >= 0) {
    return number;
  }
  return Fail(Code::kInvalidArgument, std::string(name) + " must be a whole number of at least 0");
}

Result<query::SqlRequest> ListStatement(const std::string& project, const net::Request& request) {
  query::SqlRequest ask;
  ask.project = project;
  ask.sql = "SELECT " + std::string(kListColumns) + " FROM quarantine WHERE true";
  const std::string status = request.QueryParameter("status").value_or(std::string(kPending));
  if (std::find(kStatuses.begin(), kStatuses.end(), status) == kStatuses.end()) {
    return Fail(Code::kInvalidArgument, "status must be pending, replayed, dropped or all");
  }
  const auto filter = [&ask](const char* name, std::string value) {
    ask.sql += std::string(" AND ") + name + " = $" + name;
    ask.named_parameters.emplace_back(name, std::move(value));
  };
  if (status != "all") filter("status", status);
  for (const char* name : {"reason", "event_type"}) {
    if (auto value = request.QueryParameter(name)) filter(name, *std::move(value));
  }
  if (request.QueryParameter("before")) {
    TM_ASSIGN(const std::int64_t before, NumberOf(request, "before", 0));
    ask.sql += " AND log_offset < " + std::to_string(before);
  }
  TM_ASSIGN(const std::int64_t limit,
            NumberOf(request, "limit", std::int64_t{kItemsListedDefault}));
  if (limit < 1 || limit > std::int64_t{kItemsListedMax}) {
    return Fail(Code::kInvalidArgument, "limit must be 1 to " + std::to_string(kItemsListedMax));
  }
  ask.sql += " ORDER BY log_offset DESC LIMIT " + std::to_string(limit);
  return ask;
}

std::string TextAt(const JsonValue& item, std::string_view name) {
  const JsonValue* value = item.Find(name);
  return value == nullptr ? std::string() : value->text();
}

// The bytes that were sent.
Result<std::string> RawOf(const JsonValue& item) {
  std::string raw = TextAt(item, "raw");
  if (TextAt(item, "raw_encoding") != event::kBase64Raw) return raw;
  auto bytes = FromBase64(raw);
  if (!bytes) return Fail(Code::kCorruption, "the item's bytes are no base64");
  return *std::move(bytes);
}

std::string ResolutionBatch(const std::string& project, TimeMicros now,
                            const event::RequestKey& key, const event::QuarantineRecord& record) {
  event::BatchBuilder builder(project, now);
  builder.SetKey(key);
  event::AddRecord(record, &builder);
  return std::move(builder).Finish();
}

// The body of the request that resolves an item: two with the same one are one.
event::RequestKey KeyOf(std::string_view id, std::string_view record, std::string_view body) {
  event::RequestKey key;
  key.kind = event::RequestKey::Kind::kResolution;
  key.name = id;
  key.body = Hash64(body, Hash64(record));
  return key;
}

}  // namespace

QuarantineHandler::QuarantineHandler(QuarantineHandlerParts parts)
    : parts_(std::move(parts)),
      replayed_(parts_.registry->AddCounter(
          "tidemark_quarantine_resolved_total{outcome=\"replayed\"}", kSentence)),
      dropped_(parts_.registry->AddCounter(
          "tidemark_quarantine_resolved_total{outcome=\"dropped\"}", kSentence)),
      busy_(std::make_shared<const std::set<std::string>>()) {}

void QuarantineHandler::AddTo(net::Router* router) {
  Add(router, net::Method::kGet, "/v1/quarantine", Purpose::kRead, &QuarantineHandler::List);
  Add(router, net::Method::kGet, "/v1/quarantine/{id}", Purpose::kRead, &QuarantineHandler::Show);
  Add(router, net::Method::kPost, "/v1/quarantine/{id}/replay", Purpose::kChange,
      &QuarantineHandler::Replay);
  Add(router, net::Method::kPost, "/v1/quarantine/{id}/drop", Purpose::kChange,
      &QuarantineHandler::Drop);
}

void QuarantineHandler::Add(net::Router* router, net::Method method, std::string_view path,
                            Purpose purpose, Action action) {
  router->Add(method, path, [this, purpose, action](net::Request request, const Respond& respond) {
    if (parts_.service() == nullptr) {
      return respond->Send(
          net::ErrorResponse(503, "the server is replaying its log; ask again in a moment"));
    }
    const auto project =
        (purpose == Purpose::kChange ? parts_.may_change : parts_.may_read)(request);
    if (!project) return respond->Send(project.error());
    const bool posted =
        parts_.pool->Post(*project, [this, action, project = *project, respond,
                                     shared = std::make_shared<net::Request>(std::move(request))] {
          (this->*action)(project, *shared, respond);
        });
    if (!posted) {
      respond->Send(net::ErrorResponse(503, "too many requests wait; ask again in a moment"));
    }
  });
}

Result<std::vector<JsonValue>> QuarantineHandler::Select(query::SqlRequest ask) {
  std::vector<JsonValue> items;
  TM_TRY(parts_.service()->ForEachRow(std::move(ask), [&items](JsonValue item) -> Status {
    items.push_back(std::move(item));
    return {};
  }));
  return items;
}

Result<JsonValue> QuarantineHandler::FindItem(const std::string& project, const std::string& id) {
  // The id says when the item came (UUIDv7), and the log's time is never before that: near it
  // first, and beyond for a log whose clock was ahead. Files of other times and ids are not read.
  const auto made = Uuid::Parse(id);
  const auto time = made ? TimeOfItem(*made) : std::nullopt;
  if (time) {
    const std::string from = FormatTime(*time);
    const std::string until = FormatTime(TimeMicros(time->value + kItemNearMicros));
    for (const std::string& where :
         {"received_at >= '" + from + "' AND received_at < '" + until + "'",
          "received_at >= '" + until + "'"}) {
      query::SqlRequest ask;
      ask.project = project;
      ask.sql = "SELECT * FROM quarantine WHERE quarantine_id = $id AND " + where;
      ask.named_parameters.emplace_back("id", made->ToString());
      TM_ASSIGN(auto items, Select(std::move(ask)));
      if (!items.empty()) return std::move(items.front());
    }
  }
  return Fail(Code::kNotFound, "the quarantine has no item " + id);
}

void QuarantineHandler::List(const std::string& project, const net::Request& request,
                             const Respond& respond) {
  if (auto refusal =
          net::RefuseUnknownParameters(request, kListParameters, net::Strangers::kRefused)) {
    return respond->Send(*std::move(refusal));
  }
  auto statement = ListStatement(project, request);
  if (!statement) return respond->Send(net::ErrorResponse(statement.error(), kListHint));
  const auto items = Select(*std::move(statement));
  if (!items) return respond->Send(net::ErrorResponse(items.error()));
  net::Response response;
  JsonWriter json(&response.body);
  json.BeginObject().Key("items").BeginArray();
  for (const JsonValue& item : *items) json.Raw(item.ToJson());
  json.EndArray().EndObject();
  response.body.push_back('\n');
  respond->Send(std::move(response));
}

void QuarantineHandler::Show(const std::string& project, const net::Request& request,
                             const Respond& respond) {
  auto item = FindItem(project, std::string(request.PathParameter("id")));
  if (!item) return respond->Send(net::ErrorResponse(item.error(), kItemHint));
  const auto offset = item->IntAt("log_offset");
  if (!offset) return respond->Send(net::ErrorResponse(offset.error()));
  event::Receipt receipt;
  receipt.log_id = parts_.core()->log_id();
  receipt.quarantine_first = LogOffset(*offset);
  receipt.quarantine_count = 1;
  item->Set("receipt", event::EncodeReceipt(receipt));
  net::Response response;
  response.body = item->ToJson() + "\n";
  respond->Send(std::move(response));
}

std::optional<net::Response> QuarantineHandler::Resolved(const JsonValue& item,
                                                         std::string_view wanted) {
  const std::string status = TextAt(item, "status");
  if (status == kPending) return std::nullopt;
  if (status != wanted) {
    return net::ErrorResponse(409, "the item is " + status + " already", kItemHint);
  }
  net::Response response;
  JsonWriter json(&response.body);
  json.BeginObject().Field("quarantineId", TextAt(item, "quarantine_id")).Field("status", status);
  const std::string event_id = TextAt(item, "replayed_event_id");
  if (!event_id.empty()) json.Field("eventId", event_id);
  json.Field("already", true).EndObject();
  response.body.push_back('\n');
  return response;
}

void QuarantineHandler::Replay(const std::string& project, const net::Request& request,
                               const Respond& respond) {
  const std::string id(request.PathParameter("id"));
  const auto item = FindItem(project, id);
  if (!item) return respond->Send(net::ErrorResponse(item.error(), kItemHint));
  if (auto answer = Resolved(*item, event::kReplayedRecord)) {
    return respond->Send(*std::move(answer));
  }
  auto raw = request.body.empty() ? RawOf(*item) : Result<std::string>(request.body);
  if (!raw) return respond->Send(net::ErrorResponse(raw.error()));
  event::KeptEvent kept{
      project, TextAt(*item, "dialect"), TextAt(*item, "door"), *std::move(raw), {}};
  kept.key = KeyOf(id, event::kReplayedRecord, kept.body);
  kept.received_at = ParseTime(TextAt(*item, "received_at")).value_or(parts_.clock->WallNow());
  auto read = parts_.read(kept);
  if (!read) return respond->Send(net::ErrorResponse(read.error(), kReplayHint));
  Submit({project,
          id,
          std::string(event::kReplayedRecord),
          std::move(read->event_id),
          {project, std::move(read->events), {}}},
         *item, respond);
}

void QuarantineHandler::Drop(const std::string& project, const net::Request& request,
                             const Respond& respond) {
  const std::string id(request.PathParameter("id"));
  const auto item = FindItem(project, id);
  if (!item) return respond->Send(net::ErrorResponse(item.error(), kItemHint));
  if (auto answer = Resolved(*item, event::kDroppedRecord)) {
    return respond->Send(*std::move(answer));
  }
  Submit({project, id, std::string(event::kDroppedRecord), {}, {project, {}, {}}}, *item, respond);
}

bool QuarantineHandler::Enter(const std::string& id) {
  if (parts_.core()->index() != nullptr) return true;
  bool entered = false;
  busy_.Update([&](const std::set<std::string>& busy) {
    auto next = std::make_shared<std::set<std::string>>(busy);
    entered = next->insert(id).second;
    return std::shared_ptr<const std::set<std::string>>(std::move(next));
  });
  return entered;
}

void QuarantineHandler::Leave(const std::string& id) {
  if (parts_.core()->index() != nullptr) return;
  busy_.Update([&id](const std::set<std::string>& busy) {
    auto next = std::make_shared<std::set<std::string>>(busy);
    next->erase(id);
    return std::shared_ptr<const std::set<std::string>>(std::move(next));
  });
}

// What another request did between the first look and Enter is there to be seen by now.
std::optional<net::Response> QuarantineHandler::LookAgain(const Resolution& resolution) {
  if (parts_.core()->index() != nullptr) return std::nullopt;
  const auto item = FindItem(resolution.project, resolution.id);
  return item ? Resolved(*item, resolution.record) : net::ErrorResponse(item.error());
}

void QuarantineHandler::Submit(Resolution resolution, const JsonValue& item,
                               const Respond& respond) {
  constexpr std::string_view kBusy = "another request is about to resolve the item; ask again";
  if (!Enter(resolution.id)) return respond->Send(net::ErrorResponse(409, kBusy, kItemHint));
  if (auto answer = LookAgain(resolution)) {
    Leave(resolution.id);
    return respond->Send(*std::move(answer));
  }
  const TimeMicros now = parts_.clock->WallNow();
  event::Request request = std::move(resolution.request);
  event::RequestKey key = KeyOf(resolution.id, resolution.record, {});
  if (request.events.count > 0) {
    // The same as its event has.
    const auto batch = event::BatchReader::Open(request.events.batch);
    if (!batch || batch->key() == nullptr) {
      Leave(resolution.id);
      return respond->Send(net::ErrorResponse(500, "the event was read without the item's key"));
    }
    key = *batch->key();
  }
  const std::string type = TextAt(item, "event_type");
  request.quarantine.count = 1;
  request.quarantine.batch = ResolutionBatch(resolution.project, now, key,
                                             {.quarantine_id = resolution.id,
                                              .record = resolution.record,
                                              .event_id = resolution.event_id,
                                              .event_type = type,
                                              .timestamp = now});
  auto shared = std::make_shared<const Resolution>(std::move(resolution));
  parts_.core()->Submit(std::move(request),
                        [this, shared, respond](const Result<event::BatchAnswer>& answer) {
                          Leave(shared->id);
                          if (answer && answer->replayed) {
                            return AnswerAsFirst(*shared, *answer, respond);
                          }
                          Answer(*shared, answer, respond);
                        });
}

// Another request resolved the item while this one was under way, and the event is that one's: an
// id that was made for this one names no event. The log's thread, which never waits for a query.
void QuarantineHandler::AnswerAsFirst(Resolution resolution, const event::BatchAnswer& answer,
                                      const Respond& respond) {
  resolution.event_id.clear();
  const auto shared = std::make_shared<Resolution>(std::move(resolution));
  const auto look = [this, shared, answer, respond] {
    if (const auto item = FindItem(shared->project, shared->id)) {
      shared->event_id = TextAt(*item, "replayed_event_id");
    }
    Answer(*shared, answer, respond);
  };
  if (!parts_.pool->Post(shared->project, look)) Answer(*shared, answer, respond);
}

void QuarantineHandler::Answer(const Resolution& resolution,
                               const Result<event::BatchAnswer>& answer, const Respond& respond) {
  if (!answer) return respond->Send(net::ErrorResponse(answer.error(), kReplayHint));
  const bool replayed = resolution.record == event::kReplayedRecord;
  if (!answer->replayed) (replayed ? replayed_ : dropped_).Add();
  const std::string receipt = event::EncodeReceipt(answer->receipt);
  net::Response response;
  response.headers.emplace_back("X-Tidemark-Receipt", receipt);
  JsonWriter json(&response.body);
  json.BeginObject().Field("quarantineId", resolution.id).Field("status", resolution.record);
  if (!resolution.event_id.empty()) json.Field("eventId", resolution.event_id);
  if (replayed && !answer->replayed) {
    json.Field("outcome", answer->AllAccepted() ? "accepted" : "duplicate");
  }
  if (answer->replayed) json.Field("already", true);
  json.Field("receipt", receipt).EndObject();
  response.body.push_back('\n');
  respond->Send(std::move(response));
}

}  // namespace tidemark::serve
