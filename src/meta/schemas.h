// The schema registry: for every project and subject JSON Schemas by version, what a new version
// may change, and what happens to events that are not as their schema says.
//
// A subject is bound to event types, as a rule to the one of its own name. Its newest version is
// the one in force. Every project has the built-in subjects (schema/builtins.h) as version 0,
// observed, until it registers its own under that name.
//
// Writes are one transaction each and are seen by every reader when they return. Readers use
// published state and never touch the database. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_reader.h"
#include "base/published.h"
#include "base/result.h"
#include "base/time.h"
#include "meta/database.h"
#include "schema/compatibility.h"
#include "schema/rule_counts.h"
#include "schema/validator.h"

namespace tidemark::meta {

inline constexpr std::size_t kSubjectBytesMax = 255;
inline constexpr std::size_t kSubjectsMax = 2'000;   // Of one project.
inline constexpr std::int32_t kVersionsMax = 1'000;  // Of one subject.
inline constexpr std::size_t kEventTypesMax = 64;    // Of one subject.

enum class SchemaMode : std::uint8_t {
  kOff,      // Events are not looked at.
  kObserve,  // Counted and told, but taken.
  kEnforce,  // Refused.
};
std::string_view SchemaModeName(SchemaMode mode);
Result<SchemaMode> FindSchemaMode(std::string_view name);

// A registered schema that another one was compiled with.
struct UsedSchema {
  std::string uri;  // By which it was found.
  std::int64_t id;
  friend bool operator==(const UsedSchema&, const UsedSchema&) = default;
};

struct SchemaVersion {
  std::string subject;
  std::int32_t version = 0;  // From 1; 0 of a built-in one.
  std::int64_t id = 0;       // The same for the same schema of a project; 0 of a built-in one.
  std::string text;          // As it was registered.
  std::string references;    // JSON text: the other subjects that it refers to; empty: none.
  TimeMicros created;
  TimeMicros updated;
  bool deleted = false;
  std::shared_ptr<const schema::Validator> validator;  // Null of versions not in force.
  std::vector<UsedSchema> used;                        // By `validator`.
};

struct SchemaSubject {
  std::string name;
  std::vector<std::string> event_types;
  SchemaMode mode = SchemaMode::kObserve;
  std::optional<schema::Compatibility> compatibility;  // Nothing: the project's.
  bool builtin = false;
  // By version; deleted ones too.
  std::vector<std::shared_ptr<const SchemaVersion>> versions;

  // The newest that is not deleted; null if there is none.
  std::shared_ptr<const SchemaVersion> newest() const;
  std::shared_ptr<const SchemaVersion> Find(std::int32_t version) const;
};

// A schema that events of a type are held against.
struct SchemaInForce {
  std::shared_ptr<const SchemaSubject> subject;
  std::shared_ptr<const SchemaVersion> version;
  std::shared_ptr<schema::RuleCounts> counts;  // Since the start, of this version in this project.
};

// What one project has registered. Immutable.
struct ProjectSchemas {
  std::map<std::string, std::shared_ptr<const SchemaSubject>, std::less<>> subjects;
  schema::Compatibility compatibility = schema::Compatibility::kBackward;
  // By event type, the subjects for every type among them; what is not listed has `for_all`.
  std::map<std::string, std::vector<SchemaInForce>, std::less<>> by_type;
  std::vector<SchemaInForce> for_all;
  std::map<std::string, SchemaInForce, std::less<>> in_force;  // By subject.

  const std::vector<SchemaInForce>& Of(std::string_view event_type) const;
  // Null if there is none, or only a deleted one.
  std::shared_ptr<const SchemaSubject> FindSubject(std::string_view name) const;
  // The version of that id. Deleted ones too.
  std::shared_ptr<const SchemaVersion> FindId(std::int64_t id) const;
};

struct NewSchema {
  std::string subject;
  std::string text;
  std::string references = {};  // `[{"name","subject","version"}]`, or empty.
  std::optional<SchemaMode> mode = {};
  std::optional<schema::Compatibility> compatibility = {};
  std::optional<std::vector<std::string>> event_types = {};
};

struct Registered {
  std::shared_ptr<const SchemaVersion> version;
  bool is_new = false;  // Else the subject had that schema already.
  std::vector<std::string> notes;
};

struct SubjectChange {
  std::optional<SchemaMode> mode;
  std::optional<schema::Compatibility> compatibility;
  bool clear_compatibility = false;
  std::optional<std::vector<std::string>> event_types;
};

class Schemas {
 public:
  // Brings its tables up to date and loads them. `database` must outlive the object.
  static Result<std::unique_ptr<Schemas>> Open(Database* database);
  Schemas(const Schemas&) = delete;
  Schemas& operator=(const Schemas&) = delete;

