// Views of the REST catalog: one pointer each, as a table's.
#include <utility>

#include "iceberg/rest_catalog.h"
#include "iceberg/schema.h"
#include "lake/names.h"

namespace tidemark::iceberg {
namespace {

using catalog::EntryKind;

constexpr std::string_view kMetadataPath = "write.metadata.path";

}  // namespace

Outcome<LoadedView> RestCatalog::CreateView(const Access& access, std::string_view ns,
                                            const JsonValue& request) {
  ICE_ASSIGN(const std::string text, request.StringAt("name"));
  const Name name{std::string(ns), text};
  ICE_TRY(CheckNewName(name, EntryKind::kView));
  NewView fresh;
  fresh.uuid = parts_.new_id();
  ICE_ASSIGN(fresh.location, LocationFor(access, name, request, fresh.uuid));
  fresh.schema = MemberOf(request, "schema");
  fresh.version = MemberOf(request, "view-version");
  fresh.properties = MemberOf(request, "properties");
  ICE_ASSIGN(const ViewDocument view, ViewDocument::Create(fresh, NowMs()));
  Prepared prepared = NewEntry(EntryKind::kView, name, fresh.uuid, fresh.location);
  ICE_ASSIGN(const std::string folder,
             MetadataFolder(access, view.location(), view.Property(kMetadataPath), fresh.uuid));
  ICE_TRY(WriteMetadata(folder, "", view.ToJson(), 0, &prepared));
  ICE_ASSIGN(const bool made, Make({prepared}));
  if (!made) ICE_TRY(CheckNewName(name, EntryKind::kView));
  if (!made) return CommitFailed("Cannot create " + NameText(name) + ": try again");
  return Loaded(prepared);
}

// A view whose metadata file is there already.
Outcome<LoadedView> RestCatalog::RegisterView(const Access& access, std::string_view ns,
                                              const JsonValue& request) {
  ICE_ASSIGN(const std::string text, request.StringAt("name"));
  ICE_ASSIGN(const std::string uri, request.StringAt("metadata-location"));
  const Name name{std::string(ns), text};
  ICE_TRY(CheckNewName(name, EntryKind::kView));
  ICE_ASSIGN(std::string bytes, ReadMetadata(access, uri));
  ICE_ASSIGN(const ViewDocument view, ViewDocument::Parse(bytes));
  const Uuid itself = view.uuid().value_or(Uuid());
  ICE_TRY(CheckLocation(access, view.location(), "", {&itself, 1}));
  Prepared prepared =
      NewEntry(EntryKind::kView, name, view.uuid().value_or(parts_.new_id()), view.location());
  prepared.metadata = view.ToJson();
  catalog::TableRecord& record = prepared.change.entry.record;
  record.metadata_key = uri;
  record.metadata_version = lake::VersionOf(uri).value_or(0);
  record.metadata_bytes = std::move(bytes);
  const Status applied = parts_.directory->Apply({&prepared.change, 1});
  if (!applied && applied.error().code() == Code::kAlreadyExists) {
    ICE_TRY(CheckNewName(name, EntryKind::kView));
    return Refuse(409, "AlreadyExistsException",
                  "The view of " + uri + " is registered already, by another name");
  }
  ICE_TRY(applied);
  return Loaded(prepared);
}

Outcome<LoadedView> RestCatalog::LoadView(const Name& name) const {
  ICE_ASSIGN(const catalog::Entry entry, Require(name, EntryKind::kView));
  ICE_TRY(CheckMetadataFile(entry));
  ICE_ASSIGN(const ViewDocument view, ViewDocument::Parse(entry.record.metadata_bytes));
  return LoadedView{MetadataUri(entry), view.ToJson(), ""};
}

Outcome<RestCatalog::Prepared> RestCatalog::PrepareView(const Access& access, const Name& name,
                                                        const JsonValue& request) {
  ICE_ASSIGN(const catalog::Entry entry, Require(name, EntryKind::kView));
  ICE_ASSIGN(ViewDocument view, ViewDocument::Parse(entry.record.metadata_bytes));
  for (const JsonValue& requirement : MemberOf(request, "requirements").items()) {
    ICE_TRY(view.Check(requirement));
  }
  const std::string location = view.location();
  for (const JsonValue& update : MemberOf(request, "updates").items()) {
    ICE_TRY(view.Apply(update, NowMs()));
  }
  ICE_TRY(CheckLocation(access, view.location(), location, {&entry.record.uuid, 1}));
  ICE_TRY(view.Finish());
  Prepared prepared;
  prepared.change.action = catalog::EntryChange::Action::kSwap;
  prepared.change.entry = entry;
  prepared.change.base_version = entry.record.metadata_version;
  prepared.changed = view.changed();
  prepared.metadata = view.ToJson();
  if (!view.changed()) return prepared;
  prepared.change.entry.record.location = Locations::Normal(view.location());
  ICE_ASSIGN(
      const std::string folder,
      MetadataFolder(access, view.location(), view.Property(kMetadataPath), entry.record.uuid));
  ICE_TRY(WriteMetadata(folder, "", view.ToJson(), entry.record.metadata_version + 1, &prepared));
  return prepared;
}

Outcome<LoadedView> RestCatalog::CommitView(const Access& access, const Name& name,
                                            const JsonValue& request) {
  for (int attempt = 0; attempt < kCommitAttempts; ++attempt) {
    ICE_ASSIGN(const Prepared prepared, PrepareView(access, name, request));
    ICE_ASSIGN(const bool made, Make({prepared}));
    if (made) return Loaded(prepared);
  }
  return CommitFailed("The commit lost " + std::to_string(kCommitAttempts) +
                      " races against others: load the view and try again");
}

Done RestCatalog::DropView(const Name& name) {
  for (int attempt = 0; attempt < kCommitAttempts; ++attempt) {
    ICE_ASSIGN(const catalog::Entry entry, Require(name, EntryKind::kView));
    catalog::EntryChange drop;
    drop.action = catalog::EntryChange::Action::kDrop;
    drop.entry = entry;
    drop.base_version = entry.record.metadata_version;
    const Status dropped = parts_.directory->Apply({&drop, 1});
    if (dropped) return {};
    const Code code = dropped.error().code();
    if (code != Code::kConflict && code != Code::kNotFound) {
      return tl::unexpected<Problem>(dropped.error());
    }
  }
  return CommitFailed("Cannot drop " + NameText(name) + ": it changes all the time");
}

}  // namespace tidemark::iceberg
