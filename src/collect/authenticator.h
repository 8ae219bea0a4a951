// Who sends: from a key to a project and what may be done there. Keys live in meta/; app/ plugs
// the implementation in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tidemark::collect {

enum class Scope : std::uint8_t { kWrite = 1, kRead = 2, kAdmin = 4 };

struct Identity {
  std::string project;       // The one project of the key.
  std::uint8_t scopes = 0;   // Bits of Scope.
  bool any_project = false;  // A trusted peer without a key: the request names the project, which
                             // is made at first use.
  std::string dialect{};     // The one that the key is pinned to (Dialect::name); empty: any.

  bool May(Scope scope) const { return (scopes & static_cast<std::uint8_t>(scope)) != 0; }
};

class Authenticator {
 public:
  Authenticator() = default;
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;
  virtual ~Authenticator() = default;

  // From memory, never blocks; any thread. `key` is empty if the request has none; `trusted_peer`
  // says that it came from this machine itself, not through a proxy or a foreign web page.
  // kPermissionDenied: 401, the key is missing, unknown or disabled.
  virtual Result<Identity> Identify(std::string_view key, bool trusted_peer) = 0;
};

}  // namespace tidemark::collect
