#include "app/auth.h"

#include <fstream>
#include <optional>

#include "meta/key_text.h"

namespace tidemark::app {
namespace {

Result<std::string> ReadFile(const std::string& path, const char* option) {
  std::ifstream file(path);
  std::string content(kTokenFileBytesMax + 1, '\0');
  if (file) file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file && !file.eof()) {
    return Fail(Code::kInvalidArgument, std::string(option) + ": cannot read the file " + path);
  }
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.size() > kTokenFileBytesMax) {
    return Fail(Code::kInvalidArgument, std::string(option) + ": the file is larger than 1 MiB");
  }
  while (content.ends_with('\n') || content.ends_with('\r')) content.pop_back();
  return content;
}

Result<std::optional<Rate>> ReadLimit(const std::string& text, const char* option) {
  if (text.empty()) return std::optional<Rate>();
  const auto rate = ParseRate(text);
  if (!rate) {
    return Fail(Code::kInvalidArgument,
                std::string(option) + " must be written like \"1000 a minute\"");
  }
  return rate;
}

}  // namespace

Result<KeyringOptions> ReadKeyringOptions(const AuthOptions& options, bool dev) {
  KeyringOptions read;
  read.dev = dev;
  auto proxies = meta::ReadAddresses(options.trusted_proxies);
  if (!proxies) return Fail(std::move(proxies).error().With("http.trusted_proxies"));
  read.trusted_proxies = *std::move(proxies);
  TM_ASSIGN(read.rates.requests, ReadLimit(options.requests, "limits.requests"));
  TM_ASSIGN(read.rates.events, ReadLimit(options.events, "limits.events"));
  TM_ASSIGN(read.rates.bytes, ReadLimit(options.bytes, "limits.bytes"));
  return read;
}

Result<net::JwtOptions> ReadTokenFiles(const AuthOptions& options) {
  net::JwtOptions tokens = options.tokens;
  if (!options.secret_file.empty()) {
    TM_ASSIGN(tokens.secret, ReadFile(options.secret_file, "auth.secret_file"));
    if (tokens.secret.empty()) {
      return Fail(Code::kInvalidArgument, "auth.secret_file: the file is empty");
    }
  }
  if (!options.jwks_file.empty()) {
    TM_ASSIGN(tokens.jwks, ReadFile(options.jwks_file, "auth.jwks_file"));
    if (tokens.jwks.empty()) {
      return Fail(Code::kInvalidArgument, "auth.jwks_file: the file is empty");
    }
  }
  return tokens;
}

}  // namespace tidemark::app
