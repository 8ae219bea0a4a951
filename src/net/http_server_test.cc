// What the server promises, over real sockets on a port of the system's choice: strict parsing,
// answers in order, limits, and that a client that goes away is noticed.

#include "net/http_server.h"

#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json_reader.h"
#include "env/posix/posix_clock.h"
#include "net/request_parser.h"
#include "net/responder.h"
#include "net/router.h"
#include "net/socket_address.h"
#include "sim/expect.h"

namespace tidemark::net {
namespace {

// A clock that runs, and jumps ahead when told.
class JumpClock final : public env::Clock {
 public:
  Duration Now() const override {
    const std::int64_t still = still_.load();
    return still != 0 ? Duration(still) : real_.Now() + Duration(ahead_.load());
  }
  TimeMicros WallNow() const override { return real_.WallNow(); }
  void Jump(Duration by) { ahead_ += by.count(); }
  void Stop() { still_ = Now().count(); }
  void GoOn() { still_ = 0; }

 private:
  env::PosixClock real_;
  std::atomic<std::int64_t> ahead_{0};
  std::atomic<std::int64_t> still_{0};  // Not 0: the time where it stands.
};

// While it lives, the process opens no file more.
class NoFilesLeft {
 public:
  NoFilesLeft() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const int lowest = ::dup(STDERR_FILENO);  // That is free; poll() needs a limit above 0.
    ::close(lowest);
    const rlimit none{static_cast<rlim_t>(lowest), before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~NoFilesLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// A raw client.
class Peer {
 public:
  explicit Peer(const HttpServer& server) : Peer() { Connect(server); }
  // Has a socket; Connect() when it shall be a client.
  Peer() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Peer() { Close(); }

  void Connect(const HttpServer& server) {
    const SocketAddress address = ResolveAddress(server.address()).value();
    EXPECT_EQ(::connect(fd_, address.get(), address.size), 0);
  }
  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t size = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
  }
  void HalfClose() { ::shutdown(fd_, SHUT_WR); }
  void Close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  // Reads until `end` has come `times` times, or the server closes.
  std::string ReadUntil(std::string_view end, int times = 1) {
    while (!closed_) {
      std::size_t at = 0;
      int found = 0;
      while (found < times && (at = text_.find(end, at)) != std::string::npos) {
        at += end.size();
        ++found;
      }
      if (found == times) break;
      ReadSome();
    }
    return std::exchange(text_, {});
  }
  std::string ReadAll() {
    while (!closed_) ReadSome();
    return std::exchange(text_, {});
  }

 private:
  void ReadSome() {
    pollfd one{fd_, POLLIN, 0};
    char buffer[65'536];
    const ssize_t size = ::poll(&one, 1, 10'000) == 1 ? ::recv(fd_, buffer, sizeof buffer, 0) : -1;
    if (size <= 0) {
      closed_ = true;
    } else {
      text_.append(buffer, static_cast<std::size_t>(size));
    }
  }
  int fd_ = -1;
  bool closed_ = false;
  std::string text_;
};

class HttpServerTest : public testing::Test {
 protected:
  void StartServer(ServerOptions options = {}) {
    options.listen = "127.0.0.1:0";
    router_.Add(Method::kPost, "/echo", [](Request request, std::shared_ptr<Responder> responder) {
      Response response;
      response.body = std::move(request.body);
      response.content_type = "text/plain";
      responder->Send(std::move(response));
    });
    router_.Add(Method::kGet, "/item/{name}",
                [](Request request, std::shared_ptr<Responder> responder) {
                  Response response;
                  response.body = request.PathParameter("name");
                  response.body += "|" + request.QueryParameter("q").value_or("-");
                  responder->Send(std::move(response));
                });
    router_.Add(Method::kGet, "/held", [this](Request, std::shared_ptr<Responder> responder) {
      const std::lock_guard lock(mutex_);
      held_.push_back(std::move(responder));
      arrived_.notify_all();
    });
    router_.Add(Method::kGet, "/dropped", [](Request, std::shared_ptr<Responder>) {});
    auto server = HttpServer::Start(options, &router_, &clock_, &registry_);
    ASSERT_TRUE(server.has_value()) << server.error().message();
    server_ = *std::move(server);
  }
  void TearDown() override {
    {
      const std::lock_guard lock(mutex_);
      held_.clear();
    }
    server_.reset();
  }
  std::shared_ptr<Responder> TakeHeld() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, std::chrono::seconds(10), [this] { return !held_.empty(); })) {
      return nullptr;
    }
    auto responder = std::move(held_.front());
    held_.erase(held_.begin());
    return responder;
  }
  static std::string Post(const std::string& body, const std::string& headers = "") {
    return "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + headers + "\r\n" + body;
  }
  static constexpr std::string_view kGetHeld = "GET /held HTTP/1.1\r\nHost: x\r\n\r\n";

