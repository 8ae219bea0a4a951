// Who may do what: API keys from meta/, tokens of users, and with --dev any project from this
// machine without a key. docs/reference/keys.md.
//
// Any thread. From memory; a token's signature is checked once and remembered until it expires.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "app/token_keys.h"
#include "collect/authenticator.h"
#include "env/clock.h"
#include "meta/keys.h"
#include "meta/used_limits.h"
#include "net/http.h"
#include "net/jwt.h"

namespace tidemark::app {

inline constexpr std::size_t kTokensRememberedMax = 4'096;
inline constexpr std::string_view kOperator =
    "default";  // The project whose admins run the server.

// A program of this machine under --dev, or who has a key of the operator's project.
inline bool IsOperator(const collect::Identity& identity) {
  return identity.any_project || identity.project == kOperator;
}

class Keyring final : public collect::Authenticator {
 public:
  // `keys`, `tokens` and `clock` must outlive it. `tokens` may be nullptr: then none is accepted.
  // `wake`: the tokens' step has something to do.
  Keyring(const meta::Keys* keys, TokenKeys* tokens, const env::Clock* clock,
          KeyringOptions options, std::function<void()> wake)
      : keys_(keys),
        tokens_(tokens),
        clock_(clock),
        options_(std::move(options)),
        wake_(std::move(wake)) {}

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

  // The project that an admin may operate on: the one that is named, which for the operator is any;
  // else the key's own, or for the operator empty: all. The answer that refuses as above.
  tl::expected<std::string, net::Response> OperatedProject(const net::Request& request);

  // The answer that refuses who may not read that project: a key reads its own, the operator's any;
  // nothing: it may.
  std::optional<net::Response> RefuseReader(const net::Request& request, std::string_view project);

  // What the key may do in the catalog where that is less than its scopes say; null: it is not.
  std::shared_ptr<const std::vector<meta::KeyGrant>> GrantsOf(
      const collect::Identity& identity) const;

  // What was used up before a restart; before the first request.
  void RestoreLimits(const std::vector<meta::UsedLimit>& used);
  // What is used up of limits that fill slowly.
  std::vector<meta::UsedLimit> UsedLimits();

 private:
  using Known = tl::expected<collect::Identity, collect::Refusal>;
  tl::expected<collect::Identity, net::Response> WithScope(const net::Request& request,
                                                           collect::Scope scope);
  Known IdentifyKey(const collect::Caller& caller);
  Known IdentifyToken(std::string_view token, TimeMicros now);
  std::shared_ptr<meta::KeyLimits> DefaultLimits(const std::string& id);

  struct Remembered {
    collect::Identity identity;
    TimeMicros expires;
  };

  const meta::Keys* const keys_;
  TokenKeys* const tokens_;
  const env::Clock* const clock_;
  const KeyringOptions options_;
  const std::function<void()> wake_;

  std::mutex mutex_;
  std::unordered_map<std::string, Remembered> remembered_;  // By the token's SHA-256.
  std::shared_ptr<const net::JwtVerifier> remembered_by_;   // That has checked them.
  // Of keys and users without limits of their own, by id.
  std::unordered_map<std::string, std::shared_ptr<meta::KeyLimits>> default_limits_;
  std::unordered_map<std::string, std::vector<meta::UsedLimit>> restored_;  // Not asked for yet.
};

}  // namespace tidemark::app
