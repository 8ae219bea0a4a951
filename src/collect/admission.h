// The overload ladder behind the keys' own limits: who is let in, who is answered later, who is
// sent away. The thresholds are published in docs/reference/overload.md.
//
// Two things can run full: the queue to the log (bytes that were handed on and are not yet
// acknowledged) and the memory of events that are not settled yet.
//  1. Free: an answer leaves when the events are durable.
//  2. Slow: the same, but the answer is held back, the longer the fuller it is, up to `delay_max`.
//     Nothing is refused and nothing blocks: the answer waits in a timer, and the client with it.
//  3. Full: 503 with Retry-After, before the body is looked at.
// The queue is shared by dynamic thresholds (Choudhury and Hahne, IEEE/ACM Transactions on
// Networking 6(2), 1998): a project may hold at most `kAlpha` times what is free. One loud project
// fills two thirds of it and no more, n loud ones 2/(1+2n) each, and who has nothing in it finds
// room. Of memory the last tenth is kept for the projects that send less than their share.
//
// Any thread but where it says otherwise; a lock for a few lines.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/units.h"
#include "env/clock.h"
#include "telemetry/metrics.h"

namespace tidemark::collect {

inline constexpr double kAlpha = 2.0;
inline constexpr std::size_t kAnswersHeldMax = 65'536;
inline constexpr std::size_t kTenantsMax = 100'000;
inline constexpr Duration kTenantHalfLife = std::chrono::seconds(5);

struct AdmissionOptions {
  std::uint64_t queue_bytes_max = 64U << 20U;
  double queue_slow_from = 0.5;   // Of a project's threshold.
  double memory_slow_from = 0.8;  // Of the budget of unsettled events.
  double memory_full = 0.9;       // For who sends more than a share; others until it is all used.
  Duration delay_max = std::chrono::seconds(1);
};

// How long an answer is held back where the fullness `full` (0 to 1) is above `slow_from`: a
// square, so that it begins softly.
Duration SlowDelay(double full, double slow_from, Duration delay_max);

struct AdmissionMetrics {
  explicit AdmissionMetrics(telemetry::Registry* registry);

  telemetry::Counter& limited;  // 429.
  telemetry::Counter& slowed;
  telemetry::Counter& refused_queue;   // 503.
  telemetry::Counter& refused_memory;  // 503.
  telemetry::Gauge& queued_bytes;
  telemetry::Gauge& answers_held;
  telemetry::Histogram& delay_seconds;
};

class Admission {
 public:
  // `memory_full` says which share (0 to 1) of the memory for unsettled events is in use. `wake` is
  // called when Step has something to do sooner than it said. All pointers must outlive it.
  Admission(AdmissionOptions options, std::function<double()> memory_full, const env::Clock* clock,
            telemetry::Registry* registry, std::function<void()> wake);
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  struct Shares;

  // Bytes of one request that are under way to the log; given back by its end. May outlive the
  // admission: what a stopped log never answered goes late.
  class Ticket {
   public:
    Ticket(std::shared_ptr<Shares> shares, std::string project, std::uint64_t bytes, Duration delay)
        : shares_(std::move(shares)), project_(std::move(project)), bytes_(bytes), delay_(delay) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket();
    // How long the answer is to be held back.
    Duration delay() const { return delay_; }

   private:
    const std::shared_ptr<Shares> shares_;
    const std::string project_;
    const std::uint64_t bytes_;
    const Duration delay_;
  };

  // Why a request is sent away with 503.
  struct Full {
    std::string_view message;
    std::uint32_t retry_after_seconds = 1;
  };

  // `*full` says why if there is no ticket.
  std::unique_ptr<Ticket> Enter(std::string_view project, std::uint64_t bytes, Full* full);

  // Calls `send` after `delay`, on the thread of Step; at once, on this one, if there is no delay
  // or too many wait.
  void Hold(Duration delay, std::function<void()> send);
  // Sends what is due. Returns how long it may sleep. One thread.
  Duration Step();
  // Sends everything that is held: the server stops.
  void Flush();

  std::uint64_t queued_bytes() const;
  AdmissionMetrics& metrics() { return metrics_; }

 private:
  const AdmissionOptions options_;
  const std::function<double()> memory_full_;
  const env::Clock* const clock_;
  const std::function<void()> wake_;
  AdmissionMetrics metrics_;

  const std::shared_ptr<Shares> shares_;

  std::mutex held_mutex_;
  std::multimap<Duration, std::function<void()>> held_;  // By the time they are due.
};

}  // namespace tidemark::collect
