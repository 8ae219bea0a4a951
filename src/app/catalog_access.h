// What a request may do in the Iceberg catalog, by its key.
#pragma once

#include <string>

#include "app/keyring.h"
#include "iceberg/rest_catalog.h"

namespace tidemark::app {

// Scope query reads, scope catalog reads and commits: in the key's project and in the namespaces
// that are no project's; a key with grants only what those say. Scope admin has both; of the
// project `default` it may everywhere, as this machine itself with --dev. 401 without a known key,
// 403 with one that has none of the scopes.
iceberg::Outcome<iceberg::Access> CatalogAccess(Keyring* keyring, const net::Request& request,
                                                const std::string& key);

}  // namespace tidemark::app
