#include "iceberg/rest_catalog.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "iceberg/schema.h"

namespace tidemark::iceberg {
namespace {

using catalog::EntryKind;

// Tables that the server makes itself in a project's namespace.
constexpr std::array<std::string_view, 2> kManagedNames = {"events", "quarantine"};

tl::unexpected<Problem> NoNamespace(std::string_view ns) {
  return Refuse(404, "NoSuchNamespaceException", "Namespace does not exist: " + NamespaceText(ns));
}

tl::unexpected<Problem> NoEntry(const Name& name, EntryKind kind) {
  if (kind == EntryKind::kView) {
    return Refuse(404, "NoSuchViewException", "View does not exist: " + NameText(name));
  }
  return Refuse(404, "NoSuchTableException", "Table does not exist: " + NameText(name));
}

tl::unexpected<Problem> Exists(const Name& name, EntryKind wanted, EntryKind there) {
  std::string message = wanted == EntryKind::kView ? "View" : "Table";
  if (wanted != there) {
    message = there == EntryKind::kView ? "View with same name" : "Table with same name";
  }
  return Refuse(409, "AlreadyExistsException", message + " already exists: " + NameText(name));
}

bool CouldBeProject(std::string_view ns) {
  return !ns.empty() && std::ranges::all_of(ns, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Done CheckPart(std::string_view part, std::string_view what) {
  if (part.empty()) return BadRequest("Cannot use an empty " + std::string(what) + " name");
  if (part.size() > kNameBytesMax) {
    return BadRequest("Cannot use a " + std::string(what) + " name of more than " +
                      std::to_string(kNameBytesMax) + " bytes");
  }
  for (const char c : part) {
    if (static_cast<unsigned char>(c) < 0x20) {
      return BadRequest("Cannot use a control character in a " + std::string(what) + " name");
    }
  }
  return {};
}

Done CheckNamespaceName(std::string_view ns) {
  if (ns.size() > catalog::kNamespaceBytesMax) return BadRequest("The namespace is too long");
  for (;;) {
    const std::string_view level = TopLevel(ns);
    ICE_TRY(CheckPart(level, "namespace"));
    if (level.size() == ns.size()) return {};
    ns.remove_prefix(level.size() + 1);
  }
}

Outcome<catalog::Properties> ReadProperties(const JsonValue& json) {
  catalog::Properties properties;
  if (json.is_null()) return properties;
  if (!json.is_object()) return BadRequest("Cannot parse properties: it must be an object");
  for (const auto& [key, value] : json.members()) {
    if (!value.is_string()) return BadRequest("Cannot parse string property: " + key);
    properties[key] = value.text();
  }
  return properties;
}

}  // namespace

std::string NamespaceText(std::string_view ns) {
  std::string text(ns);
  std::ranges::replace(text, catalog::kLevelSeparator, '.');
  return text;
}

std::string NameText(const Name& name) { return NamespaceText(name.ns) + "." + name.name; }

std::int64_t RestCatalog::NowMs() const { return FloorDiv(parts_.clock->WallNow().value, 1000); }

Done RestCatalog::Allow(const Access& access, Right right, const Name& name) const {
  if (access.all) return {};
  const std::string_view top = TopLevel(name.ns);
  if (top != access.project) {
    ICE_ASSIGN(const bool others, parts_.directory->IsProject(top));
    if (others) {
      return Forbidden("The key may not use namespace " + NamespaceText(name.ns) +
                       ": it is another project's");
    }
  }
  if (right > Right::kRead && !access.write) {
    return Forbidden("The key may only read: changes need a key with scope catalog or admin");
  }
  if (access.Granted(right, name.ns, name.name)) return {};
  return Forbidden("The key may not " + std::string(RightName(right)) + " " +
                   (name.name.empty() ? NamespaceText(name.ns) : NameText(name)) +
                   ": it has no grant of that");
}

Done RestCatalog::AllowCommit(const Access& access, const Name& name,
                              const JsonValue& request) const {
  for (const Right right : RightsOfCommit(request)) {
    // Who makes a table need not have been given it before.
    ICE_TRY(Allow(access, right, right == Right::kCreate ? Name{name.ns, ""} : name));
  }
  return {};
}

Outcome<std::vector<std::string>> RestCatalog::ListNamespaces(std::string_view parent,
                                                              const catalog::Page& page) const {
  if (!parent.empty()) ICE_TRY(FindNamespace(parent));
  ICE_ASSIGN(auto all, parts_.directory->ListNamespaces(parent, page));
  return all;
}

Outcome<catalog::Properties> RestCatalog::CreateNamespace(const Access& access, std::string_view ns,
                                                          const JsonValue& properties) {
  ICE_TRY(CheckNamespaceName(ns));
  ICE_ASSIGN(const catalog::Properties read, ReadProperties(properties));
  // Who comes with a user's token may be the first of a project.
  if (TopLevel(ns) == access.project) {
    ICE_TRY(parts_.directory->AddProject(access.project, parts_.clock->WallNow()));
  }
  const Status made = parts_.directory->CreateNamespace({std::string(ns), read, false});
  if (!made && made.error().code() == Code::kAlreadyExists) {
    return Refuse(409, "AlreadyExistsException", "Namespace already exists: " + NamespaceText(ns));
  }
  ICE_TRY(made);
  return read;
}

Outcome<catalog::Namespace> RestCatalog::FindNamespace(std::string_view ns) const {
  ICE_ASSIGN(auto found, parts_.directory->FindNamespace(ns));
  if (!found) return NoNamespace(ns);
  return *std::move(found);
}

Outcome<catalog::Namespace> RestCatalog::LoadNamespace(std::string_view ns) const {
  ICE_ASSIGN(catalog::Namespace found, FindNamespace(ns));
  found.properties.try_emplace("location", parts_.locations->OfNamespace(ns));
  return found;
}

Done RestCatalog::DropNamespace(std::string_view ns) {
  const Status dropped = parts_.directory->DropNamespace(ns);
  if (dropped) return {};
  if (dropped.error().code() == Code::kNotFound) return NoNamespace(ns);
  if (dropped.error().code() == Code::kConflict) {
    return Refuse(409, "NamespaceNotEmptyException",
                  "Namespace " + NamespaceText(ns) + " is not empty");
  }
  if (dropped.error().code() == Code::kPermissionDenied) {
    return Forbidden("Namespace " + NamespaceText(ns) + " is a project's: it cannot be dropped");
  }
  return tl::unexpected<Problem>(dropped.error());
}

Outcome<RestCatalog::PropertyChanges> RestCatalog::ChangeNamespace(std::string_view ns,
                                                                   const JsonValue& request) {
  PropertyChanges changes;
  static const JsonValue kNull;
  const JsonValue* updates = request.Find("updates");
  ICE_ASSIGN(const catalog::Properties set, ReadProperties(updates == nullptr ? kNull : *updates));
  std::vector<std::string> removals;
  if (const JsonValue* list = request.Find("removals")) {
    for (const JsonValue& key : list->items()) {
      if (set.contains(key.text())) {
        return Refuse(422, "UnprocessableEntityException",
                      "Invalid namespace update, cannot simultaneously set and remove keys: [" +
                          key.text() + "]");
      }
      removals.push_back(key.text());
    }
  }
  auto before = parts_.directory->ChangeNamespace(ns, removals, set);
  if (!before && before.error().code() == Code::kNotFound) return NoNamespace(ns);
  ICE_TRY(before);
  for (const auto& [key, value] : set) changes.updated.push_back(key);
  for (std::string& key : removals) {
    (before->contains(key) ? changes.removed : changes.missing).push_back(std::move(key));
  }
  return changes;
}

Outcome<std::vector<std::string>> RestCatalog::List(std::string_view ns, EntryKind kind,
                                                    const catalog::Page& page) const {
  ICE_TRY(FindNamespace(ns));
  ICE_ASSIGN(auto names, parts_.directory->ListEntries(ns, kind, page));
  return names;
}

Result<std::optional<catalog::Entry>> RestCatalog::Find(const Name& name, EntryKind kind) const {
  TM_ASSIGN(auto entry, parts_.directory->FindEntry(name.ns, name.name));
  if (entry && entry->kind != kind) return std::optional<catalog::Entry>();
  return entry;
}

Outcome<catalog::Entry> RestCatalog::Require(const Name& name, EntryKind kind) const {
  ICE_ASSIGN(auto entry, Find(name, kind));
  if (!entry) return NoEntry(name, kind);
  return *std::move(entry);
}

Done RestCatalog::CheckExists(const Name& name, EntryKind kind) const {
  ICE_TRY(Require(name, kind));
  return {};
}

// A name that a table or view is about to get.
Done RestCatalog::CheckNewName(const Name& name, EntryKind kind) const {
  ICE_TRY(CheckPart(name.name, kind == EntryKind::kView ? "view" : "table"));
  ICE_TRY(FindNamespace(name.ns));
  ICE_ASSIGN(const auto there, parts_.directory->FindEntry(name.ns, name.name));
  if (there) return Exists(name, kind, there->kind);
  // SQL finds those that the server feeds by their names in any case.
  const bool managed =
      std::ranges::find(kManagedNames, LowerCase(name.name)) != kManagedNames.end();
  if (managed && CouldBeProject(name.ns)) {
    return Forbidden("The name " + NameText(name) +
                     " is kept for the table that the server feeds: choose another name, or a "
                     "namespace below");
  }
  return {};
}

Done RestCatalog::Rename(const Name& from, const Name& to, EntryKind kind) {
  ICE_ASSIGN(const catalog::Entry entry, Require(from, kind));
  if (entry.record.managed) {
    return Forbidden("Cannot rename " + NameText(from) + ": the server feeds it by this name");
  }
  if (from.ns == to.ns && from.name == to.name) return {};
  ICE_TRY(FindNamespace(to.ns));
  ICE_ASSIGN(const auto there, parts_.directory->FindEntry(to.ns, to.name));
  const auto taken = [&](EntryKind what) {
    return Refuse(409, "AlreadyExistsException",
                  "Cannot rename " + NameText(from) + " to " + NameText(to) + ". " +
                      (what == EntryKind::kView ? "View" : "Table") + " already exists");
  };
  if (there) return taken(there->kind);
  ICE_TRY(CheckNewName(to, kind));
  const Status renamed = parts_.directory->Rename(entry.record.uuid, to.ns, to.name);
  if (renamed) return {};
  if (renamed.error().code() == Code::kAlreadyExists) return taken(kind);
  if (renamed.error().code() == Code::kNotFound) return NoEntry(from, kind);
  return tl::unexpected<Problem>(renamed.error());
}

std::string RestCatalog::MetadataUri(const catalog::Entry& entry) const {
  const std::string& key = entry.record.metadata_key;
  return entry.record.managed ? parts_.locations->warehouse()->Uri(key) : key;
}

// Clients open the file themselves: if it is gone they must hear of it from us.
Done RestCatalog::CheckMetadataFile(const catalog::Entry& entry) const {
  const std::string uri = MetadataUri(entry);
  ICE_ASSIGN(const Locations::Place place, parts_.locations->Resolve(uri));
  ICE_ASSIGN(const bool there, place.store->Exists(place.key));
  if (there) return {};
  return Refuse(404, "NotFoundException", "Failed to open input stream for file: " + uri);
}

void RestCatalog::RemoveFile(const std::string& uri) const {
  const auto place = parts_.locations->Resolve(uri);
  // What cannot be removed is garbage without harm: no pointer names it.
  if (place) static_cast<void>(place->store->Remove(place->key).has_value());
}

}  // namespace tidemark::iceberg
