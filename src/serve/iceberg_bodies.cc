#include "serve/iceberg_bodies.h"

#include <algorithm>

namespace tidemark::serve {

void WriteLevels(std::string_view ns, JsonWriter* json) {
  json->BeginArray();
  while (!ns.empty()) {
    const std::string_view level = ns.substr(0, ns.find(catalog::kLevelSeparator));
    json->String(level);
    ns.remove_prefix(std::min(ns.size(), level.size() + 1));
  }
  json->EndArray();
}

iceberg::Outcome<std::string> ReadLevels(const JsonValue* levels) {
  if (levels == nullptr || !levels->is_array()) {
    return iceberg::BadRequest("Cannot parse namespace: it must be an array of strings");
  }
  std::string ns;
  for (const JsonValue& level : levels->items()) {
    if (!level.is_string() || level.text().empty() ||
        level.text().find(catalog::kLevelSeparator) != std::string::npos) {
      return iceberg::BadRequest("Cannot parse namespace: it must be an array of strings");
    }
    if (!ns.empty()) ns.push_back(catalog::kLevelSeparator);
    ns += level.text();
  }
  if (ns.empty()) return iceberg::BadRequest("Cannot use an empty namespace");
  return ns;
}

iceberg::Outcome<iceberg::Name> ReadIdentifier(const JsonValue* identifier) {
  if (identifier == nullptr) return iceberg::BadRequest("Cannot parse identifier: it is missing");
  iceberg::Name name;
  ICE_ASSIGN(name.ns, ReadLevels(identifier->Find("namespace")));
  ICE_ASSIGN(name.name, identifier->StringAt("name"));
  return name;
}

namespace {

void WritePage(std::string_view next_page, JsonWriter* json) {
  json->Key("next-page-token");
  next_page.empty() ? json->Null() : json->String(next_page);
}

void WriteTexts(std::string_view name, const std::vector<std::string>& texts, JsonWriter* json) {
  json->Key(name).BeginArray();
  for (const std::string& text : texts) json->String(text);
  json->EndArray();
}

void BeginMetadata(const iceberg::LoadedTable& loaded, std::string* body, JsonWriter* json) {
  body->reserve(loaded.metadata.size() + 512);
  json->BeginObject();
  if (!loaded.metadata_location.empty()) {
    json->Field("metadata-location", std::string_view(loaded.metadata_location));
  }
  json->Key("metadata").Raw(loaded.metadata);
}

}  // namespace

std::string NamespacesBody(const std::vector<std::string>& paths, std::string_view next_page) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Key("namespaces").BeginArray();
  for (const std::string& path : paths) WriteLevels(path, &json);
  json.EndArray();
  WritePage(next_page, &json);
  json.EndObject();
  return body;
}

std::string IdentifiersBody(std::string_view ns, const std::vector<std::string>& names,
                            std::string_view next_page) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Key("identifiers").BeginArray();
  for (const std::string& name : names) {
    json.BeginObject().Key("namespace");
    WriteLevels(ns, &json);
    json.Field("name", std::string_view(name)).EndObject();
  }
  json.EndArray();
  WritePage(next_page, &json);
  json.EndObject();
  return body;
}

std::string NamespaceBody(std::string_view ns, const catalog::Properties& properties) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Key("namespace");
  WriteLevels(ns, &json);
  json.Key("properties").BeginObject();
  for (const auto& [key, value] : properties) json.Field(key, std::string_view(value));
  json.EndObject().EndObject();
  return body;
}

std::string PropertyChangesBody(const iceberg::RestCatalog::PropertyChanges& changes) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  WriteTexts("updated", changes.updated, &json);
  WriteTexts("removed", changes.removed, &json);
  WriteTexts("missing", changes.missing, &json);
  json.EndObject();
  return body;
}

std::string LoadedBody(const iceberg::LoadedTable& loaded) {
  std::string body;
  JsonWriter json(&body);
  BeginMetadata(loaded, &body, &json);
  json.Key("config").BeginObject().EndObject();
  json.EndObject();
  return body;
}

std::string CommittedBody(const iceberg::LoadedTable& loaded) {
  std::string body;
  JsonWriter json(&body);
  BeginMetadata(loaded, &body, &json);
  json.EndObject();
  return body;
}

}  // namespace tidemark::serve
