// The names of the catalog: namespaces, and the tables and views that stand in them. What the REST
// catalog changes: plain tables (those that are not fed from a log) and views. Managed tables are
// moved by Catalog::Commit, and by what of it a change here carries, under the same conditions.
//
// Any thread. Nothing is half done: an error other than kOutcomeUnknown means that nothing changed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"

namespace tidemark::catalog {

// Levels of a namespace are joined by the unit separator, as they are in the URLs of the REST
// catalog: "analytics\x1Fdaily".
inline constexpr char kLevelSeparator = '\x1f';
inline constexpr std::size_t kNamespaceBytesMax = 1'024;

// Of a namespace: the Iceberg format of tables that are made in it and do not say their own.
inline constexpr std::string_view kPropertyFormatVersion = "format-version";

using Properties = std::map<std::string, std::string>;

struct Namespace {
  std::string path;
  Properties properties;
  bool project = false;  // Holds a project's managed tables: made by the server, never dropped.
};

enum class EntryKind : std::uint8_t { kTable, kView };

// A table or a view. Of a view the record's head means nothing, and its uuid is the view's.
struct Entry {
  EntryKind kind = EntryKind::kTable;
  TableRecord record;
};

struct EntryChange {
  enum class Action : std::uint8_t { kCreate, kSwap, kDrop, kCommit };
  Action action = Action::kSwap;
  // The state after the change. kSwap: UUID, namespace and name say which; location, metadata and
  // head are taken over. kDrop: the UUID says which. kCommit: `commit` alone counts.
  Entry entry;
  std::optional<TableChange> commit;  // kCommit: of a managed table.
  std::int64_t base_version = 0;      // kSwap and kDrop: the version it replaces.
  std::vector<Garbage> garbage;       // What the change made unreachable.
};

// A part of a sorted list: the names after `after`, at most `count_max`.
struct Page {
  std::string after;
  std::size_t count_max = SIZE_MAX;
};

class Directory {
 public:
  Directory() = default;
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  virtual ~Directory() = default;

  // Whether a project has that name: from its first key or its first managed table on.
  virtual Result<bool> IsProject(std::string_view name) = 0;
  // It is one from now on, if it was none.
  virtual Status AddProject(std::string_view name, TimeMicros now) = 0;

  // Makes missing namespaces above it too. kAlreadyExists.
  virtual Status CreateNamespace(const Namespace& ns) = 0;
  virtual Result<std::optional<Namespace>> FindNamespace(std::string_view path) = 0;
  // The paths right below `parent` (empty: the first level).
  virtual Result<std::vector<std::string>> ListNamespaces(std::string_view parent,
                                                          const Page& page) = 0;
  // Returns the properties that were there before. kNotFound.
  virtual Result<Properties> ChangeNamespace(std::string_view path,
                                             std::span<const std::string> removals,
                                             const Properties& updates) = 0;
  // kNotFound; kConflict: tables, views or namespaces are in it; kPermissionDenied: a project's.
  virtual Status DropNamespace(std::string_view path) = 0;

  virtual Result<std::optional<Entry>> FindEntry(std::string_view ns, std::string_view name) = 0;
  virtual Result<std::vector<std::string>> ListEntries(std::string_view ns, EntryKind kind,
                                                       const Page& page) = 0;
  // All changes or none.
  //   kNotFound          a namespace or an entry is gone.
  //   kAlreadyExists     a name, UUID or location is taken.
  //   kConflict          an entry has another version than the change was built on.
  //   kPermissionDenied  the entry is a managed table.
  // kCommit: as Catalog::Commit.
  virtual Status Apply(std::span<const EntryChange> changes) = 0;
  // kNotFound (entry or target namespace), kAlreadyExists, kPermissionDenied.
  virtual Status Rename(const Uuid& entry, std::string_view ns, std::string_view name) = 0;
  // True if a table or view other than `except` lives at the location, above it or below it.
  virtual Result<bool> OverlapsLocation(std::string_view location,
                                        std::span<const Uuid> except) = 0;
  // The table or view that lives at one of the locations: at the longest, if several do.
  struct Resident {
    Uuid uuid;
    std::string ns;
  };
  virtual Result<std::optional<Resident>> FindAtLocation(
      std::span<const std::string> locations) = 0;
  // Whether the file of this key waits to be deleted.
  virtual Result<bool> IsGarbage(std::string_view key) = 0;
};

}  // namespace tidemark::catalog
