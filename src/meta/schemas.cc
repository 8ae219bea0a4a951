#include "meta/schemas.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.h"
#include "meta/schema_references.h"
#include "schema/builtins.h"
#include "telemetry/log_line.h"

namespace tidemark::meta {
namespace {

constexpr std::array<std::string_view, 1> kSteps = {
    "CREATE TABLE schema_project(project TEXT PRIMARY KEY, compatibility TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE schema_text(id INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL,"
    " hash TEXT NOT NULL, body TEXT NOT NULL, refs TEXT NOT NULL, UNIQUE(project, hash));"
    "CREATE TABLE schema_subject(project TEXT NOT NULL, subject TEXT NOT NULL,"
    " event_types TEXT NOT NULL, mode TEXT NOT NULL, compatibility TEXT NOT NULL,"
    " next_version INTEGER NOT NULL, PRIMARY KEY(project, subject)) WITHOUT ROWID;"
    "CREATE TABLE schema_version(project TEXT NOT NULL, subject TEXT NOT NULL,"
    " version INTEGER NOT NULL, text_id INTEGER NOT NULL REFERENCES schema_text(id),"
    " created INTEGER NOT NULL, updated INTEGER NOT NULL, deleted INTEGER NOT NULL,"
    " PRIMARY KEY(project, subject, version)) WITHOUT ROWID;",
};

std::vector<std::string> SplitTypes(std::string_view text) {
  std::vector<std::string> types;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) types.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return types;
}

// Event types may have blanks in them; in the table they are a JSON list.
std::vector<std::string> ReadTypes(std::string_view text) {
  std::vector<std::string> types;
  if (const auto list = JsonValue::Parse(text)) {
    for (const JsonValue& type : list->items()) types.push_back(type.text());
  }
  return types;
}

// The rows of a project, of one subject of it if it names one; of no project: all rows.
Result<Statement> Select(Transaction* transaction, std::string_view rows, std::string_view table,
                         std::string_view project, std::string_view subject,
                         std::string_view order = {}) {
  std::string sql(rows);
  if (!project.empty()) sql.append(" WHERE ").append(table).append("project=?1");
  if (!subject.empty()) sql.append(" AND ").append(table).append("subject=?2");
  auto statement = transaction->Prepare(sql.append(order));
  if (statement && !project.empty()) statement->Bind(1, project);
  if (statement && !subject.empty()) statement->Bind(2, subject);
  return statement;
}

bool UsesAsBefore(const std::shared_ptr<const ProjectSchemas>& schemas,
                  const SchemaVersion& version) {
  if (version.used.empty()) return true;
  const auto text = JsonValue::Parse(version.text);
  return text && SchemaReferences(schemas, version.subject, *text, version.references)
                     .StillLeadTo(version.used);
}

// The same version as it was compiled before, if it would come out the same with `schemas`; else
// null.
std::shared_ptr<const SchemaVersion> CompiledBefore(
    const ProjectSchemas& before, const std::shared_ptr<const ProjectSchemas>& schemas,
    const SchemaVersion& version) {
  const auto subject = before.subjects.find(version.subject);
  if (subject == before.subjects.end()) return nullptr;
  for (const auto& one : subject->second->versions) {
    if (one->id != version.id || one->validator == nullptr) continue;
    return UsesAsBefore(schemas, *one) ? one : nullptr;
  }
  return nullptr;
}

// Counts go on through changes of other subjects and of settings. Of another program the rules have
// other numbers.
std::shared_ptr<schema::RuleCounts> CountsOf(const ProjectSchemas* before,
                                             const SchemaVersion& version) {
  if (before != nullptr) {
    const auto known = before->in_force.find(version.subject);
    if (known != before->in_force.end() && known->second.version->version == version.version &&
        known->second.version->validator == version.validator) {
      return known->second.counts;
    }
  }
  return std::make_shared<schema::RuleCounts>();
}

}  // namespace

