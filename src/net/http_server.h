// The HTTP/1.1 server: one listener, a few reactor threads (epoll), keep-alive, pipelining, chunked
// bodies, limits on everything a client can do slowly or too much.
//
// A connection lives on one reactor. Every request that has arrived whole is handed to the handler
// on the reactor's thread; answers may be given from any thread, in any order, and leave in the
// order of the requests, many with one write.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "env/clock.h"
#include "net/http.h"
#include "telemetry/metrics.h"

namespace tidemark::net {

// What is left to do of a request when those that it was handed to are through with it.
class Continuation {
 public:
  Continuation() = default;
  Continuation(const Continuation&) = delete;
  Continuation& operator=(const Continuation&) = delete;
  virtual ~Continuation() = default;

  // Once. Must be short and must not block.
  virtual void Run() = 0;
};

// Answers one request: either Send, or Start, Write..., Finish. Destroyed unanswered it answers 500
// (or, once started, cuts the connection, so that the client sees that the answer is not whole).
//
// Any thread, one at a time. Outlives its connection: what is written then goes nowhere.
class Responder {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  Responder() = default;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  virtual ~Responder() = default;

  // The whole answer. Exactly once; not after Start.
  virtual void Send(Response response) = 0;

  // An answer in parts, of a length not known before. `content_type` as in Response.
  virtual void Start(int status, std::string content_type, Headers headers) = 0;
  // Blocks while more than ServerOptions::stream_bytes_max bytes wait for a slow peer: never call
  // it on a reactor's thread (checked). kCancelled: the client went away. kDeadlineExceeded: it
  // read nothing for ServerOptions::write_stall. After an error only destruction makes sense.
  virtual Status Write(std::string chunk) = 0;
  // Never blocks: false, and nothing is taken, if the chunk must wait. Any thread.
  virtual Result<bool> TryWrite(std::string chunk) = 0;
  virtual void Finish() = 0;

  // Runs `rest` soon on the reactor's thread that handed the request out, whose memory it is made
  // of; at once on this thread if that one is gone. Whether the client is there makes no
  // difference. Any thread.
  virtual void Continue(std::shared_ptr<Continuation> rest) {
    const std::shared_ptr<Continuation> own = std::move(rest);
    own->Run();
  }

  // The client went away, or the server stops: nobody will read the answer.
  virtual bool cancelled() const = 0;
  // Called at most once, on the reactor's thread, when that happens; at once if it has. Must be
  // short and must not call the responder.
  virtual void OnCancel(std::function<void()> callback) = 0;
};

class Handler {
 public:
  Handler() = default;
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;
  virtual ~Handler() = default;

  // On a reactor's thread; several at once. Must not block: long work goes to another thread with
  // the responder.
  virtual void Handle(Request request, std::shared_ptr<Responder> responder) = 0;
};

struct ServerOptions {
  std::string listen = "127.0.0.1:8080";  // host:port or [ipv6]:port; port 0 takes a free one.
  std::string listen_option = "--http-listen";  // Named in the error about a busy port.
  std::uint32_t reactors = 2;
  std::uint32_t connections_max = 8'192;
  std::uint32_t pipelined_max = 256;         // Unanswered requests of one connection.
  std::uint64_t head_bytes_max = 32_KiB;     // Request line and headers: 431, 414.
  std::uint64_t body_bytes_max = 64_MiB;     // 413.
  std::uint64_t bodies_bytes_max = 256_MiB;  // Of all unanswered requests: 503.
  std::uint64_t stream_bytes_max = 1_MiB;    // Of one streamed answer, not yet sent.
  std::uint64_t out_bytes_max = 8_MiB;       // Unsent answers, above which nothing is read.
  Duration idle = std::chrono::seconds(75);  // Between requests.
  Duration head_deadline = std::chrono::seconds(10);  // From the first byte to the last header.
  Duration body_deadline = std::chrono::seconds(30);  // And one second more for each 16 KiB.
  Duration write_stall = std::chrono::seconds(30);    // The peer takes no byte of an answer.
  Duration linger = std::chrono::seconds(2);  // For a peer that still sends after a refusal.
};

class HttpServer {
 public:
  // Listens and starts the reactors. All pointers must outlive the server. kUnavailable: the
  // address is taken (the message names the option); kInvalidArgument: it cannot be read.
  static Result<std::unique_ptr<HttpServer>> Start(ServerOptions options, Handler* handler,
                                                   env::Clock* clock,
                                                   telemetry::Registry* registry);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  // Stops at once.
  ~HttpServer();

  // "127.0.0.1:43210".
  std::string address() const;
  std::uint16_t port() const;

  // Takes no new connection and no new request, lets what is unanswered be answered for at most
  // `grace`, then closes all and joins the reactors. Idempotent.
  void Stop(Duration grace);

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::net
