// Checks of signatures with OpenSSL, and nothing of tokens. The inside of jwt.h; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"

struct evp_pkey_st;

namespace tidemark::net {

enum class JwtAlgorithm : std::uint8_t { kHs256, kRs256, kEs256 };

std::string_view AlgorithmName(JwtAlgorithm algorithm);

struct FreePublicKey {
  void operator()(evp_pkey_st* key) const;
};
using PublicKey = std::unique_ptr<evp_pkey_st, FreePublicKey>;

// Numbers are big-endian bytes. kInvalidArgument: no such key can be, or it is too weak.
Result<PublicKey> MakeRsaKey(std::string_view modulus, std::string_view exponent, int bits_min);
Result<PublicKey> MakeP256Key(std::string_view x, std::string_view y);

// In constant time.
bool CheckHs256(std::string_view secret, std::string_view text, std::string_view signature);
// kRs256, or kEs256 with the signature as r and s, 32 bytes each (RFC 7518, 3.4).
bool CheckSignature(JwtAlgorithm algorithm, const PublicKey& key, std::string_view text,
                    std::string_view signature);

}  // namespace tidemark::net
