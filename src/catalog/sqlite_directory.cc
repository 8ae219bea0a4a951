#include "catalog/sqlite_directory.h"

#include <algorithm>
#include <utility>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "catalog/table_rows.h"

namespace tidemark::catalog {
namespace {

using meta::Statement;
using meta::Transaction;

std::string PropertiesJson(const Properties& properties) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  for (const auto& [key, value] : properties) json.Field(key, std::string_view(value));
  json.EndObject();
  return out;
}

Result<Properties> ParseProperties(std::string_view text) {
  TM_ASSIGN(const JsonValue json, JsonValue::Parse(text));
  Properties properties;
  for (const auto& [key, value] : json.members()) properties[key] = value.text();
  return properties;
}

std::string_view KindText(EntryKind kind) { return kind == EntryKind::kView ? "view" : "table"; }

std::int64_t LimitOf(const Page& page) {
  return page.count_max > std::size_t{1} << 40 ? -1 : static_cast<std::int64_t>(page.count_max);
}

Result<std::optional<Namespace>> ReadNamespace(Transaction* transaction, std::string_view path) {
  TM_ASSIGN(Statement find, transaction->Prepare("SELECT properties,project FROM iceberg_namespace"
                                                 " WHERE path=?1"));
  TM_ASSIGN(const bool found, find.Bind(1, path).Step());
  if (!found) return std::optional<Namespace>();
  Namespace ns;
  ns.path = path;
  TM_ASSIGN(ns.properties, ParseProperties(find.Text(0)));
  ns.project = find.Int(1) != 0;
  return std::optional<Namespace>(std::move(ns));
}

Status CheckNamespace(Transaction* transaction, std::string_view path) {
  TM_ASSIGN(const auto ns, ReadNamespace(transaction, path));
  if (!ns) return Fail(Code::kNotFound, "no namespace");
  return {};
}

// Everything below a namespace begins with its path and a separator, and no other path does.
std::string Below(std::string_view path) { return std::string(path) + kLevelSeparator; }
std::string AfterBelow(std::string_view path) {
  return std::string(path) + static_cast<char>(kLevelSeparator + 1);
}

struct Found {
  std::string ns;
  std::string name;
  std::int64_t version = 0;
  bool managed = false;
};

Result<Found> FindForChange(Transaction* transaction, const Uuid& uuid) {
  TM_ASSIGN(Statement find, transaction->Prepare("SELECT ns,name,metadata_version,managed"
                                                 " FROM iceberg_table WHERE uuid=?1"));
  TM_ASSIGN(const bool found, find.Bind(1, std::string_view(uuid.ToString())).Step());
  if (!found) return Fail(Code::kNotFound, "no entry " + uuid.ToString());
  Found entry{std::string(find.Text(0)), std::string(find.Text(1)), find.Int(2), find.Int(3) != 0};
  if (entry.managed) {
    return Fail(Code::kPermissionDenied, entry.ns + "." + entry.name +
                                             " is fed by the server: only its own commits move it");
  }
  return entry;
}

Status Create(Transaction* transaction, const Entry& entry) {
  TM_TRY(CheckNamespace(transaction, entry.record.ns));
  return InsertTable(transaction, entry.record, KindText(entry.kind));
}

Status CheckVersion(const Found& found, const EntryChange& change) {
  if (found.version == change.base_version) return {};
  return Fail(Code::kConflict, "someone won: the change is built on version " +
                                   std::to_string(change.base_version) +
                                   ", the entry has version " + std::to_string(found.version));
}

Status Swap(Transaction* transaction, const EntryChange& change) {
  const TableRecord& record = change.entry.record;
  TM_ASSIGN(const Found found, FindForChange(transaction, record.uuid));
  // Renamed meanwhile: who asked for it by the old name would be told of a success.
  if (found.ns != record.ns || found.name != record.name) {
    return Fail(Code::kNotFound, "the entry has another name now");
  }
  TM_TRY(CheckVersion(found, change));
  TM_ASSIGN(Statement update,
            transaction->Prepare("UPDATE iceberg_table SET location=?2,metadata_key=?3,"
                                 "metadata_version=?4,metadata_gz=?5,head=?6 WHERE uuid=?1"));
  return update.Bind(1, std::string_view(record.uuid.ToString()))
      .Bind(2, std::string_view(record.location))
      .Bind(3, std::string_view(record.metadata_key))
      .Bind(4, change.base_version + 1)
      .BindBytes(5, record.metadata_bytes)
      .Bind(6, record.head.value)
      .Run();
}

Status Drop(Transaction* transaction, const EntryChange& change) {
  const Uuid& uuid = change.entry.record.uuid;
  TM_ASSIGN(const Found found, FindForChange(transaction, uuid));
  TM_TRY(CheckVersion(found, change));
  TM_ASSIGN(Statement drop, transaction->Prepare("DELETE FROM iceberg_table WHERE uuid=?1"));
  return drop.Bind(1, std::string_view(uuid.ToString())).Run();
}

Status ApplyOne(Transaction* transaction, const EntryChange& change) {
  switch (change.action) {
    case EntryChange::Action::kCreate:
      TM_TRY(Create(transaction, change.entry));
      break;
    case EntryChange::Action::kSwap:
      TM_TRY(Swap(transaction, change));
      break;
    case EntryChange::Action::kDrop:
      TM_TRY(Drop(transaction, change));
      break;
    case EntryChange::Action::kCommit:
      TM_TRY(ApplyTableChange(transaction, *change.commit));
      break;
  }
  return InsertGarbage(transaction, change.garbage);
}

enum class IfThere : std::uint8_t { kFail, kLeave };

Status InsertNamespace(Transaction* transaction, const Namespace& ns, IfThere if_there) {
  TM_ASSIGN(Statement insert,
            transaction->Prepare(
                std::string(if_there == IfThere::kLeave ? "INSERT OR IGNORE" : "INSERT") +
                " INTO iceberg_namespace VALUES(?1,?2,?3)"));
  return insert.Bind(1, std::string_view(ns.path))
      .Bind(2, std::string_view(PropertiesJson(ns.properties)))
      .Bind(3, std::int64_t{ns.project})
      .Run();
}

Result<std::vector<std::string>> ReadNames(Statement* list) {
  std::vector<std::string> names;
  while (true) {
    TM_ASSIGN(const bool row, list->Step());
    if (!row) return names;
    names.emplace_back(list->Text(0));
  }
}

}  // namespace

