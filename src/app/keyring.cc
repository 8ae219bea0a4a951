#include "app/keyring.h"

#include "collect/caller.h"
#include "collect/peer.h"
#include "meta/projects.h"

namespace tidemark::app {
namespace {

constexpr const char* kKeyHint = "send the key as X-API-Key or Authorization: Bearer";

std::uint8_t ScopesOf(const meta::ApiKey& key) {
  std::uint8_t scopes = 0;
  if (key.Allows("ingest")) scopes |= static_cast<std::uint8_t>(collect::Scope::kWrite);
  if (key.Allows("query")) scopes |= static_cast<std::uint8_t>(collect::Scope::kRead);
  if (key.Allows("live")) scopes |= static_cast<std::uint8_t>(collect::Scope::kLive);
  if (key.Allows("catalog")) scopes |= static_cast<std::uint8_t>(collect::Scope::kCatalog);
  if (key.Allows("privacy")) scopes |= static_cast<std::uint8_t>(collect::Scope::kPrivacy);
  if (key.Allows("admin")) scopes |= static_cast<std::uint8_t>(collect::Scope::kAdmin);
  return scopes;
}

}  // namespace

tl::expected<collect::Identity, collect::Refusal> Keyring::Identify(const collect::Caller& caller) {
  const auto refuse = [](std::string message) {
    return tl::unexpected(collect::Refusal{.message = std::move(message), .hint = kKeyHint});
  };
  if (!caller.key.empty()) {
    const auto found = keys_->Find(caller.key);
    if (!found) return refuse("the API key is not known");
    return collect::Identity{
        .project = found->project, .scopes = ScopesOf(*found), .key_id = found->id};
  }
  if (dev_ && caller.trusted) {
    return collect::Identity{.project = "default", .scopes = 0xFF, .any_project = true};
  }
  return refuse("an API key is needed");
}

tl::expected<std::string, net::Response> Keyring::ProjectOf(const net::Request& request,
                                                            collect::Scope scope) {
  const auto refuse = [](int status, std::string_view message, std::string_view hint = {}) {
    return tl::unexpected(net::ErrorResponse(status, message, hint));
  };
  const std::string key = collect::KeyOf(request);
  const auto known = Identify(collect::CallerOf(request, key, trusted_proxies_));
  if (!known) return tl::unexpected(collect::RefusalResponse(known.error()));
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
