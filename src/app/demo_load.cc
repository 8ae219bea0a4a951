#include "app/demo_load.h"

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <queue>
#include <thread>

#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/demo_progress.h"
#include "app/demo_traffic.h"
#include "app/remote.h"
#include "base/check.h"
#include "base/json_reader.h"
#include "net/polled_client.h"

namespace tidemark::app {
namespace {

// A request that got 503 is sent again so often before the demo gives up.
constexpr int kRetriesMax = 200;
// A thread looks up so often whether another one failed.
constexpr Duration kLookUpAfter = std::chrono::milliseconds(100);
// With a rate, a request's events are made so long before its moment: who sends events has them
// then, and making a thousand of them takes as long as reading them.
constexpr Duration kMadeBefore = std::chrono::milliseconds(5);
constexpr std::size_t kEventsMax = 256;

double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

DemoShape ShapeOf(const DemoOptions& options, std::uint32_t number, TimeMicros now) {
  DemoShape shape;
  shape.seed = options.seed * 1'000 + number;
  shape.users = std::max<std::uint64_t>(1, options.users);
  shape.now = ParseTime(options.now).value_or(now);
  shape.span_micros = static_cast<std::int64_t>(options.days * static_cast<double>(kMicrosPerDay));
  shape.late = options.late;
  shape.dup = options.dup;
  shape.bad = options.bad;
  shape.segment = !options.as.empty();
  return shape;
}

// The requests of all connections: where they go.
struct Target {
  net::ServerAddress server;
  net::RequestHead head;  // Each connection has its own.
};

// One connection's life: a request, its answer, the next request. Of one thread.
class DemoSender {
 public:
  DemoSender(const Target& target, const DemoOptions& options, std::uint32_t number, int epoll,
             std::uint64_t id, const env::Clock& clock, DemoProgress* progress)
      : options_(options),
        clock_(clock),
        progress_(progress),
        head_(target.head),
        client_(target.server, epoll, id),
        traffic_(ShapeOf(options, number, clock.WallNow())) {}

  // Takes the next turn. False: there is none, and its life is over.
  bool Begin() {
    const auto turn = progress_->Take();
    if (!turn) return false;
    turn_ = *turn;
    due_ = turn_.scheduled;
    if (options_.rate > 0) due_ -= kMadeBefore;
    made_ = false;
    return true;
  }
  // Tells what came of its life, which may have been cut short.
  void Finish() { progress_->Add(counts_, retried_, micros_); }
  // When it wants to Act.
  Duration due() const { return due_; }

  // Makes its request or sends it. Whether it is due again, without an answer.
  bool Act() {
    if (!made_) {
      MakeBody();
      made_ = true;
      attempts_ = 0;
      if (options_.rate <= 0) turn_.scheduled = clock_.Now();
      due_ = turn_.scheduled;
      if (due_ > clock_.Now()) return true;
    }
    Send();
    return false;
  }

  enum class Step : std::uint8_t { kWaiting, kAnswered, kAgain };
  Step Proceed() {
    const auto response = client_.Proceed();
    if (!response) {
      progress_->Fail([&] { return PrintError("demo", response.error()); });
      return Step::kWaiting;
    }
    if (*response == nullptr) return Step::kWaiting;
    const net::ClientResponse& answer = **response;
    if (answer.status / 100 == 2 || answer.status == 400) {
      counts_.Add(CountAnswer(answer.status, answer.body, turn_.events));
      const auto taken =
          std::chrono::duration_cast<std::chrono::microseconds>(clock_.Now() - turn_.scheduled);
      micros_.push_back(
          static_cast<std::uint32_t>(std::min<std::int64_t>(taken.count(), UINT32_MAX)));
      return Step::kAnswered;
    }
    if (answer.status != 503 || attempts_ == kRetriesMax) {
      progress_->Fail([&] { return PrintRefusal("demo", answer); });
      return Step::kWaiting;
    }
    due_ = clock_.Now() + std::chrono::milliseconds(std::min(1'000, 20 << std::min(attempts_, 6)));
    ++attempts_;
    ++retried_;
    return Step::kAgain;
  }

 private:
  void Send() {
    const auto sent = client_.Send(head_.For(body_.size()), body_);
    if (!sent) progress_->Fail([&] { return PrintError("demo", sent.error()); });
  }

  void MakeBody() {
    if (options_.now.empty()) traffic_.set_now(clock_.WallNow());
    body_.clear();
    if (turn_.events > 1) body_ += '[';
    for (std::uint32_t i = 0; i < turn_.events; ++i) {
      if (i > 0) body_ += ',';
      traffic_.Append(&body_);
    }
    if (turn_.events > 1) body_ += ']';
  }

  const DemoOptions& options_;
  const env::Clock& clock_;
  DemoProgress* const progress_;
  net::RequestHead head_;
  net::PolledClient client_;
  DemoTraffic traffic_;
  std::string body_;
  DemoProgress::Turn turn_;
  Duration due_{};
  bool made_ = false;
  int attempts_ = 0;
  DemoCounts counts_;
  std::uint64_t retried_ = 0;
  std::vector<std::uint32_t> micros_;
};

// One thread with its connections.
class DemoLoop {
 public:
  DemoLoop(const env::Clock& clock, DemoProgress* progress)
      : clock_(clock), progress_(progress), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    TM_CHECK(epoll_ >= 0);
  }
  DemoLoop(const DemoLoop&) = delete;
  DemoLoop& operator=(const DemoLoop&) = delete;
  ~DemoLoop() {
    senders_.clear();
    ::close(epoll_);
  }

  void Add(const Target& target, const DemoOptions& options, std::uint32_t number) {
    senders_.push_back(std::make_unique<DemoSender>(target, options, number, epoll_,
                                                    senders_.size(), clock_, progress_));
  }

  void Run() {
    for (std::size_t i = 0; i < senders_.size(); ++i) Begin(i);
    std::array<epoll_event, kEventsMax> events;
    while (alive_ > 0 && !progress_->failed()) {
      ActDue();
      const timespec wait = ToTimespec(WaitTime());
      const int count = ::epoll_pwait2(epoll_, events.data(), kEventsMax, &wait, nullptr);
      TM_CHECK(count >= 0 || errno == EINTR);
      for (int i = 0; i < count; ++i) OnEvent(events[static_cast<std::size_t>(i)].data.u64);
    }
    for (const auto& sender : senders_) sender->Finish();
  }

 private:
  struct Due {
    Duration at;
    std::size_t sender;
    bool operator<(const Due& other) const { return at > other.at; }  // The earliest on top.
  };

  static timespec ToTimespec(Duration wait) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wait);
    return {seconds.count(), (wait - seconds).count()};
  }
  Duration WaitTime() const {
    if (due_.empty()) return kLookUpAfter;
    return std::clamp(due_.top().at - clock_.Now(), Duration{}, kLookUpAfter);
  }