  // Never null: a project without schemas of its own has the built-in ones.
  std::shared_ptr<const ProjectSchemas> Of(std::string_view project) const;
  // The same, with counts of the project's own. For the path of events: `project` must exist.
  std::shared_ptr<const ProjectSchemas> Counting(std::string_view project);

  // kInvalidArgument (no good schema or subject), kConflict (it breaks the compatibility: the
  // message lists how; or a schema that refers to its newest version would be none with it),
  // kOverloaded (a limit). What refers to the newest version judges by this one from then on.
  Result<Registered> Register(std::string_view project, const NewSchema& added, TimeMicros now);
  // What Register would say about compatibility; empty: nothing.
  Result<std::vector<schema::Break>> CheckCompatibility(std::string_view project,
                                                        const NewSchema& added,
                                                        std::optional<std::int32_t> version) const;
  // kNotFound.
  Status Change(std::string_view project, std::string_view subject, const SubjectChange& change,
                TimeMicros now);
  Status SetCompatibility(std::string_view project, schema::Compatibility compatibility);
  // One version, or all of them. Their numbers are never given out again. kNotFound, kConflict (a
  // schema in force refers to it, and could not be read without).
  Result<std::vector<std::int32_t>> Delete(std::string_view project, std::string_view subject,
                                           std::optional<std::int32_t> version, TimeMicros now);

  // Compiles a schema as a version of the project's would be.
  Result<std::shared_ptr<const schema::Validator>> Compile(std::string_view project,
                                                           std::string_view subject,
                                                           const JsonValue& text,
                                                           std::string_view references) const;

 private:
  using Map = std::map<std::string, std::shared_ptr<const ProjectSchemas>, std::less<>>;
  explicit Schemas(Database* database) : database_(database) {}
  Status LoadBuiltins();
  // What rows to load: of all projects, of one, or one subject of one.
  struct Wanted {
    std::string_view project = {};
    std::string_view subject = {};
  };
  // Loads and publishes everything.
  Status Reload();
  Result<Map> Load(Transaction* transaction, Wanted wanted) const;
  static Status LoadSubjects(Transaction* transaction, Wanted wanted, Map* projects);
  static Status LoadVersions(Transaction* transaction, Wanted wanted, Map* projects);
  // Of a transaction that may change the registry: what is published is what is stored then.
  Result<Transaction> Begin();
  // Commits and publishes `next`, which was made of what was published when the transaction began.
  Status Commit(Transaction* transaction, std::string_view project,
                std::shared_ptr<const ProjectSchemas> next);
  // What is published of the project but for its settings and one subject (empty: none), which are
  // as the transaction has them. kConflict: a schema in force would be none.
  Result<std::shared_ptr<const ProjectSchemas>> With(Transaction* transaction,
                                                     std::string_view project,
                                                     std::string_view subject) const;
  // Compiles what is not compiled or does not judge as before, and lists what is in force: what
  // cannot be compiled is not. If a subject is `changed`, another one that is in force now and
  // could not be compiled is an error (kConflict).
  Status Compile(std::string_view project, std::optional<std::string_view> changed,
                 ProjectSchemas* schemas) const;
  // The program of a version and what it used, with the other schemas as they are in `schemas`.
  static Status CompileWith(const std::shared_ptr<const ProjectSchemas>& schemas,
                            SchemaVersion* version);
  Result<std::vector<schema::Break>> BreaksOf(const ProjectSchemas& schemas,
                                              const NewSchema& added) const;

  Database* database_;
  std::vector<std::shared_ptr<const SchemaSubject>> builtins_;
  std::shared_ptr<const ProjectSchemas> only_builtins_;
  Published<Map> cache_;
  std::atomic<bool> is_known_{false};  // Whether what is published is what is stored.
};

// 1 to kSubjectBytesMax bytes of printable text without '/', '?', '#' and quotes.
bool IsSubjectName(std::string_view name);

}  // namespace tidemark::meta
