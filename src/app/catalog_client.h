// The REST catalog as the table commands ask it. Prints what goes wrong itself. One thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/remote.h"
#include "base/json_reader.h"

namespace tidemark::app {

// "a.b.t": the namespace's levels joined as URLs have them, and the table. Without a dot the
// namespace is `default`. What has dots or quotes of its own is in double quotes, as in SQL:
// `a."b.c"."t.1"`.
struct TableName {
  std::string ns;
  std::string table;

  // What is wrong with a name that no table can have; empty: nothing.
  static std::string Problem(std::string_view text);
  // Of one without a problem. Nothing is wrong with a quote elsewhere.
  static TableName Parse(std::string_view text);
  std::string NamespaceText() const;
  std::vector<std::string> Levels() const;
};

// The member, or null if there is none.
const JsonValue& MemberOf(const JsonValue& json, std::string_view name);
// The element of a list whose member `name` equals `id`; nullptr: none.
const JsonValue* FindById(const JsonValue& list, std::string_view name, const JsonValue& id);

class CatalogClient {
 public:
  static constexpr std::string_view kNamespaces = "/iceberg/v1/namespaces";

  // `command` is told with what goes wrong.
  CatalogClient(const Remote& remote, std::string command)
      : remote_(remote), command_(std::move(command)) {}

  // Nothing if it failed: exit() says how.
  std::optional<JsonValue> Get(const std::string& path) { return Send("GET", path, ""); }
  std::optional<JsonValue> Post(const std::string& path, const std::string& body) {
    return Send("POST", path, body);
  }
  std::optional<JsonValue> LoadTable(const TableName& table);
  // Nothing, and exit() as it was, if it is none that this key sees.
  std::optional<JsonValue> FindView(const TableName& view) const;
  // Tells so and sets exit() if the catalog says that there is none; whatever else goes wrong is
  // left to who asks for more.
  bool IsMissing(const TableName& table);
  static std::string PathOf(std::string_view ns);
  static std::string PathOf(const TableName& table);
  static std::string Escaped(std::string_view text);

  int exit() const { return exit_; }

 private:
  std::optional<JsonValue> Send(const char* method, const std::string& path,
                                const std::string& body);
  Result<net::ClientResponse> Ask(const char* method, const std::string& path,
                                  const std::string& body) const;
  std::optional<JsonValue> Read(const Result<net::ClientResponse>& response);
  int Refused(const net::ClientResponse& response) const;
  int NoTable(const TableName& table, const net::ClientResponse& response) const;
  std::optional<JsonValue> Failed(int code) {
    exit_ = code;
    return std::nullopt;
  }

  const Remote& remote_;
  const std::string command_;
  int exit_ = kOk;
};

}  // namespace tidemark::app
