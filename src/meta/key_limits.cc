#include "meta/key_limits.h"

#include <algorithm>
#include <array>
#include <limits>

namespace tidemark::meta {
namespace {

// What one request may overdraw: a day.
constexpr std::int64_t kDebtMax = std::chrono::nanoseconds(std::chrono::hours(24)).count();

}  // namespace

std::int64_t TokenBucket::Cost(std::uint64_t tokens) const {
  const double cost = static_cast<double>(tokens) * static_cast<double>(rate_.per.count()) /
                      static_cast<double>(rate_.count);
  return cost < static_cast<double>(kDebtMax) ? static_cast<std::int64_t>(cost) : kDebtMax;
}

bool TokenBucket::TryTake(Duration now) {
  const std::int64_t cost = Cost(1);
  std::int64_t full_at = full_at_.load(std::memory_order_relaxed);
  std::int64_t next = 0;
  do {
    next = std::max(full_at, now.count()) + cost;
    if (next - now.count() > rate_.per.count()) return false;
  } while (!full_at_.compare_exchange_weak(full_at, next, std::memory_order_relaxed));
  return true;
}

bool TokenBucket::HasToken(Duration now) const { return UntilToken(now) == Duration::zero(); }

void TokenBucket::Charge(std::uint64_t tokens, Duration now) {
  const std::int64_t cost = Cost(tokens);
  std::int64_t full_at = full_at_.load(std::memory_order_relaxed);
  std::int64_t next = 0;
  do {
    next =
        std::min(std::max(full_at, now.count()) + cost, now.count() + rate_.per.count() + kDebtMax);
  } while (!full_at_.compare_exchange_weak(full_at, next, std::memory_order_relaxed));
}

Duration TokenBucket::UntilFull(Duration now) const {
  const std::int64_t full_at = full_at_.load(std::memory_order_relaxed);
  return Duration(std::max<std::int64_t>(full_at - now.count(), 0));
}

void TokenBucket::PutBack(Duration left, Duration now) {
  const std::int64_t put = now.count() + std::min(left.count(), rate_.per.count() + kDebtMax);
  std::int64_t full_at = full_at_.load(std::memory_order_relaxed);
  while (full_at < put &&
         !full_at_.compare_exchange_weak(full_at, put, std::memory_order_relaxed)) {
  }
}

std::uint64_t TokenBucket::Remaining(Duration now) const {
  const Duration left = rate_.per - UntilFull(now);
  if (left <= Duration::zero()) return 0;
  const double share = static_cast<double>(left.count()) / static_cast<double>(rate_.per.count());
  // Half a token of slack: a cost is cut to whole nanoseconds.
  return static_cast<std::uint64_t>(share * static_cast<double>(rate_.count) + 1e-6);
}

Duration TokenBucket::UntilToken(Duration now) const {
  const Duration over = UntilFull(now) + Duration(Cost(1)) - rate_.per;
  return std::max(over, Duration::zero());
}

KeyLimits::KeyLimits(const Rates& rates) : rates_(rates) {
  if (rates.requests) requests_.emplace(*rates.requests);
  if (rates.events) events_.emplace(*rates.events);
  if (rates.bytes) bytes_.emplace(*rates.bytes);
}

const std::optional<TokenBucket>& KeyLimits::At(Bucket bucket) const {
  if (bucket == Bucket::kRequests) return requests_;
  return bucket == Bucket::kEvents ? events_ : bytes_;
}

bool KeyLimits::Lasts(Bucket bucket) const {
  const auto& one = At(bucket);
  return one && one->rate().per >= kLastingPeriod;
}

Duration KeyLimits::UntilFull(Bucket bucket, Duration now) const {
  const auto& one = At(bucket);
  return one ? one->UntilFull(now) : Duration::zero();
}

void KeyLimits::PutBack(Bucket bucket, Duration left, Duration now) {
  std::optional<TokenBucket>& one = bucket == Bucket::kRequests ? requests_
                                    : bucket == Bucket::kEvents ? events_
                                                                : bytes_;
  if (one) one->PutBack(left, now);
}

LimitState KeyLimits::Admit(Duration now) {
  const bool open = (!events_ || events_->HasToken(now)) && (!bytes_ || bytes_->HasToken(now));
  if (open && (!requests_ || requests_->TryTake(now))) {
    LimitState state = State(now);
    state.retry_after = Duration::zero();
    return state;
  }
  LimitState state = State(now);
  // A token may have come since; refused is refused.
  state.retry_after = std::max(state.retry_after, Duration(1));
  return state;
}

void KeyLimits::Charge(std::uint64_t events, std::uint64_t bytes, Duration now) {
  if (events_) events_->Charge(events, now);
  if (bytes_) bytes_->Charge(bytes, now);
}

LimitState KeyLimits::State(Duration now) const {
  LimitState state;
  double emptiest = std::numeric_limits<double>::max();
  for (const auto* bucket : std::array{&requests_, &events_, &bytes_}) {
    if (!*bucket) continue;
    const TokenBucket& one = **bucket;
    const std::uint64_t remaining = one.Remaining(now);
    const Duration wait = one.UntilToken(now);
    // Of several empty ones the one that takes longest.
    const double share = static_cast<double>(remaining) / static_cast<double>(one.rate().count) -
                         static_cast<double>(wait.count());
    if (share >= emptiest) continue;
    emptiest = share;
    state = {one.rate().count, remaining, one.UntilFull(now), wait};
  }
  return state;
}

}  // namespace tidemark::meta
