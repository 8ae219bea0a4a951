// How the server tells who asks: what is configured, read and checked once at the start.
#pragma once

#include <memory>
#include <string>

#include "app/keyring.h"
#include "base/result.h"
#include "net/jwt.h"

namespace tidemark::app {

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
// nullptr if neither file is named. kInvalidArgument: one cannot be read, or its keys are no good.
Result<std::unique_ptr<net::JwtVerifier>> OpenTokens(const AuthOptions& options);

}  // namespace tidemark::app
