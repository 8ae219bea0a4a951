// The directory in meta's database, beside the catalog's tables.
#pragma once

#include <memory>

#include "catalog/directory.h"
#include "meta/database.h"

namespace tidemark::catalog {

class SqliteDirectory final : public Directory {
 public:
  // The catalog's tables are there (SqliteCatalog::Open). `database` must outlive the directory.
  explicit SqliteDirectory(meta::Database* database) : database_(database) {}

  Result<bool> IsProject(std::string_view name) override;
  Status AddProject(std::string_view name, TimeMicros now) override;
  Status CreateNamespace(const Namespace& ns) override;
  Result<std::optional<Namespace>> FindNamespace(std::string_view path) override;
  Result<std::vector<std::string>> ListNamespaces(std::string_view parent,
                                                  const Page& page) override;
  Result<Properties> ChangeNamespace(std::string_view path, std::span<const std::string> removals,
                                     const Properties& updates) override;
  Status DropNamespace(std::string_view path) override;
  Result<std::optional<Entry>> FindEntry(std::string_view ns, std::string_view name) override;
  Result<std::vector<std::string>> ListEntries(std::string_view ns, EntryKind kind,
                                               const Page& page) override;
  Status Apply(std::span<const EntryChange> changes) override;
  Status Rename(const Uuid& entry, std::string_view ns, std::string_view name) override;
  Result<bool> OverlapsLocation(std::string_view location, std::span<const Uuid> except) override;
  Result<std::optional<Resident>> FindAtLocation(std::span<const std::string> locations) override;
  Result<bool> IsGarbage(std::string_view key) override;

 private:
  meta::Database* database_;
};

}  // namespace tidemark::catalog
