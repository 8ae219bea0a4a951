// Making, loading and dropping tables. Commits: commits.cc.
#include <algorithm>
#include <utility>

#include "iceberg/named_files.h"
#include "iceberg/rest_catalog.h"
#include "iceberg/schema.h"
#include "lake/deflate.h"
#include "lake/names.h"

namespace tidemark::iceberg {
namespace {

using catalog::EntryKind;

std::string EtagOf(const catalog::TableRecord& record) {
  return record.uuid.ToString() + "-" + std::to_string(record.metadata_version);
}

constexpr std::string_view kFormatVersion = catalog::kPropertyFormatVersion;

// What the maker of a table does not say of its format its namespace may.
Outcome<JsonValue> PropertiesFor(std::string_view ns, const JsonValue& sent,
                                 catalog::Directory* directory) {
  JsonValue properties = sent.is_null() ? JsonValue::Object() : sent;
  if (!properties.is_object() || properties.Find(kFormatVersion) != nullptr) return properties;
  ICE_ASSIGN(const auto found, directory->FindNamespace(ns));
  if (!found) return properties;
  const auto version = found->properties.find(std::string(kFormatVersion));
  if (version != found->properties.end()) properties.Set(kFormatVersion, version->second);
  return properties;
}

}  // namespace

Reach RestCatalog::ReachOf(const Access& access, std::string_view home) const {
  return {parts_.locations, parts_.directory, access, home};
}

// The location that a request asks for, checked, or a new one.
Outcome<std::string> RestCatalog::LocationFor(const Access& access, const Name& name,
                                              const JsonValue& request, const Uuid& uuid) const {
  std::string location = TextOr(request, "location");
  if (location.empty()) return parts_.locations->ForNew(name.ns, name.name, uuid);
  while (location.size() > 1 && location.back() == '/') location.pop_back();
  ICE_TRY(CheckLocation(access, location, ""));
  return location;
}

// `before`: where the table lives now. `except`: tables that may live there.
Done RestCatalog::CheckLocation(const Access& access, std::string_view location,
                                std::string_view before, std::span<const Uuid> except) const {
  const std::string normal = Locations::Normal(location);
  if (!before.empty() && normal == Locations::Normal(before)) return {};
  ICE_TRY(parts_.locations->CheckForTable(location));
  ICE_ASSIGN(const bool taken, parts_.directory->OverlapsLocation(normal, except));
  if (taken) {
    return NotValid("Location " + std::string(location) + " overlaps that of another table");
  }
  // What is below may be left from another project's tables.
  ICE_TRY(ReachOf(access).Resolve(normal + "/metadata"));
  return {};
}

// Metadata that a client sends somewhere else must not come to lie among another table's, where it
// would be taken for that one's.
Outcome<std::string> RestCatalog::MetadataFolder(const Access& access, std::string_view location,
                                                 const std::string& chosen,
                                                 const Uuid& uuid) const {
  const std::string own = std::string(location) + "/metadata";
  if (chosen.empty()) return own;
  const std::string normal = Locations::Normal(chosen);
  if (normal.starts_with(Locations::Normal(location) + "/")) return chosen;
  ICE_TRY(CheckLocation(access, chosen, "", {&uuid, 1}));
  return chosen;
}

LoadedTable RestCatalog::Loaded(const Prepared& prepared) const {
  return {MetadataUri(prepared.change.entry), prepared.metadata,
          EtagOf(prepared.change.entry.record)};
}

RestCatalog::Prepared RestCatalog::NewEntry(EntryKind kind, const Name& name, const Uuid& uuid,
                                            std::string_view location) {
  Prepared prepared;
  prepared.changed = true;
  prepared.change.action = catalog::EntryChange::Action::kCreate;
  prepared.change.entry.kind = kind;
  catalog::TableRecord& record = prepared.change.entry.record;
  record.uuid = uuid;
  record.ns = name.ns;
  record.name = name.name;
  record.managed = false;
  record.location = Locations::Normal(location);
  return prepared;
}

Done RestCatalog::MakeFolder(const std::string& folder) const {
  ICE_ASSIGN(const Locations::Place place, parts_.locations->Resolve(folder));
  ICE_TRY(place.store->Stage(place.key + "/manifest"));
  return {};
}

Outcome<LoadedTable> RestCatalog::CreateTable(const Access& access, std::string_view ns,
                                              const JsonValue& request) {
  ICE_ASSIGN(const std::string table, request.StringAt("name"));
  const Name name{std::string(ns), table};
  ICE_TRY(CheckNewName(name, EntryKind::kTable));
  NewTable fresh;
  fresh.uuid = parts_.new_id();
  ICE_ASSIGN(fresh.location, LocationFor(access, name, request, fresh.uuid));
  fresh.schema = MemberOf(request, "schema");
  fresh.spec = MemberOf(request, "partition-spec");
  fresh.sort_order = MemberOf(request, "write-order");
  ICE_ASSIGN(fresh.properties,
             PropertiesFor(ns, MemberOf(request, "properties"), parts_.directory));
  fresh.now_ms = NowMs();
  ICE_ASSIGN(const TableDocument document, TableDocument::Create(fresh));
  ICE_ASSIGN(
      const std::string folder,
      MetadataFolder(access, fresh.location, document.Property("write.metadata.path"), fresh.uuid));
  if (MemberOf(request, "stage-create").Bool().value_or(false)) {
    ICE_TRY(MakeFolder(folder));
    return LoadedTable{"", document.ToJson(), ""};
  }
  Prepared prepared = NewEntry(EntryKind::kTable, name, fresh.uuid, fresh.location);
  ICE_TRY(WriteMetadata(folder, document.Property("write.metadata.compression-codec"),
                        document.ToJson(), 0, &prepared));
  ICE_ASSIGN(const bool made, Make({prepared}));
  if (!made) ICE_TRY(CheckNewName(name, EntryKind::kTable));
  if (!made) return CommitFailed("Cannot create " + NameText(name) + ": try again");
  return Loaded(prepared);
}

Outcome<std::string> RestCatalog::ReadMetadata(const Access& access, const std::string& uri) const {
  ICE_ASSIGN(const Locations::Place place, ReachOf(access).Resolve(uri));
  auto bytes = place.store->Get(place.key, kDocumentBytesMax);
  bool is_gone = !bytes && bytes.error().code() == Code::kNotFound;
  // What was purged is still there for a while, and then goes with its data.
  if (!is_gone && place.in_warehouse) {
    ICE_ASSIGN(is_gone, parts_.directory->IsGarbage(place.key));
  }
  if (is_gone) {
    return Refuse(404, "NotFoundException", "Failed to open input stream for file: " + uri);
  }
  ICE_TRY(bytes);
  return *std::move(bytes);
}

// What no reader could read alike is not taken over, nor files that the request may not read; of
// what else is wrong scans will tell.
Done RestCatalog::CheckRegistered(const Access& access, const TableDocument& document) const {
  const auto metadata = lake::ParseMetadata(document.ToJson());
  const Status sound = metadata ? lake::CheckUnambiguous(*metadata) : Fail(metadata.error());
  if (!sound) return NotValid("Cannot register the table: " + sound.error().message());
  if (access.all) return {};
  const Reach reach = ReachOf(access, document.location());
  for (const auto& snapshot : metadata->snapshots) {
    const auto list = reach.Resolve(snapshot->manifest_list);
    if (!list && list.error().status == 403) return tl::unexpected<Problem>(list.error());
  }
  const lake::Snapshot* head = metadata->current();
  if (head == nullptr) return {};
  return CheckNewManifests(reach, &manifests_, "", head->manifest_list);
}

Outcome<LoadedTable> RestCatalog::RegisterTable(const Access& access, std::string_view ns,
                                                const JsonValue& request) {
  ICE_ASSIGN(const std::string table, request.StringAt("name"));
  ICE_ASSIGN(const std::string uri, request.StringAt("metadata-location"));
  const Name name{std::string(ns), table};
  const bool overwrite = MemberOf(request, "overwrite").Bool().value_or(false);
  ICE_ASSIGN(const auto before, Find(name, EntryKind::kTable));
  if (!before || !overwrite) ICE_TRY(CheckNewName(name, EntryKind::kTable));
  if (before && before->record.managed) {
    return Forbidden("Cannot register over " + NameText(name) + ": the server feeds it");
  }
  ICE_ASSIGN(std::string bytes, ReadMetadata(access, uri));
  ICE_ASSIGN(const TableDocument document, TableDocument::Parse(bytes));
  // Itself, by another name, is told of below.
  std::vector<Uuid> except = {document.uuid().value_or(Uuid())};
  if (before) except.push_back(before->record.uuid);
  ICE_TRY(CheckLocation(access, document.location(), "", except));
  ICE_TRY(CheckRegistered(access, document));
  Prepared prepared = NewEntry(EntryKind::kTable, name, document.uuid().value_or(parts_.new_id()),
                               document.location());
  prepared.metadata = document.ToJson();
  catalog::TableRecord& record = prepared.change.entry.record;
  record.metadata_key = uri;
  record.metadata_version = lake::VersionOf(uri).value_or(0);
  record.metadata_bytes = std::move(bytes);
  record.head = SnapshotId(document.current_snapshot().value_or(0));
  std::vector<catalog::EntryChange> changes;
  if (before && overwrite) {
    catalog::EntryChange& drop = changes.emplace_back();
    drop.action = catalog::EntryChange::Action::kDrop;
    drop.entry = *before;
    drop.base_version = before->record.metadata_version;
  }
  changes.push_back(prepared.change);
  const Status applied = parts_.directory->Apply(changes);
  if (!applied && applied.error().code() == Code::kAlreadyExists) {
    ICE_TRY(CheckNewName(name, EntryKind::kTable));
    return Refuse(409, "AlreadyExistsException",
                  "The table of " + uri + " is registered already, by another name");
  }
  ICE_TRY(applied);
  return Loaded(prepared);
}

Outcome<LoadedTable> RestCatalog::LoadTable(const Name& name, bool refs_only,
                                            std::span<const std::string> known) const {
  ICE_ASSIGN(const catalog::Entry entry, Require(name, EntryKind::kTable));
  LoadedTable loaded;
  loaded.metadata_location = MetadataUri(entry);
  loaded.etag = EtagOf(entry.record) + (refs_only ? "-refs" : "");
  ICE_TRY(CheckMetadataFile(entry));
  const bool is_known = std::ranges::any_of(
      known, [&](const std::string& one) { return one == "*" || one == loaded.etag; });
  if (is_known) return loaded;
  const std::string& bytes = entry.record.metadata_bytes;
  ICE_ASSIGN(const TableDocument document, TableDocument::Parse(bytes));
  loaded.metadata = refs_only ? document.ToJsonOfRefs() : document.ToJson();
  return loaded;
}

// Every file below the table's location, for later: what reads an older state still needs it.
Outcome<std::vector<catalog::Garbage>> RestCatalog::PurgeList(const catalog::Entry& entry,
                                                              const TableDocument& document) const {
  std::vector<catalog::Garbage> garbage;
  if (document.Property("gc.enabled") == "false") {
    return NotValid("Cannot purge table: GC is disabled (deleting files may corrupt other tables)");
  }
  const Uuid& itself = entry.record.uuid;
  ICE_ASSIGN(const bool shared,
             parts_.directory->OverlapsLocation(entry.record.location, {&itself, 1}));
  if (shared) {
    return NotValid("Cannot purge table: another table lives in " + entry.record.location +
                    " too; drop it without purge");
  }
  const auto place = parts_.locations->Resolve(entry.record.location);
  if (!place || !place->in_warehouse) return garbage;
  ICE_ASSIGN(const auto keys, place->store->List(place->key + "/"));
  if (keys.size() > kPurgedFilesMax) {
    return NotValid("Cannot purge table: it has more than " + std::to_string(kPurgedFilesMax) +
                    " files; drop it without purge and delete its folder");
  }
  for (const std::string& key : keys) {
    garbage.push_back({key, entry.record.uuid, "purge", parts_.clock->WallNow()});
  }
  return garbage;
}

Done RestCatalog::DropTable(const Name& name, bool purge) {
  for (int attempt = 0; attempt < kCommitAttempts; ++attempt) {
    ICE_ASSIGN(const catalog::Entry entry, Require(name, EntryKind::kTable));
    if (entry.record.managed) {
      return Forbidden("Cannot drop " + NameText(name) +
                       ": the server feeds it; events that are still on their way would be lost");
    }
    catalog::EntryChange drop;
    drop.action = catalog::EntryChange::Action::kDrop;
    drop.entry = entry;
    drop.base_version = entry.record.metadata_version;
    if (purge) {
      ICE_ASSIGN(const TableDocument document, TableDocument::Parse(entry.record.metadata_bytes));
      ICE_ASSIGN(drop.garbage, PurgeList(entry, document));
    }
    const Status dropped = parts_.directory->Apply({&drop, 1});
    if (!dropped && dropped.error().code() == Code::kConflict) continue;
    if (!dropped && dropped.error().code() == Code::kNotFound) continue;  // Renamed, dropped.
    ICE_TRY(dropped);
    if (purge) PurgeOutside(entry.record.location);
    return {};
  }
  return CommitFailed("Cannot drop " + NameText(name) + ": it changes all the time");
}

// Outside the warehouse nothing is put off: the garbage of the server is its warehouse's.
void RestCatalog::PurgeOutside(const std::string& location) const {
  const auto place = parts_.locations->Resolve(location);
  if (!place || place->in_warehouse) return;
  const auto keys = place->store->List(place->key + "/");
  if (!keys) return;
  for (const std::string& key : *keys) {
    static_cast<void>(place->store->Remove(key).has_value());
  }
}

}  // namespace tidemark::iceberg
