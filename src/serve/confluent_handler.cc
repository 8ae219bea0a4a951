#include "serve/confluent_handler.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "serve/schema_registration.h"

namespace tidemark::serve {
namespace {

constexpr std::string_view kType = "application/vnd.schemaregistry.v1+json";

// Codes of the interface: the HTTP status and two digits.
constexpr int kSubjectNotFound = 40401;
constexpr int kVersionNotFound = 40402;
constexpr int kSchemaNotFound = 40403;
constexpr int kSubjectConfigNotFound = 40408;
constexpr int kIncompatible = 409;
constexpr int kInvalidSchema = 42201;
constexpr int kInvalidVersion = 42202;
constexpr int kInvalidCompatibility = 42203;
constexpr int kInvalidMode = 42204;
constexpr int kNotPermitted = 42205;
constexpr int kInvalidPage = 422;  // Of which the interface knows no more than HTTP.
constexpr int kReferenceExists = 42206;
constexpr int kStoreError = 50001;
constexpr int kUnavailable = 503;  // Of which the interface knows no more than HTTP.
constexpr const char* kRetrySeconds = "1";

net::Response Json(std::string body) {
  net::Response response;
  response.content_type = kType;
  response.body = std::move(body);
  return response;
}

net::Response Refuse(int code, std::string_view message) {
  std::string body;
  JsonWriter(&body)
      .BeginObject()
      .Field("error_code", code)
      .Field("message", ToUtf8(message))
      .EndObject();
  net::Response response = Json(std::move(body));
  response.status = code > 999 ? code / 100 : code;
  return response;
}

net::Response NoSubject(std::string_view subject) {
  return Refuse(kSubjectNotFound, "Subject '" + std::string(subject) + "' not found.");
}
net::Response NoVersion() { return Refuse(kVersionNotFound, "Version not found."); }

std::string SubjectOf(const net::Request& request) {
  return std::string(request.PathParameter("subject"));
}

// Why nothing was deleted. A missing one is told by `missing`.
net::Response NotDeleted(const Error& error, net::Response missing) {
  switch (error.code()) {
    case Code::kConflict:
      return Refuse(kReferenceExists, error.message());
    case Code::kNotFound:
    case Code::kInvalidArgument:  // A built-in one, which is not of this interface.
      return missing;
    default:
      return Refuse(kStoreError, "the registry cannot be written just now");
  }
}

// Only what was registered; built-in subjects are not of this interface.
std::shared_ptr<const meta::SchemaSubject> FindSubject(const meta::ProjectSchemas& schemas,
                                                       std::string_view name) {
  auto subject = schemas.FindSubject(name);
  return subject == nullptr || subject->builtin ? nullptr : subject;
}

bool IsTrue(const net::Request& request, std::string_view name) {
  return request.QueryParameter(name).value_or("false") == "true";
}

// Whether versions count, too, that were deleted: their ids stay readable.
bool WithDeleted(const net::Request& request) { return IsTrue(request, "deleted"); }

// Which of the live and the deleted a list wants.
bool Wants(const net::Request& request, bool is_deleted) {
  if (IsTrue(request, "deletedOnly")) return is_deleted;
  return !is_deleted || WithDeleted(request);
}

// What `subjectPrefix` asks for of the only context: it may name that, or all of them.
bool HasPrefix(const net::Request& request, std::string_view subject) {
  const std::string given = request.QueryParameter("subjectPrefix").value_or("");
  std::string_view prefix = given;
  for (const std::string_view context : {":*:", ":.:"}) {
    if (!prefix.starts_with(context)) continue;
    prefix.remove_prefix(context.size());
    break;
  }
  return subject.starts_with(prefix);
}

// The part of a list that a request wants, element by element.
class Page {
 public:
  static tl::expected<Page, net::Response> Of(const net::Request& request) {
    Page page;
    // As of the interface: a negative limit is none.
    for (const auto& [name, number] : {std::pair("offset", &page.skip_), {"limit", &page.left_}}) {
      const auto text = request.QueryParameter(name);
      if (!text) continue;
      const auto read = std::from_chars(text->data(), text->data() + text->size(), *number);
      if (read.ec == std::errc() && read.ptr == text->data() + text->size()) continue;
      return tl::unexpected(Refuse(kInvalidPage, std::string(name) + " must be a whole number"));
    }
    if (page.skip_ < 0) {
      return tl::unexpected(Refuse(kInvalidPage, "offset must be a whole number from 0"));
    }
    return page;
  }

