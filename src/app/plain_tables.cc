#include "app/plain_tables.h"

#include <mutex>
#include <utility>

#include "app/read_only_store.h"
#include "iceberg/reach.h"

namespace tidemark::app {
namespace {

// The store that a table lives in, asked by any spelling of a URI, as far as the table's project
// may read it.
class TableStore final : public ReadOnlyStore {
 public:
  TableStore(iceberg::Reach reach, env::ObjectStore* store)
      : reach_(std::move(reach)), store_(store) {}

  Result<std::string> Get(std::string_view key, std::uint64_t bytes_max) const override {
    return store_->Get(key, bytes_max);
  }
  Result<bool> Exists(std::string_view key) const override { return store_->Exists(key); }
  Result<std::vector<std::string>> List(std::string_view prefix) const override {
    return store_->List(prefix);
  }
  std::string Uri(std::string_view key) const override { return store_->Uri(key); }
  Result<std::string> KeyOf(std::string_view uri) const override {
    std::unique_lock lock(mutex_);
    auto place = reach_.Resolve(uri);
    lock.unlock();
    if (!place) {
      const bool forbidden = place.error().status == 403;
      return Fail(forbidden ? Code::kPermissionDenied : Code::kInvalidArgument,
                  place.error().message);
    }
    if (place->store != store_) {
      return Fail(Code::kInvalidArgument, "a file of the table lies in another location");
    }
    return std::move(place->key);
  }
  std::string NativePath(std::string_view key) const override { return store_->NativePath(key); }

 private:
  mutable std::mutex mutex_;
  const iceberg::Reach reach_;
  env::ObjectStore* const store_;
};

std::vector<std::string> LevelsOf(std::string_view path) {
  std::vector<std::string> levels;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find(catalog::kLevelSeparator, at), path.size());
    levels.emplace_back(path.substr(at, end - at));
    at = end + 1;
  }
  return levels;
}

}  // namespace

query::CatalogTable PlainTables::TableOf(const catalog::Entry& entry) const {
  query::CatalogTable table;
  table.ns = LevelsOf(entry.record.ns);
  table.name = entry.record.name;
  table.is_view = entry.kind == catalog::EntryKind::kView;
  const auto place = locations_->Resolve(entry.record.location);
  if (!place) {
    table.problem = place.error().message;
    return table;
  }
  table.metadata_location = entry.record.metadata_key;
  if (table.is_view) return table;
  auto metadata = lake::ParseMetadata(entry.record.metadata_bytes);
  const Status sound = metadata ? lake::CheckUnambiguous(*metadata) : Status();
  if (!metadata || !sound) {
    table.problem = metadata ? sound.error().message() : metadata.error().message();
    return table;
  }
  table.metadata = std::make_shared<const lake::TableMetadata>(*std::move(metadata));
  // A statement is its project's, whoever sent it.
  const iceberg::Access access{.project = table.ns.front()};
  table.store = std::make_shared<const TableStore>(
      iceberg::Reach(locations_, directory_, access, entry.record.location), place->store);
  return table;
}

Result<std::optional<query::CatalogTable>> PlainTables::Find(const std::vector<std::string>& ns,
                                                             std::string_view name) {
  std::string path;
  for (const std::string& level : ns) {
    if (!path.empty()) path += catalog::kLevelSeparator;
    path += level;
  }
  TM_ASSIGN(const auto entry, directory_->FindEntry(path, name));
  const bool plain = entry && (entry->kind == catalog::EntryKind::kView || !entry->record.managed);
  if (!plain) return std::optional<query::CatalogTable>();
  return std::optional<query::CatalogTable>(TableOf(*entry));
}

Status PlainTables::NamesBelow(const std::string& path, std::vector<query::TableId>* names) {
  const std::vector<std::string> ns = LevelsOf(path);
  for (const auto kind : {catalog::EntryKind::kTable, catalog::EntryKind::kView}) {
    TM_ASSIGN(auto entries, directory_->ListEntries(path, kind, {}));
    for (std::string& name : entries) {
      if (names->size() == query::kListedTablesMax) {
        return Fail(Code::kOverloaded, "the project has more than " +
                                           std::to_string(query::kListedTablesMax) +
                                           " tables, which is all that system tables list");
      }
      names->push_back({ns, std::move(name)});
    }
  }
  TM_ASSIGN(const auto below, directory_->ListNamespaces(path, {}));
  for (const std::string& child : below) TM_TRY(NamesBelow(child, names));
  return {};
}

Result<std::vector<query::TableId>> PlainTables::Names(std::string_view project) {
  std::vector<query::TableId> names;
  TM_ASSIGN(const auto ns, directory_->FindNamespace(project));
  if (ns) TM_TRY(NamesBelow(std::string(project), &names));
  return names;
}

Result<std::vector<query::CatalogTable>> PlainTables::List(std::string_view project) {
  std::vector<query::CatalogTable> tables;
  TM_ASSIGN(const auto names, Names(project));
  for (const query::TableId& one : names) {
    TM_ASSIGN(auto table, Find(one.ns, one.name));
    if (table) tables.push_back(*std::move(table));
  }
  return tables;
}

}  // namespace tidemark::app
