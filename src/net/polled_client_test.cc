// Many connections in one thread, and what both clients send again, over real sockets on a port of
// the system's choice.

#include "net/polled_client.h"

#include <array>
#include <memory>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "env/posix/posix_clock.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/router.h"
#include "sim/expect.h"

namespace tidemark::net {
namespace {

constexpr int kPatienceMillis = 10'000;
constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class Poll {
 public:
  Poll() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {}
  ~Poll() { ::close(fd_); }
  int fd() const { return fd_; }
  // Waits for events and gives them to proceed(id). False: none came in all patience.
  template <class Proceed>
  bool Once(const Proceed& proceed) const {
    std::array<epoll_event, 16> events;
    const int count = ::epoll_wait(fd_, events.data(), events.size(), kPatienceMillis);
    for (int i = 0; i < count; ++i) proceed(events[static_cast<std::size_t>(i)].data.u64);
    return count > 0;
  }

 private:
  int fd_;
};

// Waits for the answer to what `client` has sent.
Result<ClientResponse> Wait(const Poll& poll, PolledClient* client) {
  std::optional<Result<ClientResponse>> answer;
  while (!answer) {
    const bool any = poll.Once([&](std::uint64_t) {
      auto step = client->Proceed();
      if (!step) {
        answer = Fail(step.error());
      } else if (*step) {
        answer = **step;
      }
    });
    if (!any) return Fail(Code::kDeadlineExceeded, "no event");
  }
  return *std::move(answer);
}

// A listening socket whose connections a test answers by hand.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { ::close(fd_); }
  ServerAddress address() const { return {"127.0.0.1", std::to_string(port_)}; }
  // Takes a connection, reads one request up to `end`, sends `bytes`, closes; before that it reads
  // one up to `last`, if there is one, and does not answer.
  void AnswerAndClose(std::string_view end, std::string_view bytes,
                      std::string_view last = {}) const {
    const int peer = ::accept(fd_, nullptr, nullptr);
    ReadUpTo(peer, end);
    EXPECT_EQ(::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    if (!last.empty()) ReadUpTo(peer, last);
    ::close(peer);
  }

 private:
  static void ReadUpTo(int peer, std::string_view end) {
    std::string got;
    std::array<char, 4'096> buffer;
    while (got.find(end) == std::string::npos) {
      const ssize_t size = ::recv(peer, buffer.data(), buffer.size(), 0);
      if (size <= 0) break;
      got.append(buffer.data(), static_cast<std::size_t>(size));
    }
  }

  int fd_;
  std::uint16_t port_ = 0;
};

TEST(PolledClientTest, OneThreadSendsAndReadsOverManyConnections) {
  constexpr std::size_t kClients = 5;
  constexpr std::size_t kRounds = 40;
  env::PosixClock clock;
  telemetry::Registry registry;
  Router router;
  router.Add(Method::kPost, "/echo", [](Request request, std::shared_ptr<Responder> responder) {
    Response response;
    response.body = std::move(request.body);
    responder->Send(std::move(response));
  });
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  const auto server = HttpServer::Start(options, &router, &clock, &registry).value();
  const ServerAddress address = ServerAddress::Parse(server->address()).value();

  const Poll poll;
  // Of many sizes; the kernel takes the large ones in parts only.
  const auto body_of = [](std::size_t client, std::size_t round) {
    return std::string(round % 8 == 7 ? 1'500'000 + client : client * 100 + round,
                       static_cast<char>('a' + client));
  };
  std::vector<std::unique_ptr<PolledClient>> clients;
  std::vector<RequestHead> heads(kClients, RequestHead("POST", "/echo", address, {{"X-Of", "it"}}));
  std::vector<std::string> bodies(kClients);
  std::vector<std::size_t> rounds(kClients, 0);
  const auto send = [&](std::size_t client) {
    bodies[client] = body_of(client, rounds[client]);
    ASSERT_OK(clients[client]->Send(heads[client].For(bodies[client].size()), bodies[client]));
  };
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<PolledClient>(address, poll.fd(), i));
    send(i);
  }
  std::size_t left = kClients * kRounds;
  while (left > 0) {
    ASSERT_TRUE(poll.Once([&](std::uint64_t client) {
      const auto answer = clients[client]->Proceed();
      ASSERT_OK(answer);
      if (!*answer) return;
      EXPECT_EQ((*answer)->status, 200);
      EXPECT_EQ((*answer)->body, bodies[client]);
      --left;
      if (++rounds[client] < kRounds) send(client);
    }));
  }
}