  void AtMost(std::size_t elements) {
    const auto most = static_cast<std::int64_t>(elements);
    left_ = left_ < 0 ? most : std::min(left_, most);
  }
  // Whether the next element is in it.
  bool Takes() {
    if (skip_ > 0) return --skip_, false;
    if (left_ == 0) return false;
    if (left_ > 0) --left_;
    return true;
  }

 private:
  std::int64_t skip_ = 0;
  std::int64_t left_ = -1;  // Negative: no end.
};

// The same of a subject whose versions may all be deleted, if the request wants those.
std::shared_ptr<const meta::SchemaSubject> FindSubject(const meta::ProjectSchemas& schemas,
                                                       const net::Request& request) {
  const std::string name = SubjectOf(request);
  if (!Wants(request, true)) return FindSubject(schemas, name);
  const auto found = schemas.subjects.find(name);
  return found == schemas.subjects.end() || found->second->builtin ? nullptr : found->second;
}

// Whoever asks for that is not told that it was done.
std::optional<net::Response> RefusePermanent(const net::Request& request) {
  if (request.QueryParameter("permanent").value_or("false") == "false") return std::nullopt;
  return Refuse(kNotPermitted,
                "nothing is deleted for good here: ids stay readable, for events were written by "
                "them; delete without `permanent`");
}

// A whole number, or -1 for "latest"; nothing if it is neither.
std::optional<std::int64_t> NumberOf(std::string_view text) {
  if (text == "latest" || text == "-1") return -1;
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || number < 1) {
    return std::nullopt;
  }
  return number;
}

// The version that the path names, of a subject that was registered.
tl::expected<std::shared_ptr<const meta::SchemaVersion>, net::Response> VersionOf(
    const meta::ProjectSchemas& schemas, const net::Request& request) {
  const auto subject = FindSubject(schemas, request);
  if (subject == nullptr) return tl::unexpected(NoSubject(SubjectOf(request)));
  const auto number = NumberOf(request.PathParameter("version"));
  if (!number || *number > std::numeric_limits<std::int32_t>::max()) {
    return tl::unexpected(
        Refuse(kInvalidVersion, "a version is a whole number from 1, or `latest`"));
  }
  auto found = *number < 0 ? subject->newest() : subject->Find(static_cast<std::int32_t>(*number));
  const bool with_deleted = WithDeleted(request);
  if (with_deleted && *number < 0 && !subject->versions.empty()) found = subject->versions.back();
  if (found == nullptr || (found->deleted && !with_deleted)) return tl::unexpected(NoVersion());
  return found;
}

// The versions that have the id that the path names, by subject.
tl::expected<std::vector<std::shared_ptr<const meta::SchemaVersion>>, net::Response> VersionsOfId(
    const meta::ProjectSchemas& schemas, const net::Request& request) {
  const auto number = NumberOf(request.PathParameter("id"));
  if (!number || schemas.FindId(*number) == nullptr) {
    return tl::unexpected(Refuse(kSchemaNotFound, "Schema not found"));
  }
  const bool with_deleted = WithDeleted(request);
  std::vector<std::shared_ptr<const meta::SchemaVersion>> versions;
  for (const auto& [name, subject] : schemas.subjects) {
    std::ranges::copy_if(subject->versions, std::back_inserter(versions), [&](const auto& version) {
      return version->id == *number && (with_deleted || !version->deleted);
    });
  }
  return versions;
}

void WriteReferences(const meta::SchemaVersion& version, JsonWriter* json) {
  if (!version.references.empty()) json->Key("references").Raw(version.references);
}

// By its list of references; one without a version refers to the newest.
bool RefersTo(const meta::SchemaVersion& one, const meta::SchemaVersion& other, bool is_newest) {
  if (one.references.empty()) return false;
  const auto list = JsonValue::Parse(one.references);
  if (!list) return false;
  return std::ranges::any_of(list->items(), [&](const JsonValue& reference) {
    if (reference.StringAt("subject").value_or("") != other.subject) return false;
    const std::int64_t version = reference.IntAt("version").value_or(-1);
    return version < 0 ? is_newest : version == other.version;
  });
}

void WriteFull(const meta::SchemaVersion& version, JsonWriter* json) {
  json->BeginObject().Field("subject", version.subject).Field("id", version.id);
  json->Field("version", version.version).Field("schemaType", "JSON");
  json->Field("schema", version.text);
  WriteReferences(version, json);
  json->EndObject();
}

// Whether a member is there and says something.
bool Says(const JsonValue& body, std::string_view member) {
  const JsonValue* value = body.Find(member);
  return value != nullptr && !value->is_null() && !(value->is_object() && value->members().empty());
}

// Refuses what is not kept here: whoever sends rules or an alias would think that they hold.
std::optional<net::Response> RefuseForeign(const JsonValue& body, int code) {
  for (const std::string_view member :
       {"metadata", "ruleSet", "alias", "compatibilityGroup", "defaultMetadata", "overrideMetadata",
        "defaultRuleSet", "overrideRuleSet"}) {
    if (!Says(body, member)) continue;
    return Refuse(
        code, std::string(member) + " is not kept here and nothing would come of it: leave it out");
  }
  return std::nullopt;
}

// The body of a registration: `{"schema":"...","schemaType":"JSON","references":[...]}`.
tl::expected<meta::NewSchema, net::Response> ReadBody(const net::Request& request) {
  const auto body = JsonValue::Parse(request.body);
  const JsonValue* text = body ? body->Find("schema") : nullptr;
  if (text == nullptr || !text->is_string()) {
    return tl::unexpected(Refuse(kInvalidSchema, "schema must be a string of JSON"));
  }
  const JsonValue* type = body->Find("schemaType");
  if (type == nullptr || type->text() != "JSON") {
    return tl::unexpected(
        Refuse(kInvalidSchema, "schemaType must be JSON: Avro and Protobuf are not kept here"));
  }
  if (auto refusal = RefuseForeign(*body, kInvalidSchema)) {
    return tl::unexpected(*std::move(refusal));
  }
  meta::NewSchema added{.subject = SubjectOf(request), .text = text->text()};
  const JsonValue* references = body->Find("references");
  if (references != nullptr && !references->items().empty()) {
    added.references = references->ToJson();
  }
  return added;
}

net::Response AnswerOf(const Result<Registration>& made) {
  if (made) {
    const meta::SchemaVersion& version = *made->registered.version;
    std::string body;
    JsonWriter json(&body);
    json.BeginObject().Field("id", version.id);
    json.Field("version", version.version).Field("schemaType", "JSON");
    json.Field("schema", version.text);
    WriteReferences(version, &json);
    json.EndObject();
    return Json(std::move(body));
  }
  switch (made.error().code()) {
    case Code::kConflict:
      return Refuse(kIncompatible, made.error().message());
    case Code::kInvalidArgument:
    case Code::kOverloaded:
      return Refuse(kInvalidSchema, made.error().message());
    case Code::kUnavailable: {
      net::Response response = Refuse(kUnavailable, made.error().message());
      response.headers.emplace_back("Retry-After", kRetrySeconds);
      return response;
    }
    default:
      return Refuse(kStoreError, "the registry cannot be written just now");
  }
}

}  // namespace

