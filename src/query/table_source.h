// What the catalog has beside the managed tables: the plain tables and views that stand in a
// project's namespace. Any thread; blocks on the database and the store.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/object_store.h"
#include "lake/metrics_reports.h"
#include "lake/table.h"

namespace tidemark::query {

inline constexpr std::size_t kListedTablesMax = 10'000;

struct CatalogTable {
  std::vector<std::string> ns;  // The levels; the first is the project.
  std::string name;
  bool is_view = false;
  std::string metadata_location;
  std::shared_ptr<const lake::TableMetadata> metadata;  // Null: a view, or it cannot be read.
  std::shared_ptr<const env::ObjectStore> store;        // Of its files; null as the metadata.
  std::string problem;                                  // Why it cannot be read.
};

struct TableId {
  std::vector<std::string> ns;
  std::string name;
};

// The levels joined by dots; a level with a dot or a quote of its own is in double quotes, as SQL
// writes names: `a."b.c"`.
std::string NamespaceText(const std::vector<std::string>& levels);

class TableSource {
 public:
  TableSource() = default;
  TableSource(const TableSource&) = delete;
  TableSource& operator=(const TableSource&) = delete;
  virtual ~TableSource() = default;

  // Managed tables are left out. kOverloaded beyond kListedTablesMax.
  virtual Result<std::vector<CatalogTable>> List(std::string_view project) = 0;
  // The names of all tables, managed ones too, and views. kOverloaded as List.
  virtual Result<std::vector<TableId>> Names(std::string_view project) = 0;
  // By its exact name. Nothing if there is none, or it is a managed one.
  virtual Result<std::optional<CatalogTable>> Find(const std::vector<std::string>& ns,
                                                   std::string_view name) = 0;
  // What engines reported of a table of any kind, oldest first.
  virtual std::vector<std::shared_ptr<const lake::MetricsReport>> ReportsOf(
      const Uuid& table) const = 0;
};

}  // namespace tidemark::query
