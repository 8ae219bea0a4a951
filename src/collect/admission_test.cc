// The ladder: free, then slow by the published curve, then full; and a loud project never takes the
// room of a quiet one. At 3 and 10 times what fits, by counters and verdicts, never by time.

#include "collect/admission.h"

#include <vector>

#include <gtest/gtest.h>

#include "sim/sim_clock.h"

namespace tidemark::collect {
namespace {

using std::chrono::milliseconds;

class AdmissionTest : public testing::Test {
 protected:
  using Tickets = std::vector<std::unique_ptr<Admission::Ticket>>;

  // Sends bodies of `bytes` until `total` of them were offered; those that got in are kept.
  std::uint64_t Offer(std::string_view project, std::uint64_t bytes, std::uint64_t total,
                      Tickets* kept) {
    std::uint64_t taken = 0;
    for (std::uint64_t sent = 0; sent < total; sent += bytes) {
      Admission::Full full;
      if (auto ticket = admission_.Enter(project, bytes, &full)) {
        taken += bytes;
        kept->push_back(std::move(ticket));
      } else {
        EXPECT_FALSE(full.message.empty());
        EXPECT_GE(full.retry_after_seconds, 1U);
      }
    }
    return taken;
  }

  sim::SimClock clock_;
  telemetry::Registry registry_;
  double memory_ = 0;
  int woken_ = 0;
  Admission admission_{{.queue_bytes_max = 9'000'000},
                       [this] { return memory_; },
                       &clock_,
                       &registry_,
                       [this] { ++woken_; }};
};

TEST(SlowDelay, IsThePublishedCurve) {
  const Duration max = milliseconds(1'000);
  EXPECT_EQ(SlowDelay(0.0, 0.5, max), Duration::zero());
  EXPECT_EQ(SlowDelay(0.5, 0.5, max), Duration::zero());
  EXPECT_EQ(SlowDelay(0.625, 0.5, max), milliseconds(62) + std::chrono::microseconds(500));
  EXPECT_EQ(SlowDelay(0.75, 0.5, max), milliseconds(250));
  EXPECT_EQ(SlowDelay(1.0, 0.5, max), max);
  EXPECT_EQ(SlowDelay(7.0, 0.5, max), max);
}

TEST_F(AdmissionTest, OneLoudProjectFillsTwoThirdsAtAnyOverload) {
  for (const std::uint64_t times : {1U, 3U, 10U}) {
    Tickets tickets;
    EXPECT_EQ(Offer("loud", 10'000, times * 9'000'000, &tickets), 6'000'000U) << times;
    // What the quiet one sends finds room however loud the other is.
    Tickets quiet;
    EXPECT_EQ(Offer("quiet", 10'000, 500'000, &quiet), 500'000U) << times;
    for (const auto& ticket : quiet) EXPECT_EQ(ticket->delay(), Duration::zero());
  }
  EXPECT_EQ(admission_.queued_bytes(), 0U);
  EXPECT_GT(admission_.metrics().refused_queue.value(), 0U);
}

TEST_F(AdmissionTest, LoudProjectsShareAlike) {
  std::vector<Tickets> tickets(4);
  std::vector<std::uint64_t> taken(4);
  const std::string names[] = {"a", "b", "c", "d"};
  for (int round = 0; round < 3'600; ++round) {
    for (std::size_t i = 0; i < 4; ++i) taken[i] += Offer(names[i], 10'000, 10'000, &tickets[i]);
  }
  for (const std::uint64_t bytes : taken) EXPECT_EQ(bytes, 2'000'000U);  // 2 / (1 + 2 * 4).
}

TEST_F(AdmissionTest, GetsSlowerBeforeItGetsFull) {
  Tickets tickets;
  Offer("loud", 10'000, 60'000'000, &tickets);
  EXPECT_EQ(tickets.front()->delay(), Duration::zero());
  EXPECT_GT(tickets.back()->delay(), milliseconds(900));
  for (std::size_t i = 1; i < tickets.size(); ++i) {
    EXPECT_GE(tickets[i]->delay(), tickets[i - 1]->delay());
  }
  EXPECT_GT(admission_.metrics().slowed.value(), 0U);
}

TEST_F(AdmissionTest, TheLastOfTheMemoryIsForWhoSendsLittle) {
  Tickets tickets;
  Offer("loud", 100'000, 1'000'000, &tickets);
  Offer("quiet", 1'000, 3'000, &tickets);
  memory_ = 0.85;
  Admission::Full full;
  const auto slow = admission_.Enter("loud", 1'000, &full);
  ASSERT_NE(slow, nullptr);
  EXPECT_EQ(slow->delay(), SlowDelay(0.85, 0.8, milliseconds(1'000)));
  memory_ = 0.95;
  EXPECT_EQ(admission_.Enter("loud", 1'000, &full), nullptr);
  EXPECT_EQ(full.retry_after_seconds, 5U);
  EXPECT_NE(admission_.Enter("quiet", 1'000, &full), nullptr);
  EXPECT_EQ(admission_.metrics().refused_memory.value(), 1U);
}

TEST_F(AdmissionTest, AQuietTimeMakesALoudProjectQuietAgain) {
  Tickets tickets;
  Offer("once-loud", 100'000, 1'000'000, &tickets);
  clock_.Advance(std::chrono::minutes(2));
  Offer("busy", 10'000, 100'000, &tickets);
  memory_ = 0.95;
  Admission::Full full;
  EXPECT_NE(admission_.Enter("once-loud", 1'000, &full), nullptr);
  EXPECT_EQ(admission_.Enter("busy", 1'000, &full), nullptr);
}

TEST_F(AdmissionTest, ABodyLargerThanTheQueueGetsInAlone) {
  Admission::Full full;
  const auto large = admission_.Enter("p", 30'000'000, &full);
  EXPECT_NE(large, nullptr);
  EXPECT_EQ(admission_.Enter("q", 1, &full), nullptr);
}

TEST_F(AdmissionTest, HeldAnswersLeaveInTheOrderTheyAreDue) {
  std::vector<int> sent;
  admission_.Hold(milliseconds(20), [&] { sent.push_back(20); });
  admission_.Hold(milliseconds(10), [&] { sent.push_back(10); });
  admission_.Hold(Duration::zero(), [&] { sent.push_back(0); });
  EXPECT_EQ(woken_, 2);
  EXPECT_EQ(sent, std::vector<int>{0});
  EXPECT_EQ(admission_.Step(), milliseconds(10));
  clock_.Advance(milliseconds(10));
  EXPECT_EQ(admission_.Step(), milliseconds(10));
  EXPECT_EQ(sent, (std::vector<int>{0, 10}));
  admission_.Flush();
  EXPECT_EQ(sent, (std::vector<int>{0, 10, 20}));
  EXPECT_EQ(admission_.metrics().answers_held.value(), 0);
}

}  // namespace
}  // namespace tidemark::collect
