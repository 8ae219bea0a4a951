#include "serve/schema_handler.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "event/json_events.h"
#include "event/type_name.h"
#include "net/query_names.h"
#include "schema/infer.h"
#include "serve/schema_json.h"
#include "serve/schema_registration.h"

namespace tidemark::serve {
namespace {

constexpr std::array<std::string_view, 4> kRegisterParameters = {"project", "mode", "compatibility",
                                                                 "promote"};
constexpr std::string_view kBodyHint =
    R"(send a JSON Schema, or {"schema":{...},"mode":"observe","compatibility":"BACKWARD"})";

constexpr std::string_view kWishHint =
    "send \"promote\":true or \"promote\":[\"amount\"] beside \"schema\", or ?promote=all or "
    "?promote=amount,plan";

net::Response Json(std::string body, int status = 200) {
  net::Response response;
  response.status = status;
  response.body = std::move(body) + "\n";
  return response;
}

net::Response NoSubject(std::string_view subject) {
  return net::ErrorResponse(404, "there is no subject " + std::string(subject),
                            "GET /v1/schemas lists them");
}

net::Response NoVersion(const std::string& subject) {
  return net::ErrorResponse(404, "there is no such version of " + subject,
                            "GET /v1/schemas/" + subject + "/versions lists them");
}

// Absent or "latest": -1.
Result<std::int32_t> VersionNumber(std::string_view text) {
  if (text.empty() || text == "latest") return -1;
  std::int32_t version = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), version);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || version < 0) {
    return Fail(Code::kInvalidArgument, "a version is a whole number or `latest`");
  }
  return version;
}

std::shared_ptr<const meta::SchemaVersion> FindVersion(const meta::SchemaSubject& subject,
                                                       std::int32_t version) {
  auto found = version < 0 ? subject.newest() : subject.Find(version);
  return found == nullptr || found->deleted ? nullptr : found;
}

Status ReadSettings(const JsonValue& body, std::optional<meta::SchemaMode>* mode,
                    std::optional<schema::Compatibility>* compatibility,
                    std::optional<std::vector<std::string>>* event_types) {
  if (const JsonValue* value = body.Find("mode")) {
    TM_ASSIGN(*mode, meta::FindSchemaMode(value->text()));
  }
  if (const JsonValue* value = body.Find("compatibility"); value != nullptr && !value->is_null()) {
    TM_ASSIGN(*compatibility, schema::FindCompatibility(value->text()));
  }
  if (const JsonValue* value = body.Find("event_types")) {
    if (!value->is_array()) return Fail(Code::kInvalidArgument, "event_types must be a list");
    std::vector<std::string> types;
    for (const JsonValue& type : value->items()) types.push_back(type.text());
    *event_types = std::move(types);
  }
  return {};
}

// The schema itself, or an object around it; settings also as parameters.
Result<meta::NewSchema> ReadNewSchema(const net::Request& request) {
  meta::NewSchema added;
  added.subject = std::string(request.PathParameter("subject"));
  added.text = request.body;
  TM_ASSIGN(const JsonValue body, JsonValue::Parse(request.body));
  const JsonValue* inner = body.Find("schema");
  const bool wrapped = inner != nullptr && body.Find("type") == nullptr &&
                       body.Find("properties") == nullptr && body.Find("$schema") == nullptr;
  if (wrapped) {
    added.text = inner->is_string() ? inner->text() : inner->ToJson();
    if (const JsonValue* references = body.Find("references")) {
      if (!references->items().empty()) added.references = references->ToJson();
    }
    TM_TRY(ReadSettings(body, &added.mode, &added.compatibility, &added.event_types));
  }
  if (const auto mode = request.QueryParameter("mode")) {
    TM_ASSIGN(added.mode, meta::FindSchemaMode(*mode));
  }
  if (const auto compatibility = request.QueryParameter("compatibility")) {
    TM_ASSIGN(added.compatibility, schema::FindCompatibility(*compatibility));
  }
  return added;
}

// Judges every event that can be read by one schema and lists what is wrong with it.
class ListingCheck final : public event::EventCheck {
 public:
  ListingCheck(const schema::Validator* validator, std::string project)
      : validator_(validator), project_(std::move(project)) {}

