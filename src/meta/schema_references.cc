#include "meta/schema_references.h"

#include <algorithm>
#include <utility>

#include "schema/uri.h"

namespace tidemark::meta {
namespace {

// The part of `$id` that names the document; empty if there is none.
std::string IdOf(const JsonValue& text) {
  const JsonValue* id = text.Find("$id");
  if (id == nullptr || !id->is_string()) return {};
  return std::string(schema::SplitFragment(id->text()).document);
}

}  // namespace

std::string SchemaUri(std::string_view subject) {
  return std::string(kSchemaUriPrefix).append(subject);
}

SchemaReferences::SchemaReferences(std::shared_ptr<const ProjectSchemas> schemas,
                                   std::string_view subject, const JsonValue& text,
                                   std::string_view references)
    : schemas_(std::move(schemas)) {
  AddNames(SchemaUri(subject), text, references);
}

// A relative name is one of the place of the schema, and of that which its `$id` claims. Names that
// are there count before those that come.
void SchemaReferences::AddNames(std::string_view base, const JsonValue& text,
                                std::string_view references) {
  if (references.empty()) return;
  const auto list = JsonValue::Parse(references);
  if (!list) return;
  const std::string id = IdOf(text);
  for (const JsonValue& one : list->items()) {
    const auto name = one.StringAt("name");
    const auto subject = one.StringAt("subject");
    if (!name || !subject) continue;
    const auto version = static_cast<std::int32_t>(one.IntAt("version").value_or(-1));
    named_.push_back({schema::ResolveUri(base, *name), *subject, version});
    if (id.empty()) continue;
    named_.push_back({schema::ResolveUri(schema::ResolveUri(base, id), *name), *subject, version});
  }
}

std::shared_ptr<const SchemaVersion> SchemaReferences::VersionOf(std::string_view subject,
                                                                 std::int32_t version) const {
  const auto found = schemas_->subjects.find(subject);
  if (found == schemas_->subjects.end()) return nullptr;
  return version >= 0 ? found->second->Find(version) : found->second->newest();
}

std::shared_ptr<const SchemaVersion> SchemaReferences::VersionOf(std::string_view uri) const {
  const auto named = std::ranges::find(named_, uri, &Named::uri);
  if (named != named_.end()) return VersionOf(named->subject, named->version);
  if (uri.starts_with(kSchemaUriPrefix)) {
    const std::string_view rest = uri.substr(kSchemaUriPrefix.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos) return VersionOf(rest, -1);
    const std::string number(rest.substr(slash + 1));
    const auto version = JsonValue::Parse(number.empty() ? "-1" : number);
    const auto value = version ? version->Int() : std::nullopt;
    if (!value || *value < 0 || *value > kVersionsMax) return nullptr;
    return VersionOf(rest.substr(0, slash), static_cast<std::int32_t>(*value));
  }
  for (const auto& [name, subject] : schemas_->subjects) {
    auto newest = subject->newest();
    if (newest == nullptr || newest->text.find(uri) == std::string::npos) continue;
    const auto json = JsonValue::Parse(newest->text);
    if (json && IdOf(*json) == uri) return newest;
  }
  return nullptr;
}

std::optional<JsonValue> SchemaReferences::Find(std::string_view uri) {
  const auto version = VersionOf(uri);
  if (version == nullptr) return std::nullopt;
  auto json = JsonValue::Parse(version->text);
  if (!json) return std::nullopt;
  used_.push_back({std::string(uri), version->id});
  AddNames(uri, *json, version->references);
  return *std::move(json);
}

bool SchemaReferences::StillLeadTo(const std::vector<UsedSchema>& used) {
  return std::ranges::all_of(used, [this](const UsedSchema& one) {
    return Find(one.uri).has_value() && used_.back() == one;
  });
}

}  // namespace tidemark::meta
