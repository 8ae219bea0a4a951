// A bucket lets through what its rate says, neither more nor less, and says how long to wait.

#include "meta/key_limits.h"

#include <gtest/gtest.h>

namespace tidemark::meta {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Duration kStart = seconds(1'000'000);

TEST(TokenBucket, GivesAWholeSpanAtOnceThenWhatFlowsIn) {
  TokenBucket bucket({1'000, seconds(60)});
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(bucket.TryTake(kStart)) << i;
  EXPECT_FALSE(bucket.TryTake(kStart));
  EXPECT_EQ(bucket.Remaining(kStart), 0U);
  EXPECT_EQ(bucket.UntilToken(kStart), milliseconds(60));
  EXPECT_FALSE(bucket.TryTake(kStart + milliseconds(59)));
  EXPECT_TRUE(bucket.TryTake(kStart + milliseconds(60)));
  EXPECT_FALSE(bucket.TryTake(kStart + milliseconds(60)));
}

TEST(TokenBucket, LetsTheRateThroughOverAnyLongTime) {
  TokenBucket bucket({100, seconds(1)});
  int passed = 0;
  for (int ms = 0; ms < 10'000; ++ms) passed += bucket.TryTake(kStart + milliseconds(ms)) ? 1 : 0;
  EXPECT_EQ(passed, 100 + 999);  // The full bucket, and what flowed in until 9.999 s.
}

TEST(TokenBucket, IsOverdrawnOnceAndRefusesUntilThatIsPaidBack) {
  TokenBucket bucket({100, seconds(1)});
  EXPECT_TRUE(bucket.HasToken(kStart));
  bucket.Charge(350, kStart);
  EXPECT_FALSE(bucket.HasToken(kStart));
  EXPECT_EQ(bucket.Remaining(kStart), 0U);
  EXPECT_EQ(bucket.UntilToken(kStart), milliseconds(2'510));
  EXPECT_FALSE(bucket.HasToken(kStart + milliseconds(2'509)));
  EXPECT_TRUE(bucket.HasToken(kStart + milliseconds(2'510)));
  EXPECT_EQ(bucket.UntilFull(kStart), milliseconds(3'500));
}

TEST(TokenBucket, OwesAtMostADayWhateverIsCharged) {
  TokenBucket bucket({1, seconds(1)});
  for (int i = 0; i < 100; ++i) bucket.Charge(~0ULL, kStart);
  EXPECT_LE(bucket.UntilFull(kStart), std::chrono::hours(24) + seconds(1));
}

TEST(KeyLimits, WhatWasUsedUpIsPutBackOnceAndNeverGivesAnythingAway) {
  using Bucket = KeyLimits::Bucket;
  KeyLimits limits({.requests = Rate{24, std::chrono::hours(24)}, .bytes = Rate{100, seconds(60)}});
  EXPECT_TRUE(limits.Lasts(Bucket::kRequests));
  EXPECT_FALSE(limits.Lasts(Bucket::kBytes));   // Full again within the hour.
  EXPECT_FALSE(limits.Lasts(Bucket::kEvents));  // There is none.
  limits.PutBack(Bucket::kEvents, seconds(1), kStart);
  limits.PutBack(Bucket::kRequests, std::chrono::hours(20), kStart);
  EXPECT_EQ(limits.State(kStart).remaining, 4U);
  EXPECT_EQ(limits.UntilFull(Bucket::kRequests, kStart), std::chrono::hours(20));
  // Less than what is used up already changes nothing; nor does a time that has passed.
  limits.PutBack(Bucket::kRequests, std::chrono::hours(10), kStart);
  limits.PutBack(Bucket::kRequests, -std::chrono::hours(10), kStart);
  EXPECT_EQ(limits.State(kStart).remaining, 4U);
  limits.PutBack(Bucket::kRequests, std::chrono::hours(1'000'000), kStart);
  EXPECT_LE(limits.UntilFull(Bucket::kRequests, kStart), std::chrono::hours(48));
}

TEST(KeyLimits, TellsOfTheBucketThatIsEmptiest) {
  KeyLimits limits({.requests = Rate{10, seconds(1)}, .events = Rate{1'000, seconds(1)}});
  LimitState state = limits.Admit(kStart);
  EXPECT_EQ(state.retry_after, Duration::zero());
  EXPECT_EQ(state.limit, 10U);
  EXPECT_EQ(state.remaining, 9U);
  limits.Charge(950, 0, kStart);
  state = limits.State(kStart);
  EXPECT_EQ(state.limit, 1'000U);
  EXPECT_EQ(state.remaining, 50U);
  limits.Charge(1'050, 0, kStart);
  state = limits.Admit(kStart);
  EXPECT_EQ(state.remaining, 0U);
  EXPECT_EQ(state.retry_after, milliseconds(1'001));
  // A refused request takes nothing of the others.
  state = limits.Admit(kStart + milliseconds(1'001));
  EXPECT_EQ(state.retry_after, Duration::zero());
}

TEST(KeyLimits, NoRateIsNoLimit) {
  KeyLimits limits({});
  limits.Charge(1'000'000, 1'000'000'000, kStart);
  EXPECT_EQ(limits.Admit(kStart).retry_after, Duration::zero());
}

}  // namespace
}  // namespace tidemark::meta
