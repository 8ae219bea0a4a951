#include "collect/admission.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tidemark::collect {
namespace {

constexpr Duration kIdlePause = std::chrono::seconds(1);
constexpr Duration kSweepPause = std::chrono::milliseconds(100);
constexpr double kForgottenBytes = 1'024;
constexpr std::uint32_t kQueueRetrySeconds = 1;
constexpr std::uint32_t kMemoryRetrySeconds = 5;

struct Tenant {
  std::uint64_t queued = 0;
  double recent = 0;  // Bytes, halved every kTenantHalfLife.
  Duration at{};      // When that was.

  void Age(Duration now) {
    const double halves =
        static_cast<double>((now - at).count()) / static_cast<double>(kTenantHalfLife.count());
    if (halves > 0) recent *= std::exp2(-halves);
    at = now;
  }
};

}  // namespace

// Who holds how much. Any thread.
struct Admission::Shares {
  // Who is alone has more than a share of what is scarce as well: nobody else needs the rest now,
  // but somebody may come.
  bool SendsMoreThanAShare(const Tenant& tenant) const {
    return tenant.recent * static_cast<double>(tenants.size()) >= recent;
  }
  // Forgets who has sent nothing for long.
  void Sweep(Duration now);

  std::mutex mutex;  // Over all below.
  std::unordered_map<std::string, Tenant> tenants;
  std::uint64_t queued = 0;
  double recent = 0;  // Of all, aged with each sweep.
  Duration swept{};
};

void Admission::Shares::Sweep(Duration now) {
  if (now < swept + kSweepPause && tenants.size() < kTenantsMax) return;
  swept = now;
  recent = 0;
  for (auto tenant = tenants.begin(); tenant != tenants.end();) {
    tenant->second.Age(now);
    if (tenant->second.queued == 0 && tenant->second.recent < kForgottenBytes) {
      tenant = tenants.erase(tenant);
      continue;
    }
    recent += tenant->second.recent;
    ++tenant;
  }
}

Admission::Ticket::~Ticket() {
  const std::lock_guard lock(shares_->mutex);
  shares_->tenants[project_].queued -= bytes_;
  shares_->queued -= bytes_;
}

Duration SlowDelay(double full, double slow_from, Duration delay_max) {
  if (!(full > slow_from)) return Duration::zero();
  const double over = std::min((full - slow_from) / (1 - slow_from), 1.0);
  return Duration(static_cast<std::int64_t>(over * over * static_cast<double>(delay_max.count())));
}

AdmissionMetrics::AdmissionMetrics(telemetry::Registry* registry)
    : limited(registry->AddCounter("tidemark_collect_limited_requests_total",
                                   "Requests answered 429: the key has used up its rate.")),
      slowed(registry->AddCounter("tidemark_collect_slowed_requests_total",
                                  "Requests whose answer was held back.")),
      refused_queue(registry->AddCounter("tidemark_collect_refused_requests_total{full=\"queue\"}",
                                         "Requests answered 503, by what is full.")),
      refused_memory(
          registry->AddCounter("tidemark_collect_refused_requests_total{full=\"memory\"}",
                               "Requests answered 503, by what is full.")),
      queued_bytes(
          registry->AddGauge("tidemark_collect_queued_bytes", "Bodies under way to the log.")),
      answers_held(
          registry->AddGauge("tidemark_collect_held_answers", "Answers that are held back now.")),
      delay_seconds(registry->AddHistogram("tidemark_collect_delay_seconds",
                                           "How long answers are held back.")) {}

Admission::Admission(AdmissionOptions options, std::function<double()> memory_full,
                     const env::Clock* clock, telemetry::Registry* registry,
                     std::function<void()> wake)
    : options_(options),
      memory_full_(std::move(memory_full)),
      clock_(clock),
      wake_(std::move(wake)),
      metrics_(registry),
      shares_(std::make_shared<Shares>()) {}

std::unique_ptr<Admission::Ticket> Admission::Enter(std::string_view project, std::uint64_t bytes,
                                                    Full* full) {
  const Duration now = clock_->Now();
  const double memory = memory_full_();
  std::string name(project);
  Duration delay = SlowDelay(memory, options_.memory_slow_from, options_.delay_max);
  {
    const std::lock_guard lock(shares_->mutex);
    shares_->Sweep(now);
    Tenant& tenant = shares_->tenants[name];
    tenant.Age(now);
    if (memory >= options_.memory_full && shares_->SendsMoreThanAShare(tenant)) {
      metrics_.refused_memory.Add();
      *full = {"memory is full until older events are settled", kMemoryRetrySeconds};
      return nullptr;
    }
    const auto free = static_cast<double>(options_.queue_bytes_max -
                                          std::min(shares_->queued, options_.queue_bytes_max));
    // A body larger than all of it gets in when nothing else is under way.
    if (static_cast<double>(tenant.queued + bytes) > kAlpha * free && shares_->queued > 0) {
      metrics_.refused_queue.Add();
      *full = {"too many events of this project wait for the log", kQueueRetrySeconds};
      return nullptr;
    }
    if (free > 0) {
      delay = std::max(delay, SlowDelay(static_cast<double>(tenant.queued) / (kAlpha * free),
                                        options_.queue_slow_from, options_.delay_max));
    }
    tenant.queued += bytes;
    tenant.recent += static_cast<double>(bytes);
    shares_->recent += static_cast<double>(bytes);
    shares_->queued += bytes;
  }
  if (delay > Duration::zero()) metrics_.slowed.Add();
  return std::make_unique<Ticket>(shares_, std::move(name), bytes, delay);
}

std::uint64_t Admission::queued_bytes() const {
  const std::lock_guard lock(shares_->mutex);
  return shares_->queued;
}

void Admission::Hold(Duration delay, std::function<void()> send) {
  if (delay > Duration::zero()) {
    const Duration due = clock_->Now() + delay;
    bool sooner = false;
    bool taken = false;
    {
      const std::lock_guard lock(held_mutex_);
      if (held_.size() < kAnswersHeldMax) {
        sooner = held_.empty() || due < held_.begin()->first;
        held_.emplace(due, std::move(send));
        taken = true;
      }
    }
    if (taken) {
      metrics_.delay_seconds.Record(delay);
      metrics_.answers_held.Add(1);
      if (sooner) wake_();
      return;
    }
  }
  send();
}

Duration Admission::Step() {
  std::vector<std::function<void()>> due;
  Duration pause = kIdlePause;
  {
    const Duration now = clock_->Now();
    const std::lock_guard lock(held_mutex_);
    while (!held_.empty() && held_.begin()->first <= now) {
      due.push_back(std::move(held_.begin()->second));
      held_.erase(held_.begin());
    }
    if (!held_.empty()) pause = std::min(pause, held_.begin()->first - now);
  }
  metrics_.answers_held.Add(-static_cast<std::int64_t>(due.size()));
  metrics_.queued_bytes.Set(static_cast<std::int64_t>(queued_bytes()));
  for (const auto& send : due) send();
  return pause;
}

void Admission::Flush() {
  std::multimap<Duration, std::function<void()>> all;
  {
    const std::lock_guard lock(held_mutex_);
    all.swap(held_);
  }
  metrics_.answers_held.Add(-static_cast<std::int64_t>(all.size()));
  for (const auto& [due, send] : all) send();
}

}  // namespace tidemark::collect
