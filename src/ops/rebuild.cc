#include "ops/rebuild.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "catalog/sqlite_catalog.h"
#include "lake/table.h"
#include "meta/database.h"
#include "meta/projects.h"
#include "ops/doctor.h"
#include "tide/stream.h"
#include "wal/recovery.h"
#include "wal/salvage.h"

namespace tidemark::ops {
namespace {

constexpr std::string_view kDatabase = "meta.db";
constexpr std::string_view kUnfinished = "meta.db.rebuild";

// What SQLite keeps beside a database would be applied to the new one.
Status RemoveDatabase(env::Disk* disk, std::string_view name) {
  for (const std::string_view suffix : {"", "-wal", "-shm"}) {
    const Status removed = disk->Remove(std::string(name) + std::string(suffix));
    if (!removed && removed.error().code() != Code::kNotFound) return removed;
  }
  return {};
}

Result<std::vector<lake::FoundTable>> FindTables(const Premises& premises) {
  TM_ASSIGN(const auto locations, StoredTables(*premises.disk, *premises.store));
  std::vector<lake::FoundTable> tables;
  std::set<std::pair<std::string, std::string>> names;
  for (const std::string& location : locations) {
    auto found = lake::FindNewestMetadata(*premises.store, location);
    if (!found) return Fail(Code::kCorruption, found.error().message());
    if (!names.emplace(found->record.ns, found->record.name).second) {
      return Fail(Code::kConflict, "there are two tables " + found->record.ns + "." +
                                       found->record.name + ", one in " + location +
                                       "; move the one that is not wanted out of lake/");
    }
    tables.push_back(*std::move(found));
  }
  return tables;
}

struct LogFacts {
  std::optional<std::string> log_id;
  std::set<std::string> projects;
};

void AddProject(std::string_view log_name, LogFacts* facts) {
  if (auto stream = tide::ParseLogName(log_name))
    facts->projects.insert(std::move(stream->project));
}

// A log that is damaged tells what can be read of it: the catalog is of the tables, and that the
// log does not go on is told by whoever opens it.
Result<LogFacts> ReadLog(env::Disk* disk) {
  LogFacts facts;
  const auto names = disk->List("log");
  if (!names && names.error().code() == Code::kNotFound) return facts;
  if (!names) return Fail(names.error());
  const auto visit = [&facts](const wal::Frame& frame) {
    AddProject(frame.project, &facts);
    return Status();
  };
  auto log = wal::Recover(disk, "log", *names, visit);
  Status read = log ? wal::VisitTail(&*log, visit) : Fail(log.error());
  if (read) {
    if (log->log_id) facts.log_id = log->log_id->ToString();
    for (const auto& [name, end] : log->ends) AddProject(name, &facts);
    return facts;
  }
  if (read.error().code() != Code::kCorruption) return Fail(read.error());
  TM_ASSIGN(const auto rest, wal::Salvage(disk, "log", *names, std::nullopt, visit));
  if (rest.log_id) facts.log_id = rest.log_id->ToString();
  for (const auto& [name, end] : rest.ends) AddProject(name, &facts);
  return facts;
}

Status Fill(meta::Database* database, const std::vector<lake::FoundTable>& tables,
            const LogFacts& log, TimeMicros now) {
  TM_ASSIGN(auto catalog, catalog::SqliteCatalog::Open(database));
  TM_ASSIGN(auto projects, meta::Projects::Open(database));
  std::set<std::string> names = log.projects;
  Epoch last;
  for (const lake::FoundTable& table : tables) {
    TM_TRY(catalog->CreateTable(table.record, table.ledger));
    names.insert(table.record.ns);
    last = std::max(last, table.record.epoch);
  }
  for (const std::string& name : names) TM_TRY(projects.Create(name, now));
  if (!log.log_id) return {};
  // Owners are counted on from the last one that committed.
  TM_ASSIGN(auto transaction, database->Begin());
  {
    TM_ASSIGN(auto owner,
              transaction.Prepare("INSERT OR REPLACE INTO log_owner(log_id,epoch) VALUES(?1,?2)"));
    TM_TRY(owner.Bind(1, std::string_view(*log.log_id)).Bind(2, last.value).Run());
  }
  return transaction.Commit();
}

}  // namespace

Result<std::vector<std::string>> StoredTables(const env::Disk& disk,
                                              const env::ObjectStore& store) {
  std::vector<std::string> locations;
  const auto folders = disk.List("lake");
  if (!folders && folders.error().code() == Code::kNotFound) return locations;
  if (!folders) return Fail(folders.error());
  for (const std::string& ns : *folders) {
    if (!meta::IsProjectName(ns)) continue;  // Plain tables: their clients know them.
    TM_ASSIGN(auto found, lake::FindTableLocations(store, ns));
    locations.insert(locations.end(), found.begin(), found.end());
  }
  return locations;
}

Result<std::vector<RebuiltTable>> RebuildCatalog(const Premises& premises) {
  env::Disk* disk = premises.disk;
  TM_ASSIGN(const bool there, disk->Exists(kDatabase));
  if (there) {
    return Fail(Code::kAlreadyExists,
                "meta.db is there; move it away first if it is to be replaced");
  }
  TM_ASSIGN(const auto tables, FindTables(premises));
  TM_ASSIGN(const LogFacts log, ReadLog(disk));
  std::vector<RebuiltTable> rebuilt;
  for (const lake::FoundTable& table : tables) {
    const catalog::TableRecord& record = table.record;
    if (record.managed && log.log_id && record.log_id != *log.log_id) {
      return Fail(Code::kCorruption, "table " + record.ns + "." + record.name +
                                         " was settled from log " + record.log_id +
                                         ", but log/ holds " + *log.log_id +
                                         ": put the right log folder back");
    }
    rebuilt.push_back({record.ns, record.name, record.metadata_version, record.visible().value});
  }
  TM_TRY(RemoveDatabase(disk, kDatabase));
  TM_TRY(RemoveDatabase(disk, kUnfinished));
  {
    TM_ASSIGN(auto database, meta::Database::Open(disk->NativePath(kUnfinished)));
    TM_TRY(Fill(database.get(), tables, log, premises.clock->WallNow()));
  }
  // Closed, it is one file.
  TM_ASSIGN(auto file, disk->Open(kUnfinished));
  TM_TRY(file->Sync());
  TM_TRY(disk->Rename(kUnfinished, kDatabase));
  TM_TRY(disk->SyncDir(""));
  return rebuilt;
}

}  // namespace tidemark::ops
