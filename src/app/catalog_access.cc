#include "app/catalog_access.h"

#include "collect/caller.h"

namespace tidemark::app {

iceberg::Outcome<iceberg::Access> CatalogAccess(Keyring* keyring, const net::Request& request,
                                                const std::string& key) {
  const auto identity = keyring->IdentifyRequest(request, key);
  if (!identity) {
    const collect::Refusal& refusal = identity.error();
    auto refused = iceberg::Refuse(refusal.status,
                                   refusal.status == 401   ? "NotAuthorizedException"
                                   : refusal.status == 400 ? "BadRequestException"
                                   : refusal.status == 429 ? "TooManyRequestsException"
                                                           : "ForbiddenException",
                                   refusal.message);
    if (refusal.limits) {
      refused.value().headers = collect::LimitedResponse(*refusal.limits).headers;
    }
    return refused;
  }
  iceberg::Access access;
  // Admin keys of the project `default` are the operator's.
  access.all = identity->any_project ||
               (identity->May(collect::Scope::kAdmin) && identity->project == "default");
  access.write = identity->May(collect::Scope::kCatalog);
  access.project = identity->project;
  access.grants = keyring->GrantsOf(*identity);
  if (!access.all && !access.write && !identity->May(collect::Scope::kRead)) {
    return iceberg::Forbidden("The key may not use the catalog: it needs scope query or catalog");
  }
  return access;
}

}  // namespace tidemark::app