TEST(PolledClientTest, OpensAConnectionAgainThatWasClosedWhileIdle) {
  const Listener listener;
  const Poll poll;
  PolledClient client(listener.address(), poll.fd(), 0);
  std::thread server([&] {
    listener.AnswerAndClose("one", kAnswer);
    listener.AnswerAndClose("two", kAnswer);
  });
  constexpr std::string_view kHead = "POST / HTTP/1.1\r\nidempotency-key: k\r\n\r\n";
  ASSERT_OK(client.Send(kHead, "one"));
  EXPECT_EQ(Wait(poll, &client).value().body, "ok");
  ASSERT_OK(client.Send(kHead, "two"));
  EXPECT_EQ(Wait(poll, &client).value().body, "ok");
  server.join();
}

TEST(PolledClientTest, SendsNothingTwiceThatMayBeDoneTwice) {
  const Listener listener;
  for (const bool known : {false, true}) {
    const std::string_view head =
        known ? "POST / HTTP/1.1\r\nIdempotency-Key: k\r\n\r\n" : "POST / HTTP/1.1\r\n\r\n";
    const Poll poll;
    PolledClient client(listener.address(), poll.fd(), 0);
    std::thread server([&] {
      listener.AnswerAndClose("one", kAnswer, "two");
      if (known) listener.AnswerAndClose("two", kAnswer);
    });
    ASSERT_OK(client.Send(head, "one"));
    EXPECT_EQ(Wait(poll, &client).value().body, "ok");
    ASSERT_OK(client.Send(head, "two"));
    const auto answer = Wait(poll, &client);
    if (known) {
      EXPECT_EQ(answer.value().body, "ok");
    } else {
      EXPECT_CODE(answer, Code::kUnavailable);
    }
    server.join();
  }
}

TEST(HttpClientTest, SendsNothingTwiceThatMayBeDoneTwice) {
  const Listener listener;
  const Headers key = {{"Idempotency-Key", "k"}};
  struct Case {
    std::string_view method;
    Headers headers;
    bool again;
  };
  for (const Case& one :
       {Case{"POST", {}, false}, Case{"POST", key, true}, Case{"PUT", {}, true}}) {
    HttpClient client(listener.address());
    std::thread server([&] {
      listener.AnswerAndClose("one", kAnswer, "two");
      if (one.again) listener.AnswerAndClose("two", kAnswer);
    });
    EXPECT_EQ(client.Send(one.method, "/", one.headers, "one").value().body, "ok");
    const auto answer = client.Send(one.method, "/", one.headers, "two");
    if (one.again) {
      EXPECT_EQ(answer.value().body, "ok");
    } else {
      EXPECT_CODE(answer, Code::kUnavailable);
    }
    server.join();
  }
}

TEST(HttpClientTest, OpensAConnectionAgainThatHasEnded) {
  const Listener listener;
  HttpClient client(listener.address());
  // The answer's end is the connection's: it has ended when the second request is sent.
  for (int i = 0; i < 2; ++i) {
    std::thread server(
        [&] { listener.AnswerAndClose("one", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok"); });
    EXPECT_EQ(client.Send("POST", "/", {}, "one").value().body, "ok");
    server.join();
  }
}

TEST(PolledClientTest, TellsThatAnAnswerIsCutOrMissing) {
  const Listener listener;
  for (const std::string_view bytes :
       {kAnswer.substr(0, kAnswer.size() - 1), kAnswer.substr(0, 0)}) {
    const Poll poll;
    PolledClient client(listener.address(), poll.fd(), 0);
    std::thread server([&] { listener.AnswerAndClose("one", bytes); });
    ASSERT_OK(client.Send("POST / HTTP/1.1\r\n\r\n", "one"));
    EXPECT_CODE(Wait(poll, &client), Code::kUnavailable);
    server.join();
  }
}

TEST(PolledClientTest, TellsThatNobodyListens) {
  const Poll poll;
  const ServerAddress nobody = Listener().address();
  PolledClient client(nobody, poll.fd(), 0);
  const auto sent = client.Send("GET / HTTP/1.1\r\n\r\n", "");
  ASSERT_CODE(sent, Code::kUnavailable);
  EXPECT_NE(sent.error().message().find(nobody.port), std::string::npos);
}

}  // namespace
}  // namespace tidemark::net
