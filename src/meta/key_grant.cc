#include "meta/key_grant.h"

#include <algorithm>
#include <utility>

namespace tidemark::meta {
namespace {

constexpr std::size_t kGrantNameBytesMax = 255;

tl::unexpected<Error> NoGrant(std::string message) {
  return Fail(Code::kInvalidArgument, std::move(message));
}

bool IsGrantName(const JsonValue& value) {
  const std::string& text = value.text();
  return value.is_string() && !text.empty() && text.size() <= kGrantNameBytesMax &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' '; });
}

// Whether `below` is the namespace or one in it.
bool IsIn(std::string_view below, std::string_view ns) {
  return below.starts_with(ns) && (below.size() == ns.size() || below[ns.size()] == kGrantLevel);
}

Result<std::string> ReadGrantNamespace(const JsonValue* value) {
  if (value != nullptr && IsGrantName(*value)) return value->text();
  const bool levels = value != nullptr && value->is_array() && !value->items().empty() &&
                      std::ranges::all_of(value->items(), IsGrantName);
  if (!levels)
    return NoGrant("a grant's `namespace` is a list of its levels, as [\"shop\",\"lab\"]");
  std::string ns;
  for (const JsonValue& level : value->items()) {
    if (!ns.empty()) ns += kGrantLevel;
    ns += level.text();
  }
  return ns;
}

Result<std::uint8_t> ReadRights(const JsonValue* value) {
  std::uint8_t rights = 0;
  if (value != nullptr && value->is_array()) {
    for (const JsonValue& one : value->items()) {
      const auto known = std::ranges::find(kGrantRights, one.text());
      if (known == kGrantRights.end()) {
        return NoGrant("there is no right `" + one.text() +
                       "`; there are read, write, maintain and create");
      }
      rights |=
          static_cast<std::uint8_t>(1U << static_cast<unsigned>(known - kGrantRights.begin()));
    }
  }
  if (rights == 0)
    return NoGrant("a grant's `rights` is a list of read, write, maintain and create");
  return rights;
}

Result<KeyGrant> ReadGrant(const JsonValue& value) {
  if (!value.is_object()) return NoGrant("a grant has namespace, rights and, of one table, table");
  for (const auto& [name, member] : value.members()) {
    if (name != "namespace" && name != "table" && name != "rights") {
      return NoGrant("a grant has no `" + name + "`; it has namespace, table and rights");
    }
  }
  KeyGrant grant;
  TM_ASSIGN(grant.ns, ReadGrantNamespace(value.Find("namespace")));
  TM_ASSIGN(grant.rights, ReadRights(value.Find("rights")));
  const JsonValue* table = value.Find("table");
  if (table == nullptr || table->is_null()) return grant;
  if (!IsGrantName(*table)) return NoGrant("a grant's `table` is the name of a table or view");
  grant.table = table->text();
  if (grant.Has(GrantRight::kCreate)) {
    return NoGrant("`create` is a right in a namespace: leave `table` out of that grant");
  }
  return grant;
}

}  // namespace

bool KeyGrant::Has(GrantRight right) const {
  std::uint8_t wanted = static_cast<std::uint8_t>(right);
  if (right == GrantRight::kRead) {
    wanted |= static_cast<std::uint8_t>(GrantRight::kWrite) |
              static_cast<std::uint8_t>(GrantRight::kMaintain);
  }
  return (rights & wanted) != 0;
}

bool KeyGrant::Covers(std::string_view in, std::string_view name) const {
  return table.empty() ? IsIn(in, ns) : in == ns && name == table;
}

bool KeyGrant::Leads(std::string_view through) const {
  return IsIn(ns, through) || (table.empty() && IsIn(through, ns));
}

Result<std::vector<KeyGrant>> ReadGrants(const JsonValue& value) {
  std::vector<KeyGrant> grants;
  if (value.is_null()) return grants;
  if (!value.is_array() || value.items().size() > kKeyGrantsMax) {
    return NoGrant("`grants` must be a list of at most " + std::to_string(kKeyGrantsMax) +
                   " grants");
  }
  for (const JsonValue& one : value.items()) {
    TM_ASSIGN(KeyGrant grant, ReadGrant(one));
    grants.push_back(std::move(grant));
  }
  return grants;
}

void AppendGrants(JsonWriter* json, std::span<const KeyGrant> grants) {
  json->BeginArray();
  for (const KeyGrant& grant : grants) {
    json->BeginObject().Key("namespace").BeginArray();
    for (std::size_t at = 0; at <= grant.ns.size();) {
      const std::size_t end = std::min(grant.ns.find(kGrantLevel, at), grant.ns.size());
      json->String(std::string_view(grant.ns).substr(at, end - at));
      at = end + 1;
    }
    json->EndArray();
    if (!grant.table.empty()) json->Field("table", grant.table);
    json->Key("rights").BeginArray();
    for (std::size_t i = 0; i < kGrantRights.size(); ++i) {
      if ((grant.rights >> i & 1U) != 0) json->String(kGrantRights[i]);
    }
    json->EndArray().EndObject();
  }
  json->EndArray();
}

std::string GrantsText(std::span<const KeyGrant> grants) {
  std::string text;
  if (grants.empty()) return text;
  JsonWriter json(&text);
  AppendGrants(&json, grants);
  return text;
}

Result<std::vector<KeyGrant>> ParseGrants(std::string_view text) {
  if (text.empty()) return std::vector<KeyGrant>();
  TM_ASSIGN(const JsonValue value, JsonValue::Parse(text));
  return ReadGrants(value);
}

}  // namespace tidemark::meta
