// What a single event costs between the socket and the log in one thread's processor time: a POST
// as `tidemark demo --batch 1` sends it, read by the parser of requests, routed, identified, read,
// held against the built-in schemas, encoded, and its answer written. No socket, no log, no second
// thread.
//
//   door_micro [ROUNDS]
//
// Prints nanoseconds a request (the least of the rounds) for the parser alone and for all.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "app/demo_traffic.h"
#include "base/check.h"
#include "collect/doors.h"
#include "net/request_parser.h"
#include "net/responder.h"

namespace tidemark {
namespace {

constexpr std::uint32_t kRequests = 20'000;

double CpuNow() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

std::vector<std::string> MakeRequests() {
  app::DemoShape shape;
  app::DemoTraffic traffic(shape);
  std::vector<std::string> requests;
  for (std::uint32_t i = 0; i < kRequests; ++i) {
    std::string body;
    traffic.Append(&body);
    requests.push_back(
        "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: writer\r\n"
        "Content-Type: application/json\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  return requests;
}

// Acknowledges at once.
class NoLog final : public collect::EventSink {
 public:
  void Submit(event::Request request, Done done) override {
    event::BatchAnswer answer;
    answer.receipt.log_id = "01234567-89ab-4def-8123-456789abcdef";
    answer.receipt.first = LogOffset(next_);
    answer.receipt.count = request.events.count;
    next_ += request.events.count;
    done(std::move(answer));
  }

 private:
  std::int64_t next_ = 1'000'000;
};

class OneKey final : public collect::Authenticator {
 public:
  tl::expected<collect::Identity, collect::Refusal> Identify(
      const collect::Caller& /*caller*/) override {
    return collect::Identity{.project = "default", .scopes = 1};
  }
};

class Server {
 public:
  explicit Server(const std::string& path)
      : database_(*meta::Database::Open(path)),
        schemas_(*meta::Schemas::Open(database_.get())),
        enrichment_(*enrich::Enrichment::Open({}, &clock_, &registry_, [] {})),
        admission_(
            {}, [] { return 0.0; }, &clock_, &registry_, [] {}),
        doors_(&log_, &keys_, &admission_, enrichment_.get(), &clock_, &registry_,
               WithSchemas(schemas_.get())) {
    doors_.AddTo(&router_);
  }

  // Nanoseconds a request.
  double Run(const std::vector<std::string>& requests, bool all) {
    net::RequestParser parser({32U << 10, 64U << 20});
    const auto mailbox = std::make_shared<net::Mailbox>();
    mailbox->Own();
    std::vector<net::Message> answers;
    const double start = CpuNow();
    for (const std::string& bytes : requests) {
      std::string_view rest = bytes;
      TM_CHECK(parser.Feed(&rest) == net::RequestParser::Step::kRequest);
      net::Request request = parser.Take();
      if (!all) continue;
      net::RequestTraits traits;
      router_.Handle(std::move(request), std::make_shared<net::ConnectionResponder>(
                                             std::move(traits), mailbox, &clock_, 1U << 20));
      TM_CHECK(mailbox->Take(&answers));
      TM_CHECK(answers.front().bytes.starts_with("HTTP/1.1 202"));
    }
    return (CpuNow() - start) / static_cast<double>(requests.size());
  }

 private:
  static collect::DoorOptions WithSchemas(meta::Schemas* schemas) {
    collect::DoorOptions options;
    options.schemas = schemas;
    return options;
  }

  env::PosixClock clock_;
  telemetry::Registry registry_;
  std::unique_ptr<meta::Database> database_;
  std::unique_ptr<meta::Schemas> schemas_;
  std::unique_ptr<enrich::Enrichment> enrichment_;
  collect::Admission admission_;
  NoLog log_;
  OneKey keys_;
  collect::Doors doors_;
  net::Router router_;
};

int Main(int rounds) {
  std::string folder = std::filesystem::temp_directory_path() / "door-XXXXXX";
  TM_CHECK(::mkdtemp(folder.data()) != nullptr);
  {
    Server server(folder + "/meta.db");
    const auto requests = MakeRequests();
    for (const bool all : {false, true}) {
      double least = std::numeric_limits<double>::max();
      for (int round = 0; round < rounds; ++round) {
        least = std::min(least, server.Run(requests, all));
      }
      std::printf("%-28s %8.0f ns a request\n", all ? "all of it" : "parser of requests", least);
    }
  }
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace tidemark

int main(int argc, char** argv) {
  return tidemark::Main(argc > 1 ? std::max(1, std::atoi(argv[1])) : 10);
}