void ConfluentHandler::Add(net::Router* router, net::Method method, std::string_view path,
                           Purpose purpose, Action action) {
  AddSchemaWork(router, method, path, purpose, parts_, std::bind_front(action, this));
}

void ConfluentHandler::AddTo(net::Router* router) {
  using net::Method;
  using Self = ConfluentHandler;
  Add(router, Method::kGet, "/subjects", Purpose::kRead, &Self::Subjects);
  Add(router, Method::kPost, "/subjects/{subject}", Purpose::kRead, &Self::LookUp);
  Add(router, Method::kDelete, "/subjects/{subject}", Purpose::kChange, &Self::DeleteSubject);
  Add(router, Method::kGet, "/subjects/{subject}/versions", Purpose::kRead, &Self::Versions);
  Add(router, Method::kGet, "/subjects/{subject}/metadata", Purpose::kRead, &Self::WithMetadata);
  AddSchemaTask(router, Method::kPost, "/subjects/{subject}/versions", Purpose::kChange, parts_,
                std::bind_front(&Self::Register, this));
  Add(router, Method::kGet, "/subjects/{subject}/versions/{version}", Purpose::kRead,
      &Self::Version);
  Add(router, Method::kDelete, "/subjects/{subject}/versions/{version}", Purpose::kChange,
      &Self::DeleteVersion);
  Add(router, Method::kGet, "/subjects/{subject}/versions/{version}/schema", Purpose::kRead,
      &Self::VersionText);
  Add(router, Method::kGet, "/subjects/{subject}/versions/{version}/referencedby", Purpose::kRead,
      &Self::ReferencedBy);
  Add(router, Method::kGet, "/schemas", Purpose::kRead, &Self::AllSchemas);
  Add(router, Method::kGet, "/schemas/types", Purpose::kRead, &Self::Types);
  Add(router, Method::kGet, "/schemas/ids/{id}", Purpose::kRead, &Self::ById);
  Add(router, Method::kGet, "/schemas/ids/{id}/schema", Purpose::kRead, &Self::TextById);
  Add(router, Method::kGet, "/schemas/ids/{id}/versions", Purpose::kRead, &Self::VersionsById);
  Add(router, Method::kGet, "/schemas/ids/{id}/subjects", Purpose::kRead, &Self::SubjectsById);
  Add(router, Method::kPost, "/compatibility/subjects/{subject}/versions", Purpose::kRead,
      &Self::Compatible);
  Add(router, Method::kPost, "/compatibility/subjects/{subject}/versions/{version}", Purpose::kRead,
      &Self::Compatible);
  Add(router, Method::kGet, "/config", Purpose::kRead, &Self::Config);
  Add(router, Method::kPut, "/config", Purpose::kChange, &Self::SetConfig);
  Add(router, Method::kDelete, "/config", Purpose::kChange, &Self::ClearConfig);
  Add(router, Method::kGet, "/config/{subject}", Purpose::kRead, &Self::Config);
  Add(router, Method::kPut, "/config/{subject}", Purpose::kChange, &Self::SetConfig);
  Add(router, Method::kDelete, "/config/{subject}", Purpose::kChange, &Self::ClearConfig);
  for (const std::string_view path : {"/mode", "/mode/{subject}"}) {
    Add(router, Method::kGet, path, Purpose::kRead, &Self::Mode);
    Add(router, Method::kPut, path, Purpose::kChange, &Self::SetMode);
    Add(router, Method::kDelete, path, Purpose::kChange, &Self::Mode);
  }
  Add(router, Method::kGet, "/contexts", Purpose::kRead, &Self::Contexts);
}

