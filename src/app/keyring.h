// Who may do what: API keys from meta/, tokens of users, and with --dev any project from this
// machine without a key. docs/reference/keys.md.
//
// Any thread. From memory; a token's signature is checked once and remembered until it expires.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collect/authenticator.h"
#include "env/clock.h"
#include "meta/keys.h"
#include "net/http.h"
#include "net/jwt.h"

namespace tidemark::app {

inline constexpr std::size_t kTokensRememberedMax = 4'096;

struct KeyringOptions {
  bool dev = false;
  std::vector<IpRange> trusted_proxies = {};  // Whose X-Forwarded-For is believed.
  meta::KeyLimits::Rates rates = {};          // Of keys that have none of their own.
};

class Keyring final : public collect::Authenticator {
 public:
  // `keys` and `clock` must outlive it. `tokens` may be nullptr: then none is accepted.
  Keyring(const meta::Keys* keys, std::unique_ptr<net::JwtVerifier> tokens, const env::Clock* clock,
          KeyringOptions options)
      : keys_(keys), tokens_(std::move(tokens)), clock_(clock), options_(std::move(options)) {}

  tl::expected<collect::Identity, collect::Refusal> Identify(
      const collect::Caller& caller) override;

  // The key of the request, wherever it is usual, and who that is.
  tl::expected<collect::Identity, net::Response> IdentityOf(const net::Request& request);
  // The same with a key that the caller has found: for protocols with answers of their own. 429 is
  // told as a refusal.
  tl::expected<collect::Identity, collect::Refusal> IdentifyRequest(const net::Request& request,
                                                                    const std::string& key);

  // The project that a request may read or, with kAdmin, operate: of its key, or for a trusted peer
  // the one that X-Tidemark-Project or ?project= names ("default" if none does).
  // Else the answer that refuses: 401 without a known key, 403 where the key may not, 429 where it
  // has used up its requests.
  tl::expected<std::string, net::Response> ProjectOf(const net::Request& request,
                                                     collect::Scope scope);

 private:
  using Known = tl::expected<collect::Identity, collect::Refusal>;
  Known IdentifyKey(const collect::Caller& caller);
  Known IdentifyToken(std::string_view token, TimeMicros now);
  std::shared_ptr<meta::KeyLimits> DefaultLimits(const std::string& id);

  struct Remembered {
    collect::Identity identity;
    TimeMicros expires;
  };

  const meta::Keys* const keys_;
  const std::unique_ptr<net::JwtVerifier> tokens_;
  const env::Clock* const clock_;
  const KeyringOptions options_;

  std::mutex mutex_;
  std::unordered_map<std::string, Remembered> remembered_;  // By the token's SHA-256.
  // Of keys and users without limits of their own, by id.
  std::unordered_map<std::string, std::shared_ptr<meta::KeyLimits>> default_limits_;
};

}  // namespace tidemark::app
