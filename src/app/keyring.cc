#include "app/keyring.h"

#include "collect/peer.h"
#include "meta/projects.h"

namespace tidemark::app {
namespace {

std::uint8_t ScopesOf(const meta::ApiKey& key) {
  std::uint8_t scopes = 0;
  if (key.Allows("ingest")) scopes |= static_cast<std::uint8_t>(collect::Scope::kWrite);
  if (key.Allows("query")) scopes |= static_cast<std::uint8_t>(collect::Scope::kRead);
  if (key.Allows("admin")) scopes |= static_cast<std::uint8_t>(collect::Scope::kAdmin);
  return scopes;
}

}  // namespace

Result<collect::Identity> Keyring::Identify(std::string_view key, bool trusted_peer) {
  if (!key.empty()) {
    const auto found = keys_->Find(key);
    if (!found) return Fail(Code::kPermissionDenied, "the API key is not known");
    return collect::Identity{found->project, ScopesOf(*found), false};
  }
  if (dev_ && trusted_peer) return collect::Identity{"default", 0xFF, true};
  return Fail(Code::kPermissionDenied,
              "an API key is needed: send it as X-API-Key or Authorization: Bearer");
}

tl::expected<std::string, net::Response> Keyring::ProjectOf(const net::Request& request,
                                                            collect::Scope scope) {
  const auto refuse = [](int status, std::string_view message, std::string_view hint = {}) {
    return tl::unexpected(net::ErrorResponse(status, message, hint));
  };
  const auto known = Identify(collect::KeyOf(request), collect::IsTrustedPeer(request));
  if (!known) return refuse(401, known.error().message());
  const collect::Identity& identity = *known;
  if (!identity.May(scope)) return refuse(403, "the API key may not do this");
  std::string named(request.Header("x-tidemark-project").value_or(""));
  if (named.empty()) named = request.QueryParameter("project").value_or("");
  if (named.empty() || named == identity.project) return identity.project;
  if (!identity.any_project) {
    return refuse(403, "the API key belongs to another project",
                  "use a key of that project, or name the key's own project or none");
  }
  if (!meta::IsProjectName(named)) {
    return refuse(400, "a project is named by a-z, 0-9, - and _ only");
  }
  return named;
}

}  // namespace tidemark::app