net::Response ConfluentHandler::Subjects(const std::string& project, const net::Request& request) {
  auto page = Page::Of(request);
  if (!page) return page.error();
  const auto schemas = parts_.schemas->Of(project);
  std::string body;
  JsonWriter json(&body);
  json.BeginArray();
  for (const auto& [name, subject] : schemas->subjects) {
    const bool is_deleted = subject->newest() == nullptr;
    if (subject->builtin || !Wants(request, is_deleted) || !HasPrefix(request, name)) continue;
    if (page->Takes()) json.String(name);
  }
  json.EndArray();
  return Json(std::move(body));
}

net::Response ConfluentHandler::AllSchemas(const std::string& project,
                                           const net::Request& request) {
  auto page = Page::Of(request);
  if (!page) return page.error();
  page->AtMost(kSchemasListedMax);
  const bool latest_only = IsTrue(request, "latestOnly");
  const auto schemas = parts_.schemas->Of(project);
  std::string body;
  JsonWriter json(&body);
  json.BeginArray();
  for (const auto& [name, subject] : schemas->subjects) {
    if (subject->builtin || !HasPrefix(request, name)) continue;
    const meta::SchemaVersion* latest = nullptr;
    for (const auto& version : subject->versions) {
      if (!Wants(request, version->deleted)) continue;
      latest = version.get();
      if (!latest_only && page->Takes()) WriteFull(*version, &json);
    }
    if (latest_only && latest != nullptr && page->Takes()) WriteFull(*latest, &json);
    if (body.size() > kSchemasListedBytesMax) {
      return Refuse(kInvalidPage,
                    "the schemas are too large for one answer: ask with a smaller "
                    "limit, and for the next ones with offset");
    }
  }
  json.EndArray();
  return Json(std::move(body));
}

