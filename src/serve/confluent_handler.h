// The registry as Confluent's clients speak to it: the part of the Schema Registry's REST interface
// that serialisers need, for JSON Schema. docs/reference/schemas.md.
//
// Subjects, versions and ids are those of /v1/schemas; built-in ones are not shown. Format:
// https://docs.confluent.io/platform/current/schema-registry/develop/api.html
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "net/router.h"
#include "serve/schema_handler.h"

namespace tidemark::serve {

// What one answer of `GET /schemas` holds at most; the next ones are asked for with `offset`.
inline constexpr std::size_t kSchemasListedMax = 1'000;
inline constexpr std::size_t kSchemasListedBytesMax = 64U << 20;

class ConfluentHandler {
 public:
  // As SchemaHandler.
  explicit ConfluentHandler(SchemaHandlerParts parts) : parts_(std::move(parts)) {}
  ConfluentHandler(const ConfluentHandler&) = delete;
  ConfluentHandler& operator=(const ConfluentHandler&) = delete;

  void AddTo(net::Router* router);

 private:
  using Action = net::Response (ConfluentHandler::*)(const std::string&, const net::Request&);
  void Add(net::Router* router, net::Method method, std::string_view path, Purpose purpose,
           Action action);

  net::Response Subjects(const std::string& project, const net::Request& request);
  net::Response AllSchemas(const std::string& project, const net::Request& request);
  net::Response Versions(const std::string& project, const net::Request& request);
  void Register(const std::string& project, const net::Request& request,
                const std::shared_ptr<net::Responder>& responder) const;
  net::Response LookUp(const std::string& project, const net::Request& request);
  net::Response Version(const std::string& project, const net::Request& request);
  net::Response WithMetadata(const std::string& project, const net::Request& request);
  net::Response VersionText(const std::string& project, const net::Request& request);
  net::Response DeleteSubject(const std::string& project, const net::Request& request);
  net::Response DeleteVersion(const std::string& project, const net::Request& request);
  net::Response ById(const std::string& project, const net::Request& request);
  net::Response TextById(const std::string& project, const net::Request& request);
  net::Response VersionsById(const std::string& project, const net::Request& request);
  net::Response SubjectsById(const std::string& project, const net::Request& request);
  net::Response ReferencedBy(const std::string& project, const net::Request& request);
  net::Response Types(const std::string& project, const net::Request& request);
  net::Response Compatible(const std::string& project, const net::Request& request);
  net::Response Config(const std::string& project, const net::Request& request);
  net::Response SetConfig(const std::string& project, const net::Request& request);
  net::Response ClearConfig(const std::string& project, const net::Request& request);
  net::Response Mode(const std::string& project, const net::Request& request);
  net::Response SetMode(const std::string& project, const net::Request& request);
  net::Response Contexts(const std::string& project, const net::Request& request);
  // The refusal, if it is not done.
  std::optional<net::Response> ChangeConfig(const std::string& project, const net::Request& request,
                                            const meta::SubjectChange& change);

  const SchemaHandlerParts parts_;
};

}  // namespace tidemark::serve