  event::CheckFinding Check(const event::EventView& event) override {
    schema::Instance instance;
    std::vector<schema::Finding> findings;
    schema::Judgement judgement = schema::Judgement::kUndecided;
    if (instance.Read(event, project_, validator_->shape())) {
      budget_.NextEvent();
      schema::Validator::Steps steps{.max = budget_.Left()};
      judgement = validator_->Judge(instance, &findings, kFindingsTold, &steps);
      budget_.Take(steps.taken);
    }
    event::CheckFinding finding;
    if (judgement == schema::Judgement::kValid) return finding;
    finding.code = "schema";
    finding.refuse = true;
    JsonWriter json(&finding.message);
    WriteFindings(judgement, findings, &json);
    return finding;
  }

 private:
  static constexpr std::size_t kFindingsTold = 20;
  const schema::Validator* const validator_;
  const std::string project_;
  schema::StepBudget budget_;
};

Result<std::string> ValidateEvents(const schema::Validator& validator, const std::string& project,
                                   TimeMicros now, const std::string& body) {
  ListingCheck check(&validator, project);
  event::JsonEventParser parser({}, [] { return 1ULL; });
  event::BatchBuilder builder(project, now);
  TM_ASSIGN(
      const event::ParsedEvents parsed,
      parser.Parse(body, {.project = project, .received_at = now, .check = &check}, &builder));
  std::string text;
  JsonWriter json(&text);
  json.BeginObject().Field("valid", parsed.refused == 0).Field("events", parsed.received);
  json.Field("invalid", parsed.refused).Key("results").BeginArray();
  for (const event::RefusedEvent& refused : parsed.listed) {
    json.BeginObject().Field("index", refused.index).Key("findings");
    if (refused.code == "schema") {
      json.Raw(refused.message);
    } else {
      json.BeginArray().BeginObject().Field("keyword", refused.code);
      json.Field("message", refused.message).EndObject().EndArray();
    }
    json.EndObject();
  }
  json.EndArray().EndObject();
  return text;
}

Result<std::string> ValidateDocument(const schema::Validator& validator, const std::string& body) {
  TM_ASSIGN(const JsonValue value, JsonValue::Parse(body));
  schema::Instance instance;
  TM_TRY(instance.Read(value));
  std::vector<schema::Finding> findings;
  const schema::Judgement judgement = validator.Judge(instance, &findings, 100);
  std::string text;
  JsonWriter json(&text);
  json.BeginObject().Field("valid", judgement == schema::Judgement::kValid).Key("findings");
  WriteFindings(judgement, findings, &json);
  json.EndObject();
  return text;
}

// `promote`: true or names, in the body around the schema; or all or names as a parameter.
Result<schema::PromotionWish> ReadWish(const net::Request& request) {
  schema::PromotionWish wish;
  const auto body = JsonValue::Parse(request.body);
  const JsonValue* value = body && body->Find("schema") ? body->Find("promote") : nullptr;
  if (value != nullptr && value->is_array()) {
    for (const JsonValue& name : value->items()) wish.names.push_back(name.text());
  } else if (value != nullptr) {
    if (!value->Bool()) return Fail(Code::kInvalidArgument, "promote is not read");
    wish.all = *value->Bool();
  }
  const std::string names = request.QueryParameter("promote").value_or("");
  if (names == "all") wish.all = true;
  for (std::size_t at = 0; at < names.size() && names != "all";) {
    const std::size_t end = std::min(names.find(',', at), names.size());
    if (end > at) wish.names.push_back(names.substr(at, end - at));
    at = end + 1;
  }
  return wish;
}

void WriteColumns(const Registration& made, JsonWriter* json) {
  json->Key("columns").BeginArray();
  for (const event::PropertyColumn& column : made.promoted) {
    const auto place = made.columns ? made.columns->Find(column.name) : std::nullopt;
    json->BeginObject().Field("name", column.name).Field("property", column.key);
    json->Field("type", TypeName(column.type));
    if (place) json->Field("field_id", made.columns->columns[*place].field_id);
    json->EndObject();
  }
  json->EndArray();
}