net::Response ConfluentHandler::Versions(const std::string& project, const net::Request& request) {
  const auto subject = FindSubject(*parts_.schemas->Of(project), request);
  if (subject == nullptr) return NoSubject(SubjectOf(request));
  auto page = Page::Of(request);
  if (!page) return page.error();
  std::string body;
  JsonWriter json(&body);
  json.BeginArray();
  for (const auto& version : subject->versions) {
    if (version->version == 0 || !Wants(request, version->deleted)) continue;
    if (page->Takes()) json.Int(version->version);
  }
  json.EndArray();
  return Json(std::move(body));
}

void ConfluentHandler::Register(const std::string& project, const net::Request& request,
                                const std::shared_ptr<net::Responder>& responder) const {
  const auto added = ReadBody(request);
  if (!added) return responder->Send(added.error());
  RegisterSchema(parts_, project, *added, {}, responder, AnswerOf);
}

net::Response ConfluentHandler::LookUp(const std::string& project, const net::Request& request) {
  const auto added = ReadBody(request);
  if (!added) return added.error();
  const auto subject = FindSubject(*parts_.schemas->Of(project), request);
  if (subject == nullptr) return NoSubject(added->subject);
  const auto wanted = JsonValue::Parse(added->text);
  if (!wanted) return Refuse(kInvalidSchema, wanted.error().message());
  for (const auto& version : subject->versions) {
    if (version->deleted && !WithDeleted(request)) continue;
    if (version->references != added->references) continue;
    const auto text = JsonValue::Parse(version->text);
    if (!text || text->ToJson() != wanted->ToJson()) continue;
    std::string body;
    JsonWriter json(&body);
    WriteFull(*version, &json);
    return Json(std::move(body));
  }
  return Refuse(kSchemaNotFound, "Schema not found");
}

net::Response ConfluentHandler::Version(const std::string& project, const net::Request& request) {
  const auto version = VersionOf(*parts_.schemas->Of(project), request);
  if (!version) return version.error();
  std::string body;
  JsonWriter json(&body);
  WriteFull(**version, &json);
  return Json(std::move(body));
}

// No schema has metadata here, so none is found by it.
net::Response ConfluentHandler::WithMetadata(const std::string& project,
                                             const net::Request& request) {
  const auto subject = FindSubject(*parts_.schemas->Of(project), request);
  if (subject == nullptr) return NoSubject(SubjectOf(request));
  auto version = subject->newest();
  if (version == nullptr && !subject->versions.empty()) version = subject->versions.back();
  if (version == nullptr || request.QueryParameter("key")) {
    return Refuse(kSchemaNotFound, "Schema not found");
  }
  std::string body;
  JsonWriter json(&body);
  WriteFull(*version, &json);
  return Json(std::move(body));
}

net::Response ConfluentHandler::VersionText(const std::string& project,
                                            const net::Request& request) {
  const auto version = VersionOf(*parts_.schemas->Of(project), request);
  return version ? Json((*version)->text) : version.error();
}

net::Response ConfluentHandler::DeleteSubject(const std::string& project,
                                              const net::Request& request) {
  if (auto refusal = RefusePermanent(request)) return *std::move(refusal);
  const auto deleted =
      parts_.schemas->Delete(project, SubjectOf(request), std::nullopt, parts_.clock->WallNow());
  if (!deleted) return NotDeleted(deleted.error(), NoSubject(SubjectOf(request)));
  std::string body;
  JsonWriter json(&body);
  json.BeginArray();
  for (const std::int32_t version : *deleted) json.Int(version);
  json.EndArray();
  return Json(std::move(body));
}

net::Response ConfluentHandler::DeleteVersion(const std::string& project,
                                              const net::Request& request) {
  if (auto refusal = RefusePermanent(request)) return *std::move(refusal);
  const auto version = VersionOf(*parts_.schemas->Of(project), request);
  if (!version) return version.error();
  const meta::SchemaVersion& one = **version;
  const auto deleted =
      parts_.schemas->Delete(project, one.subject, one.version, parts_.clock->WallNow());
  return deleted ? Json(std::to_string(one.version)) : NotDeleted(deleted.error(), NoVersion());
}

