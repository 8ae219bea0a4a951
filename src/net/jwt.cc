#include "net/jwt.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/json_reader.h"
#include "net/jwt_keys.h"

namespace tidemark::net {
namespace {

constexpr std::int64_t kSecondsMax = 1LL << 40;

Error Refused(std::string_view why) {
  return {Code::kPermissionDenied, "the token is not accepted: " + std::string(why)};
}

// Base64 without padding (RFC 7515, 2), strictly: nothing else may be in it.
std::optional<std::string> FromBase64Url(std::string_view text) {
  const bool clean = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (!clean || text.size() % 4 == 1) return std::nullopt;
  return FromBase64(text);
}

std::optional<JsonValue> ReadPart(std::string_view part) {
  const auto text = FromBase64Url(part);
  if (!text) return std::nullopt;
  auto value = JsonValue::Parse(*text);
  if (!value || !value->is_object()) return std::nullopt;
  return *std::move(value);
}

std::string TextOf(const JsonValue& object, std::string_view name) {
  const JsonValue* value = object.Find(name);
  return value != nullptr && value->is_string() ? value->text() : std::string();
}

// Seconds since 1970, with or without a fraction.
std::optional<TimeMicros> TimeOf(const JsonValue& claims, std::string_view name) {
  const JsonValue* value = claims.Find(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const auto seconds = value->Double();
  if (!seconds || !(*seconds > 0) || *seconds > static_cast<double>(kSecondsMax)) {
    return std::nullopt;
  }
  return TimeMicros(static_cast<std::int64_t>(*seconds * 1e6));
}

bool HasAudience(const JsonValue* value, std::string_view wanted) {
  if (wanted.empty()) return value == nullptr;
  if (value == nullptr) return false;
  if (value->is_string()) return value->text() == wanted;
  return std::any_of(value->items().begin(), value->items().end(), [wanted](const JsonValue& one) {
    return one.is_string() && one.text() == wanted;
  });
}

std::vector<std::string> ScopesOf(const JsonValue* value) {
  std::vector<std::string> scopes;
  if (value == nullptr) return scopes;
  for (const JsonValue& one : value->items()) {
    if (one.is_string()) scopes.push_back(one.text());
  }
  std::string_view rest = value->text();
  while (value->is_string() && !rest.empty()) {
    const std::size_t blank = std::min(rest.find(' '), rest.size());
    if (blank > 0) scopes.emplace_back(rest.substr(0, blank));
    rest.remove_prefix(std::min(blank + 1, rest.size()));
  }
  return scopes;
}

// What a key of a set checks; nothing for those that are not ours: for encryption, or of a type, a
// curve or an algorithm that is not understood, which a set may well have beside ours (RFC 7517,
// 5).
std::optional<JwtAlgorithm> AlgorithmOf(const JsonValue& key) {
  const std::string use = TextOf(key, "use");
  if (!use.empty() && use != "sig") return std::nullopt;
  const std::string type = TextOf(key, "kty");
  std::optional<JwtAlgorithm> algorithm;
  if (type == "RSA") algorithm = JwtAlgorithm::kRs256;
  if (type == "EC" && TextOf(key, "crv") == "P-256") algorithm = JwtAlgorithm::kEs256;
  if (type == "oct") algorithm = JwtAlgorithm::kHs256;
  const std::string named = TextOf(key, "alg");
  if (algorithm && !named.empty() && named != AlgorithmName(*algorithm)) return std::nullopt;
  return algorithm;
}

}  // namespace

struct JwtVerifier::Key {
  std::string id;        // `kid`; may be empty.
  bool is_named = true;  // Whether its set names keys at all: then no other name is its own.
  JwtAlgorithm algorithm;
  std::string secret;  // kHs256.
  PublicKey public_key;
};

JwtVerifier::JwtVerifier(JwtOptions options) : options_(std::move(options)) {}
JwtVerifier::~JwtVerifier() = default;

bool LooksLikeJwt(std::string_view token) {
  return token.starts_with("eyJ") && std::count(token.begin(), token.end(), '.') == 2;
}

Result<std::unique_ptr<JwtVerifier>> JwtVerifier::Make(const JwtOptions& options) {
  std::unique_ptr<JwtVerifier> verifier(new JwtVerifier(options));
  if (!options.secret.empty()) {
    if (options.secret.size() < kJwtSecretBytesMin) {
      return Fail(Code::kInvalidArgument, "the secret of tokens needs at least " +
                                              std::to_string(kJwtSecretBytesMin) + " bytes");
    }
    verifier->keys_.push_back(
        std::make_unique<Key>(Key{{}, false, JwtAlgorithm::kHs256, options.secret, nullptr}));
  }
  if (!options.jwks.empty()) TM_TRY(verifier->AddSet(options.jwks));
  if (verifier->keys_.empty()) {
    return Fail(Code::kInvalidArgument,
                "there is no key to check tokens with: RSA for RS256, EC with P-256 for ES256 and "
                "oct for HS256 are understood");
  }
  return verifier;
}

Status JwtVerifier::AddSet(std::string_view json) {
  const auto set = JsonValue::Parse(json);
  const JsonValue* keys = set ? set->Find("keys") : nullptr;
  if (keys == nullptr || !keys->is_array() || keys->items().size() > kJwkSetKeysMax) {
    return Fail(Code::kInvalidArgument,
                "the JWK set must be {\"keys\":[...]} with at most 100 keys");
  }
  const bool is_named = std::ranges::any_of(
      keys->items(), [](const JsonValue& one) { return !TextOf(one, "kid").empty(); });
  for (const JsonValue& one : keys->items()) {
    const auto algorithm = AlgorithmOf(one);
    if (!algorithm) continue;
    auto key = std::make_unique<Key>();
    key->id = TextOf(one, "kid");
    key->is_named = is_named;
    key->algorithm = *algorithm;
    const auto part = [&one](std::string_view name) {
      return FromBase64Url(TextOf(one, name)).value_or("");
    };
    if (*algorithm == JwtAlgorithm::kRs256) {
      TM_ASSIGN(key->public_key, MakeRsaKey(part("n"), part("e"), kJwtRsaBitsMin));
    } else if (*algorithm == JwtAlgorithm::kEs256) {
      TM_ASSIGN(key->public_key, MakeP256Key(part("x"), part("y")));
    } else {
      key->secret = part("k");
      if (key->secret.size() < kJwtSecretBytesMin) {
        return Fail(Code::kInvalidArgument, "an `oct` key of the JWK set is too short");
      }
    }
    keys_.push_back(std::move(key));
  }
  return {};
}

// A name that a key has is that key's alone. One that no key has is of a set without names, whose
// issuer may name its key in tokens all the same; a token without a name may be of any key.
std::vector<const JwtVerifier::Key*> JwtVerifier::KeysFor(const JsonValue& header) const {
  const std::string algorithm = TextOf(header, "alg");
  const std::string id = TextOf(header, "kid");
  const bool is_known =
      !id.empty() && std::ranges::any_of(keys_, [&id](const auto& key) { return key->id == id; });
  std::vector<const Key*> found;
  for (const auto& key : keys_) {
    if (AlgorithmName(key->algorithm) != algorithm) continue;
    if (id.empty() || (is_known ? key->id == id : !key->is_named)) found.push_back(key.get());
  }
  return found;
}

bool JwtVerifier::HasKeyFor(std::string_view token) const {
  if (token.size() > kJwtBytesMax) return true;
  const auto header = ReadPart(token.substr(0, token.find('.')));
  return !header || !KeysFor(*header).empty();
}

Result<JwtClaims> JwtVerifier::Verify(std::string_view token, TimeMicros now) const {
  if (token.size() > kJwtBytesMax) return Fail(Refused("it is too long"));
  const std::size_t first = token.find('.');
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return Fail(Refused("it is not of three parts"));
  }
  const auto header = ReadPart(token.substr(0, first));
  const auto signature = FromBase64Url(token.substr(second + 1));
  if (!header || !signature) return Fail(Refused("it cannot be read"));
  if (header->Find("crit") != nullptr) return Fail(Refused("it has a critical header"));
  const JsonValue* const id = header->Find("kid");
  if (id != nullptr && !id->is_string()) return Fail(Refused("its `kid` is no text"));
  const std::string_view text = token.substr(0, second);
  const bool signed_by_us = std::ranges::any_of(KeysFor(*header), [&](const Key* key) {
    return key->algorithm == JwtAlgorithm::kHs256
               ? CheckHs256(key->secret, text, *signature)
               : CheckSignature(key->algorithm, key->public_key, text, *signature);
  });
  if (!signed_by_us) return Fail(Refused("no key of this server has signed it"));

