#include "app/catalog_client.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "query/table_source.h"

namespace tidemark::app {
namespace {

constexpr char kLevels = '\x1f';  // Between the levels of a namespace in a URL.

}  // namespace

TableName TableName::Parse(std::string_view text) {
  TableName name;
  std::string part;
  bool quoted = false;
  bool begins = true;  // Of a part.
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && begins && !quoted) {
      quoted = true;
    } else if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') {
      part.push_back(text[++i]);
    } else if (c == '"' && quoted) {
      quoted = false;
    } else if (c == '.' && !quoted) {
      name.ns += (name.ns.empty() ? "" : std::string(1, kLevels)) + part;
      part.clear();
      begins = true;
      continue;
    } else {
      part.push_back(c);
    }
    begins = false;
  }
  if (name.ns.empty()) name.ns = "default";
  name.table = std::move(part);
  return name;
}

std::string TableName::NamespaceText() const { return query::NamespaceText(Levels()); }

std::vector<std::string> TableName::Levels() const {
  std::vector<std::string> levels;
  for (std::size_t at = 0; at <= ns.size();) {
    const std::size_t end = std::min(ns.find(kLevels, at), ns.size());
    levels.push_back(ns.substr(at, end - at));
    at = end + 1;
  }
  return levels;
}

const JsonValue& MemberOf(const JsonValue& json, std::string_view name) {
  static const JsonValue kNull;
  const JsonValue* value = json.Find(name);
  return value == nullptr ? kNull : *value;
}

const JsonValue* FindById(const JsonValue& list, std::string_view name, const JsonValue& id) {
  for (const JsonValue& one : list.items()) {
    if (MemberOf(one, name) == id) return &one;
  }
  return nullptr;
}

std::string CatalogClient::Escaped(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
    if (plain) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

std::string CatalogClient::PathOf(const TableName& table) {
  return std::string(kNamespaces) + "/" + Escaped(table.ns) + "/tables/" + Escaped(table.table);
}

std::optional<JsonValue> CatalogClient::Send(const char* method, const std::string& path,
                                             const std::string& body) {
  auto client = Connect(remote_);
  if (!client) return Failed(PrintError(command_, client.error()));
  auto headers = HeadersOf(remote_);
  if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
  const auto response = client->Send(method, path, headers, body);
  if (!response) return Failed(PrintError(command_, response.error()));
  auto answer = JsonValue::Parse(response->body);
  if (response->status == 200 && answer) return *std::move(answer);
  net::ClientResponse plain = *response;
  if (answer && answer->Find("error") != nullptr && MemberOf(*answer, "error").is_object()) {
    // The catalog's error has another shape than the server's.
    JsonValue refusal = JsonValue::Object();
    refusal.Set("message", MemberOf(MemberOf(*answer, "error"), "message"));
    if (response->status == 404) refusal.Set("hint", "`tidemark table list` has what there is");
    plain.body = refusal.ToJson();
  }
  return Failed(PrintRefusal(command_, plain));
}

}  // namespace tidemark::app
