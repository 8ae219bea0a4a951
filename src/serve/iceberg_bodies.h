// Bodies of the REST catalog's requests and answers. The inside of iceberg_handler.h. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "iceberg/rest_catalog.h"

namespace tidemark::serve {

// `["a","b"]` of a namespace, and back: 400 if it is no array of texts.
void WriteLevels(std::string_view ns, JsonWriter* json);
iceberg::Outcome<std::string> ReadLevels(const JsonValue* levels);
// `{"namespace":[..],"name":..}`
iceberg::Outcome<iceberg::Name> ReadIdentifier(const JsonValue* identifier);

std::string NamespacesBody(const std::vector<std::string>& paths, std::string_view next_page);
std::string IdentifiersBody(std::string_view ns, const std::vector<std::string>& names,
                            std::string_view next_page);
std::string NamespaceBody(std::string_view ns, const catalog::Properties& properties);
std::string PropertyChangesBody(const iceberg::RestCatalog::PropertyChanges& changes);
// LoadTableResult and LoadViewResult, and CommitTableResponse, which has no configuration.
std::string LoadedBody(const iceberg::LoadedTable& loaded);
std::string CommittedBody(const iceberg::LoadedTable& loaded);

}  // namespace tidemark::serve
