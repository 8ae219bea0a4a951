// Signed tokens of users: JSON Web Tokens (RFC 7519) with HS256, RS256 or ES256 (RFC 7518), checked
// against secrets and keys (JWK sets, RFC 7517) that the operator configured. Nothing is fetched.
//
// A key decides which algorithm it may check, never the token: a token that names another one, or
// `none`, or a critical header that is not understood is refused. A token that names its key by
// `kid` is checked with the key of that name and no other; if no key has it, with those of a set
// that has no names. Immutable; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/units.h"

namespace tidemark {
class JsonValue;
}

namespace tidemark::net {

inline constexpr std::size_t kJwtBytesMax = 8U << 10;
inline constexpr std::size_t kJwtSecretBytesMin = 32;  // RFC 7518, 3.2: no shorter than the hash.
inline constexpr int kJwtRsaBitsMin = 2'048;
inline constexpr std::size_t kJwkSetKeysMax = 100;

struct JwtOptions {
  std::string secret = {};  // For HS256; empty: none.
  std::string jwks = {};  // JSON of a JWK set; empty: none. RSA and P-256 keys, and `oct` secrets.
  std::string issuer = {};    // `iss` must be this; empty: not looked at.
  std::string audience = {};  // `aud` must be or hold this; empty: the token must not have one.
  Duration leeway = std::chrono::seconds(60);  // Between clocks, for `exp` and `nbf`.
  std::string project_claim = "project";
  std::string scope_claim = "scope";
};

struct JwtClaims {
  std::string subject;  // `sub`; may be empty.
  std::string project;
  std::vector<std::string> scopes;
  TimeMicros expires;
};

// Three parts with dots between: no API key looks like that.
bool LooksLikeJwt(std::string_view token);

class JwtVerifier {
 public:
  // kInvalidArgument: a secret that is too short, a set that cannot be read, a key that is too
  // weak, or no key at all.
  static Result<std::unique_ptr<JwtVerifier>> Make(const JwtOptions& options);
  JwtVerifier(const JwtVerifier&) = delete;
  JwtVerifier& operator=(const JwtVerifier&) = delete;
  ~JwtVerifier();

  // Whether it has a key that may have signed the token, by `alg` and `kid`. A token that cannot be
  // read has one: there is nothing to look for.
  bool HasKeyFor(std::string_view token) const;
  // kPermissionDenied with a sentence that gives nothing away. `exp` is required.
  Result<JwtClaims> Verify(std::string_view token, TimeMicros now) const;

 private:
  struct Key;
  explicit JwtVerifier(JwtOptions options);
  Status AddSet(std::string_view json);
  // Those that may have signed a token with this header.
  std::vector<const Key*> KeysFor(const JsonValue& header) const;

  JwtOptions options_;
  std::vector<std::unique_ptr<Key>> keys_;
};

}  // namespace tidemark::net
