// A token is accepted if a configured key has signed it for us and for now, and in no other case.
// The signed examples are those of RFC 7515, appendix A.

#include "net/jwt.h"

#include <array>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/bytes.h"
#include "sim/expect.h"

namespace tidemark::net {
namespace {

constexpr TimeMicros kNow(1'767'225'600'000'000);     // 2026-01-01
constexpr TimeMicros kRfcNow(1'300'819'000'000'000);  // Before the examples expire.
constexpr const char* kSecret = "0123456789abcdef0123456789abcdef";

constexpr const char* kRfcClaims =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
    "Q";
constexpr const char* kRfcEs256 =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
constexpr const char* kRfcRs256 =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
    "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb"
    "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO"
    "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
constexpr const char* kRfcModulus =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4"
    "d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5re"
    "xMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxX"
    "FvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

std::string RfcSet(const std::string& more = {}) {
  return std::string(R"({"keys":[{"kty":"EC","crv":"P-256","kid":"ec",)") +
         R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
         R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},)"
         R"({"kty":"RSA","use":"sig","alg":"RS256","e":"AQAB","n":")" +
         kRfcModulus + "\"}" + more + "]}";
}

std::string Encode(std::string_view text) {
  std::string encoded = ToBase64(AsBytes(text), /*url_safe=*/true);
  while (encoded.ends_with('=')) encoded.pop_back();
  return encoded;
}

std::string Sign(std::string_view header, std::string_view claims, std::string_view secret) {
  const std::string text = Encode(header) + "." + Encode(claims);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  return text + "." + Encode({reinterpret_cast<const char*>(digest.data()), size});
}

std::string Hs256(std::string_view claims, std::string_view secret = kSecret) {
  return Sign(R"({"alg":"HS256","typ":"JWT"})", claims, secret);
}

std::unique_ptr<JwtVerifier> MakeVerifier(JwtOptions options) {
  auto verifier = JwtVerifier::Make(options);
  EXPECT_OK(verifier);
  return *std::move(verifier);
}

TEST(Jwt, TheSignedExamplesOfTheStandardAreAccepted) {
  const auto verifier = MakeVerifier({.jwks = RfcSet()});
  const std::string es = std::string("eyJhbGciOiJFUzI1NiJ9.") + kRfcClaims + "." + kRfcEs256;
  const std::string rs = std::string("eyJhbGciOiJSUzI1NiJ9.") + kRfcClaims + "." + kRfcRs256;
  EXPECT_TRUE(LooksLikeJwt(es));
  EXPECT_OK(verifier->Verify(es, kRfcNow));
  EXPECT_OK(verifier->Verify(rs, kRfcNow));
  EXPECT_CODE(verifier->Verify(es, kNow), Code::kPermissionDenied);
  const auto oct = MakeVerifier(
      {.jwks = R"({"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH)"
               R"(75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}]})",
       .issuer = "joe"});
  EXPECT_OK(oct->Verify("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + std::string(kRfcClaims) +
                            ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
                        kRfcNow));
}

TEST(Jwt, OneChangedBitIsAnotherToken) {
  const auto verifier = MakeVerifier({.secret = kSecret, .jwks = RfcSet()});
  const std::string tokens[] = {std::string("eyJhbGciOiJFUzI1NiJ9.") + kRfcClaims + "." + kRfcEs256,
                                std::string("eyJhbGciOiJSUzI1NiJ9.") + kRfcClaims + "." + kRfcRs256,
                                Hs256(R"({"exp":1300819380,"project":"shop","scope":"query"})")};
  for (const std::string& token : tokens) {
    ASSERT_OK(verifier->Verify(token, kRfcNow));
    // The last digit of a part may hold bits that are not used.
    for (std::size_t i = 0; i + 1 < token.size(); i += 7) {
      if (token[i] == '.' || token[i + 1] == '.') continue;
      std::string changed = token;
      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      EXPECT_CODE(verifier->Verify(changed, kRfcNow), Code::kPermissionDenied) << i;
    }
  }
}