net::Response ConfluentHandler::ById(const std::string& project, const net::Request& request) {
  const auto number = NumberOf(request.PathParameter("id"));
  const auto version = number ? parts_.schemas->Of(project)->FindId(*number) : nullptr;
  if (version == nullptr) return Refuse(kSchemaNotFound, "Schema not found");
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Field("schema", version->text).Field("schemaType", "JSON");
  WriteReferences(*version, &json);
  json.EndObject();
  return Json(std::move(body));
}

net::Response ConfluentHandler::TextById(const std::string& project, const net::Request& request) {
  const auto number = NumberOf(request.PathParameter("id"));
  const auto version = number ? parts_.schemas->Of(project)->FindId(*number) : nullptr;
  return version == nullptr ? Refuse(kSchemaNotFound, "Schema not found") : Json(version->text);
}

net::Response ConfluentHandler::VersionsById(const std::string& project,
                                             const net::Request& request) {
  const auto versions = VersionsOfId(*parts_.schemas->Of(project), request);
  if (!versions) return versions.error();
  std::string body;
  JsonWriter json(&body);
  json.BeginArray();
  for (const auto& one : *versions) {
    json.BeginObject().Field("subject", one->subject).Field("version", one->version).EndObject();
  }
  json.EndArray();
  return Json(std::move(body));
}

net::Response ConfluentHandler::SubjectsById(const std::string& project,
                                             const net::Request& request) {
  const auto versions = VersionsOfId(*parts_.schemas->Of(project), request);
  if (!versions) return versions.error();
  std::set<std::string> subjects;
  for (const auto& one : *versions) subjects.insert(one->subject);
  std::string body;
  JsonWriter json(&body);
  json.BeginArray();
  for (const std::string& subject : subjects) json.String(subject);
  json.EndArray();
  return Json(std::move(body));
}

net::Response ConfluentHandler::ReferencedBy(const std::string& project,
                                             const net::Request& request) {
  const auto schemas = parts_.schemas->Of(project);
  const auto version = VersionOf(*schemas, request);
  if (!version) return version.error();
  const auto subject = FindSubject(*schemas, (*version)->subject);
  const bool is_newest = subject != nullptr && subject->newest() == *version;
  std::set<std::int64_t> ids;
  for (const auto& [name, other] : schemas->subjects) {
    for (const auto& one : other->versions) {
      if (!one->deleted && RefersTo(*one, **version, is_newest)) ids.insert(one->id);
    }
  }
  std::string body;
  JsonWriter json(&body);
  json.BeginArray();
  for (const std::int64_t id : ids) json.Int(id);
  json.EndArray();
  return Json(std::move(body));
}

net::Response ConfluentHandler::Types(const std::string& /*project*/,
                                      const net::Request& /*request*/) {
  return Json("[\"JSON\"]");
}

net::Response ConfluentHandler::Compatible(const std::string& project,
                                           const net::Request& request) {
  const auto added = ReadBody(request);
  if (!added) return added.error();
  const auto schemas = parts_.schemas->Of(project);
  std::optional<std::int32_t> version;
  if (!request.PathParameter("version").empty()) {
    const auto found = VersionOf(*schemas, request);
    if (!found) return found.error();
    version = (*found)->version;
  } else if (FindSubject(*schemas, added->subject) == nullptr) {
    return NoSubject(added->subject);
  }
  const auto json_text = JsonValue::Parse(added->text);
  if (!json_text) return Refuse(kInvalidSchema, json_text.error().message());
  const auto compiled =
      parts_.schemas->Compile(project, added->subject, *json_text, added->references);
  if (!compiled) return Refuse(kInvalidSchema, compiled.error().message());
  const auto breaks = parts_.schemas->CheckCompatibility(project, *added, version);
  if (!breaks) return Refuse(kStoreError, breaks.error().message());
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Field("is_compatible", breaks->empty());
  json.Key("messages").BeginArray();
  for (const schema::Break& one : *breaks) {
    json.String(one.path + " " + one.rule + ": " + one.message);
  }
  json.EndArray().EndObject();
  return Json(std::move(body));
}

