// What the connections of a load share: whose turn it is, and what came of it. Any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "app/demo_load.h"
#include "app/remote.h"
#include "base/json_writer.h"

namespace tidemark::app {

class DemoProgress {
 public:
  struct Turn {
    std::uint32_t events = 0;
    // The request's moment. With a rate it does not depend on earlier answers.
    Duration scheduled{};
  };

  DemoProgress(const DemoOptions& options, const env::Clock& clock)
      : options_(options), clock_(clock), started_(clock.Now()) {}

  // The next request; nothing: enough were sent, or it failed.
  std::optional<Turn> Take() {
    const std::lock_guard lock(mutex_);
    if (failed() || taken_ >= options_.count || OutOfTime()) return std::nullopt;
    Turn turn{static_cast<std::uint32_t>(
                  std::min<std::uint64_t>(options_.batch, options_.count - taken_)),
              clock_.Now()};
    if (options_.rate > 0) {
      turn.scheduled =
          started_ + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
                         static_cast<double>(taken_) / options_.rate));
    }
    taken_ += turn.events;
    return turn;
  }

  void Add(const DemoCounts& counts, std::uint64_t retried,
           const std::vector<std::uint32_t>& micros) {
    const std::lock_guard lock(mutex_);
    counts_.Add(counts);
    retried_ += retried;
    micros_.insert(micros_.end(), micros.begin(), micros.end());
  }
  // `print` tells the failure and gives its exit code; of the first one only.
  template <class Print>
  void Fail(const Print& print) {
    const std::lock_guard lock(mutex_);
    if (!failed()) code_.store(print());
  }
  bool failed() const { return code_.load() != kOk; }
  int code() const { return code_.load(); }

  std::string Report(double client_cpu_seconds) {
    const std::lock_guard lock(mutex_);
    std::sort(micros_.begin(), micros_.end());
    const double seconds = std::chrono::duration<double>(clock_.Now() - started_).count();
    std::string text;
    JsonWriter json(&text);
    json.BeginObject().Field("accepted", counts_.accepted);
    json.Field("duplicate", counts_.duplicate).Field("quarantined", counts_.quarantined);
    json.Field("refused", counts_.refused);
    json.Field("requests", micros_.size()).Field("retried", retried_).Field("seconds", seconds);
    json.Field("events_per_second",
               static_cast<double>(counts_.accepted) / std::max(seconds, 1e-9));
    json.Field("client_cpu_seconds", client_cpu_seconds);
    json.Key("ack_ms").BeginObject();
    for (const auto& [name, q] : {std::pair{"p50", 0.50}, {"p90", 0.90}, {"p99", 0.99}}) {
      json.Field(name, Quantile(q));
    }
    json.Field("max", Quantile(1)).EndObject().EndObject();
    return text;
  }

 private:
  bool OutOfTime() const {
    return options_.seconds > 0 &&
           clock_.Now() - started_ >= std::chrono::duration<double>(options_.seconds);
  }
  double Quantile(double q) const {
    if (micros_.empty()) return 0;
    const auto rank = static_cast<std::size_t>(q * static_cast<double>(micros_.size() - 1));
    return micros_[rank] * 1e-3;
  }

  const DemoOptions& options_;
  const env::Clock& clock_;
  const Duration started_;
  std::mutex mutex_;
  std::uint64_t taken_ = 0;
  DemoCounts counts_;
  std::uint64_t retried_ = 0;
  std::vector<std::uint32_t> micros_;
  std::atomic<int> code_{kOk};
};

}  // namespace tidemark::app