TEST(Jwt, ClaimsNameProjectAndScopes) {
  const auto verifier = MakeVerifier({.secret = kSecret});
  const auto claims = verifier->Verify(
      Hs256(R"({"sub":"ann","exp":1767225700,"project":"shop","scope":"query  live"})"), kNow);
  ASSERT_OK(claims);
  EXPECT_EQ(claims->subject, "ann");
  EXPECT_EQ(claims->project, "shop");
  EXPECT_EQ(claims->scopes, (std::vector<std::string>{"query", "live"}));
  EXPECT_EQ(claims->expires, TimeMicros(1'767'225'760'000'000));
  const auto other =
      MakeVerifier({.secret = kSecret, .project_claim = "tenant", .scope_claim = "roles"});
  const auto named =
      other->Verify(Hs256(R"({"exp":1767225700.5,"tenant":"shop","roles":["query",3]})"), kNow);
  ASSERT_OK(named);
  EXPECT_EQ(named->project, "shop");
  EXPECT_EQ(named->scopes, std::vector<std::string>{"query"});
}

TEST(Jwt, TimesAreCheckedWithTheLeewayAndNoMore) {
  const auto verifier = MakeVerifier({.secret = kSecret, .leeway = std::chrono::seconds(60)});
  const auto check = [&verifier](const char* claims) {
    return verifier->Verify(Hs256(claims), kNow);
  };
  EXPECT_OK(check(R"({"exp":1767225541})"));
  EXPECT_CODE(check(R"({"exp":1767225540})"), Code::kPermissionDenied);
  EXPECT_OK(check(R"({"exp":1767300000,"nbf":1767225660})"));
  EXPECT_CODE(check(R"({"exp":1767300000,"nbf":1767225661})"), Code::kPermissionDenied);
  for (const char* bad :
       {R"({})", R"({"exp":"1767300000"})", R"({"exp":null})", R"({"exp":-1})", R"({"exp":1e300})",
        R"({"exp":1767300000,"nbf":"x"})", R"({"exp":1767300000,"exp":1})", R"([])", R"("x")"}) {
    EXPECT_CODE(check(bad), Code::kPermissionDenied) << bad;
  }
}

TEST(Jwt, IssuerAndAudienceMustBeOurs) {
  const auto verifier =
      MakeVerifier({.secret = kSecret, .issuer = "https://id.example", .audience = "tidemark"});
  const auto check = [&verifier](const std::string& claims) {
    return verifier->Verify(Hs256("{\"exp\":1767300000" + claims + "}"), kNow);
  };
  EXPECT_OK(check(R"(,"iss":"https://id.example","aud":"tidemark")"));
  EXPECT_OK(check(R"(,"iss":"https://id.example","aud":["other","tidemark"])"));
  for (const char* bad :
       {R"(,"iss":"https://id.example")", R"(,"aud":"tidemark")",
        R"(,"iss":"https://evil.example","aud":"tidemark")",
        R"(,"iss":"https://id.example","aud":"other")", R"(,"iss":"https://id.example","aud":[])",
        R"(,"iss":["https://id.example"],"aud":"tidemark")"}) {
    EXPECT_CODE(check(bad), Code::kPermissionDenied) << bad;
  }
  // A token for somebody else is none for us, although no audience was configured.
  EXPECT_CODE(
      MakeVerifier({.secret = kSecret})->Verify(Hs256(R"({"exp":1767300000,"aud":"other"})"), kNow),
      Code::kPermissionDenied);
}

TEST(Jwt, TheTokenDoesNotChooseTheAlgorithm) {
  const char* claims = R"({"exp":1767300000,"project":"shop","scope":"admin"})";
  const auto verifier = MakeVerifier({.secret = kSecret, .jwks = RfcSet()});
  EXPECT_OK(verifier->Verify(Hs256(claims), kNow));
  for (const char* header :
       {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"NONE"})", R"({"alg":""})", R"({})",
        R"({"alg":"hs256"})", R"({"alg":"HS384"})", R"({"alg":"RS256"})", R"({"alg":"ES256"})",
        R"({"alg":["HS256"]})", R"({"alg":"HS256","crit":["exp"]})"}) {
    EXPECT_CODE(verifier->Verify(Sign(header, claims, kSecret), kNow), Code::kPermissionDenied)
        << header;
  }
  // Without a signature at all.
  const std::string bare = Encode(R"({"alg":"none"})") + "." + Encode(claims) + ".";
  EXPECT_CODE(verifier->Verify(bare, kNow), Code::kPermissionDenied);
  // The public key of RS256 as the secret of HS256.
  const auto public_only = MakeVerifier({.jwks = RfcSet()});
  for (const std::string& secret :
       {std::string(kRfcModulus), FromBase64(kRfcModulus).value(), std::string()}) {
    EXPECT_CODE(public_only->Verify(Hs256(claims, secret), kNow), Code::kPermissionDenied);
  }
  // A key that the token brings along.
  EXPECT_CODE(
      verifier->Verify(
          Sign(R"({"alg":"HS256","jwk":{"kty":"oct","k":"YQ"},"kid":"x"})", claims, "a"), kNow),
      Code::kPermissionDenied);
}

TEST(Jwt, WhatIsNoTokenIsRefused) {
  const auto verifier = MakeVerifier({.secret = kSecret});
  const std::string good = Hs256(R"({"exp":1767300000})");
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), good + ".x", good + "=", " " + good,
        good.substr(0, good.rfind('.')), std::string(9'000, 'a'), "eyJ." + good}) {
    EXPECT_CODE(verifier->Verify(bad, kNow), Code::kPermissionDenied) << bad;
  }
}

TEST(Jwt, WeakOrBrokenKeysStopTheStart) {
  const std::string short_modulus = std::string(kRfcModulus).substr(0, 170);
  for (const JwtOptions& bad :
       {JwtOptions{}, JwtOptions{.secret = "short"}, JwtOptions{.jwks = "{}"},
        JwtOptions{.jwks = R"({"keys":[]})"}, JwtOptions{.jwks = "no JSON"},
        JwtOptions{.jwks = R"({"keys":[{"kty":"oct","k":"c2hvcnQ"}]})"},
        JwtOptions{.jwks = R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]})"},
        JwtOptions{.jwks = R"({"keys":[{"kty":"RSA","e":"AQAB","n":")" + short_modulus + "\"}]}"},
        JwtOptions{.jwks = R"({"keys":[{"kty":"RSA","alg":"PS256","e":"AQAB","n":")" +
                           std::string(kRfcModulus) + "\"}]}"},
        JwtOptions{.jwks = R"({"keys":[{"kty":"EC","crv":"P-256",)"
                           R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                           R"("y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}]})"}}) {
    EXPECT_CODE(JwtVerifier::Make(bad), Code::kInvalidArgument) << bad.jwks;
  }
}

