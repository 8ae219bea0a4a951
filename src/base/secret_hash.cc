#include "base/secret_hash.h"

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/check.h"

namespace tidemark {

std::string Sha256Hex(std::string_view bytes) {
  std::byte digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  TM_CHECK(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest), &size,
                      EVP_sha256(), nullptr) == 1);
  return ToHex(ByteView(digest, size));
}

}  // namespace tidemark