net::Response ConfluentHandler::Config(const std::string& project, const net::Request& request) {
  const auto schemas = parts_.schemas->Of(project);
  schema::Compatibility level = schemas->compatibility;
  if (const std::string name = SubjectOf(request); !name.empty()) {
    const auto subject = FindSubject(*schemas, name);
    const bool own = subject != nullptr && subject->compatibility.has_value();
    if (!own && request.QueryParameter("defaultToGlobal") != "true") {
      return Refuse(kSubjectConfigNotFound,
                    "Subject '" + name + "' does not have subject-level compatibility configured");
    }
    if (own) level = *subject->compatibility;
  }
  std::string body;
  JsonWriter(&body)
      .BeginObject()
      .Field("compatibilityLevel", schema::CompatibilityName(level))
      .EndObject();
  return Json(std::move(body));
}

net::Response ConfluentHandler::SetConfig(const std::string& project, const net::Request& request) {
  const auto body = JsonValue::Parse(request.body);
  if (body) {
    if (auto refusal = RefuseForeign(*body, kNotPermitted)) return *std::move(refusal);
  }
  const JsonValue* name = body ? body->Find("compatibility") : nullptr;
  const auto level = schema::FindCompatibility(name == nullptr ? "" : name->text());
  if (!level) return Refuse(kInvalidCompatibility, level.error().message());
  meta::SubjectChange change;
  change.compatibility = *level;
  if (auto refusal = ChangeConfig(project, request, change)) return *std::move(refusal);
  std::string answer;
  JsonWriter(&answer)
      .BeginObject()
      .Field("compatibility", schema::CompatibilityName(*level))
      .EndObject();
  return Json(std::move(answer));
}

// Of a subject, or of all where the path names none.
std::optional<net::Response> ConfluentHandler::ChangeConfig(const std::string& project,
                                                            const net::Request& request,
                                                            const meta::SubjectChange& change) {
  const std::string subject = SubjectOf(request);
  const Status done =
      subject.empty()
          ? parts_.schemas->SetCompatibility(
                project, change.compatibility.value_or(meta::ProjectSchemas().compatibility))
          : parts_.schemas->Change(project, subject, change, parts_.clock->WallNow());
  if (done) return std::nullopt;
  return done.error().code() == Code::kNotFound
             ? NoSubject(subject)
             : Refuse(kStoreError, "the registry cannot be written just now");
}

// Answers with the level that held until now.
net::Response ConfluentHandler::ClearConfig(const std::string& project,
                                            const net::Request& request) {
  const auto before = parts_.schemas->Of(project);
  schema::Compatibility level = before->compatibility;
  if (const auto subject = FindSubject(*before, SubjectOf(request))) {
    level = subject->compatibility.value_or(level);
  }
  meta::SubjectChange change;
  change.clear_compatibility = true;
  if (auto refusal = ChangeConfig(project, request, change)) return *std::move(refusal);
  std::string body;
  JsonWriter(&body)
      .BeginObject()
      .Field("compatibilityLevel", schema::CompatibilityName(level))
      .EndObject();
  return Json(std::move(body));
}

net::Response ConfluentHandler::Mode(const std::string& /*project*/,
                                     const net::Request& /*request*/) {
  return Json(R"({"mode":"READWRITE"})");
}

// There is one mode: setting that one changes nothing, and nobody is told that another one holds.
net::Response ConfluentHandler::SetMode(const std::string& project, const net::Request& request) {
  const auto body = JsonValue::Parse(request.body);
  const JsonValue* mode = body ? body->Find("mode") : nullptr;
  const std::string_view name = mode == nullptr ? "" : mode->text();
  if (name == "READWRITE") return Mode(project, request);
  for (const std::string_view other : {"READONLY", "READONLY_OVERRIDE", "IMPORT", "FORWARD"}) {
    if (name != other) continue;
    return Refuse(kNotPermitted,
                  "the mode is READWRITE here and stays it: a key without the scope `admin` only "
                  "reads, and numbers are given out by the registry alone");
  }
  return Refuse(kInvalidMode, "mode must be READWRITE");
}

// All subjects are in the context that needs no name.
net::Response ConfluentHandler::Contexts(const std::string& /*project*/,
                                         const net::Request& request) {
  auto page = Page::Of(request);
  if (!page) return page.error();
  return Json(page->Takes() ? R"(["."])" : "[]");
}

}  // namespace tidemark::serve