std::string_view SchemaModeName(SchemaMode mode) {
  switch (mode) {
    case SchemaMode::kOff:
      return "off";
    case SchemaMode::kObserve:
      return "observe";
    case SchemaMode::kEnforce:
      break;
  }
  return "enforce";
}

Result<SchemaMode> FindSchemaMode(std::string_view name) {
  for (const SchemaMode mode : {SchemaMode::kOff, SchemaMode::kObserve, SchemaMode::kEnforce}) {
    if (name == SchemaModeName(mode)) return mode;
  }
  return Fail(Code::kInvalidArgument, "mode must be off, observe or enforce");
}

bool IsSubjectName(std::string_view name) {
  const bool is_text = !name.empty() && name.size() <= kSubjectBytesMax && IsUtf8(name);
  return is_text && std::ranges::none_of(name, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == '/' || c == '?' || c == '#' ||
                  c == '"' || c == '\\' || c == 0x7F;
         });
}

std::shared_ptr<const SchemaVersion> SchemaSubject::newest() const {
  for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
    if (!(*it)->deleted) return *it;
  }
  return nullptr;
}

std::shared_ptr<const SchemaVersion> SchemaSubject::Find(std::int32_t version) const {
  for (const auto& one : versions) {
    if (one->version == version) return one;
  }
  return nullptr;
}

const std::vector<SchemaInForce>& ProjectSchemas::Of(std::string_view event_type) const {
  const auto found = by_type.find(event_type);
  return found == by_type.end() ? for_all : found->second;
}

std::shared_ptr<const SchemaSubject> ProjectSchemas::FindSubject(std::string_view name) const {
  const auto found = subjects.find(name);
  if (found == subjects.end() || found->second->newest() == nullptr) return nullptr;
  return found->second;
}

std::shared_ptr<const SchemaVersion> ProjectSchemas::FindId(std::int64_t id) const {
  for (const auto& [name, subject] : subjects) {
    for (const auto& version : subject->versions) {
      if (version->id == id && id != 0) return version;
    }
  }
  return nullptr;
}

Result<std::unique_ptr<Schemas>> Schemas::Open(Database* database) {
  TM_TRY(database->Migrate({.component = "schemas", .steps = kSteps}));
  std::unique_ptr<Schemas> schemas(new Schemas(database));
  TM_TRY(schemas->LoadBuiltins());
  schemas->cache_.Store(std::make_shared<const Map>());
  TM_TRY(schemas->Reload());
  return schemas;
}

Status Schemas::LoadBuiltins() {
  for (const schema::Builtin& builtin : schema::Builtins()) {
    auto version = std::make_shared<SchemaVersion>();
    version->subject = builtin.subject;
    version->text = builtin.json;
    TM_ASSIGN(const JsonValue json, JsonValue::Parse(builtin.json));
    TM_ASSIGN(version->validator, schema::Validator::Compile(json, {.uri = {}, .find = {}}));
    auto subject = std::make_shared<SchemaSubject>();
    subject->name = builtin.subject;
    subject->event_types = SplitTypes(builtin.event_types);
    subject->builtin = true;
    subject->versions.push_back(std::move(version));
    builtins_.push_back(std::move(subject));
  }
  auto only = std::make_shared<ProjectSchemas>();
  for (const auto& subject : builtins_) only->subjects.emplace(subject->name, subject);
  TM_TRY(Compile("", std::nullopt, only.get()));
  only_builtins_ = std::move(only);
  return {};
}

std::shared_ptr<const ProjectSchemas> Schemas::Of(std::string_view project) const {
  const auto map = cache_.Load();
  if (map != nullptr) {
    const auto found = map->find(project);
    if (found != map->end()) return found->second;
  }
  return only_builtins_;
}

