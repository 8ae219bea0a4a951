// How the server tells who asks: what is configured.
#pragma once

#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "meta/key_limits.h"
#include "net/jwt.h"

namespace tidemark::app {

struct KeyringOptions {
  bool dev = false;
  std::vector<IpRange> trusted_proxies = {};  // Whose X-Forwarded-For is believed.
  meta::KeyLimits::Rates rates = {};          // Of keys that have none of their own.
};

struct AuthOptions {
  std::string trusted_proxies;  // Addresses and ranges with blanks between.
  std::string secret_file;
  std::string jwks_file;
  net::JwtOptions tokens;  // All but what is in the files.
  std::string requests;    // Of each key without limits of its own: as "1000 a minute".
  std::string events;
  std::string bytes;
};

// kInvalidArgument names the option.
Result<KeyringOptions> ReadKeyringOptions(const AuthOptions& options, bool dev);
inline constexpr std::size_t kTokenFileBytesMax = 1U << 20;
// `options.tokens` with what is in the files now. kInvalidArgument: one that is named cannot be
// read, is empty or too large.
Result<net::JwtOptions> ReadTokenFiles(const AuthOptions& options);

}  // namespace tidemark::app
