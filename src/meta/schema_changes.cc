// Changes of the registry: each is one transaction, and is published before it is answered.

#include <algorithm>
#include <utility>

#include "base/json_writer.h"
#include "base/secret_hash.h"
#include "meta/schemas.h"

namespace tidemark::meta {
namespace {

std::string TypesJson(const std::vector<std::string>& types) {
  std::string text;
  JsonWriter json(&text);
  json.BeginArray();
  for (const std::string& type : types) json.String(type);
  json.EndArray();
  return text;
}

Status CheckTypes(const std::vector<std::string>& types) {
  const bool bad =
      types.size() > kEventTypesMax || std::ranges::any_of(types, [](const std::string& type) {
        return type.empty() || type.size() > kSubjectBytesMax;
      });
  if (!bad) return {};
  return Fail(Code::kInvalidArgument, "event_types must be at most " +
                                          std::to_string(kEventTypesMax) + " names, each of 1 to " +
                                          std::to_string(kSubjectBytesMax) + " bytes");
}

// What is kept is answered as it is: it must be what a reader expects.
Status CheckReferences(const std::string& references) {
  if (references.empty()) return {};
  TM_ASSIGN(const JsonValue list, JsonValue::Parse(references));
  for (const JsonValue& one : list.items()) {
    const JsonValue* version = one.Find("version");
    const auto number = version != nullptr ? version->Int() : std::optional<std::int64_t>(-1);
    if (!one.StringAt("name") || !one.StringAt("subject") || !number || *number < -1 ||
        *number > kVersionsMax) {
      return Fail(Code::kInvalidArgument,
                  R"(a reference is written as {"name":"a.json","subject":"a","version":1})");
    }
  }
  return {};
}

std::string BreaksMessage(const std::vector<schema::Break>& breaks) {
  std::string message = "the schema is not compatible with what is registered:";
  for (const schema::Break& one : breaks) {
    message += " " + one.path + " " + one.rule + ": " + one.message + ";";
  }
  message.pop_back();
  return message;
}

Error NoSubject(std::string_view subject) {
  return {Code::kNotFound, "there is no subject " + std::string(subject)};
}

// The row of a subject, made if it is not there. Its next version.
Result<std::int32_t> TouchSubject(Transaction* transaction, std::string_view project,
                                  const SchemaSubject& subject) {
  {
    TM_ASSIGN(Statement insert,
              transaction->Prepare("INSERT INTO schema_subject VALUES(?1,?2,?3,?4,?5,1)"
                                   " ON CONFLICT DO UPDATE SET event_types=?3,mode=?4,"
                                   "compatibility=?5"));
    const std::string types = TypesJson(subject.event_types);
    const std::string_view compatibility =
        subject.compatibility ? schema::CompatibilityName(*subject.compatibility) : "";
    TM_TRY(insert.Bind(1, project)
               .Bind(2, std::string_view(subject.name))
               .Bind(3, std::string_view(types))
               .Bind(4, SchemaModeName(subject.mode))
               .Bind(5, compatibility)
               .Run());
  }
  TM_ASSIGN(Statement next, transaction->Prepare("SELECT next_version FROM schema_subject"
                                                 " WHERE project=?1 AND subject=?2"));
  TM_ASSIGN(const bool row, next.Bind(1, project).Bind(2, std::string_view(subject.name)).Step());
  if (!row) return Fail(Code::kInternal, "a subject was lost");
  return static_cast<std::int32_t>(next.Int(0));
}

// The id of a text; the same text of a project has one.
Result<std::int64_t> AddText(Transaction* transaction, std::string_view project,
                             const NewSchema& added, const JsonValue& json) {
  const std::string hash = Sha256Hex(json.ToJson() + "\n" + added.references);
  {
    TM_ASSIGN(Statement insert,
              transaction->Prepare("INSERT INTO schema_text(project,hash,body,refs)"
                                   " VALUES(?1,?2,?3,?4) ON CONFLICT DO NOTHING"));
    TM_TRY(insert.Bind(1, project)
               .Bind(2, std::string_view(hash))
               .Bind(3, std::string_view(added.text))
               .Bind(4, std::string_view(added.references))
               .Run());
  }
  TM_ASSIGN(Statement find,
            transaction->Prepare("SELECT id FROM schema_text WHERE project=?1 AND hash=?2"));
  TM_ASSIGN(const bool row, find.Bind(1, project).Bind(2, std::string_view(hash)).Step());
  if (!row) return Fail(Code::kInternal, "a schema's text was lost");
  return find.Int(0);
}

Status AddVersion(Transaction* transaction, std::string_view project, std::string_view subject,
                  std::int32_t version, std::int64_t text_id, TimeMicros now) {
  {
    TM_ASSIGN(Statement insert,
              transaction->Prepare("INSERT INTO schema_version VALUES(?1,?2,?3,?4,?5,?5,0)"));
    TM_TRY(insert.Bind(1, project)
               .Bind(2, subject)
               .Bind(3, static_cast<std::int64_t>(version))
               .Bind(4, text_id)
               .Bind(5, now.value)
               .Run());
  }
  TM_ASSIGN(Statement next, transaction->Prepare("UPDATE schema_subject SET next_version=?3"
                                                 " WHERE project=?1 AND subject=?2"));
  return next.Bind(1, project)
      .Bind(2, subject)
      .Bind(3, static_cast<std::int64_t>(version) + 1)
      .Run();
}

// A version of the subject, not deleted, that says the same.
std::shared_ptr<const SchemaVersion> FindSame(const SchemaSubject& subject, const NewSchema& added,
                                              const JsonValue& json) {
  for (const auto& version : subject.versions) {
    if (version->deleted || version->version == 0 || version->references != added.references) {
      continue;
    }
    const auto text = JsonValue::Parse(version->text);
    if (text && text->ToJson() == json.ToJson()) return version;
  }
  return nullptr;
}

// The subject as it is to be: what is there, with the settings that came along.
SchemaSubject Changed(const ProjectSchemas* schemas, std::string_view name,
                      const std::optional<SchemaMode>& mode,
                      const std::optional<schema::Compatibility>& compatibility,
                      const std::optional<std::vector<std::string>>& event_types) {
  SchemaSubject subject;
  subject.name = name;
  subject.event_types = {subject.name};
  if (schemas != nullptr) {
    const auto found = schemas->subjects.find(name);
    if (found != schemas->subjects.end()) subject = *found->second;
  }
  if (mode) subject.mode = *mode;
  if (compatibility) subject.compatibility = compatibility;
  if (event_types) subject.event_types = *event_types;
  return subject;
}

}  // namespace

Result<Registered> Schemas::Register(std::string_view project, const NewSchema& added,
                                     TimeMicros now) {
  if (!IsSubjectName(added.subject)) {
    return Fail(Code::kInvalidArgument, "a subject is named by 1 to " +
                                            std::to_string(kSubjectBytesMax) +
                                            " printable bytes of UTF-8 without / ? # \" and \\");
  }
  if (added.text.size() > schema::kSchemaBytesMax) {
    return Fail(Code::kInvalidArgument,
                "a schema has at most " + std::to_string(schema::kSchemaBytesMax) + " bytes");
  }
  if (added.event_types) TM_TRY(CheckTypes(*added.event_types));
  TM_TRY(CheckReferences(added.references));
  TM_ASSIGN(const JsonValue json, JsonValue::Parse(added.text));
  TM_ASSIGN(const auto validator, Compile(project, added.subject, json, added.references));
  Registered registered;
  registered.notes = validator->notes();
  std::int32_t version = 0;
  std::shared_ptr<const ProjectSchemas> next;
  {
    TM_ASSIGN(Transaction transaction, Begin());
    const auto schemas = Of(project);
    const SchemaSubject subject =
        Changed(schemas.get(), added.subject, added.mode, added.compatibility, added.event_types);
    if (schemas->subjects.size() >= kSubjectsMax && !schemas->subjects.contains(added.subject)) {
      return Fail(Code::kOverloaded, "the project has " + std::to_string(kSubjectsMax) +
                                         " subjects, which is all it may have");
    }
    const auto same = FindSame(subject, added, json);
    if (same == nullptr) {
      TM_ASSIGN(const auto breaks, BreaksOf(*schemas, added));
      if (!breaks.empty()) return Fail(Code::kConflict, BreaksMessage(breaks));
    }
    TM_ASSIGN(version, TouchSubject(&transaction, project, subject));
    if (same != nullptr) {
      version = same->version;
    } else {
      if (version > kVersionsMax) {
        return Fail(Code::kOverloaded, "the subject has had " + std::to_string(kVersionsMax) +
                                           " versions, which is all it may have");
      }
      TM_ASSIGN(const std::int64_t id, AddText(&transaction, project, added, json));
      TM_TRY(AddVersion(&transaction, project, added.subject, version, id, now));
      registered.is_new = true;
    }
    TM_ASSIGN(next, With(&transaction, project, added.subject));
    TM_TRY(Commit(&transaction, project, next));
  }
  const auto subject = next->subjects.find(added.subject);
  if (subject != next->subjects.end()) registered.version = subject->second->Find(version);
  if (registered.version == nullptr) return Fail(Code::kInternal, "a version was lost");
  return registered;
}

Status Schemas::Change(std::string_view project, std::string_view name, const SubjectChange& change,
                       TimeMicros /*now*/) {
  if (change.event_types) TM_TRY(CheckTypes(*change.event_types));
  TM_ASSIGN(Transaction transaction, Begin());
  const auto schemas = Of(project);
  if (schemas->FindSubject(name) == nullptr) return Fail(NoSubject(name));
  SchemaSubject subject =
      Changed(schemas.get(), name, change.mode, change.compatibility, change.event_types);
  if (change.clear_compatibility) subject.compatibility.reset();
  TM_ASSIGN(const std::int32_t next, TouchSubject(&transaction, project, subject));
  static_cast<void>(next);
  TM_ASSIGN(auto changed, With(&transaction, project, name));
  return Commit(&transaction, project, std::move(changed));
}

Status Schemas::SetCompatibility(std::string_view project, schema::Compatibility compatibility) {
  TM_ASSIGN(Transaction transaction, Begin());
  {
    TM_ASSIGN(Statement upsert, transaction.Prepare("INSERT INTO schema_project VALUES(?1,?2)"
                                                    " ON CONFLICT DO UPDATE SET compatibility=?2"));
    TM_TRY(upsert.Bind(1, project).Bind(2, schema::CompatibilityName(compatibility)).Run());
  }
  TM_ASSIGN(auto changed, With(&transaction, project, ""));
  return Commit(&transaction, project, std::move(changed));
}

Result<std::vector<std::int32_t>> Schemas::Delete(std::string_view project, std::string_view name,
                                                  std::optional<std::int32_t> version,
                                                  TimeMicros now) {
  std::vector<std::int32_t> deleted;
  {
    TM_ASSIGN(Transaction transaction, Begin());
    const auto schemas = Of(project);
    const auto subject = schemas->FindSubject(name);
    if (subject == nullptr) return Fail(NoSubject(name));
    if (subject->builtin) {
      return Fail(Code::kInvalidArgument, "a built-in schema is not deleted; set its mode to off");
    }
    for (const auto& one : subject->versions) {
      if (one->deleted || (version && one->version != *version)) continue;
      deleted.push_back(one->version);
      TM_ASSIGN(Statement mark,
                transaction.Prepare("UPDATE schema_version SET deleted=1,updated=?4"
                                    " WHERE project=?1 AND subject=?2 AND version=?3"));
      TM_TRY(mark.Bind(1, project)
                 .Bind(2, name)
                 .Bind(3, static_cast<std::int64_t>(one->version))
                 .Bind(4, now.value)
                 .Run());
    }
    if (deleted.empty()) {
      return Fail(Code::kNotFound, "there is no version " + std::to_string(version.value_or(0)) +
                                       " of " + std::string(name));
    }
    TM_ASSIGN(auto changed, With(&transaction, project, name));
    TM_TRY(Commit(&transaction, project, std::move(changed)));
  }
  return deleted;
}

}  // namespace tidemark::meta