std::shared_ptr<const ProjectSchemas> Schemas::Counting(std::string_view project) {
  const auto map = cache_.Load();
  const auto found = map->find(project);
  if (found != map->end()) return found->second;
  auto own = std::make_shared<ProjectSchemas>();
  own->subjects = only_builtins_->subjects;
  static_cast<void>(Compile("", std::nullopt, own.get()));  // They are compiled.
  cache_.Update([&](const Map& current) {
    auto next = std::make_shared<Map>(current);
    next->try_emplace(std::string(project), std::move(own));
    return next;
  });
  return Of(project);
}

Status Schemas::Reload() {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Map map, Load(&transaction, {}));
  for (auto& [name, schemas] : map) {
    auto compiled = std::make_shared<ProjectSchemas>(*schemas);
    TM_TRY(Compile(name, std::nullopt, compiled.get()));
    schemas = std::move(compiled);
  }
  // Projects that have nothing stored keep their counts.
  cache_.Update([&](const Map& current) {
    auto next = std::make_shared<Map>(current);
    for (auto& [name, schemas] : map) (*next)[name] = std::move(schemas);
    return next;
  });
  is_known_ = true;
  return {};
}

Result<Transaction> Schemas::Begin() {
  if (!is_known_) TM_TRY(Reload());
  return database_->Begin();
}

Status Schemas::Commit(Transaction* transaction, std::string_view project,
                       std::shared_ptr<const ProjectSchemas> next) {
  const Status committed = transaction->Commit([&] {
    cache_.Update([&](const Map& current) {
      auto map = std::make_shared<Map>(current);
      (*map)[std::string(project)] = std::move(next);
      return map;
    });
  });
  if (!committed) is_known_ = false;
  return committed;
}

Result<std::shared_ptr<const ProjectSchemas>> Schemas::With(Transaction* transaction,
                                                            std::string_view project,
                                                            std::string_view subject) const {
  const auto before = Of(project);
  TM_ASSIGN(const Map loaded, Load(transaction, {project, subject}));
  const auto found = loaded.find(project);
  if (found == loaded.end()) return Fail(Code::kInternal, "a subject was lost");
  auto next = std::make_shared<ProjectSchemas>();
  next->compatibility = found->second->compatibility;
  next->subjects = before->subjects;
  const auto stored = found->second->subjects.find(subject);
  if (stored != found->second->subjects.end()) next->subjects[stored->first] = stored->second;
  TM_TRY(Compile(project, subject, next.get()));
  return next;
}

// What is stored, nothing compiled; with the built-in subjects.
Result<Schemas::Map> Schemas::Load(Transaction* transaction, Wanted wanted) const {
  Map projects;
  TM_TRY(LoadSubjects(transaction, wanted, &projects));
  TM_TRY(LoadVersions(transaction, wanted, &projects));
  for (auto& [name, schemas] : projects) {
    auto with_builtins = std::make_shared<ProjectSchemas>(*schemas);
    for (const auto& builtin : builtins_) {
      auto& subject = with_builtins->subjects[builtin->name];
      if (subject == nullptr) {
        subject = builtin;
      } else if (subject->newest() == nullptr) {
        // Only its settings are the project's own.
        auto own = std::make_shared<SchemaSubject>(*subject);
        own->builtin = true;
        own->versions.insert(own->versions.begin(), builtin->versions.front());
        subject = std::move(own);
      }
    }
    schemas = std::move(with_builtins);
  }
  return projects;
}

