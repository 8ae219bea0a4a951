// The keys that users' tokens are checked with, as the files of auth.secret_file and auth.jwks_file
// have them now. An issuer that changes its keys needs no restart: the files are read again every
// kTokenFilesAge, and soon after a token came that no key has signed.
//
// A file that cannot be read or holds no good keys changes nothing: the keys from before count on,
// with a log line and a metric. Any thread; Step, which reads, is the background's.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "app/auth.h"
#include "base/published.h"
#include "env/clock.h"
#include "net/jwt.h"
#include "telemetry/metrics.h"

namespace tidemark::app {

inline constexpr Duration kTokenFilesAge = std::chrono::seconds(10);
// Between two readings, however many unknown tokens come.
inline constexpr Duration kTokenFilesPause = std::chrono::seconds(1);

class TokenKeys {
 public:
  // nullptr if neither file is named. kInvalidArgument: one cannot be read, or its keys are no
  // good. `clock` and `registry` must outlive it.
  static Result<std::unique_ptr<TokenKeys>> Open(const AuthOptions& options,
                                                 const env::Clock* clock,
                                                 telemetry::Registry* registry);
  TokenKeys(const TokenKeys&) = delete;
  TokenKeys& operator=(const TokenKeys&) = delete;

  // Never nullptr. Another object as soon as the keys are others.
  std::shared_ptr<const net::JwtVerifier> Load() const { return current_.Load(); }
  // A token came that no key has signed: perhaps the file knows more. True: Step has something to
  // do now.
  bool AskAgain() { return !asked_.exchange(true); }
  // Reads the files if it is time. Returns how long it may sleep.
  Duration Step();

 private:
  TokenKeys(AuthOptions options, const env::Clock* clock, telemetry::Registry* registry);
  Status Read();

  const AuthOptions options_;
  const env::Clock* const clock_;
  telemetry::Counter& changed_;
  telemetry::Counter& failed_;
  telemetry::Gauge& bad_;
  Published<net::JwtVerifier> current_;
  std::atomic<bool> asked_{false};
  // Step's own.
  Duration read_at_{};
  net::JwtOptions read_;
  std::string told_;  // The error that the log has, so that it is told once.
};

}  // namespace tidemark::app
