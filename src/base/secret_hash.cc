#include "base/secret_hash.h"

#include <openssl/evp.h>

#include <memory>

#include "base/bytes.h"
#include "base/check.h"

namespace tidemark {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeDigest {
  void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
};

// Fetching the algorithm costs several times what a short hash does: once a thread.
struct Hasher {
  std::unique_ptr<EVP_MD, FreeDigest> digest{EVP_MD_fetch(nullptr, "SHA256", nullptr)};
  std::unique_ptr<EVP_MD_CTX, FreeContext> context{EVP_MD_CTX_new()};
};

}  // namespace

Sha256Digest Sha256(std::string_view bytes) {
  thread_local const Hasher hasher;
  Sha256Digest out{};
  unsigned int size = 0;
  EVP_MD_CTX* context = hasher.context.get();
  TM_CHECK(EVP_DigestInit_ex2(context, hasher.digest.get(), nullptr) == 1);
  TM_CHECK(EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1);
  TM_CHECK(EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(out.data()), &size) == 1);
  TM_CHECK_EQ(size, out.size());
  return out;
}

std::string Sha256Hex(std::string_view bytes) {
  const Sha256Digest digest = Sha256(bytes);
  return ToHex(ByteView(digest.data(), digest.size()));
}

}  // namespace tidemark
