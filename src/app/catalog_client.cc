#include "app/catalog_client.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "app/text_table.h"
#include "base/utf8.h"
#include "query/table_source.h"

namespace tidemark::app {
namespace {

constexpr char kLevels = '\x1f';  // Between the levels of a namespace in a URL.

// A table, view or namespace that is not there; a table's file that is missing is another 404.
bool IsUnknownName(const net::ClientResponse& response) {
  if (response.status != 404) return false;
  const auto answer = JsonValue::Parse(response.body);
  return answer && MemberOf(MemberOf(*answer, "error"), "type").text().starts_with("NoSuch");
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

std::string TableName::Problem(std::string_view text) {
  constexpr const char* kForm = R"(; write namespace.table, or "a.b"."c d" of parts with dots)";
  const char* wrong = nullptr;
  const TableName name = Parse(text);
  const std::vector<std::string> levels = name.Levels();
  if (!IsUtf8(text)) {
    wrong = "it is not UTF-8";
  } else if (std::ranges::any_of(text, IsControl)) {
    wrong = "it has a control character";
  } else if (std::ranges::count(text, '"') % 2 != 0) {
    wrong = "a quote does not end";
  } else if (name.table.empty() || std::ranges::find(levels, "") != levels.end()) {
    wrong = "a part of it is empty";
  }
  if (wrong == nullptr) return "";
  return "no table can be called `" + WithoutControls(ToUtf8(text)) + "`: " + wrong + kForm;
}

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

std::string CatalogClient::PathOf(std::string_view ns) {
  return std::string(kNamespaces) + "/" + Escaped(ns);
}

std::string CatalogClient::PathOf(const TableName& table) {
  return PathOf(table.ns) + "/tables/" + Escaped(table.table);
}

Result<net::ClientResponse> CatalogClient::Ask(const char* method, const std::string& path,
                                               const std::string& body) const {
  TM_ASSIGN(auto client, Connect(remote_));
  auto headers = HeadersOf(remote_);
  if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
  return client.Send(method, path, headers, body);
}

// The catalog's error has another shape than the server's.
int CatalogClient::Refused(const net::ClientResponse& response) const {
  net::ClientResponse plain = response;
  const auto answer = JsonValue::Parse(response.body);
  if (answer && MemberOf(*answer, "error").is_object()) {
    JsonValue refusal = JsonValue::Object();
    refusal.Set("message", MemberOf(MemberOf(*answer, "error"), "message"));
    if (IsUnknownName(response)) {
      refusal.Set("hint", "`tidemark table list` has what there is");
    }
    plain.body = refusal.ToJson();
  }
  return PrintRefusal(command_, plain);
}

int CatalogClient::NoTable(const TableName& table, const net::ClientResponse& response) const {
  if (!FindView(table)) return Refused(response);
  std::fprintf(stderr,
               "tidemark %s: %s.%s is a view, which has no files and snapshots\nhint: `tidemark "
               "table describe` tells its columns and its SQL\n",
               command_.c_str(), WithoutControls(table.NamespaceText()).c_str(),
               WithoutControls(table.table).c_str());
  return kNotFound;
}

bool CatalogClient::IsMissing(const TableName& table) {
  const auto response = Ask("GET", PathOf(table) + "?snapshots=refs", "");
  if (!response || !IsUnknownName(*response)) return false;
  exit_ = NoTable(table, *response);
  return true;
}

std::optional<JsonValue> CatalogClient::FindView(const TableName& view) const {
  const auto response = Ask("GET", PathOf(view.ns) + "/views/" + Escaped(view.table), "");
  if (!response || response->status != 200) return std::nullopt;
  auto answer = JsonValue::Parse(response->body);
  if (!answer) return std::nullopt;
  return *std::move(answer);
}

std::optional<JsonValue> CatalogClient::LoadTable(const TableName& table) {
  const auto response = Ask("GET", PathOf(table), "");
  if (response && IsUnknownName(*response)) return Failed(NoTable(table, *response));
  return Read(response);
}

std::optional<JsonValue> CatalogClient::Send(const char* method, const std::string& path,
                                             const std::string& body) {
  return Read(Ask(method, path, body));
}

std::optional<JsonValue> CatalogClient::Read(const Result<net::ClientResponse>& response) {
  if (!response) return Failed(PrintError(command_, response.error()));
  if (response->status == 200) {
    auto answer = JsonValue::Parse(response->body);
    if (answer) return *std::move(answer);
  }
  return Failed(Refused(*response));
}

}  // namespace tidemark::app
