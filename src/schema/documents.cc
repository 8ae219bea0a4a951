#include "schema/documents.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "schema/metaschemas.h"
#include "schema/uri.h"

namespace tidemark::schema {
namespace {

// Where subschemas are. `items` may be one or hold a list of them.
struct Holder {
  std::string_view keyword;
  bool direct;  // The value is a schema.
  bool inside;  // Schemas are in it...
  bool map;     // ...as members of an object, not as items of an array.
};
constexpr std::array<Holder, 22> kHolders = {{
    {"$defs", false, true, true},
    {"definitions", false, true, true},
    {"properties", false, true, true},
    {"patternProperties", false, true, true},
    {"dependentSchemas", false, true, true},
    {"dependencies", false, true, true},
    {"allOf", false, true, false},
    {"anyOf", false, true, false},
    {"oneOf", false, true, false},
    {"prefixItems", false, true, false},
    {"items", true, true, false},
    {"additionalItems", true, false, false},
    {"additionalProperties", true, false, false},
    {"propertyNames", true, false, false},
    {"contains", true, false, false},
    {"not", true, false, false},
    {"if", true, false, false},
    {"then", true, false, false},
    {"else", true, false, false},
    {"unevaluatedItems", true, false, false},
    {"unevaluatedProperties", true, false, false},
    {"contentSchema", true, false, false},
}};

const Holder* FindHolder(std::string_view keyword) {
  const auto* found = std::ranges::find(kHolders, keyword, &Holder::keyword);
  return found == kHolders.end() ? nullptr : found;
}

bool IsSchema(const JsonValue& value) {
  return value.is_object() || value.kind() == JsonValue::Kind::kBool;
}

std::string EscapeToken(std::string_view token) {
  std::string out;
  for (const char c : token) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string UnescapeToken(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size()) {
      out += token[++i] == '1' ? '/' : '~';
    } else {
      out += token[i];
    }
  }
  return out;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string DecodeFragment(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
                        HexDigit(text[i + 2]) >= 0;
    if (escape) {
      out += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

const std::string* TextOf(const JsonValue& schema, std::string_view keyword) {
  const JsonValue* value = schema.Find(keyword);
  return value != nullptr && value->is_string() ? &value->text() : nullptr;
}

}  // namespace

Status Documents::AddRoot(const JsonValue& schema) {
  return Add(options_->uri, schema, Dialect{.draft = options_->draft});
}

Status Documents::Add(const std::string& uri, const JsonValue& schema, Dialect dialect) {
  if (!IsSchema(schema)) {
    return Fail(Code::kInvalidArgument, "a schema must be an object or a boolean");
  }
  if (const std::string* named = TextOf(schema, "$schema")) {
    TM_ASSIGN(dialect, DialectOf(*named));
  }
  const std::uint32_t resource = AddResource(uri, schema, dialect);
  return Scan(schema, {resource, "", true});
}

std::uint32_t Documents::AddResource(std::string uri, const JsonValue& root, Dialect dialect) {
  auto resource = std::make_unique<Resource>();
  resource->uri = std::move(uri);
  resource->root = &root;
  resource->dialect = dialect;
  const std::uint32_t index = resource_count();
  by_uri_.emplace(resource->uri, index);
  resources_.push_back(std::move(resource));
  return index;
}

Result<Dialect> Documents::DialectOf(const std::string& uri) {
  const std::string_view document = SplitFragment(uri).document;
  if (document == kDraft7Uri || document == "https://json-schema.org/draft-07/schema") {
    return Dialect{.draft = Draft::k7};
  }
  if (document == kDraft202012Uri) return Dialect{};
  if (document.starts_with("http://json-schema.org/draft-0") ||
      document.starts_with("https://json-schema.org/draft/")) {
    return Fail(Code::kInvalidArgument, "$schema names a draft that is not understood: " + uri +
                                            "; use " + std::string(kDraft7Uri) + "# or " +
                                            std::string(kDraft202012Uri));
  }
  TM_ASSIGN(const std::uint32_t resource, FindResource(std::string(document), Dialect{}));
  return DialectOfVocabulary(*resources_[resource]->root);
}

Result<Dialect> Documents::DialectOfVocabulary(const JsonValue& metaschema) {
  const JsonValue* vocabulary = metaschema.Find("$vocabulary");
  if (vocabulary == nullptr) return Dialect{};
  constexpr std::string_view kPrefix = "https://json-schema.org/draft/2020-12/vocab/";
  Dialect dialect{.applicator = false, .unevaluated = false, .validation = false};
  for (const auto& [uri, required] : vocabulary->members()) {
    const std::string_view name =
        uri.starts_with(kPrefix) ? std::string_view(uri).substr(kPrefix.size()) : "";
    dialect.applicator |= name == "applicator";
    dialect.unevaluated |= name == "unevaluated";
    dialect.validation |= name == "validation";
    const bool known = name == "core" || name == "applicator" || name == "unevaluated" ||
                       name == "validation" || name == "meta-data" || name == "content" ||
                       name == "format-annotation";
    if (!known && required.Bool() == true) {
      return Fail(Code::kInvalidArgument,
                  "$schema demands the vocabulary " + uri + ", which is not understood");
    }
  }
  return dialect;
}

Status Documents::Scan(const JsonValue& schema, Walk walk) {
  if (!IsSchema(schema)) return {};  // The metaschema says so better.
  if (places_.size() >= kSchemaNodesMax) {
    return Fail(Code::kInvalidArgument, "the schema has, with all that it refers to, more than " +
                                            std::to_string(kSchemaNodesMax) + " subschemas");
  }
  if (schema.is_object()) TM_TRY(ScanIdentity(schema, &walk));
  places_.emplace(&schema, Place{walk.resource, walk.pointer});
  return schema.is_object() ? ScanMembers(schema, walk) : Status();
}

// `$id` begins a resource, anchors belong to the one that they are in.
Status Documents::ScanIdentity(const JsonValue& schema, Walk* walk) {
  const Dialect dialect = resources_[walk->resource]->dialect;
  const bool old = dialect.draft == Draft::k7;
  // In draft 7 nothing counts beside `$ref`.
  if (old && TextOf(schema, "$ref") != nullptr) return {};
  if (const std::string* id = TextOf(schema, "$id")) {
    const std::string uri = ResolveUri(resources_[walk->resource]->uri, *id);
    const SplitUri split = SplitFragment(uri);
    if (old && id->starts_with('#')) {
      resources_[walk->resource]->anchors.emplace(split.fragment, &schema);
    } else if (walk->is_root) {
      Resource& resource = *resources_[walk->resource];
      resource.uri = split.document;
      by_uri_.emplace(resource.uri, walk->resource);
    } else {
      Dialect own = dialect;
      if (const std::string* named = TextOf(schema, "$schema")) {
        TM_ASSIGN(own, DialectOf(*named));
      }
      walk->resource = AddResource(std::string(split.document), schema, own);
    }
  }
  Resource& resource = *resources_[walk->resource];
  if (resource.dialect.draft == Draft::k7) return {};
  if (const std::string* anchor = TextOf(schema, "$anchor")) {
    resource.anchors.emplace(*anchor, &schema);
  }
  if (const std::string* anchor = TextOf(schema, "$dynamicAnchor")) {
    resource.anchors.emplace(*anchor, &schema);
    resource.dynamic_anchors.emplace(*anchor, &schema);
  }
  return {};
}

Status Documents::ScanMembers(const JsonValue& schema, const Walk& walk) {
  const bool old = resources_[walk.resource]->dialect.draft == Draft::k7;
  if (old && TextOf(schema, "$ref") != nullptr) {
    // What is beside it is not read, but may be referred to.
    for (const char* keyword : {"definitions", "$defs"}) {
      const JsonValue* value = schema.Find(keyword);
      if (value == nullptr) continue;
      TM_TRY(ScanInside(*value, {walk.resource, walk.pointer + "/" + keyword}));
    }
    return {};
  }
  for (const auto& [keyword, value] : schema.members()) {
    const Holder* holder = FindHolder(keyword);
    if (holder == nullptr) continue;
    const Walk inner{walk.resource, walk.pointer + "/" + EscapeToken(keyword)};
    if (holder->direct && !value.is_array()) {
      TM_TRY(Scan(value, inner));
    } else if (holder->inside && value.is_array() != holder->map) {
      TM_TRY(ScanInside(value, inner));
    }
  }
  return {};
}

Status Documents::ScanInside(const JsonValue& value, const Walk& walk) {
  for (std::size_t i = 0; i < value.items().size(); ++i) {
    TM_TRY(Scan(value.items()[i], {walk.resource, walk.pointer + "/" + std::to_string(i)}));
  }
  for (const auto& [name, member] : value.members()) {
    TM_TRY(Scan(member, {walk.resource, walk.pointer + "/" + EscapeToken(name)}));
  }
  return {};
}

Result<std::uint32_t> Documents::FindResource(const std::string& uri, Dialect dialect) {
  const auto found = by_uri_.find(uri);
  if (found != by_uri_.end()) return found->second;
  std::optional<JsonValue> document = FindMetaschema(uri);
  if (!document && options_->find) document = options_->find(uri);
  if (!document) {
    return Fail(Code::kInvalidArgument, "the schema refers to " + uri +
                                            ", which is not registered; nothing is ever fetched");
  }
  if (loaded_.size() >= kSchemaDocumentsMax) {
    return Fail(Code::kInvalidArgument, "the schema refers to more than " +
                                            std::to_string(kSchemaDocumentsMax) +
                                            " other documents");
  }
  const JsonValue& kept = *loaded_.emplace_back(std::make_unique<JsonValue>(*std::move(document)));
  if (auto added = Add(uri, kept, dialect); !added) {
    return Fail(std::move(added).error().With(uri));
  }
  return by_uri_.at(uri);
}

Result<Target> Documents::Resolve(std::string_view reference, std::uint32_t resource) {
  const Resource& from = *resources_[resource];
  const std::string uri = ResolveUri(from.uri, reference);
  const SplitUri split = SplitFragment(uri);
  std::uint32_t to = resource;
  if (split.document != from.uri) {
    TM_ASSIGN(to, FindResource(std::string(split.document), from.dialect));
  }
  const std::string fragment = DecodeFragment(split.fragment);
  if (fragment.empty()) return Target{resources_[to]->root, {}};
  if (fragment.starts_with('/')) return WalkPointer(to, fragment);
  const Resource& at = *resources_[to];
  const auto anchor = at.anchors.find(fragment);
  if (anchor == at.anchors.end()) {
    return Fail(Code::kInvalidArgument,
                "the reference " + std::string(reference) + " leads to no anchor of that name");
  }
  return Target{anchor->second, at.dynamic_anchors.contains(fragment) ? fragment : std::string()};
}

Result<Target> Documents::WalkPointer(std::uint32_t resource, const std::string& pointer) {
  const JsonValue* at = resources_[resource]->root;
  std::string walked = places_.at(at).pointer;
  for (std::size_t i = 1; at != nullptr && i <= pointer.size();) {
    const std::size_t end = std::min(pointer.find('/', i), pointer.size());
    const std::string token = UnescapeToken(std::string_view(pointer).substr(i, end - i));
    walked += "/" + EscapeToken(token);
    i = end + 1;
    if (at->is_array()) {
      std::size_t index = 0;
      const auto read = std::from_chars(token.data(), token.data() + token.size(), index);
      const bool good = read.ec == std::errc() && read.ptr == token.data() + token.size();
      at = good && index < at->items().size() ? &at->items()[index] : nullptr;
    } else {
      at = at->Find(token);
    }
    const auto place = places_.find(at);
    if (place != places_.end()) resource = place->second.resource;
  }
  if (at == nullptr || !IsSchema(*at)) {
    return Fail(Code::kInvalidArgument, "the reference to " + pointer + " leads to no schema");
  }
  // Below a word that the draft does not know.
  if (!places_.contains(at)) TM_TRY(Scan(*at, {resource, walked}));
  return Target{at, {}};
}

}  // namespace tidemark::schema