  // Only now is anything in it worth reading.
  const auto claims = ReadPart(token.substr(first + 1, second - first - 1));
  if (!claims) return Fail(Refused("its claims cannot be read"));
  const std::int64_t leeway =
      std::chrono::duration_cast<std::chrono::microseconds>(options_.leeway).count();
  const auto expires = TimeOf(*claims, "exp");
  if (!expires) return Fail(Refused("it has no time of expiry"));
  if (expires->value + leeway <= now.value) return Fail(Refused("it has expired"));
  if (claims->Find("nbf") != nullptr) {
    const auto not_before = TimeOf(*claims, "nbf");
    if (!not_before || not_before->value - leeway > now.value) {
      return Fail(Refused("it is not valid yet"));
    }
  }
  if (!options_.issuer.empty() && TextOf(*claims, "iss") != options_.issuer) {
    return Fail(Refused("another issuer has made it"));
  }
  if (!HasAudience(claims->Find("aud"), options_.audience)) {
    return Fail(Refused("it is for another audience"));
  }
  return JwtClaims{TextOf(*claims, "sub"), TextOf(*claims, options_.project_claim),
                   ScopesOf(claims->Find(options_.scope_claim)),
                   TimeMicros(expires->value + leeway)};
}

}  // namespace tidemark::net