  JumpClock clock_;
  telemetry::Registry registry_;
  Router router_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::shared_ptr<Responder>> held_;
  std::unique_ptr<HttpServer> server_;
};

TEST(ErrorResponse, IsJsonWhateverBytesItRepeats) {
  for (const std::string_view bytes :
       {"\xff", "a\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe6\xbc"}) {
    const auto json = JsonValue::Parse(ErrorResponse(404, bytes, bytes).body);
    ASSERT_OK(json);
    EXPECT_NE(json->StringAt("message")->find("\xEF\xBF\xBD"), std::string::npos);
  }
  EXPECT_NE(
      ErrorResponse(404, "caf\xc3\xa9 \xf0\x9f\x8c\x8a").body.find("caf\xc3\xa9 \xf0\x9f\x8c\x8a"),
      std::string::npos);
}

TEST(ErrorResponse, HintsAtWhatHelps) {
  for (const int status : {400, 401, 403, 404, 409, 413, 415, 429, 500, 501, 503, 504}) {
    EXPECT_NE(ErrorResponse(status, "why").body.find("\"hint\":\""), std::string::npos) << status;
  }
  // Nothing is wrong with a server that does not have what is asked for.
  EXPECT_EQ(ErrorResponse(501, "why").body.find("log"), std::string::npos);
  EXPECT_NE(ErrorResponse(500, "why").body.find("log"), std::string::npos);
}

TEST_F(HttpServerTest, AnswersInAnySplitOfTheBytes) {
  StartServer();
  Peer peer(*server_);
  for (const char c : Post("hello")) peer.Send({&c, 1});
  const std::string answer = peer.ReadUntil("hello");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_NE(answer.find("\r\nDate: "), std::string::npos);
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  StartServer();
  Peer peer(*server_);
  std::string requests;
  for (int i = 0; i < 600; ++i)
    requests += Post("<" + std::to_string(i) + ">");  // Above the limit.
  std::thread sender([&] { peer.Send(requests); });
  const std::string answers = peer.ReadUntil("<599>");
  sender.join();
  std::size_t at = 0;
  for (int i = 0; i < 600; ++i) {
    at = answers.find("<" + std::to_string(i) + ">", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST_F(HttpServerTest, ASlowAnswerHoldsBackTheOnesAfterIt) {
  StartServer();
  Peer peer(*server_);
  peer.Send(std::string(kGetHeld) + Post("second"));
  auto first = TakeHeld();
  ASSERT_NE(first, nullptr);
  Response response;
  response.body = "first";
  first->Send(std::move(response));
  const std::string answers = peer.ReadUntil("second");
  EXPECT_LT(answers.find("first"), answers.find("second"));
}

TEST_F(HttpServerTest, ReadsChunkedBodies) {
  StartServer();
  Peer peer(*server_);
  peer.Send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n" +
      Post("next"));
  const std::string answers = peer.ReadUntil("next");
  EXPECT_NE(answers.find("\r\n\r\nabcdefg"), std::string::npos) << answers;
}

TEST_F(HttpServerTest, SaysContinueToThoseWhoWait) {
  StartServer();
  Peer peer(*server_);
  peer.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(peer.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.Send("ok");
  EXPECT_NE(peer.ReadUntil("\r\n\r\nok").find("200 OK"), std::string::npos);
}

TEST_F(HttpServerTest, CountsHowLongRequestsTakeToCome) {
  StartServer();
  Peer peer(*server_);
  peer.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  peer.ReadUntil("\r\n\r\n");
  peer.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  peer.ReadUntil("\r\n\r\n");
  clock_.Jump(std::chrono::seconds(2));
  peer.Send("ok");
  peer.ReadUntil("\r\n\r\nok");
  const std::string text = registry_.ToPrometheus();
  const auto number = [&text](std::string_view name) {
    const std::size_t at = text.find(name);
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size()));
  };
  EXPECT_EQ(number("tidemark_http_receive_seconds_count "), 1);  // Of the one in two parts.
  EXPECT_GE(number("tidemark_http_receive_seconds_sum "), 2);
}

TEST_F(HttpServerTest, HeadHasTheLengthButNoBody) {
  StartServer();
  Peer peer(*server_);
  peer.Send("HEAD /item/abc?q=a%20b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answer = peer.ReadAll();
  EXPECT_NE(answer.find("Content-Length: 7\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

struct BadRequest {
  std::string bytes;
  std::string status;
};

TEST_F(HttpServerTest, RefusesWhatIsNotHttp) {
  ServerOptions options;
  options.body_bytes_max = 1'000;
  options.head_bytes_max = 2'000;
  StartServer(options);
  const std::string post = "POST /echo HTTP/1.1\r\nHost: x\r\n";
  const BadRequest cases[] = {
      {"nonsense\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\n\r\n", "400"},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", "505"},
      {"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404"},
      {"PUT /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "405"},
      {"GET /" + std::string(3'000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", "414"},
      {"GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(3'000, 'a') + "\r\n\r\n", "431"},
      {post + "Content-Length: 1001\r\n\r\n", "413"},
      {post + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1'001, 'a'), "413"},
      {post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"},
      {post + "Content-Length: -1\r\n\r\n", "400"},
      {post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "400"},
      {post + "A: b\r\n c\r\n\r\n", "400"},
      {post + "Transfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n", "400"},
      {post + "Expect: magic\r\nContent-Length: 1\r\n\r\n", "417"},
      {"GET /dropped HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "500"},
  };
  for (const BadRequest& one : cases) {
    Peer peer(*server_);
    peer.Send(one.bytes);
    const std::string answer = peer.ReadUntil("\"}");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + one.status)) << one.bytes << "\n" << answer;
    EXPECT_NE(answer.find("{\"error\":\""), std::string::npos) << answer;
  }
}

TEST(RequestParser, AHeaderOfTwoLinesIsRefusedHoweverItsBytesCome) {
  const std::string folded = "\r\nPOST / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n";
  // The body and the next request have lines of their own.
  const std::string good = "\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n\n a\r\n ";
  for (std::size_t split = 1; split < folded.size(); ++split) {
    for (const std::string* text : {&folded, &good}) {
      RequestParser parser({.head_bytes_max = 1'000, .body_bytes_max = 1'000});
      std::string_view first = std::string_view(*text).substr(0, split);
      std::string_view second = std::string_view(*text).substr(std::min(split, text->size()));
      auto step = parser.Feed(&first);
      if (step == RequestParser::Step::kNeedMore) step = parser.Feed(&second);
      EXPECT_EQ(step,
                text == &folded ? RequestParser::Step::kRefused : RequestParser::Step::kRequest)
          << *text << split;
    }
  }
}

// What is answered of `bytes` in pieces of `piece`: a path and a body each, and how it ends.
std::string Answered(std::string_view bytes, std::size_t piece) {
  RequestParser parser({.head_bytes_max = 1'000, .body_bytes_max = 1'000});
  std::string told;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    while (!part.empty()) {
      switch (parser.Feed(&part)) {
        case RequestParser::Step::kNeedMore:
          break;
        case RequestParser::Step::kRequest: {
          const Request request = parser.Take();
          told.append(request.path()).append(" ").append(request.body).append("|");
          break;
        }
        case RequestParser::Step::kRefused:
          return told + std::to_string(parser.status());
      }
    }
  }
  return told;
}

TEST(RequestParser, WhatStandsBetweenAndBehindChunksHasALimit) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const auto read = [&](std::string_view begin, std::string_view again, int times,
                        std::string_view end) {
    RequestParser parser({.head_bytes_max = 1'000, .body_bytes_max = 1'000});
    RequestParser::Step step = RequestParser::Step::kNeedMore;
    const auto feed = [&](std::string_view bytes) {
      if (step == RequestParser::Step::kNeedMore) step = parser.Feed(&bytes);
    };
    feed(head);
    feed(begin);
    for (int i = 0; i < times; ++i) feed(again);
    feed(end);
    return step == RequestParser::Step::kRequest ? 200 : parser.status();
  };
  EXPECT_EQ(read("", "1\r\nx\r\n", 900, "0\r\n\r\n"), 200);
  EXPECT_EQ(read("", "1;a=b\r\nx\r\n", 900, "0\r\nA: b\r\n\r\n"), 200);
  EXPECT_EQ(read("0\r\n", "A: b\r\n", 150, "\r\n"), 200);
  EXPECT_EQ(read("0\r\n", "A: b\r\n", 1'000, "\r\n"), 431);
  EXPECT_EQ(read("1;", "extension", 1'000, "\r\nx\r\n0\r\n\r\n"), 431);
  EXPECT_EQ(read("", "1;an=extension_of_it\r\nx\r\n", 900, "0\r\n\r\n"), 431);
  EXPECT_EQ(read("", "0000000", 1'000, "1\r\nx\r\n0\r\n\r\n"), 431);
}

TEST(RequestParser, ALineEndsWithCrAndLfOrTheRequestIsRefusedHoweverItsBytesCome) {
  const std::string good =
      "\r\nPOST /a HTTP/1.1\r\nHost: x\r\nE:\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\n\r\na\r\n2;e=f\r\n\r \r\n0\r\nT:\r\nU: u\r\n\r\n"
      "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n\n\r ";
  const std::string answers = "/a \r\na\r |/b \n\r |";
  // Of the first request: of its head, its chunks and its trailers.
  const std::vector<std::string> before_ends = {"1.1", "x", "E:", "chunked", "chunked\r\n", "\r\n3",
                                                "e=f", "0", "T:", "U: u",    "U: u\r\n"};
  for (const std::size_t piece : {good.size(), std::size_t{1}, std::size_t{7}}) {
    EXPECT_EQ(Answered(good, piece), answers) << piece;
    for (const std::string& before : before_ends) {
      const std::size_t at = good.find(before + "\r\n");
      ASSERT_NE(at, std::string::npos) << before;
      for (const std::string_view other : {"\r", "\n", "\r\r\n", "\rx", "\rx\r\n", "\n\r\n"}) {
        std::string bad = good;
        bad.replace(at + before.size(), 2, other);
        EXPECT_EQ(Answered(bad, piece), "400") << bad << "\n" << piece;
      }
    }
    std::string folded = good;
    folded.insert(good.find("U: u"), " ");
    EXPECT_EQ(Answered(folded, piece), "400") << piece;
  }
}

TEST(RequestParser, WhatIsSaidOnceIsNotSaidTwiceDifferently) {
  const auto refusal = [](std::string_view headers) {
    RequestParser parser({.head_bytes_max = 1'000, .body_bytes_max = 1'000});
    const std::string text =
        "POST / HTTP/1.1\r\nHost: x\r\n" + std::string(headers) + "Content-Length: 0\r\n\r\n";
    std::string_view bytes = text;
    parser.Feed(&bytes);
    return parser.message();
  };
  EXPECT_EQ(refusal("Idempotency-Key: a\r\nX: y\r\nidempotency-key: b\r\n"),
            "there are two headers idempotency-key and they differ; send one of them");
  for (const std::string name : {"Content-Type", "content-encoding", "Origin", "X-Tidemark-Epoch",
                                 "x-tidemark-project", "CE-Id", "Sec-Fetch-Site"}) {
    EXPECT_NE(refusal(name + ": a\r\n" + name + ": b\r\n"), "") << name;
    EXPECT_NE(refusal(name + ": a\r\n" + name + ":\r\n"), "") << name;
    EXPECT_EQ(refusal(name + ": a\r\n" + name + ":  a \r\n"), "") << name;
    EXPECT_EQ(refusal(name + ": a\r\n" + name + "s: b\r\n"), "") << name;
  }
  EXPECT_EQ(refusal("Accept: a\r\nAccept: b\r\nX-Forwarded-For: 1\r\nX-Forwarded-For: 2\r\n"), "");
}

TEST_F(HttpServerTest, TheRefusalReachesAClientThatIsStillSending) {
  ServerOptions options;
  options.body_bytes_max = 1'000;
  StartServer(options);
  Peer peer(*server_);
  peer.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n");
  peer.Send(std::string(8'000'000, 'a'));
  peer.HalfClose();
  EXPECT_TRUE(peer.ReadAll().starts_with("HTTP/1.1 413 "));
}

TEST_F(HttpServerTest, EndsSlowRequestsAndIdleConnections) {
  StartServer();
  Peer slow_head(*server_);
  slow_head.Send("GET / HTTP/1.1\r\nHo");
  Peer slow_body(*server_);
  slow_body.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab");
  Peer idle(*server_);
  idle.Send(Post("x"));
  idle.ReadUntil("\r\n\r\nx");
  // An answer on a later connection: the bytes above have been read.
  Peer other(*server_);
  other.Send(Post("y"));
  other.ReadUntil("\r\n\r\ny");
  clock_.Jump(std::chrono::seconds(80));
  EXPECT_TRUE(slow_head.ReadAll().starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(slow_body.ReadAll().starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(idle.ReadAll(), "");
}

TEST_F(HttpServerTest, AnswersAHalfClosedConnection) {
  StartServer();
  Peer peer(*server_);
  peer.Send(Post("only"));
  peer.HalfClose();
  EXPECT_TRUE(peer.ReadAll().ends_with("\r\n\r\nonly"));
}

TEST_F(HttpServerTest, NoticesThatTheClientOfALongRequestWentAway) {
  StartServer();
  auto peer = std::make_unique<Peer>(*server_);
  peer->Send(kGetHeld);
  auto responder = TakeHeld();
  ASSERT_NE(responder, nullptr);
  std::mutex mutex;
  std::condition_variable gone;
  bool is_gone = false;
  responder->OnCancel([&] {
    const std::lock_guard lock(mutex);
    is_gone = true;
    gone.notify_all();
  });
  peer->Close();
  std::unique_lock lock(mutex);
  EXPECT_TRUE(gone.wait_for(lock, std::chrono::seconds(10), [&] { return is_gone; }));
  EXPECT_TRUE(responder->cancelled());
}

TEST_F(HttpServerTest, StreamsAndWaitsForASlowReader) {
  ServerOptions options;
  options.stream_bytes_max = 100'000;
  StartServer(options);
  Peer peer(*server_);
  peer.Send(kGetHeld);
  auto responder = TakeHeld();
  ASSERT_NE(responder, nullptr);
  responder->Start(200, "text/plain", {{"X-Test", "1"}});
  // The kernel's buffers take some megabytes before the stream has to wait.
  const std::string chunk(50'000, 'z');
  int taken = 0;
  while (responder->TryWrite(chunk).value() && taken < 10'000) ++taken;
  EXPECT_LT(taken, 10'000);
  std::thread writer([&] {
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(responder->Write(chunk).has_value());
    responder->Finish();
    responder.reset();
  });
  const std::string answer = peer.ReadUntil("\r\n0\r\n\r\n");
  writer.join();
  EXPECT_EQ(std::count(answer.begin(), answer.end(), 'z'), (taken + 50) * 50'000);
  EXPECT_NE(answer.find("Transfer-Encoding: chunked"), std::string::npos);
  peer.Send(Post("after"));
  EXPECT_TRUE(peer.ReadUntil("\r\n\r\nafter").starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, AStreamThatIsNotFinishedIsCut) {
  StartServer();
  Peer peer(*server_);
  peer.Send(kGetHeld);
  auto responder = TakeHeld();
  ASSERT_NE(responder, nullptr);
  responder->Start(200, "text/plain", {});
  ASSERT_TRUE(responder->Write("part").has_value());
  peer.ReadUntil("part");
  responder.reset();
  EXPECT_EQ(peer.ReadAll().find("0\r\n\r\n"), std::string::npos);
}

TEST_F(HttpServerTest, AStalledReaderFailsTheStream) {
  ServerOptions options;
  options.stream_bytes_max = 1'000;
  StartServer(options);
  Peer peer(*server_);
  peer.Send(kGetHeld);
  auto responder = TakeHeld();
  ASSERT_NE(responder, nullptr);
  responder->Start(200, "text/plain", {});
  const std::string chunk(1'000'000, 'z');
  std::mutex mutex;
  std::condition_variable gone;
  bool is_gone = false;
  responder->OnCancel([&] {
    const std::lock_guard lock(mutex);
    is_gone = true;
    gone.notify_all();
  });
  // The kernel takes some megabytes first: only a jump after that finds the peer stalled.
  std::unique_lock lock(mutex);
  for (int i = 0; i < 1'000 && !is_gone; ++i) {
    lock.unlock();
    static_cast<void>(responder->TryWrite(chunk));
    lock.lock();
    clock_.Jump(std::chrono::seconds(40));
    gone.wait_for(lock, std::chrono::milliseconds(20), [&] { return is_gone; });
  }
  lock.unlock();
  const Status status = responder->Write(chunk);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code(), Code::kDeadlineExceeded);
}

TEST_F(HttpServerTest, ABusyPortNamesTheOption) {
  StartServer();
  ServerOptions options;
  options.listen = server_->address();
  telemetry::Registry registry;
  const auto second = HttpServer::Start(options, &router_, &clock_, &registry);
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().message().find("--http-listen"), std::string::npos);
}

TEST_F(HttpServerTest, StopLetsWhatIsInFlightBeAnswered) {
  StartServer();
  Peer peer(*server_);
  peer.Send(kGetHeld);
  auto responder = TakeHeld();
  ASSERT_NE(responder, nullptr);
  std::thread stopper([&] { server_->Stop(std::chrono::seconds(10)); });
  Response response;
  response.body = "late";
  responder->Send(std::move(response));
  EXPECT_TRUE(peer.ReadAll().ends_with("late"));
  stopper.join();
}

// Notes where it ran, then answers.
class Noted final : public Continuation {
 public:
  explicit Noted(std::shared_ptr<Responder> responder) : responder_(std::move(responder)) {}
  void Run() override {
    Response response;
    response.body = "continued";
    responder_->Send(std::move(response));
    ran_.set_value(OnReactorThread());
  }
  std::future<bool> ran() { return ran_.get_future(); }

 private:
  const std::shared_ptr<Responder> responder_;
  std::promise<bool> ran_;
};

TEST_F(HttpServerTest, WhatIsLeftToDoIsDoneOnTheReactor) {
  StartServer();
  Peer peer(*server_);
  peer.Send(kGetHeld);
  const auto responder = TakeHeld();
  ASSERT_NE(responder, nullptr);
  const auto rest = std::make_shared<Noted>(responder);
  auto on_reactor = rest->ran();
  responder->Continue(rest);
  EXPECT_TRUE(on_reactor.get());
  EXPECT_TRUE(peer.ReadUntil("continued").ends_with("continued"));
}

TEST_F(HttpServerTest, WhatIsLeftToDoIsDoneWhoeverIsGone) {
  StartServer();
  std::shared_ptr<Responder> first;
  std::shared_ptr<Responder> second;
  {
    Peer peer(*server_);
    peer.Send(kGetHeld);
    first = TakeHeld();
    peer.Send(kGetHeld);
    second = TakeHeld();
  }
  ASSERT_TRUE(first != nullptr && second != nullptr);
  const auto without_client = std::make_shared<Noted>(first);
  auto ran = without_client->ran();
  first->Continue(without_client);
  EXPECT_TRUE(ran.get());
  server_->Stop({});
  const auto without_server = std::make_shared<Noted>(second);
  ran = without_server->ran();
  second->Continue(without_server);
  EXPECT_FALSE(ran.get());
}

TEST_F(HttpServerTest, AnswersPreflightsAndEchoesTheOrigin) {
  StartServer();
  Peer peer(*server_);
  peer.Send(
      "OPTIONS /echo HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n"
      "Access-Control-Request-Headers: x-api-key\r\nConnection: close\r\n\r\n");
  const std::string answer = peer.ReadAll();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 204 ")) << answer;
  EXPECT_NE(answer.find("Access-Control-Allow-Origin: https://a.example"), std::string::npos);
  EXPECT_NE(answer.find("Access-Control-Allow-Headers: x-api-key"), std::string::npos);
}

TEST_F(HttpServerTest, RefusesConnectionsAboveTheLimit) {
  ServerOptions options;
  options.connections_max = 1;
  StartServer(options);
  Peer first(*server_);
  first.Send(Post("x"));
  first.ReadUntil("\r\n\r\nx");
  Peer second(*server_);
  EXPECT_TRUE(second.ReadAll().starts_with("HTTP/1.1 503 "));
}

TEST_F(HttpServerTest, WithoutFreeFilesIsNotBusyAndServesWhoWaitedOnceThereAre) {
  ServerOptions options;
  options.reactors = 1;  // That of the listener serves the first one, too.
  StartServer(options);
  Peer first(*server_);
  first.Send(Post("x"));
  first.ReadUntil("\r\n\r\nx");
  Peer second;
  clock_.Stop();
  {
    const NoFilesLeft none;
    second.Connect(*server_);
    second.Send(Post("y"));
    // Each is another round of the loop that also looks at the listener.
    const auto rounds = [&](int count) {
      for (int i = 0; i < count; ++i) {
        first.Send(Post("x"));
        first.ReadUntil("\r\n\r\nx");
      }
      const std::string text = registry_.ToPrometheus();
      const std::string_view name = "\ntidemark_http_failed_accepts_total ";
      return std::stoi(text.substr(text.find(name) + name.size()));
    };
    int failed = 0;
    for (int i = 0; failed == 0 && i < 10'000; ++i) failed = rounds(1);
    EXPECT_GE(failed, 1);
    // The tick that was due as the clock stopped may come between.
    EXPECT_LE(rounds(20), failed + 1);
  }
  clock_.GoOn();
  EXPECT_TRUE(second.ReadUntil("\r\n\r\ny").starts_with("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace tidemark::net
