// The Iceberg REST catalog without its HTTP: namespaces, tables and views; what others may do to
// managed tables is in managed_commit.h. Specification: rest-catalog-open-api.yaml of Apache
// Iceberg.
//
// Requests are JSON as clients send it; what is not valid is refused with the specification's
// error model. A change writes its metadata file durably, then moves the pointer in one transaction
// of the directory; a pointer that somebody else moved meanwhile makes it check its requirements
// again on the new state.
//
// Any thread; blocks on the store and the database.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_reader.h"
#include "catalog/directory.h"
#include "env/clock.h"
#include "iceberg/locations.h"
#include "iceberg/manifest_cache.h"
#include "iceberg/problem.h"
#include "iceberg/reach.h"
#include "iceberg/table_document.h"
#include "iceberg/view_document.h"
#include "lake/metadata.h"
#include "lake/metrics_reports.h"

namespace tidemark::iceberg {

inline constexpr std::size_t kNameBytesMax = 255;
inline constexpr int kCommitAttempts = 20;  // Lost races before 409.
inline constexpr std::size_t kTransactionTablesMax = 100;
inline constexpr std::size_t kPurgedFilesMax = 1'000'000;  // Of one table.

struct Name {
  std::string ns;  // Levels joined by catalog::kLevelSeparator.
  std::string name;
};
// "a.b.t", as messages say it.
std::string NamespaceText(std::string_view ns);
std::string NameText(const Name& name);

struct LoadedTable {
  std::string metadata_location;  // Empty: staged, not there yet.
  std::string metadata;           // JSON.
  std::string etag;               // Changes with every version; without quotes.
};
using LoadedView = LoadedTable;

// The process that feeds the managed tables, as far as commits of others to them need it. Any
// thread.
class Feeder {
 public:
  Feeder() = default;
  Feeder(const Feeder&) = delete;
  Feeder& operator=(const Feeder&) = delete;
  virtual ~Feeder() = default;

  virtual Epoch epoch() const = 0;
  // When files that a commit of now drops from history may be deleted.
  virtual TimeMicros ReadersUntil(TimeMicros now) const = 0;
  // Blocks until queries see the heads that the catalog names of the namespace's managed tables.
  // What fails is tried again by the next flush.
  virtual void Refresh(const std::string& ns) = 0;
};

class RestCatalog {
 public:
  struct Parts {
    catalog::Directory* directory = nullptr;
    const Locations* locations = nullptr;
    const env::Clock* clock = nullptr;
    std::function<Uuid()> new_id;
    Feeder* feeder = nullptr;                 // Null: managed tables can be read only.
    lake::MetricsReports* reports = nullptr;  // Null: those that clients send are forgotten.
  };
  explicit RestCatalog(Parts parts) : parts_(std::move(parts)) {}

  // 403 if that namespace is not theirs, or they have not that right to the table or view in it (an
  // empty name: to the namespace as a whole).
  Done Allow(const Access& access, Right right, const Name& name) const;
  // The same of all that a commit does.
  Done AllowCommit(const Access& access, const Name& name, const JsonValue& request) const;

  // Of all projects: the caller leaves out what is not theirs to see.
  Outcome<std::vector<std::string>> ListNamespaces(std::string_view parent,
                                                   const catalog::Page& page) const;
  // Returns the properties it has. The namespace of the asker's own project makes it one.
  Outcome<catalog::Properties> CreateNamespace(const Access& access, std::string_view ns,
                                               const JsonValue& properties);
  Outcome<catalog::Namespace> FindNamespace(std::string_view ns) const;
  // The same; without a location of its own it has the one that its tables get. Trino makes tables
  // below it, and none where there is no such property.
  Outcome<catalog::Namespace> LoadNamespace(std::string_view ns) const;
  Done DropNamespace(std::string_view ns);
  struct PropertyChanges {
    std::vector<std::string> updated, removed, missing;
  };
  Outcome<PropertyChanges> ChangeNamespace(std::string_view ns, const JsonValue& request);

  Outcome<std::vector<std::string>> List(std::string_view ns, catalog::EntryKind kind,
                                         const catalog::Page& page) const;
  // 404 if there is none.
  Done CheckExists(const Name& name, catalog::EntryKind kind) const;
  Done Rename(const Name& from, const Name& to, catalog::EntryKind kind);

  // `access`: the locations and files that a request names are those that it may use (reach.h);
  // 403.
  Outcome<LoadedTable> CreateTable(const Access& access, std::string_view ns,
                                   const JsonValue& request);
  Outcome<LoadedTable> RegisterTable(const Access& access, std::string_view ns,
                                     const JsonValue& request);
  // `known`: the ETags that the client has, or "*" for any; the metadata is empty if one is right.
  Outcome<LoadedTable> LoadTable(const Name& name, bool refs_only,
                                 std::span<const std::string> known = {}) const;
  Outcome<LoadedTable> CommitTable(const Access& access, const Name& name,
                                   const JsonValue& request);
  // `changes`: CommitTableRequests with their names, all or none.
  struct TableCommit {
    Name name;
    const JsonValue* request = nullptr;
  };
  Done CommitTransaction(const Access& access, const std::vector<TableCommit>& commits);
  Done DropTable(const Name& name, bool purge);