net::Response AnswerOf(const meta::ProjectSchemas& schemas, const std::string& name,
                       const Registration& made) {
  const auto subject = schemas.FindSubject(name);
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Field("subject", name);
  json.Field("version", made.registered.version->version);
  json.Field("id", made.registered.version->id).Field("new", made.registered.is_new);
  if (subject != nullptr) json.Field("mode", meta::SchemaModeName(subject->mode));
  json.Key("notes").BeginArray();
  for (const std::string& note : made.registered.notes) json.String(note);
  json.EndArray();
  WriteColumns(made, &json);
  json.EndObject();
  return Json(std::move(body), made.registered.is_new ? 201 : 200);
}

net::Response RefusalOf(const Error& error) {
  switch (error.code()) {
    case Code::kConflict:
      return net::ErrorResponse(error,
                                "change the schema, or register it under another name, or with "
                                "?compatibility=NONE");
    case Code::kInvalidArgument:
      return net::ErrorResponse(error, kBodyHint);
    case Code::kIoError:
      return net::ErrorResponse(error,
                                "nothing was registered: see that the server's disk has room and "
                                "can be written, then send it again");
    default:
      return net::ErrorResponse(error);
  }
}

}  // namespace

void AddSchemaTask(net::Router* router, net::Method method, std::string_view path, Purpose purpose,
                   const SchemaHandlerParts& parts, const SchemaTask& task) {
  router->Add(method, path,
              [&parts, purpose, task](net::Request request,
                                      const std::shared_ptr<net::Responder>& responder) {
                auto project = purpose == Purpose::kChange ? parts.may_change(request)
                                                           : parts.may_read(request);
                if (!project) return responder->Send(std::move(project).error());
                const bool posted = parts.pool->Post(
                    *project, [task, project = *project,
                               shared = std::make_shared<const net::Request>(std::move(request)),
                               responder] { task(project, *shared, responder); });
                if (!posted) {
                  responder->Send(net::ErrorResponse(
                      Error(Code::kOverloaded, "too much waits; ask again in a moment")));
                }
              });
}

void AddSchemaWork(net::Router* router, net::Method method, std::string_view path, Purpose purpose,
                   const SchemaHandlerParts& parts, const SchemaWork& work) {
  AddSchemaTask(router, method, path, purpose, parts,
                [work](const std::string& project, const net::Request& request,
                       const std::shared_ptr<net::Responder>& responder) {
                  responder->Send(work(project, request));
                });
}

void SchemaHandler::Add(net::Router* router, net::Method method, std::string_view path,
                        Purpose purpose, Action action,
                        std::initializer_list<std::string_view> known) {
  std::vector<std::string_view> parameters(known);
  parameters.emplace_back("project");
  AddSchemaWork(
      router, method, path, purpose, parts_,
      [this, action, parameters](const std::string& project, const net::Request& request) {
        auto refusal = net::RefuseUnknownParameters(request, parameters, net::Strangers::kRefused);
        return refusal ? *std::move(refusal) : (this->*action)(project, request);
      });
}

void SchemaHandler::AddTo(net::Router* router) {
  using net::Method;
  using Self = SchemaHandler;
  Add(router, Method::kGet, "/v1/schemas", Purpose::kRead, &Self::List);
  Add(router, Method::kPut, "/v1/schemas", Purpose::kChange, &Self::Configure);
  AddSchemaTask(router, Method::kPost, "/v1/schemas/{subject}", Purpose::kChange, parts_,
                std::bind_front(&Self::Register, this));
  Add(router, Method::kGet, "/v1/schemas/{subject}", Purpose::kRead, &Self::Show);
  Add(router, Method::kPut, "/v1/schemas/{subject}", Purpose::kChange, &Self::Change);
  Add(router, Method::kDelete, "/v1/schemas/{subject}", Purpose::kChange, &Self::Delete);
  Add(router, Method::kGet, "/v1/schemas/{subject}/versions", Purpose::kRead, &Self::Versions);
  Add(router, Method::kGet, "/v1/schemas/{subject}/versions/{version}", Purpose::kRead,
      &Self::Version);
  Add(router, Method::kDelete, "/v1/schemas/{subject}/versions/{version}", Purpose::kChange,
      &Self::Delete);
  Add(router, Method::kPost, "/v1/schemas/{subject}/compatibility", Purpose::kRead, &Self::Check,
      {"mode", "compatibility", "version"});
  Add(router, Method::kPost, "/v1/schemas/{subject}/validate", Purpose::kRead, &Self::Validate,
      {"version", "as"});
  Add(router, Method::kPost, "/v1/schemas/{subject}/infer", Purpose::kRead, &Self::Infer,
      {"limit"});
  AddSchemaWork(router, Method::kGet, "/api/schemas/{vendor}/{name}/{format}/{version}",
                Purpose::kRead, parts_, std::bind_front(&Self::Iglu, this));
}

