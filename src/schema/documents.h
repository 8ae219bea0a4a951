// The schema documents that one compilation reads: which resources and anchors are in them, and
// where a reference leads. The inside of compile.cc. One thread; documents stay where they are
// until it dies.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json_reader.h"
#include "base/result.h"
#include "schema/validator.h"

namespace tidemark::schema {

// Which words of a draft have a meaning.
struct Dialect {
  Draft draft = Draft::k202012;
  bool applicator = true;
  bool unevaluated = true;
  bool validation = true;
};

// A schema with an identity of its own: a document, or a subschema with `$id`.
struct Resource {
  std::string uri;  // Absolute if the document's is; without a fragment.
  const JsonValue* root = nullptr;
  Dialect dialect;
  std::map<std::string, const JsonValue*, std::less<>> anchors;
  std::map<std::string, const JsonValue*, std::less<>> dynamic_anchors;
};

// A subschema, as the walk through its document found it.
struct Place {
  std::uint32_t resource = 0;
  std::string pointer;  // From the root of its document, behind '#'.
};

struct Target {
  const JsonValue* schema = nullptr;
  std::string dynamic_name;  // The reference named this dynamic anchor.
};

class Documents {
 public:
  explicit Documents(const CompileOptions* options) : options_(options) {}

  // The schema itself; it must outlive the object.
  Status AddRoot(const JsonValue& schema);
  // kInvalidArgument: it leads nowhere, or to what is no schema.
  Result<Target> Resolve(std::string_view reference, std::uint32_t resource);

  const Place& PlaceOf(const JsonValue* schema) const { return places_.at(schema); }
  const Resource& resource(std::uint32_t index) const { return *resources_[index]; }
  std::uint32_t resource_count() const { return static_cast<std::uint32_t>(resources_.size()); }
  // The dialect that `$schema` names. Reads its document if it is none of the drafts' own.
  Result<Dialect> DialectOf(const std::string& uri);

 private:
  struct Walk {
    std::uint32_t resource;
    std::string pointer;
    bool is_root = false;  // Of a document.
  };
  Status Add(const std::string& uri, const JsonValue& schema, Dialect dialect);
  Status Scan(const JsonValue& schema, Walk walk);
  Status ScanIdentity(const JsonValue& schema, Walk* walk);
  Status ScanMembers(const JsonValue& schema, const Walk& walk);
  Status ScanInside(const JsonValue& value, const Walk& walk);
  std::uint32_t AddResource(std::string uri, const JsonValue& root, Dialect dialect);
  Result<std::uint32_t> FindResource(const std::string& uri, Dialect dialect);
  Result<Dialect> DialectOfVocabulary(const JsonValue& metaschema);
  Result<Target> WalkPointer(std::uint32_t resource, const std::string& pointer);

  const CompileOptions* const options_;
  std::vector<std::unique_ptr<JsonValue>> loaded_;
  std::vector<std::unique_ptr<Resource>> resources_;
  std::map<std::string, std::uint32_t, std::less<>> by_uri_;
  std::unordered_map<const JsonValue*, Place> places_;
};

}  // namespace tidemark::schema