  void Begin(std::size_t sender) {
    if (senders_[sender]->Begin()) {
      ++alive_;
      due_.push({senders_[sender]->due(), sender});
    }
  }
  void ActDue() {
    while (!due_.empty() && due_.top().at <= clock_.Now()) {
      const std::size_t sender = due_.top().sender;
      due_.pop();
      if (senders_[sender]->Act()) due_.push({senders_[sender]->due(), sender});
    }
  }
  void OnEvent(std::size_t sender) {
    switch (senders_[sender]->Proceed()) {
      case DemoSender::Step::kWaiting:
        return;
      case DemoSender::Step::kAnswered:
        --alive_;
        return Begin(sender);
      case DemoSender::Step::kAgain:
        due_.push({senders_[sender]->due(), sender});
    }
  }

  const env::Clock& clock_;
  DemoProgress* const progress_;
  const int epoll_;
  std::vector<std::unique_ptr<DemoSender>> senders_;
  std::priority_queue<Due> due_;
  std::size_t alive_ = 0;  // With a request that is sent or due.
};

}  // namespace

DemoCounts CountAnswer(int status, const std::string& body, std::uint32_t events) {
  // What one event is told nearly always, and no more of it is of use.
  if (events == 1 && body.starts_with(R"({"status":"accepted")")) return {.accepted = 1};
  const auto answer = JsonValue::Parse(body);
  const auto number = [&answer](std::string_view name) -> std::uint64_t {
    const auto value = answer ? answer->IntAt(name) : Result<std::int64_t>(0);
    return value && *value > 0 ? static_cast<std::uint64_t>(*value) : 0;
  };
  DemoCounts told;
  if (status == 400) {
    told.refused = events;
  } else if (!answer || answer->Find("received") == nullptr) {
    // Of one event: in words.
    const std::string word = answer ? answer->StringAt("status").value_or("") : "";
    told.duplicate = word == "duplicate" ? 1 : 0;
    told.quarantined = word == "quarantined" ? 1 : 0;
    told.accepted = 1 - told.duplicate - told.quarantined;
  } else {
    told = {number("accepted"), number("duplicate"), number("quarantined"), 0};
    const std::uint64_t taken = told.accepted + told.duplicate + told.quarantined;
    told.refused = std::max<std::uint64_t>(number("received"), taken) - taken;
  }
  return told;
}

DemoResult SendDemoLoad(const Remote& remote, DemoOptions options, const env::Clock& clock) {
  const bool segment = !options.as.empty();
  if (segment) options.batch = 1;
  auto server = AddressOf(remote);
  if (!server) return {PrintError("demo", server.error()), ""};
  net::Headers headers = HeadersOf(remote);
  headers.emplace_back("Content-Type", "application/json");
  const std::string path = (segment ? "/v1/track" : "/v1/events") +
                           (options.ack.empty() ? std::string() : "?ack=" + options.ack);
  const Target target{*server, net::RequestHead("POST", path, *server, headers)};
  DemoProgress progress(options, clock);
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::unique_ptr<DemoLoop>> loops;
  loops.reserve(std::min(cores, options.connections));
  for (unsigned i = 0; i < std::min(cores, options.connections); ++i) {
    loops.push_back(std::make_unique<DemoLoop>(clock, &progress));
  }
  for (std::uint32_t i = 0; i < options.connections; ++i) {
    loops[i % loops.size()]->Add(target, options, i);
  }
  std::vector<std::thread> threads;
  threads.reserve(loops.size());
  for (const auto& loop : loops) threads.emplace_back([&loop] { loop->Run(); });
  for (std::thread& thread : threads) thread.join();
  return {progress.code(), progress.Report(CpuSeconds())};
}

}  // namespace tidemark::app