net::Response SchemaHandler::List(const std::string& project, const net::Request& /*request*/) {
  const auto schemas = parts_.schemas->Of(project);
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Field("project", project);
  json.Field("compatibility", schema::CompatibilityName(schemas->compatibility));
  json.Key("subjects").BeginArray();
  for (const auto& [name, subject] : schemas->subjects) {
    if (subject->newest() != nullptr) WriteSubject(*schemas, *subject, Detail::kBrief, &json);
  }
  json.EndArray().EndObject();
  return Json(std::move(body));
}

net::Response SchemaHandler::Configure(const std::string& project, const net::Request& request) {
  const auto body = JsonValue::Parse(request.body);
  if (!body) return net::ErrorResponse(body.error());
  const auto name = body->StringAt("compatibility");
  if (!name) return net::ErrorResponse(name.error(), R"(send {"compatibility":"BACKWARD"})");
  const auto mode = schema::FindCompatibility(*name);
  if (!mode) return net::ErrorResponse(mode.error());
  const Status set = parts_.schemas->SetCompatibility(project, *mode);
  if (!set) return net::ErrorResponse(set.error());
  return List(project, request);
}

void SchemaHandler::Register(const std::string& project, const net::Request& request,
                             const std::shared_ptr<net::Responder>& responder) const {
  if (auto refusal =
          net::RefuseUnknownParameters(request, kRegisterParameters, net::Strangers::kRefused)) {
    return responder->Send(*std::move(refusal));
  }
  const auto added = ReadNewSchema(request);
  if (!added) return responder->Send(net::ErrorResponse(added.error(), kBodyHint));
  const auto wish = ReadWish(request);
  if (!wish) return responder->Send(net::ErrorResponse(wish.error(), kWishHint));
  const auto answer = [schemas = parts_.schemas, project,
                       name = added->subject](const Result<Registration>& made) {
    return made ? AnswerOf(*schemas->Of(project), name, *made) : RefusalOf(made.error());
  };
  RegisterSchema(parts_, project, *added, *wish, responder, answer);
}

net::Response SchemaHandler::Show(const std::string& project, const net::Request& request) {
  const std::string name(request.PathParameter("subject"));
  const auto schemas = parts_.schemas->Of(project);
  const auto subject = schemas->FindSubject(name);
  if (subject == nullptr) return NoSubject(name);
  std::string body;
  JsonWriter json(&body);
  WriteSubject(*schemas, *subject, Detail::kFull, &json);
  return Json(std::move(body));
}

net::Response SchemaHandler::Change(const std::string& project, const net::Request& request) {
  const std::string name(request.PathParameter("subject"));
  const auto body = JsonValue::Parse(request.body.empty() ? "{}" : request.body);
  if (!body) return net::ErrorResponse(body.error());
  meta::SubjectChange change;
  if (const Status read =
          ReadSettings(*body, &change.mode, &change.compatibility, &change.event_types);
      !read) {
    return net::ErrorResponse(read.error(),
                              R"(send {"mode":"off|observe|enforce","compatibility":"BACKWARD",)"
                              R"("event_types":["purchase"]}, each if it is to change)");
  }
  const JsonValue* compatibility = body->Find("compatibility");
  change.clear_compatibility = compatibility != nullptr && compatibility->is_null();
  const Status changed = parts_.schemas->Change(project, name, change, parts_.clock->WallNow());
  if (!changed && changed.error().code() == Code::kNotFound) return NoSubject(name);
  if (!changed) return net::ErrorResponse(changed.error());
  return Show(project, request);
}

