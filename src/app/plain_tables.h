// The plain tables and views of the catalog as SQL finds them (query/table_source.h). Any thread;
// blocks on the database.
#pragma once

#include "catalog/directory.h"
#include "iceberg/locations.h"
#include "query/table_source.h"

namespace tidemark::app {

class PlainTables final : public query::TableSource {
 public:
  // All must outlive it, and the first two every store that it gives.
  PlainTables(catalog::Directory* directory, const iceberg::Locations* locations,
              const lake::MetricsReports* reports)
      : directory_(directory), locations_(locations), reports_(reports) {}

  Result<std::vector<query::CatalogTable>> List(std::string_view project) override;
  Result<std::vector<query::TableId>> Names(std::string_view project) override;
  Result<std::optional<query::CatalogTable>> Find(const std::vector<std::string>& ns,
                                                  std::string_view name) override;
  std::vector<std::shared_ptr<const lake::MetricsReport>> ReportsOf(
      const Uuid& table) const override {
    return reports_->Of(table);
  }

 private:
  Status NamesBelow(const std::string& path, std::vector<query::TableId>* names);
  query::CatalogTable TableOf(const catalog::Entry& entry) const;

  catalog::Directory* const directory_;
  const iceberg::Locations* const locations_;
  const lake::MetricsReports* const reports_;
};

}  // namespace tidemark::app
