// Where the references of one schema lead: to other schemas of its project, as they are registered.
// One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_reader.h"
#include "meta/schemas.h"

namespace tidemark::meta {

// Schemas refer to one another as to /schemas/SUBJECT and /schemas/SUBJECT/VERSION.
inline constexpr std::string_view kSchemaUriPrefix = "tidemark:/schemas/";

// Where the schema of a subject is, for references that are relative.
std::string SchemaUri(std::string_view subject);

class SchemaReferences {
 public:
  // `references`: the list that came with the schema, JSON text; empty: none.
  SchemaReferences(std::shared_ptr<const ProjectSchemas> schemas, std::string_view subject,
                   const JsonValue& text, std::string_view references);

  // The document of an absolute URI: by the references that came with the schema or with one that
  // was found before, by /schemas/SUBJECT[/VERSION] (without a version: the newest), or by the
  // `$id` of a newest version. Nothing if there is none.
  std::optional<JsonValue> Find(std::string_view uri);
  // All that was found, in the order in which it was asked for.
  const std::vector<UsedSchema>& used() const { return used_; }
  // Whether every one of `used` would be found as it was.
  bool StillLeadTo(const std::vector<UsedSchema>& used);

 private:
  struct Named {
    std::string uri;
    std::string subject;
    std::int32_t version;  // Below 0: the newest.
  };
  void AddNames(std::string_view base, const JsonValue& text, std::string_view references);
  std::shared_ptr<const SchemaVersion> VersionOf(std::string_view uri) const;
  std::shared_ptr<const SchemaVersion> VersionOf(std::string_view subject,
                                                 std::int32_t version) const;

  const std::shared_ptr<const ProjectSchemas> schemas_;
  std::vector<Named> named_;
  std::vector<UsedSchema> used_;
};

}  // namespace tidemark::meta
