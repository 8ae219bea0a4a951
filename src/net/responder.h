// The answer to one request of one connection. The inside of http_server.h.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "env/clock.h"
#include "net/http_server.h"
#include "net/mailbox.h"

namespace tidemark::net {

// Set on reactor threads: waiting there for a slow peer would wait for ever.
bool OnReactorThread();
void MarkReactorThread();

// What an answer must know of its request.
struct RequestTraits {
  std::uint64_t connection = 0;
  std::uint64_t request = 0;
  bool head_only = false;  // HEAD.
  bool keep_alive = true;
  bool http_1_0 = false;  // No chunks: the end of the connection ends the answer.
  std::string origin;     // Of a page on another site that asks; empty if none does.
};

// The bytes of a whole answer.
std::string SerializeResponse(const Response& response, const RequestTraits& traits,
                              TimeMicros now);

class ConnectionResponder final : public Responder {
 public:
  ConnectionResponder(RequestTraits traits, std::shared_ptr<Mailbox> mailbox,
                      const env::Clock* clock, std::uint64_t stream_bytes_max);
  ~ConnectionResponder() override;

  void Send(Response response) override;
  void Start(int status, std::string content_type, Headers headers) override;
  Status Write(std::string chunk) override;
  Result<bool> TryWrite(std::string chunk) override;
  void Finish() override;
  void Continue(std::shared_ptr<Continuation> rest) override;
  bool cancelled() const override;
  void OnCancel(std::function<void()> callback) override;

  // From the reactor: `bytes` of what was written have left; the peer is gone.
  void NoteSent(std::uint64_t bytes);
  void NoteGone(Code why);

 private:
  enum class Phase : std::uint8_t { kOpen, kStarted, kDone };
  void Post(Message::Kind kind, std::string bytes, bool close);
  void BeDone();
  void PostChunk(const std::string& chunk);
  Error GoneError() const;

  const RequestTraits traits_;
  const std::shared_ptr<Mailbox> mailbox_;
  const env::Clock* const clock_;
  const std::uint64_t stream_bytes_max_;

  mutable std::mutex mutex_;
  std::condition_variable sent_;
  Phase phase_ = Phase::kOpen;
  bool gone_ = false;
  Code why_gone_ = Code::kCancelled;
  std::uint64_t waiting_bytes_ = 0;  // Given to the reactor, not yet to the kernel.
  std::function<void()> on_cancel_;
};

}  // namespace tidemark::net
