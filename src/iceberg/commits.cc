// Commits: requirements, updates, the next metadata file, the pointer.
#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/text.h"
#include "iceberg/commit_request.h"
#include "iceberg/managed_commit.h"
#include "iceberg/named_files.h"
#include "iceberg/rest_catalog.h"
#include "iceberg/schema.h"
#include "lake/deflate.h"
#include "lake/names.h"

namespace tidemark::iceberg {
namespace {

using catalog::EntryChange;
using catalog::EntryKind;

constexpr int kGzipLevel = 1;
constexpr std::string_view kMetadataPath = "write.metadata.path";
constexpr std::string_view kMetadataCodec = "write.metadata.compression-codec";

Outcome<bool> AssertsCreate(const JsonValue& request) {
  ICE_ASSIGN(const auto* requirements, ListAt(request, "requirements"));
  return std::ranges::any_of(*requirements, [](const JsonValue& requirement) {
    return TextOr(requirement, "type") == "assert-create";
  });
}

// Old metadata files that are the table's own: its log may name any file.
void KeepOwn(std::span<const std::string> folders, std::vector<std::string>* files) {
  std::erase_if(*files, [&](const std::string& uri) {
    return std::ranges::none_of(folders, [&](const std::string& folder) {
      return Locations::Normal(uri).starts_with(Locations::Normal(folder) + "/");
    });
  });
}

}  // namespace

Done RestCatalog::WriteMetadata(std::string_view folder, std::string_view codec, std::string json,
                                std::int64_t version, Prepared* prepared) const {
  std::string digits = std::to_string(version);
  if (digits.size() < 5) digits.insert(0, 5 - digits.size(), '0');
  // As the properties name it; the server's own choice is gzip.
  const std::string name = LowerCase(codec);
  const bool plain = name == "none";
  if (!plain && !name.empty() && name != "gzip") {
    return NotValid("Cannot write metadata with codec " + std::string(codec) + ": property " +
                    std::string(kMetadataCodec) + " must be gzip or none");
  }
  std::string uri(folder);
  while (uri.size() > 1 && uri.back() == '/') uri.pop_back();
  uri += "/" + digits + "-" + parts_.new_id().ToString() +
         (plain ? ".metadata.json" : ".gz.metadata.json");
  ICE_ASSIGN(const Locations::Place place, parts_.locations->Resolve(uri));
  catalog::TableRecord& record = prepared->change.entry.record;
  record.metadata_bytes = plain ? json : lake::Deflate(json, lake::DeflateForm::kGzip, kGzipLevel);
  if (const Status put = place.store->Put(place.key, record.metadata_bytes); !put) {
    RemoveFile(uri);  // It may be there, whole or torn, and nothing will ever name it.
    return tl::unexpected<Problem>(put.error());
  }
  record.metadata_key = std::move(uri);
  record.metadata_version = version;
  prepared->metadata = std::move(json);
  return {};
}

Outcome<RestCatalog::Prepared> RestCatalog::Prepare(const Access& access,
                                                    const TableCommit& commit) {
  ICE_ASSIGN(const bool create, AssertsCreate(*commit.request));
  if (create) return PrepareNew(access, commit);
  ICE_ASSIGN(const catalog::Entry entry, Require(commit.name, EntryKind::kTable));
  return PrepareNext(access, commit, entry);
}

// The end of a staged create: the updates describe the whole table.
Outcome<RestCatalog::Prepared> RestCatalog::PrepareNew(const Access& access,
                                                       const TableCommit& commit) {
  ICE_ASSIGN(const auto there, Find(commit.name, EntryKind::kTable));
  if (there) return CommitFailed("Requirement failed: table already exists");
  ICE_TRY(CheckNewName(commit.name, EntryKind::kTable));
  TableDocument document = TableDocument::Blank();
  const std::int64_t now = NowMs();
  ICE_ASSIGN(const auto* updates, ListAt(*commit.request, "updates"));
  for (const JsonValue& update : *updates) ICE_TRY(document.Apply(update, now));
  document.Complete(parts_.new_id());
  if (document.location().empty()) {
    document.SetDefaultLocation(
        parts_.locations->ForNew(commit.name.ns, commit.name.name, *document.uuid()));
  }
  ICE_TRY(CheckLocation(access, document.location(), ""));
  ICE_TRY(document.Finish(now));
  Prepared prepared =
      NewEntry(EntryKind::kTable, commit.name, *document.uuid(), document.location());
  catalog::TableRecord& record = prepared.change.entry.record;
  record.head = SnapshotId(document.current_snapshot().value_or(0));
  ICE_TRY(CheckAddedFiles(access, document));
  ICE_ASSIGN(
      const std::string folder,
      MetadataFolder(access, document.location(), document.Property(kMetadataPath), record.uuid));
  ICE_TRY(
      WriteMetadata(folder, document.Property(kMetadataCodec), document.ToJson(), 0, &prepared));
  return prepared;
}

// What the parent had was looked at when it came. Whoever may do all is held to the places that
// files are read from: a snapshot elsewhere could be committed, and never be read.
Done RestCatalog::CheckAddedFiles(const Access& access, const TableDocument& document) const {
  for (const std::int64_t id : document.added_snapshots()) {
    const JsonValue* snapshot = document.FindSnapshot(id);
    const std::string list = snapshot == nullptr ? "" : TextOr(*snapshot, "manifest-list");
    if (list.empty()) continue;  // Of format version 1, or added and removed again.
    const auto place = parts_.locations->Resolve(list);
    if (!place) {
      return BadRequest("Cannot add snapshot " + std::to_string(id) + ": " + place.error().message);
    }
  }
  if (access.all) return {};
  const Reach reach = ReachOf(access, document.location());
  for (const std::int64_t id : document.added_snapshots()) {
    const JsonValue* snapshot = document.FindSnapshot(id);
    if (snapshot == nullptr) continue;  // Added and removed again.
    const JsonValue* parent = document.FindSnapshot(ParentOf(*snapshot).value_or(-1));
    ICE_TRY(CheckNewManifests(reach, &manifests_,
                              parent == nullptr ? "" : TextOr(*parent, "manifest-list"),
                              TextOr(*snapshot, "manifest-list")));
  }
  return {};
}

Outcome<RestCatalog::Prepared> RestCatalog::PrepareNext(const Access& access,
                                                        const TableCommit& commit,
                                                        const catalog::Entry& entry) {
  if (entry.record.managed) return PrepareNextManaged(commit, entry);
  ICE_ASSIGN(TableDocument document, TableDocument::Parse(entry.record.metadata_bytes));
  const std::string location = document.location();
  const std::int64_t before_ms = document.last_updated_ms();
  const std::int64_t now = std::max(NowMs(), before_ms);
  ICE_TRY(ApplyRequest(*commit.request, now, &document));
  ICE_TRY(CheckLocation(access, document.location(), location, {&entry.record.uuid, 1}));
  ICE_TRY(CheckAddedFiles(access, document));
  ICE_TRY(document.Finish(now));
  Prepared prepared;
  prepared.change.action = EntryChange::Action::kSwap;
  prepared.change.entry = entry;
  prepared.change.base_version = entry.record.metadata_version;
  prepared.changed = document.changed();
  if (!document.changed()) {
    prepared.metadata = document.ToJson();
    return prepared;
  }
  ICE_ASSIGN(const std::string folder,
             MetadataFolder(access, document.location(), document.Property(kMetadataPath),
                            entry.record.uuid));
  auto dropped = document.PushMetadataLog(entry.record.metadata_key, before_ms);
  if (document.Property("write.metadata.delete-after-commit.enabled") == "true") {
    KeepOwn(std::array{entry.record.location, folder}, &dropped);
    prepared.old_files = std::move(dropped);
  }
  catalog::TableRecord& record = prepared.change.entry.record;
  record.location = Locations::Normal(document.location());
  record.head = SnapshotId(document.current_snapshot().value_or(0));
  ICE_TRY(WriteMetadata(folder, document.Property(kMetadataCodec), document.ToJson(),
                        entry.record.metadata_version + 1, &prepared));
  return prepared;
}

Outcome<RestCatalog::Prepared> RestCatalog::PrepareNextManaged(const TableCommit& commit,
                                                               const catalog::Entry& entry) {
  if (parts_.feeder == nullptr) {
    return Forbidden("Cannot commit to " + NameText(commit.name) + ": the server feeds this table");
  }
  const TimeMicros now = parts_.clock->WallNow();
  // Everybody in the project reads it: its files are such as they all may read.
  const Access project{.project = std::string(TopLevel(entry.record.ns))};
  const Reach reach = ReachOf(project, parts_.locations->warehouse()->Uri(entry.record.location));
  const ManagedParts parts{.store = parts_.locations->warehouse(),
                           .locations = &reach,
                           .manifests = &manifests_,
                           .new_id = parts_.new_id,
                           .epoch = parts_.feeder->epoch(),
                           .now = now,
                           .readers_until = parts_.feeder->ReadersUntil(now)};
  ICE_ASSIGN(ManagedCommit made, PrepareManaged(parts, entry.record, *commit.request));
  Prepared prepared;
  prepared.changed = made.changed;
  prepared.metadata = std::move(made.metadata);
  prepared.change.entry = entry;
  if (!made.changed) return prepared;
  prepared.change.action = EntryChange::Action::kCommit;
  catalog::TableRecord& record = prepared.change.entry.record;
  record.metadata_key = made.change.metadata_key;
  record.metadata_version = made.change.base_version + 1;
  prepared.change.commit = std::move(made.change);
  return prepared;
}

// Queries that begin after the answer see what was committed.
void RestCatalog::Publish(const std::vector<Prepared>& prepared) const {
  for (const Prepared& one : prepared) {
    if (!one.changed || one.change.action != EntryChange::Action::kCommit) continue;
    parts_.feeder->Refresh(one.change.entry.record.ns);
  }
}

Outcome<bool> RestCatalog::Make(const std::vector<Prepared>& prepared) {
  std::vector<EntryChange> changes;
  for (const Prepared& one : prepared) {
    if (one.changed) changes.push_back(one.change);
  }
  if (changes.empty()) return true;
  Status applied = parts_.directory->Apply(changes);
  if (!applied && applied.error().code() == Code::kOutcomeUnknown) {
    const catalog::TableRecord& record = changes.front().entry.record;
    ICE_ASSIGN(const auto now, parts_.directory->FindEntry(record.ns, record.name));
    if (now && now->record.metadata_key == record.metadata_key) applied = Status();
  }
  if (applied) {
    Publish(prepared);
    for (const Prepared& one : prepared) {
      for (const std::string& uri : one.old_files) RemoveFile(uri);
    }
    return true;
  }
  const Code code = applied.error().code();
  // Unknown still: the files may be the table's.
  if (code == Code::kOutcomeUnknown) return tl::unexpected<Problem>(applied.error());
  for (const EntryChange& change : changes) RemoveFile(MetadataUri(change.entry));
  if (code == Code::kConflict || code == Code::kAlreadyExists || code == Code::kNotFound) {
    return false;
  }
  return tl::unexpected<Problem>(applied.error());
}

// Every attempt begins anew from the state that won, so that requirements that still hold let a
// commit through that lost a race.
Outcome<std::vector<RestCatalog::Prepared>> RestCatalog::Commit(
    const Access& access, const std::vector<TableCommit>& commits) {
  for (int attempt = 0; attempt < kCommitAttempts; ++attempt) {
    std::vector<Prepared> prepared;
    for (const TableCommit& commit : commits) {
      auto one = Prepare(access, commit);
      if (!one) {
        for (const Prepared& other : prepared) {
          if (other.changed) RemoveFile(MetadataUri(other.change.entry));
        }
        Problem problem = std::move(one).error();
        const std::string table = NameText(commit.name);
        if (commits.size() > 1 && problem.message.find(table) == std::string::npos) {
          problem.message += " (table " + table + ")";
        }
        return tl::unexpected<Problem>(std::move(problem));
      }
      prepared.push_back(*std::move(one));
    }
    ICE_ASSIGN(const bool made, Make(prepared));
    if (made) return prepared;
  }
  return CommitFailed("The commit lost " + std::to_string(kCommitAttempts) +
                      " races against others: load the table and try again");
}

Outcome<LoadedTable> RestCatalog::CommitTable(const Access& access, const Name& name,
                                              const JsonValue& request) {
  ICE_ASSIGN(const std::vector<Prepared> made, Commit(access, {{name, &request}}));
  return Loaded(made.front());
}

Done RestCatalog::CommitTransaction(const Access& access, const std::vector<TableCommit>& commits) {
  if (commits.size() > kTransactionTablesMax) {
    return BadRequest("A transaction changes at most " + std::to_string(kTransactionTablesMax) +
                      " tables");
  }
  std::set<std::pair<std::string, std::string>> names;
  for (const TableCommit& commit : commits) {
    if (!names.emplace(commit.name.ns, commit.name.name).second) {
      return BadRequest("Cannot change table " + NameText(commit.name) +
                        " twice in one transaction");
    }
  }
  ICE_TRY(Commit(access, commits));
  return {};
}

}  // namespace tidemark::iceberg