net::Response SchemaHandler::Delete(const std::string& project, const net::Request& request) {
  const std::string name(request.PathParameter("subject"));
  const std::string_view text = request.PathParameter("version");
  auto number = VersionNumber(text);
  if (!number) return net::ErrorResponse(number.error());
  std::optional<std::int32_t> version;
  if (!text.empty()) {
    const auto subject = parts_.schemas->Of(project)->FindSubject(name);
    const auto found = subject != nullptr ? FindVersion(*subject, *number) : nullptr;
    if (found == nullptr) return subject == nullptr ? NoSubject(name) : NoVersion(name);
    version = found->version;
  }
  const auto deleted = parts_.schemas->Delete(project, name, version, parts_.clock->WallNow());
  if (!deleted) return net::ErrorResponse(deleted.error());
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Field("subject", name).Key("deleted").BeginArray();
  for (const std::int32_t one : *deleted) json.Int(one);
  json.EndArray().EndObject();
  return Json(std::move(body));
}

net::Response SchemaHandler::Versions(const std::string& project, const net::Request& request) {
  const std::string name(request.PathParameter("subject"));
  const auto subject = parts_.schemas->Of(project)->FindSubject(name);
  if (subject == nullptr) return NoSubject(name);
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Field("subject", name).Key("versions").BeginArray();
  for (const auto& version : subject->versions) {
    if (!version->deleted) WriteVersion(*version, Detail::kBrief, &json);
  }
  json.EndArray().EndObject();
  return Json(std::move(body));
}

net::Response SchemaHandler::Version(const std::string& project, const net::Request& request) {
  const std::string name(request.PathParameter("subject"));
  const auto subject = parts_.schemas->Of(project)->FindSubject(name);
  if (subject == nullptr) return NoSubject(name);
  const auto number = VersionNumber(request.PathParameter("version"));
  if (!number) return net::ErrorResponse(number.error());
  const auto version = FindVersion(*subject, *number);
  if (version == nullptr) {
    return NoVersion(name);
  }
  std::string body;
  JsonWriter json(&body);
  WriteVersion(*version, Detail::kFull, &json);
  return Json(std::move(body));
}

net::Response SchemaHandler::Check(const std::string& project, const net::Request& request) {
  const auto added = ReadNewSchema(request);
  if (!added) return net::ErrorResponse(added.error(), kBodyHint);
  const auto json_text = JsonValue::Parse(added->text);
  if (!json_text) return net::ErrorResponse(json_text.error(), kBodyHint);
  const auto compiled =
      parts_.schemas->Compile(project, added->subject, *json_text, added->references);
  if (!compiled) return net::ErrorResponse(compiled.error(), kBodyHint);
  std::optional<std::int32_t> version;
  if (const auto text = request.QueryParameter("version")) {
    const auto number = VersionNumber(*text);
    if (!number) return net::ErrorResponse(number.error());
    if (*number >= 0) version = *number;
  }
  const auto breaks = parts_.schemas->CheckCompatibility(project, *added, version);
  if (!breaks) return net::ErrorResponse(breaks.error());
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Field("compatible", breaks->empty()).Key("breaks").BeginArray();
  for (const schema::Break& one : *breaks) {
    json.BeginObject().Field("path", one.path).Field("rule", one.rule);
    json.Field("message", one.message).EndObject();
  }
  json.EndArray().Key("notes").BeginArray();
  for (const std::string& note : (*compiled)->notes()) json.String(note);
  json.EndArray().EndObject();
  return Json(std::move(body));
}

net::Response SchemaHandler::Validate(const std::string& project, const net::Request& request) {
  const std::string name(request.PathParameter("subject"));
  if (request.body.size() > kValidateBytesMax) {
    return net::ErrorResponse(
        413, "the body has more than " + std::to_string(kValidateBytesMax) + " bytes");
  }
  const auto subject = parts_.schemas->Of(project)->FindSubject(name);
  if (subject == nullptr) return NoSubject(name);
  const auto number = VersionNumber(request.QueryParameter("version").value_or(""));
  if (!number) return net::ErrorResponse(number.error());
  const auto version = FindVersion(*subject, *number);
  if (version == nullptr) return NoVersion(name);
  auto validator = version->validator;
  if (validator == nullptr) {
    const auto text = JsonValue::Parse(version->text);
    if (!text) return net::ErrorResponse(text.error());
    const auto compiled = parts_.schemas->Compile(project, name, *text, version->references);
    if (!compiled) return net::ErrorResponse(compiled.error());
    validator = *compiled;
  }
  const std::string as = request.QueryParameter("as").value_or("events");
  if (as != "document" && as != "events") {
    return net::ErrorResponse(400, "as must be document or events");
  }
  const bool document = as == "document";
  auto answer = document
                    ? ValidateDocument(*validator, request.body)
                    : ValidateEvents(*validator, project, parts_.clock->WallNow(), request.body);
  if (!answer) {
    return net::ErrorResponse(answer.error(),
                              "send events as to POST /v1/events, or with ?as=document one JSON "
                              "value of any kind");
  }
  return Json(*std::move(answer));
}

