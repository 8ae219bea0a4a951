// One connection: bytes in, requests out to the handler, answers back in order. The inside of
// http_server.h; lives on one reactor's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "net/mailbox.h"
#include "net/request_parser.h"
#include "net/responder.h"

namespace tidemark::net {

struct ServerMetrics {
  explicit ServerMetrics(telemetry::Registry* registry);

  telemetry::Gauge& connections;
  telemetry::Gauge& waiting_body_bytes;  // Of requests that are not answered yet.
  telemetry::Counter& refused_connections;
  telemetry::Counter& failed_accepts;
  telemetry::Counter& requests;
  telemetry::Counter& bad_requests;
  telemetry::Counter& received_bytes;
  telemetry::Counter& sent_bytes;
  telemetry::Histogram& receive_seconds;  // Of requests that came in parts.
  telemetry::Histogram& request_seconds;
};

// What the connections of a server share.
struct ServerShared {
  ServerOptions options;
  Handler* handler;
  env::Clock* clock;
  ServerMetrics metrics;
};

class Connection {
 public:
  // Owns `fd` from now on.
  Connection(int fd, std::uint64_t id, const IpAddress& peer, ServerShared* shared,
             std::shared_ptr<Mailbox> mailbox, Duration now);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  // Closes; whatever is unanswered is told that the client is gone.
  ~Connection();

  int fd() const { return fd_; }
  std::uint64_t id() const { return id_; }
  // To be destroyed.
  bool dead() const { return dead_; }

  // All with the reactor's time. `buffer` is the reactor's, for reading.
  void OnReadable(std::string* buffer, Duration now);
  void OnMessage(Message message);
  // Sends what can be sent, then goes on reading if it had to stop.
  void Flush(Duration now);
  void OnBroken() { Die(Code::kCancelled); }
  // Ends what takes too long.
  void OnTick(Duration now);
  // No further request; idle connections end at once.
  void Drain();

  // The epoll events that it waits for now.
  std::uint32_t WantedEvents() const;
  std::uint32_t registered_events = 0;  // For the reactor.
  bool listed = false;                  // For the reactor: is in its list to flush.

 private:
  struct Slot {  // A request that is not answered wholly.
    std::weak_ptr<ConnectionResponder> responder;
    std::string bytes;               // Ready to send.
    std::uint64_t stream_bytes = 0;  // Of `bytes`, those that a stream waits for.
    std::uint64_t body_bytes = 0;    // Of the request; given back when the slot goes.
    Duration since{};
    bool streamed = false;
    bool done = false;
    bool close = false;
  };

  void Consume(std::string_view bytes, Duration now);
  bool MustPause() const;
  void Dispatch(Duration now);
  void Refuse(int status, std::string_view message, Duration now);
  void AnswerReady(Duration now);
  bool SendSome(Duration now);
  void NoteStreamSent(std::uint64_t sent);
  void CloseAfterAnswers(Duration now);
  void Die(Code why);
  void PopSlot(Duration now);
  bool IsSlow(Duration now) const;

  const int fd_;
  const std::uint64_t id_;
  const IpAddress peer_;
  ServerShared* const shared_;
  const std::shared_ptr<Mailbox> mailbox_;
  RequestParser parser_;

  std::deque<Slot> slots_;  // In the order of the requests; the front one is being answered.
  std::uint64_t first_request_ = 0;  // Number of the front slot.
  std::string unread_;               // Received while paused.
  std::string out_;
  std::size_t out_sent_ = 0;
  std::uint64_t out_stream_bytes_ = 0;  // Of the unsent end of out_, those that a stream counts.
  std::weak_ptr<ConnectionResponder> out_stream_;

  Duration last_progress_;    // Of reading while idle, or of sending.
  Duration request_since_{};  // First byte of the request that is being read.
  Duration linger_until_{};
  Duration read_closed_at_{};
  bool reading_ = true;       // Takes further requests.
  bool read_closed_ = false;  // The peer has sent all it will.
  bool lingering_ = false;    // All is answered: waits for the peer to stop sending.
  bool write_blocked_ = false;
  bool probed_ = false;
  bool dead_ = false;
};

}  // namespace tidemark::net
