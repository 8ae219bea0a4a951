// Who may do what: API keys from meta/, and with --dev any project from this machine without a key.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "collect/authenticator.h"
#include "meta/keys.h"
#include "net/http.h"

namespace tidemark::app {

class Keyring final : public collect::Authenticator {
 public:
  // `keys` must outlive it.
  Keyring(const meta::Keys* keys, bool dev, std::vector<IpRange> trusted_proxies = {})
      : keys_(keys), dev_(dev), trusted_proxies_(std::move(trusted_proxies)) {}

  tl::expected<collect::Identity, collect::Refusal> Identify(
      const collect::Caller& caller) override;

  // The project that a request may read or, with kAdmin, operate: of its key, or for a trusted peer
  // the one that X-Tidemark-Project or ?project= names ("default" if none does).
  // Else the answer that refuses: 401 without a known key, 403 where the key may not.
  tl::expected<std::string, net::Response> ProjectOf(const net::Request& request,
                                                     collect::Scope scope);

 private:
  const meta::Keys* const keys_;
  const bool dev_;
  const std::vector<IpRange> trusted_proxies_;
};

}  // namespace tidemark::app