Status Schemas::LoadSubjects(Transaction* transaction, Wanted wanted, Map* projects) {
  std::map<std::string, ProjectSchemas> loaded;
  {
    TM_ASSIGN(Statement list,
              Select(transaction, "SELECT project,compatibility FROM schema_project", "",
                     wanted.project, ""));
    while (true) {
      TM_ASSIGN(const bool row, list.Step());
      if (!row) break;
      TM_ASSIGN(loaded[std::string(list.Text(0))].compatibility,
                schema::FindCompatibility(list.Text(1)));
    }
  }
  TM_ASSIGN(Statement list, Select(transaction,
                                   "SELECT project,subject,event_types,mode,compatibility"
                                   " FROM schema_subject",
                                   "", wanted.project, wanted.subject));
  while (true) {
    TM_ASSIGN(const bool row, list.Step());
    if (!row) break;
    auto subject = std::make_shared<SchemaSubject>();
    subject->name = list.Text(1);
    subject->event_types = ReadTypes(list.Text(2));
    TM_ASSIGN(subject->mode, FindSchemaMode(list.Text(3)));
    if (!list.Text(4).empty()) {
      TM_ASSIGN(subject->compatibility, schema::FindCompatibility(list.Text(4)));
    }
    loaded[std::string(list.Text(0))].subjects.emplace(subject->name, subject);
  }
  for (auto& [name, schemas] : loaded) {
    projects->emplace(name, std::make_shared<const ProjectSchemas>(std::move(schemas)));
  }
  return {};
}

Status Schemas::LoadVersions(Transaction* transaction, Wanted wanted, Map* projects) {
  TM_ASSIGN(Statement list, Select(transaction,
                                   "SELECT v.project,v.subject,v.version,v.text_id,t.body,t.refs,"
                                   "v.created,v.updated,v.deleted FROM schema_version v"
                                   " JOIN schema_text t ON t.id=v.text_id",
                                   "v.", wanted.project, wanted.subject,
                                   " ORDER BY v.project,v.subject,v.version"));
  std::map<std::string, ProjectSchemas> changed;
  std::shared_ptr<SchemaSubject> with;  // The subject of the row before, which has its versions.
  while (true) {
    TM_ASSIGN(const bool row, list.Step());
    if (!row) break;
    const std::string name(list.Text(0));
    const auto of_project = projects->find(name);
    if (of_project == projects->end()) return Fail(Code::kCorruption, "a schema without subject");
    auto version = std::make_shared<SchemaVersion>();
    version->subject = list.Text(1);
    version->version = static_cast<std::int32_t>(list.Int(2));
    version->id = list.Int(3);
    version->text = list.Text(4);
    version->references = list.Text(5);
    version->created = TimeMicros(list.Int(6));
    version->updated = TimeMicros(list.Int(7));
    version->deleted = list.Int(8) != 0;
    auto& subjects = changed.try_emplace(name, *of_project->second).first->second.subjects;
    auto& subject = subjects[version->subject];
    if (subject == nullptr) return Fail(Code::kCorruption, "a schema without subject");
    if (subject != with) {
      with = std::make_shared<SchemaSubject>(*subject);
      subject = with;
    }
    with->versions.push_back(std::move(version));
  }
  for (auto& [name, schemas] : changed) {
    (*projects)[name] = std::make_shared<const ProjectSchemas>(std::move(schemas));
  }
  return {};
}

Status Schemas::Compile(std::string_view project, std::optional<std::string_view> changed,
                        ProjectSchemas* schemas) const {
  const auto before = Of(project);
  const auto view = std::make_shared<const ProjectSchemas>(*schemas);
  for (auto& [name, subject] : schemas->subjects) {
    auto version = subject->newest();
    if (version == nullptr) continue;
    if (version->validator == nullptr || !UsesAsBefore(view, *version)) {
      auto compiled = std::make_shared<SchemaVersion>(*version);
      if (const auto known = CompiledBefore(*before, view, *version)) {
        compiled->validator = known->validator;
        compiled->used = known->used;
      } else if (const Status done = CompileWith(view, compiled.get()); !done) {
        if (changed && name != *changed && before->in_force.contains(name)) {
          return Fail(Code::kConflict,
                      "the schema `" + name +
                          "` refers to it and would be none: " + done.error().message());
        }
        // It was good when it was registered: a newer binary may be stricter.
        TM_LOG(kWarning, "a registered schema cannot be compiled", {"subject", name});
        continue;
      }
      auto with = std::make_shared<SchemaSubject>(*subject);
      std::ranges::replace(with->versions, version, std::shared_ptr<const SchemaVersion>(compiled));
      version = compiled;
      subject = std::move(with);
    }
    SchemaInForce in_force{subject, version, nullptr};
    in_force.counts = CountsOf(before == only_builtins_ ? nullptr : before.get(), *version);
    schemas->in_force[name] = in_force;
    if (subject->mode == SchemaMode::kOff) continue;
    for (const std::string& type : subject->event_types) {
      (type == schema::kEveryType ? schemas->for_all : schemas->by_type[type]).push_back(in_force);
    }
  }
  for (auto& [type, list] : schemas->by_type) {
    list.insert(list.end(), schemas->for_all.begin(), schemas->for_all.end());
  }
  return {};
}

