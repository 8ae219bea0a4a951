#include "app/token_keys.h"

#include <algorithm>
#include <utility>

#include "telemetry/log_line.h"

namespace tidemark::app {
namespace {

constexpr const char* kSentence = "Times that the files with keys of tokens were found changed.";

// Whose files are meant.
std::string OptionsOf(const AuthOptions& options) {
  if (options.jwks_file.empty()) return "auth.secret_file";
  if (options.secret_file.empty()) return "auth.jwks_file";
  return "auth.secret_file or auth.jwks_file";
}

}  // namespace

TokenKeys::TokenKeys(AuthOptions options, const env::Clock* clock, telemetry::Registry* registry)
    : options_(std::move(options)),
      clock_(clock),
      changed_(
          registry->AddCounter("tidemark_auth_token_files_total{outcome=\"read\"}", kSentence)),
      failed_(
          registry->AddCounter("tidemark_auth_token_files_total{outcome=\"failed\"}", kSentence)),
      bad_(registry->AddGauge("tidemark_auth_token_files_bad",
                              "1 while the files hold no good keys and those from before count.")) {
}

Result<std::unique_ptr<TokenKeys>> TokenKeys::Open(const AuthOptions& options,
                                                   const env::Clock* clock,
                                                   telemetry::Registry* registry) {
  if (options.secret_file.empty() && options.jwks_file.empty()) {
    return std::unique_ptr<TokenKeys>();
  }
  std::unique_ptr<TokenKeys> keys(new TokenKeys(options, clock, registry));
  TM_TRY(keys->Read());
  return keys;
}

Status TokenKeys::Read() {
  read_at_ = clock_->Now();
  TM_ASSIGN(net::JwtOptions read, ReadTokenFiles(options_));
  const bool same = read.secret == read_.secret && read.jwks == read_.jwks;
  if (same && current_.Load() != nullptr) return {};
  auto made = net::JwtVerifier::Make(read);
  if (!made) {
    return Fail(made.error().code(), OptionsOf(options_) + ": " + made.error().message());
  }
  std::shared_ptr<const net::JwtVerifier> verifier = *std::move(made);
  current_.Store(std::move(verifier));
  read_ = std::move(read);
  return {};
}

Duration TokenKeys::Step() {
  const Duration pause = asked_.load() ? kTokenFilesPause : kTokenFilesAge;
  const Duration due = read_at_ + pause;
  if (const Duration now = clock_->Now(); now < due) return due - now;
  asked_.store(false);  // Before the files are read: who asks from here on is heard once more.
  const auto before = current_.Load();
  const Status read = Read();
  bad_.Set(read ? 0 : 1);
  if (read) {
    told_.clear();
    if (current_.Load() == before) return kTokenFilesAge;
    changed_.Add();
    TM_LOG(kInfo, "the keys of tokens are new");
    return kTokenFilesAge;
  }
  failed_.Add();
  if (std::string error = read.error().ToString(); error != told_) {
    TM_LOG(kWarning, "the keys of tokens stay as they were", {"error", error});
    told_ = std::move(error);
  }
  return kTokenFilesAge;
}

}  // namespace tidemark::app
