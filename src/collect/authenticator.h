// Who sends: from a key to a project and what may be done there. Keys live in meta/, users' tokens
// in net/; app/ plugs the implementation in. docs/reference/keys.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip_address.h"
#include "base/result.h"
#include "meta/key_limits.h"
#include "net/http.h"

namespace tidemark::collect {

// What a key or a user may do. The names that people write are those of ScopeName.
enum class Scope : std::uint8_t {
  kWrite = 1,     // "ingest": send events. A key with nothing else is a browser key.
  kRead = 2,      // "query": SQL, metrics, tables.
  kAdmin = 4,     // "admin": everything, keys included.
  kLive = 8,      // "live": the feed.
  kCatalog = 16,  // "catalog": the Iceberg catalog, reading and committing.
  kPrivacy = 32,  // "privacy": find, export and erase a person's events.
};

struct Identity {
  std::string project;       // The one project of the key.
  std::uint8_t scopes = 0;   // Bits of Scope; all of them with kAdmin.
  bool any_project = false;  // A trusted peer without a key: the request names the project, which
                             // is made at first use.
  std::string key_id = {};   // For logs and metrics, never secret; empty: no key.
  std::string dialect = {};  // The one that the key is pinned to (Dialect::name); empty: any.
  std::shared_ptr<meta::KeyLimits> limits = nullptr;  // nullptr: none.

  bool May(Scope scope) const { return (scopes & static_cast<std::uint8_t>(scope)) != 0; }
};

// What a request says of who sends it. Views into the request.
struct Caller {
  std::string_view key;     // As sent, from wherever the dialect has it; empty: none. May be a JWT.
  std::string_view origin;  // Of the web page that asks (Origin, else of Referer); empty: none.
  IpAddress address;        // Of the client, behind trusted proxies (collect/caller.h).
  bool trusted = false;     // A program on this machine itself: see IsTrustedPeer.
  bool several_keys = false;  // See HasSeveralKeys.
};

// Why a request is turned away, as ErrorResponse takes it.
struct Refusal {
  int status = 401;  // 401: no key, unknown, expired, revoked. 403: known, but not from here. 400:
                     // several keys.
  std::string message = {};
  std::string hint = {};
  bool foreign_origin = false;                  // The page may not even read the answer.
  std::optional<meta::LimitState> limits = {};  // 429: what is used up.
};

class Authenticator {
 public:
  Authenticator() = default;
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;
  virtual ~Authenticator() = default;

  // From memory, never blocks; any thread.
  virtual tl::expected<Identity, Refusal> Identify(const Caller& caller) = 0;
};

net::Response RefusalResponse(const Refusal& refusal);

}  // namespace tidemark::collect