Result<bool> SqliteDirectory::IsProject(std::string_view name) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement find,
            transaction.Prepare("SELECT 1 FROM project WHERE name=?1 UNION ALL"
                                " SELECT 1 FROM iceberg_namespace WHERE path=?1 AND project<>0"));
  return find.Bind(1, name).Step();
}

Status SqliteDirectory::AddProject(std::string_view name, TimeMicros now) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  {
    TM_ASSIGN(Statement insert, transaction.Prepare("INSERT OR IGNORE INTO project VALUES(?1,?2)"));
    TM_TRY(insert.Bind(1, name).Bind(2, now.value).Run());
  }
  return transaction.Commit();
}

Status SqliteDirectory::CreateNamespace(const Namespace& ns) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  for (std::size_t at = ns.path.find(kLevelSeparator); at != std::string::npos;
       at = ns.path.find(kLevelSeparator, at + 1)) {
    TM_TRY(InsertNamespace(&transaction, {ns.path.substr(0, at), {}, false}, IfThere::kLeave));
  }
  TM_TRY(InsertNamespace(&transaction, ns, IfThere::kFail));
  return transaction.Commit();
}

Result<std::optional<Namespace>> SqliteDirectory::FindNamespace(std::string_view path) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  return ReadNamespace(&transaction, path);
}

Result<std::vector<std::string>> SqliteDirectory::ListNamespaces(std::string_view parent,
                                                                 const Page& page) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  const std::string prefix = parent.empty() ? std::string() : Below(parent);
  // Right below: no separator after the prefix. substr() counts characters, as length() does.
  TM_ASSIGN(Statement list,
            transaction.Prepare("SELECT path FROM iceberg_namespace WHERE path>?1 AND path>?2"
                                " AND (?3='' OR path<?3)"
                                " AND instr(substr(path,length(?1)+1),char(31))=0"
                                " ORDER BY path LIMIT ?4"));
  list.Bind(1, std::string_view(prefix))
      .Bind(2, std::string_view(page.after))
      .Bind(3, std::string_view(parent.empty() ? std::string() : AfterBelow(parent)))
      .Bind(4, LimitOf(page));
  return ReadNames(&list);
}

Result<Properties> SqliteDirectory::ChangeNamespace(std::string_view path,
                                                    std::span<const std::string> removals,
                                                    const Properties& updates) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(const auto ns, ReadNamespace(&transaction, path));
  if (!ns) return Fail(Code::kNotFound, "no namespace");
  Properties next = ns->properties;
  for (const std::string& key : removals) next.erase(key);
  for (const auto& [key, value] : updates) next[key] = value;
  {
    TM_ASSIGN(Statement update,
              transaction.Prepare("UPDATE iceberg_namespace SET properties=?2 WHERE path=?1"));
    TM_TRY(update.Bind(1, path).Bind(2, std::string_view(PropertiesJson(next))).Run());
  }
  TM_TRY(transaction.Commit());
  return ns->properties;
}

