#include "net/jwt_keys.h"

#include <array>
#include <string>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

namespace tidemark::net {
namespace {

constexpr std::size_t kP256Bytes = 32;
constexpr std::size_t kRsaBytesMax = 1'024;  // 8,192 bits: checking a larger one is an attack.

template <auto kFree>
struct Freer {
  template <class T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
using Number = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Number ReadNumber(std::string_view bytes) {
  return Number(BN_bin2bn(Bytes(bytes), static_cast<int>(bytes.size()), nullptr));
}

PublicKey FromParams(const char* type, OSSL_PARAM* params) {
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
    return nullptr;
  }
  return PublicKey(key);
}

// A point that is not on the curve, an even modulus and the like.
bool IsSound(const PublicKey& key) {
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  return context && EVP_PKEY_public_check(context.get()) == 1;
}

// DER, as OpenSSL wants it; empty if it is no signature.
std::string EcdsaToDer(std::string_view signature) {
  if (signature.size() != 2 * kP256Bytes) return {};
  Number r = ReadNumber(signature.substr(0, kP256Bytes));
  Number s = ReadNumber(signature.substr(kP256Bytes));
  const EcdsaSignature both(ECDSA_SIG_new());
  if (!r || !s || !both || ECDSA_SIG_set0(both.get(), r.get(), s.get()) != 1) return {};
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  std::string der(2 * kP256Bytes + 16, '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  const int size = i2d_ECDSA_SIG(both.get(), &out);
  if (size <= 0 || static_cast<std::size_t>(size) > der.size()) return {};
  der.resize(static_cast<std::size_t>(size));
  return der;
}

}  // namespace

void FreePublicKey::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

std::string_view AlgorithmName(JwtAlgorithm algorithm) {
  constexpr std::array<std::string_view, 3> kNames = {"HS256", "RS256", "ES256"};
  return kNames[static_cast<std::size_t>(algorithm)];
}

Result<PublicKey> MakeRsaKey(std::string_view modulus, std::string_view exponent, int bits_min) {
  const Error bad(Code::kInvalidArgument, "an RSA key of the JWK set is broken or has fewer than " +
                                              std::to_string(bits_min) + " bits");
  if (modulus.empty() || exponent.empty() || modulus.size() > kRsaBytesMax || exponent.size() > 8) {
    return Fail(bad);
  }
  const Number n = ReadNumber(modulus);
  const Number e = ReadNumber(exponent);
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || BN_num_bits(n.get()) < bits_min || !BN_is_odd(n.get()) ||
      !BN_is_odd(e.get()) || BN_is_one(e.get()) ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return Fail(bad);
  }
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  PublicKey key = params ? FromParams("RSA", params.get()) : nullptr;
  if (!key) return Fail(bad);
  return key;
}

Result<PublicKey> MakeP256Key(std::string_view x, std::string_view y) {
  const Error bad(Code::kInvalidArgument, "an EC key of the JWK set is no point of P-256");
  if (x.size() != kP256Bytes || y.size() != kP256Bytes) return Fail(bad);
  const std::string point = "\x04" + std::string(x) + std::string(y);
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) !=
          1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1) {
    return Fail(bad);
  }
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  PublicKey key = params ? FromParams("EC", params.get()) : nullptr;
  if (!key || !IsSound(key)) return Fail(bad);
  return key;
}

bool CheckHs256(std::string_view secret, std::string_view text, std::string_view signature) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), Bytes(text), text.size(),
           digest.data(), &size) == nullptr) {
    return false;
  }
  return signature.size() == size && CRYPTO_memcmp(digest.data(), signature.data(), size) == 0;
}

bool CheckSignature(JwtAlgorithm algorithm, const PublicKey& key, std::string_view text,
                    std::string_view signature) {
  std::string der;
  if (algorithm == JwtAlgorithm::kEs256) {
    der = EcdsaToDer(signature);
    signature = der;
  }
  if (signature.empty()) return false;
  const DigestContext context(EVP_MD_CTX_new());
  return context &&
         EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(text),
                          text.size()) == 1;
}

}  // namespace tidemark::net