net::Response SchemaHandler::Infer(const std::string& project, const net::Request& request) {
  const std::string type(request.PathParameter("subject"));
  std::uint64_t limit = kInferEventsDefault;
  if (const auto text = request.QueryParameter("limit")) {
    const auto read = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (read.ec != std::errc() || read.ptr != text->data() + text->size() || limit == 0 ||
        limit > kInferEventsMax) {
      return net::ErrorResponse(
          400, "limit must be a number from 1 to " + std::to_string(kInferEventsMax));
    }
  }
  std::uint64_t looked_at = 0;
  auto proposal = InferFrom(project, type, limit, &looked_at);
  if (!proposal) return net::ErrorResponse(proposal.error());
  if (looked_at == 0) {
    return net::ErrorResponse(404, "there is no event of the type " + type,
                              "the proposal is made from events that have arrived");
  }
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Field("event_type", type).Field("events", looked_at);
  json.Key("schema").Raw(*proposal).EndObject();
  return Json(std::move(body));
}

Result<std::string> SchemaHandler::InferFrom(const std::string& project, const std::string& type,
                                             std::uint64_t limit, std::uint64_t* looked_at) {
  if (parts_.service() == nullptr) {
    return Fail(Code::kUnavailable, "the server is replaying its log; ask again in a moment");
  }
  query::SqlRequest ask;
  ask.project = project;
  // Promoted properties are among `properties` too.
  for (const event::ColumnInfo& info : event::kColumns) {
    ask.sql += (ask.sql.empty() ? "SELECT " : ", ") + std::string(info.name);
  }
  ask.sql += " FROM events WHERE event_type = $type ORDER BY log_offset DESC LIMIT " +
             std::to_string(limit);
  ask.named_parameters.emplace_back("type", type);
  schema::Inference inference;
  TM_TRY(parts_.service()->ForEachRow(std::move(ask), [&](const JsonValue& row) -> Status {
    inference.AddRow(row);
    ++*looked_at;
    return {};
  }));
  return inference.Propose(type);
}

// `iglu:vendor/name/jsonschema/1-0-N`: addition N is version N + 1 of the subject `vendor.name`, or
// of `name`.
net::Response SchemaHandler::Iglu(const std::string& project, const net::Request& request) {
  const auto refuse = [](const std::string& message) {
    std::string body;
    JsonWriter(&body).BeginObject().Field("message", message).EndObject();
    return Json(std::move(body), 404);
  };
  const std::string vendor(request.PathParameter("vendor"));
  const std::string name(request.PathParameter("name"));
  const std::string version_text(request.PathParameter("version"));
  if (request.PathParameter("format") != "jsonschema") return refuse("The schema is not found");
  const auto schemas = parts_.schemas->Of(project);
  auto subject = schemas->FindSubject(vendor + "." + name);
  if (subject == nullptr) subject = schemas->FindSubject(name);
  if (subject == nullptr || !version_text.starts_with("1-0-")) {
    return refuse("The schema is not found");
  }
  const auto addition = VersionNumber(std::string_view(version_text).substr(4));
  if (!addition || *addition < 0 || *addition > meta::kVersionsMax) {
    return refuse("The schema is not found");
  }
  const auto version = FindVersion(*subject, *addition + (subject->builtin ? 0 : 1));
  if (version == nullptr) return refuse("The schema is not found");
  const auto text = JsonValue::Parse(version->text);
  if (!text || !text->is_object()) return refuse("The schema is not found");
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Key("self").BeginObject().Field("vendor", ToUtf8(vendor)).Field("name", name);
  json.Field("format", "jsonschema").Field("version", version_text).EndObject();
  for (const auto& [key, value] : text->members()) {
    if (key != "self") json.Key(key).Raw(value.ToJson());
  }
  json.EndObject();
  return Json(std::move(body));
}

}  // namespace tidemark::serve
