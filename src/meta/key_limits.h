// The limits of one key as token buckets: so many requests, events and bytes in a span of time.
//
// A bucket holds a whole span's worth and fills evenly (the virtual schedule of ITU-T I.371, known
// as GCRA: one number, the time at which the bucket will be full again). A request takes its token
// before anything is read; events and bytes are known only afterwards and are charged then, so a
// bucket can be overdrawn once by what one request carries, and refuses until that is paid back.
// A batch larger than the bucket therefore still gets in, and the rate holds all the same.
//
// Lock-free; any thread. Times are of a monotonic clock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "base/rate.h"
#include "base/units.h"

namespace tidemark::meta {

class TokenBucket {
 public:
  explicit TokenBucket(const Rate& rate) : rate_(rate) {}
  TokenBucket(const TokenBucket&) = delete;
  TokenBucket& operator=(const TokenBucket&) = delete;

  // Takes one token. False, and nothing taken, if there is none.
  bool TryTake(Duration now);
  // Whether there is a token, without taking it.
  bool HasToken(Duration now) const;
  // Takes so many tokens, there or not.
  void Charge(std::uint64_t tokens, Duration now);

  std::uint64_t Remaining(Duration now) const;
  // Until there is a token: zero if there is one now.
  Duration UntilToken(Duration now) const;
  // Until it is full again.
  Duration UntilFull(Duration now) const;
  // It is full after `left` at the earliest, but for what a request may overdraw it.
  void PutBack(Duration left, Duration now);
  const Rate& rate() const { return rate_; }

 private:
  std::int64_t Cost(std::uint64_t tokens) const;  // Nanoseconds of filling.

  const Rate rate_;
  std::atomic<std::int64_t> full_at_{0};  // Nanoseconds.
};

// What a client is told: of the bucket that is emptiest.
struct LimitState {
  std::uint64_t limit = 0;
  std::uint64_t remaining = 0;
  Duration reset{};        // Until the bucket is full again.
  Duration retry_after{};  // Until it has a token; zero: the request may go on.
};

// A bucket that takes at least so long to fill is remembered over a restart (used_limits.h).
inline constexpr Duration kLastingPeriod = std::chrono::hours(1);

class KeyLimits {
 public:
  enum class Bucket : std::uint8_t { kRequests, kEvents, kBytes };
  static constexpr std::size_t kBuckets = 3;
  static constexpr std::array<Bucket, kBuckets> kAll = {Bucket::kRequests, Bucket::kEvents,
                                                        Bucket::kBytes};

  struct Rates {
    std::optional<Rate> requests = std::nullopt;
    std::optional<Rate> events = std::nullopt;
    std::optional<Rate> bytes = std::nullopt;  // Of bodies as they were sent.

    bool any() const { return requests || events || bytes; }
    bool operator==(const Rates&) const = default;
  };

  explicit KeyLimits(const Rates& rates);

  // Before a request is read. Takes its token, unless a bucket is empty: then `retry_after` of the
  // answer is not zero and the request is to be answered 429.
  LimitState Admit(Duration now);
  // After it was read.
  void Charge(std::uint64_t events, std::uint64_t bytes, Duration now);
  LimitState State(Duration now) const;
  const Rates& rates() const { return rates_; }

  // Whether there is such a bucket, and it fills slowly.
  bool Lasts(Bucket bucket) const;
  // Of a bucket that there is not: zero.
  Duration UntilFull(Bucket bucket, Duration now) const;
  // What was used up before a restart: it is full after `left` at the earliest. Nothing if there is
  // no such bucket.
  void PutBack(Bucket bucket, Duration left, Duration now);

 private:
  const std::optional<TokenBucket>& At(Bucket bucket) const;

  const Rates rates_;
  std::optional<TokenBucket> requests_;
  std::optional<TokenBucket> events_;
  std::optional<TokenBucket> bytes_;
};

}  // namespace tidemark::meta