Status Schemas::CompileWith(const std::shared_ptr<const ProjectSchemas>& schemas,
                            SchemaVersion* version) {
  TM_ASSIGN(const JsonValue text, JsonValue::Parse(version->text));
  SchemaReferences references(schemas, version->subject, text, version->references);
  schema::CompileOptions options{.uri = SchemaUri(version->subject), .find = {}};
  options.find = [&references](std::string_view uri) { return references.Find(uri); };
  options.of_events = true;
  TM_ASSIGN(version->validator, schema::Validator::Compile(text, options));
  version->used = references.used();
  return {};
}

Result<std::shared_ptr<const schema::Validator>> Schemas::Compile(
    std::string_view project, std::string_view subject, const JsonValue& text,
    std::string_view references) const {
  SchemaVersion version;
  version.subject = subject;
  version.text = text.ToJson();
  version.references = references;
  TM_TRY(CompileWith(Of(project), &version));
  return version.validator;
}

// Against the versions that the mode names, newest first.
Result<std::vector<schema::Break>> Schemas::BreaksOf(const ProjectSchemas& schemas,
                                                     const NewSchema& added) const {
  std::vector<schema::Break> breaks;
  const auto subject = schemas.FindSubject(added.subject);
  if (subject == nullptr || subject->builtin) return breaks;
  const schema::Compatibility mode =
      added.compatibility.value_or(subject->compatibility.value_or(schemas.compatibility));
  TM_ASSIGN(const JsonValue next, JsonValue::Parse(added.text));
  for (auto it = subject->versions.rbegin(); it != subject->versions.rend(); ++it) {
    if ((*it)->deleted) continue;
    TM_ASSIGN(const JsonValue last, JsonValue::Parse((*it)->text));
    for (schema::Break& one : schema::FindBreaks(next, last, mode)) {
      one.message += ", version " + std::to_string((*it)->version);
      breaks.push_back(std::move(one));
    }
    if (!breaks.empty() || !schema::IsTransitive(mode)) break;
  }
  return breaks;
}

Result<std::vector<schema::Break>> Schemas::CheckCompatibility(
    std::string_view project, const NewSchema& added, std::optional<std::int32_t> version) const {
  const auto schemas = Of(project);
  const auto subject = schemas->FindSubject(added.subject);
  if (subject == nullptr) {
    return Fail(Code::kNotFound, "there is no subject " + added.subject);
  }
  if (!version) return BreaksOf(*schemas, added);
  const auto at = subject->Find(*version);
  if (at == nullptr || at->deleted) {
    return Fail(Code::kNotFound,
                "there is no version " + std::to_string(*version) + " of " + added.subject);
  }
  TM_ASSIGN(const JsonValue next, JsonValue::Parse(added.text));
  TM_ASSIGN(const JsonValue last, JsonValue::Parse(at->text));
  return schema::FindBreaks(
      next, last,
      added.compatibility.value_or(subject->compatibility.value_or(schemas->compatibility)));
}

}  // namespace tidemark::meta