TEST(Jwt, ATokenThatNamesItsKeyIsCheckedWithThatOneOnly) {
  const std::string other_secret = "ffffffffffffffffffffffffffffffff";
  const auto oct = [](const std::string& secret, const std::string& kid) {
    return R"({"kty":"oct","k":")" + Encode(secret) + "\"" +
           (kid.empty() ? "" : R"(,"kid":")" + kid + "\"") + "}";
  };
  const auto set = [](const std::string& keys) { return "{\"keys\":[" + keys + "]}"; };
  const auto verdict = [](const JwtOptions& options, const std::string& kid,
                          const std::string& secret) {
    const auto verifier = MakeVerifier(options);
    const std::string token =
        Sign(R"({"alg":"HS256")" + kid + "}", R"({"exp":1767300000,"project":"shop"})", secret);
    return std::pair(verifier->Verify(token, kNow).has_value(), verifier->HasKeyFor(token));
  };
  using Verdict = std::pair<bool, bool>;  // Accepted; has a key that may have signed it.
  const JwtOptions named = {.jwks = set(oct(kSecret, "a") + "," + oct(other_secret, ""))};
  EXPECT_EQ(verdict(named, R"(,"kid":"a")", kSecret), Verdict(true, true));
  EXPECT_EQ(verdict(named, R"(,"kid":"a")", other_secret), Verdict(false, true));
  EXPECT_EQ(verdict(named, R"(,"kid":"b")", kSecret), Verdict(false, false));
  EXPECT_EQ(verdict(named, R"(,"kid":"b")", other_secret), Verdict(false, false));
  EXPECT_EQ(verdict(named, "", kSecret), Verdict(true, true));
  EXPECT_EQ(verdict(named, "", other_secret), Verdict(true, true));
  EXPECT_FALSE(verdict(named, R"(,"kid":7)", kSecret).first);

  // A set without names, and the one secret, may be of an issuer who names them in tokens.
  const JwtOptions nameless = {.jwks = set(oct(kSecret, "") + "," + oct(other_secret, ""))};
  EXPECT_EQ(verdict(nameless, R"(,"kid":"b")", other_secret), Verdict(true, true));
  const JwtOptions both = {.secret = other_secret, .jwks = set(oct(kSecret, "a"))};
  EXPECT_EQ(verdict(both, R"(,"kid":"b")", other_secret), Verdict(true, true));
  EXPECT_EQ(verdict(both, R"(,"kid":"a")", other_secret), Verdict(false, true));
  // Nor does the name of a key of another kind make way for the secret.
  EXPECT_EQ(verdict({.secret = kSecret, .jwks = RfcSet()}, R"(,"kid":"ec")", kSecret),
            Verdict(false, false));
}

// Issuers put keys of several kinds into one set, and new kinds beside those that are used.
TEST(Jwt, KeysThatAreNotUnderstoodAreLeftOutOfASet) {
  const std::string ours = RfcSet();
  const std::size_t begin = ours.find('[') + 1;
  for (const std::string other :
       {R"({"kty":"OKP","crv":"Ed25519","x":"AA"})", R"({"kty":"EC","crv":"P-384","x":"AA"})",
        R"({"kty":"RSA","alg":"RS512","n":"AA","e":"AQAB"})", R"({"kty":"AKP"})", R"({})",
        R"({"kty":"oct","alg":"HS512","k":"c2hvcnQ"})", R"({"kty":"RSA","use":"enc"})"}) {
    std::string set = ours;
    set.insert(begin, other + ",");
    const auto verifier = JwtVerifier::Make({.jwks = set});
    ASSERT_TRUE(verifier.has_value()) << other << verifier.error().ToString();
    EXPECT_CODE(JwtVerifier::Make({.jwks = "{\"keys\":[" + other + "]}"}), Code::kInvalidArgument)
        << other;
  }
}

}  // namespace
}  // namespace tidemark::net
