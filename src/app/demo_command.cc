#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include <CLI/CLI.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/demo_traffic.h"
#include "app/remote.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "env/posix/posix_clock.h"

namespace tidemark::app {
namespace {

// A request that got 503 is sent again so often before the demo gives up.
constexpr int kRetriesMax = 200;

double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

constexpr double kDaysMax = 36'500;  // A hundred years.

// Events by what became of them.
struct Counts {
  std::uint64_t accepted = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t refused = 0;

  void Add(const Counts& more) {
    accepted += more.accepted;
    duplicate += more.duplicate;
    quarantined += more.quarantined;
    refused += more.refused;
  }
};

// What the connections share.
class Progress {
 public:
  Progress(const DemoOptions& options, const env::Clock& clock)
      : options_(options), clock_(clock), started_(clock.Now()) {}

  // The next request's number of events; 0: enough were sent. With a rate it waits for the
  // request's moment, which does not depend on earlier answers.
  std::uint32_t Take(Duration* scheduled) {
    std::unique_lock lock(mutex_);
    if (failed_ || taken_ >= options_.count || OutOfTime()) return 0;
    const auto events = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(options_.batch, options_.count - taken_));
    *scheduled = clock_.Now();
    if (options_.rate > 0) {
      *scheduled = started_ + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
                                  static_cast<double>(taken_) / options_.rate));
    }
    taken_ += events;
    while (!failed_ && clock_.Now() < *scheduled) {
      stopped_.wait_for(lock, *scheduled - clock_.Now());
    }
    return events;
  }

  void Add(const Counts& counts, std::vector<std::uint32_t>&& micros) {
    const std::lock_guard lock(mutex_);
    counts_.Add(counts);
    micros_.insert(micros_.end(), micros.begin(), micros.end());
  }
  void Retried() {
    const std::lock_guard lock(mutex_);
    ++retried_;
  }
  void Fail(int code) {
    const std::lock_guard lock(mutex_);
    if (!failed_) code_ = code;
    failed_ = true;
    stopped_.notify_all();
  }
  // Waits a moment before a request is sent again.
  void Pause(Duration pause) {
    std::unique_lock lock(mutex_);
    stopped_.wait_for(lock, pause, [this] { return failed_; });
  }

  int code() const { return code_; }
  std::string Report() {
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
    json.Field("client_cpu_seconds", CpuSeconds());
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
  std::condition_variable stopped_;
  std::uint64_t taken_ = 0;
  Counts counts_;
  std::uint64_t retried_ = 0;
  std::vector<std::uint32_t> micros_;
  bool failed_ = false;
  int code_ = kOk;
};

// One connection's life.
class Sender {
 public:
  Sender(const Remote& remote, const DemoOptions& options, std::uint32_t number,
         const env::Clock& clock, Progress* progress)
      : options_(options),
        clock_(clock),
        progress_(progress),
        headers_(HeadersOf(remote)),
        path_("/v1/events" + (options.ack.empty() ? std::string() : "?ack=" + options.ack)),
        url_(UrlOf(remote)),
        traffic_(ShapeOf(options, number, clock.WallNow())) {
    headers_.emplace_back("Content-Type", "application/json");
  }

  void Run() {
    auto client = net::HttpClient::Make(url_);
    if (!client) return progress_->Fail(PrintError("demo", client.error()));
    std::vector<std::uint32_t> micros;
    Duration scheduled{};
    while (const std::uint32_t events = progress_->Take(&scheduled)) {
      MakeBody(events);
      if (options_.rate <= 0) scheduled = clock_.Now();
      if (!SendBody(&*client, events)) break;
      const auto taken =
          std::chrono::duration_cast<std::chrono::microseconds>(clock_.Now() - scheduled);
      micros.push_back(
          static_cast<std::uint32_t>(std::min<std::int64_t>(taken.count(), UINT32_MAX)));
    }
    progress_->Add(counts_, std::move(micros));
  }

 private:
  static DemoShape ShapeOf(const DemoOptions& options, std::uint32_t number, TimeMicros now) {
    DemoShape shape;
    shape.seed = options.seed * 1'000 + number;
    shape.users = std::max<std::uint64_t>(1, options.users);
    shape.now = ParseTime(options.now).value_or(now);
    shape.span_micros =
        static_cast<std::int64_t>(options.days * static_cast<double>(kMicrosPerDay));
    shape.late = options.late;
    shape.dup = options.dup;
    shape.bad = options.bad;
    return shape;
  }

  void MakeBody(std::uint32_t events) {
    if (options_.now.empty()) traffic_.set_now(clock_.WallNow());
    body_.clear();
    if (events > 1) body_ += '[';
    for (std::uint32_t i = 0; i < events; ++i) {
      if (i > 0) body_ += ',';
      traffic_.Append(&body_);
    }
    if (events > 1) body_ += ']';
  }