  // Server-side scan planning: answers as in scan_plan.h.
  Outcome<std::string> PlanScan(const Access& access, const Name& name,
                                const JsonValue& request) const;
  Outcome<std::string> FetchPlan(const Access& access, const Name& name,
                                 std::string_view plan_id) const;
  Done CancelPlan(const Access& access, const Name& name, std::string_view plan_id) const;
  Outcome<std::string> FetchScanTasks(const Access& access, const Name& name,
                                      const JsonValue& request) const;
  // A ReportMetricsRequest about the table, kept as metrics_report.h says.
  Done ReportMetrics(const Name& name, const JsonValue& request) const;

  Outcome<LoadedView> CreateView(const Access& access, std::string_view ns,
                                 const JsonValue& request);
  Outcome<LoadedView> RegisterView(const Access& access, std::string_view ns,
                                   const JsonValue& request);
  Outcome<LoadedView> LoadView(const Name& name) const;
  Outcome<LoadedView> CommitView(const Access& access, const Name& name, const JsonValue& request);
  Done DropView(const Name& name);

 private:
  // A commit that is written but not yet made.
  struct Prepared {
    bool changed = false;
    catalog::EntryChange change;
    std::string metadata;                // JSON.
    std::vector<std::string> old_files;  // Metadata files to delete once it is made.
  };

  Result<std::optional<catalog::Entry>> Find(const Name& name, catalog::EntryKind kind) const;
  Outcome<catalog::Entry> Require(const Name& name, catalog::EntryKind kind) const;
  Done CheckNewName(const Name& name, catalog::EntryKind kind) const;
  Outcome<lake::TableMetadata> MetadataOf(const Name& name) const;
  Reach ReachOf(const Access& access, std::string_view home = "") const;
  Outcome<std::string> LocationFor(const Access& access, const Name& name, const JsonValue& request,
                                   const Uuid& uuid) const;
  Done CheckLocation(const Access& access, std::string_view location, std::string_view before,
                     std::span<const Uuid> except = {}) const;
  // The folder of a table's or view's metadata files: `chosen` by its properties, or its own.
  Outcome<std::string> MetadataFolder(const Access& access, std::string_view location,
                                      const std::string& chosen, const Uuid& uuid) const;
  // 403: a snapshot that the commit adds has manifests or files where it may not read
  // (named_files.h).
  Done CheckAddedFiles(const Access& access, const TableDocument& document) const;
  Done CheckRegistered(const Access& access, const TableDocument& document) const;

  // The change that makes an entry which no log feeds; its metadata is not in it yet.
  static Prepared NewEntry(catalog::EntryKind kind, const Name& name, const Uuid& uuid,
                           std::string_view location);
  Outcome<Prepared> Prepare(const Access& access, const TableCommit& commit);
  Outcome<Prepared> PrepareNew(const Access& access, const TableCommit& commit);
  Outcome<Prepared> PrepareNext(const Access& access, const TableCommit& commit,
                                const catalog::Entry& entry);
  Outcome<Prepared> PrepareNextManaged(const TableCommit& commit, const catalog::Entry& entry);
  void Publish(const std::vector<Prepared>& prepared) const;
  Outcome<std::vector<Prepared>> Commit(const Access& access,
                                        const std::vector<TableCommit>& commits);
  Outcome<Prepared> PrepareView(const Access& access, const Name& name, const JsonValue& request);
  // The metadata file of what is registered. 404.
  Outcome<std::string> ReadMetadata(const Access& access, const std::string& uri) const;
  // For the manifests of a table that is staged: engines write them before there is a metadata
  // file, and not all make folders.
  Done MakeFolder(const std::string& folder) const;
  // Writes the next metadata file and notes it in the change.
  Done WriteMetadata(std::string_view folder, std::string_view codec, std::string json,
                     std::int64_t version, Prepared* prepared) const;
  // Applies what is prepared; removes its files if it was not made. False: somebody won, try again.
  Outcome<bool> Make(const std::vector<Prepared>& prepared);
  void RemoveFile(const std::string& uri) const;
  Outcome<std::vector<catalog::Garbage>> PurgeList(const catalog::Entry& entry,
                                                   const TableDocument& document) const;
  void PurgeOutside(const std::string& location) const;
  std::string MetadataUri(const catalog::Entry& entry) const;
  Done CheckMetadataFile(const catalog::Entry& entry) const;
  LoadedTable Loaded(const Prepared& prepared) const;
  std::int64_t NowMs() const;

  const Parts parts_;
  mutable ManifestCache manifests_;
};

}  // namespace tidemark::iceberg