Status SqliteDirectory::DropNamespace(std::string_view path) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(const auto ns, ReadNamespace(&transaction, path));
  if (!ns) return Fail(Code::kNotFound, "no namespace");
  {
    TM_ASSIGN(Statement inside,
              transaction.Prepare("SELECT 1 FROM iceberg_table WHERE ns=?1 UNION ALL"
                                  " SELECT 1 FROM iceberg_namespace WHERE path>?2 AND path<?3"));
    TM_ASSIGN(const bool any, inside.Bind(1, path)
                                  .Bind(2, std::string_view(Below(path)))
                                  .Bind(3, std::string_view(AfterBelow(path)))
                                  .Step());
    if (any) return Fail(Code::kConflict, "the namespace is not empty");
  }
  if (ns->project) return Fail(Code::kPermissionDenied, "the namespace is a project's");
  {
    TM_ASSIGN(Statement drop, transaction.Prepare("DELETE FROM iceberg_namespace WHERE path=?1"));
    TM_TRY(drop.Bind(1, path).Run());
  }
  return transaction.Commit();
}

Result<std::optional<Entry>> SqliteDirectory::FindEntry(std::string_view ns,
                                                        std::string_view name) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement find,
            transaction.Prepare("SELECT " + std::string(kTableColumns) +
                                ",kind FROM iceberg_table WHERE ns=?1 AND name=?2"));
  TM_ASSIGN(const bool found, find.Bind(1, ns).Bind(2, name).Step());
  if (!found) return std::optional<Entry>();
  Entry entry;
  TM_ASSIGN(entry.record, ReadTable(find));
  entry.kind = find.Text(13) == "view" ? EntryKind::kView : EntryKind::kTable;
  return std::optional<Entry>(std::move(entry));
}

Result<std::vector<std::string>> SqliteDirectory::ListEntries(std::string_view ns, EntryKind kind,
                                                              const Page& page) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement list,
            transaction.Prepare("SELECT name FROM iceberg_table WHERE ns=?1 AND kind=?2 AND name>?3"
                                " ORDER BY name LIMIT ?4"));
  list.Bind(1, ns)
      .Bind(2, KindText(kind))
      .Bind(3, std::string_view(page.after))
      .Bind(4, LimitOf(page));
  return ReadNames(&list);
}

Status SqliteDirectory::Apply(std::span<const EntryChange> changes) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  for (const EntryChange& change : changes) TM_TRY(ApplyOne(&transaction, change));
  return transaction.Commit();
}

Status SqliteDirectory::Rename(const Uuid& entry, std::string_view ns, std::string_view name) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(const Found found, FindForChange(&transaction, entry));
  TM_TRY(CheckNamespace(&transaction, ns));
  {
    TM_ASSIGN(Statement rename,
              transaction.Prepare("UPDATE iceberg_table SET ns=?2,name=?3 WHERE uuid=?1"));
    TM_TRY(rename.Bind(1, std::string_view(entry.ToString())).Bind(2, ns).Bind(3, name).Run());
  }
  return transaction.Commit();
}

Result<bool> SqliteDirectory::OverlapsLocation(std::string_view location,
                                               std::span<const Uuid> except) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement find,
            transaction.Prepare("SELECT uuid FROM iceberg_table WHERE location=?1"
                                " OR substr(location,1,length(?1)+1)=?1||'/'"
                                " OR substr(?1,1,length(location)+1)=location||'/'"));
  find.Bind(1, location);
  while (true) {
    TM_ASSIGN(const bool row, find.Step());
    if (!row) return false;
    const auto uuid = Uuid::Parse(find.Text(0));
    if (!uuid || std::ranges::find(except, *uuid) == except.end()) return true;
  }
}

Result<std::optional<Directory::Resident>> SqliteDirectory::FindAtLocation(
    std::span<const std::string> locations) {
  std::optional<Resident> found;
  if (locations.empty()) return found;
  std::string list = "?1";
  for (std::size_t i = 1; i < locations.size(); ++i) list += ",?" + std::to_string(i + 1);
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement find,
            transaction.Prepare("SELECT uuid,ns FROM iceberg_table WHERE location IN (" + list +
                                ") ORDER BY length(location) DESC LIMIT 1"));
  for (std::size_t i = 0; i < locations.size(); ++i) {
    find.Bind(static_cast<int>(i + 1), std::string_view(locations[i]));
  }
  TM_ASSIGN(const bool row, find.Step());
  if (!row) return found;
  const auto uuid = Uuid::Parse(find.Text(0));
  if (!uuid) return Fail(Code::kCorruption, "an entry of the catalog has no UUID");
  found = Resident{*uuid, std::string(find.Text(1))};
  return found;
}

Result<bool> SqliteDirectory::IsGarbage(std::string_view key) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement find, transaction.Prepare("SELECT 1 FROM gc_queue WHERE key=?1"));
  return find.Bind(1, key).Step();
}

}  // namespace tidemark::catalog