  bool SendBody(net::HttpClient* client, std::uint32_t events) {
    for (int attempt = 0;; ++attempt) {
      const auto response = client->Send("POST", path_, headers_, body_);
      if (!response) {
        progress_->Fail(PrintError("demo", response.error()));
        return false;
      }
      if (response->status / 100 == 2 || response->status == 400) {
        Count(*response, events);
        return true;
      }
      if (response->status != 503 || attempt == kRetriesMax) {
        progress_->Fail(PrintRefusal("demo", *response));
        return false;
      }
      progress_->Retried();
      progress_->Pause(std::chrono::milliseconds(std::min(1'000, 20 << std::min(attempt, 6))));
    }
  }

  // What the answer says became of each of `events`.
  void Count(const net::ClientResponse& response, std::uint32_t events) {
    const auto answer = JsonValue::Parse(response.body);
    const auto number = [&answer](std::string_view name) -> std::uint64_t {
      const auto value = answer ? answer->IntAt(name) : Result<std::int64_t>(0);
      return value && *value > 0 ? static_cast<std::uint64_t>(*value) : 0;
    };
    Counts told;
    if (response.status == 400) {
      told.refused = events;
    } else if (!answer || answer->Find("received") == nullptr) {
      // Of one event: in words.
      const std::string status = answer ? answer->StringAt("status").value_or("") : "";
      told.duplicate = status == "duplicate" ? 1 : 0;
      told.quarantined = status == "quarantined" ? 1 : 0;
      told.accepted = 1 - told.duplicate - told.quarantined;
    } else {
      told = {number("accepted"), number("duplicate"), number("quarantined"), 0};
      const std::uint64_t taken = told.accepted + told.duplicate + told.quarantined;
      told.refused = std::max<std::uint64_t>(number("received"), taken) - taken;
    }
    counts_.Add(told);
  }

  const DemoOptions& options_;
  const env::Clock& clock_;
  Progress* const progress_;
  net::HttpClient::Headers headers_;
  const std::string path_;
  const std::string url_;
  DemoTraffic traffic_;
  std::string body_;
  Counts counts_;
};

}  // namespace

void AddDemoOptions(CLI::App* app, DemoOptions* options) {
  const auto share = CLI::Range(0.0, 1.0);
  app->add_option("--rate", options->rate, "Events a second; 0: as fast as they are taken")
      ->check(CLI::NonNegativeNumber);
  app->add_option("--count", options->count, "Events in all")->capture_default_str();
  app->add_option("--seconds", options->seconds, "Stop after so long; 0: at the count")
      ->check(CLI::NonNegativeNumber);
  app->add_option("--users", options->users, "Different users")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app->add_option("--days", options->days, "Spread event times over so many days before now")
      ->check(CLI::Range(0.0, kDaysMax));
  app->add_option("--now", options->now,
                  "Time of the newest events, ISO 8601; default: the clock's")
      ->check([](const std::string& text) {
        return ParseTime(text) ? std::string() : "not an ISO 8601 time: " + text;
      });
  app->add_option("--seed", options->seed, "The same seed gives the same events")
      ->capture_default_str();
  app->add_option("--late", options->late, "Share of late events")
      ->check(share)
      ->capture_default_str();
  app->add_option("--dup", options->dup, "Share of repeated events")->check(share);
  app->add_option("--bad", options->bad, "Share of events that are not valid")->check(share);
  app->add_option("--batch", options->batch, "Events a request")
      ->check(CLI::Range(1U, 100'000U))
      ->capture_default_str();
  app->add_option("--connections", options->connections, "Requests at a time")
      ->check(CLI::Range(1U, 1'024U))
      ->capture_default_str();
  app->add_option("--ack", options->ack, "memory: do not wait for durability")
      ->check(CLI::IsMember({"memory"}));
  app->add_flag("--report", options->report, "Print one line of JSON with rates and latencies");
}

int RunDemo(const Remote& remote, const DemoOptions& options) {
  const env::PosixClock clock;
  Progress progress(options, clock);
  std::vector<std::unique_ptr<Sender>> senders;
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < options.connections; ++i) {
    senders.push_back(std::make_unique<Sender>(remote, options, i, clock, &progress));
  }
  for (const auto& sender : senders) {
    threads.emplace_back([&sender] { sender->Run(); });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string report = progress.Report();
  if (options.report || ::isatty(STDOUT_FILENO) == 0) {
    std::printf("%s\n", report.c_str());
  } else {
    std::printf("sent: %s\n", report.c_str());
  }
  return progress.code();
}

}  // namespace tidemark::app
