#include "net/connection.h"

#include <cerrno>
#include <utility>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

namespace tidemark::net {
namespace {

constexpr std::size_t kKeptOutBytes = 256_KiB;
constexpr std::int64_t kBodyBytesPerSecondMin = 16 << 10;
constexpr Duration kProbeAfter = std::chrono::milliseconds(500);

}  // namespace

ServerMetrics::ServerMetrics(telemetry::Registry* registry)
    : connections(registry->AddGauge("tidemark_http_connections", "Open HTTP connections.")),
      waiting_body_bytes(registry->AddGauge("tidemark_http_waiting_body_bytes",
                                            "Bodies of requests that are not answered yet.")),
      refused_connections(registry->AddCounter("tidemark_http_refused_connections_total",
                                               "Connections refused at the limit.")),
      failed_accepts(
          registry->AddCounter("tidemark_http_failed_accepts_total",
                               "Times that no file descriptor was free for a new connection.")),
      requests(registry->AddCounter("tidemark_http_requests_total", "Requests handed on.")),
      bad_requests(registry->AddCounter("tidemark_http_bad_requests_total",
                                        "Requests that could not be read.")),
      received_bytes(registry->AddCounter("tidemark_http_received_bytes_total", "Bytes received.")),
      sent_bytes(registry->AddCounter("tidemark_http_sent_bytes_total", "Bytes sent.")),
      receive_seconds(
          registry->AddHistogram("tidemark_http_receive_seconds",
                                 "From the first part of a request to the whole of it, of those "
                                 "that came in more than one.")),
      request_seconds(registry->AddHistogram("tidemark_http_request_seconds",
                                             "From the whole request to its answer.")) {}

Connection::Connection(int fd, std::uint64_t id, const IpAddress& peer, ServerShared* shared,
                       std::shared_ptr<Mailbox> mailbox, Duration now)
    : fd_(fd),
      id_(id),
      peer_(peer),
      shared_(shared),
      mailbox_(std::move(mailbox)),
      parser_({shared->options.head_bytes_max, shared->options.body_bytes_max}),
      last_progress_(now) {
  shared_->metrics.connections.Add(1);
}

Connection::~Connection() {
  Die(Code::kCancelled);
  while (!slots_.empty()) PopSlot({});
  ::close(fd_);
  shared_->metrics.connections.Add(-1);
}

void Connection::Die(Code why) {
  if (dead_) return;
  dead_ = true;
  if (const auto stream = out_stream_.lock()) stream->NoteGone(why);
  for (const Slot& slot : slots_) {
    if (const auto responder = slot.responder.lock()) responder->NoteGone(why);
  }
}

std::uint32_t Connection::WantedEvents() const {
  std::uint32_t events = 0;
  if (!read_closed_ && (lingering_ || (reading_ && !MustPause()))) events |= EPOLLIN;
  if (write_blocked_) events |= EPOLLOUT;
  return events;
}

bool Connection::MustPause() const {
  return !unread_.empty() || slots_.size() >= shared_->options.pipelined_max ||
         out_.size() - out_sent_ > shared_->options.out_bytes_max;
}

void Connection::OnReadable(std::string* buffer, Duration now) {
  const ssize_t size = ::recv(fd_, buffer->data(), buffer->size(), 0);
  if (size < 0) {
    if (errno != EAGAIN && errno != EINTR) Die(Code::kCancelled);
    return;
  }
  if (size == 0) {
    read_closed_ = true;
    read_closed_at_ = now;
    reading_ = false;
    if (lingering_ || (slots_.empty() && out_.empty())) Die(Code::kCancelled);
    return;
  }
  shared_->metrics.received_bytes.Add(static_cast<std::uint64_t>(size));
  if (!reading_) return;  // Lingering: what still comes is thrown away.
  Consume({buffer->data(), static_cast<std::size_t>(size)}, now);
}

void Connection::Consume(std::string_view bytes, Duration now) {
  last_progress_ = now;
  while (!bytes.empty() && reading_) {
    if (MustPause()) {
      unread_.assign(bytes);
      return;
    }
    const bool fresh = !parser_.started();
    switch (parser_.Feed(&bytes)) {
      case RequestParser::Step::kNeedMore:
        if (fresh) request_since_ = now;
        if (parser_.in_body() && parser_.TakeExpectContinue() && slots_.empty()) {
          out_.append("HTTP/1.1 100 Continue\r\n\r\n");
        }
        return;
      case RequestParser::Step::kRequest:
        if (!fresh) shared_->metrics.receive_seconds.Record(shared_->clock->Now() - request_since_);
        Dispatch(now);
        break;
      case RequestParser::Step::kRefused:
        Refuse(parser_.status(), parser_.message(), now);
        return;
    }
  }
}

// Answers in turn, after the requests before it, and takes no more.
void Connection::Refuse(int status, std::string_view message, Duration now) {
  shared_->metrics.bad_requests.Add();
  reading_ = false;
  unread_.clear();
  Slot& slot = slots_.emplace_back();
  slot.since = now;
  slot.done = true;
  slot.close = true;
  RequestTraits traits;
  traits.keep_alive = false;
  slot.bytes = SerializeResponse(ErrorResponse(status, message), traits, shared_->clock->WallNow());
}

void Connection::Dispatch(Duration now) {
  const std::uint64_t number = first_request_ + slots_.size();
  Request request = parser_.Take();
  request.peer = peer_;
  request.peer_is_loopback = peer_.is_loopback();
  RequestTraits traits;
  traits.connection = id_;
  traits.request = number;
  traits.head_only = request.method == Method::kHead;
  traits.keep_alive = parser_.keep_alive();
  traits.http_1_0 = parser_.http_1_0();
  if (const auto origin = request.Header("Origin")) traits.origin = *origin;
  if (!traits.keep_alive) reading_ = false;

  Slot& slot = slots_.emplace_back();
  slot.since = now;
  slot.body_bytes = request.body.size();
  shared_->metrics.requests.Add();
  shared_->metrics.waiting_body_bytes.Add(static_cast<std::int64_t>(slot.body_bytes));
  auto responder = std::make_shared<ConnectionResponder>(
      std::move(traits), mailbox_, shared_->clock, shared_->options.stream_bytes_max);
  slot.responder = responder;
  const auto waiting = static_cast<std::uint64_t>(shared_->metrics.waiting_body_bytes.value());
  if (slot.body_bytes > 0 && waiting > shared_->options.bodies_bytes_max) {
    responder->Send(ErrorResponse(503, "too many large requests wait for their answers",
                                  "send it again after the time in Retry-After"));
    return;
  }
  shared_->handler->Handle(std::move(request), std::move(responder));
}

void Connection::OnMessage(Message message) {
  if (dead_ || message.request < first_request_) return;
  const std::uint64_t index = message.request - first_request_;
  TM_CHECK_LT(index, slots_.size());
  Slot& slot = slots_[index];
  switch (message.kind) {
    case Message::Kind::kAnswer:
      slot.bytes = std::move(message.bytes);
      slot.done = true;
      break;
    case Message::Kind::kPart:
      slot.streamed = true;
      slot.stream_bytes += message.bytes.size();
      slot.bytes.append(message.bytes);
      break;
    case Message::Kind::kEnd:
      slot.bytes.append(message.bytes);
      slot.done = true;
      break;
    case Message::Kind::kBreak:
      // What was sent cannot be taken back: the cut tells the client that it is not whole.
      Die(Code::kCancelled);
      return;
    case Message::Kind::kAdopt:
    case Message::Kind::kContinue:
      break;
  }
  slot.close = slot.close || message.close;
}

void Connection::PopSlot(Duration now) {
  Slot& slot = slots_.front();
  shared_->metrics.waiting_body_bytes.Add(-static_cast<std::int64_t>(slot.body_bytes));
  if (slot.done && !dead_) shared_->metrics.request_seconds.Record(now - slot.since);
  slots_.pop_front();
  ++first_request_;
}

// Moves what may be sent now, in order, behind what is being sent.
void Connection::AnswerReady(Duration now) {
  while (!slots_.empty()) {
    Slot& slot = slots_.front();
    if (slot.streamed) {
      // One stream's bytes at a time are counted in out_.
      if (out_stream_bytes_ > 0 && out_stream_.lock() != slot.responder.lock()) return;
      out_stream_ = slot.responder;
      out_stream_bytes_ += slot.stream_bytes;
      slot.stream_bytes = 0;
    }
    if (out_.empty()) {
      out_.swap(slot.bytes);
    } else {
      out_.append(slot.bytes);
    }
    slot.bytes.clear();
    if (!slot.done) return;
    const bool close = slot.close;
    PopSlot(now);
    if (close) {
      reading_ = false;
      unread_.clear();
      // Answers to what came after would not be read.
      while (!slots_.empty()) {
        if (const auto responder = slots_.front().responder.lock()) {
          responder->NoteGone(Code::kCancelled);
        }
        PopSlot(now);
      }
    }
  }
}

void Connection::NoteStreamSent(std::uint64_t sent) {
  // The stream's bytes are the last ones of out_.
  const std::uint64_t unsent = out_.size() - out_sent_;
  if (out_stream_bytes_ <= unsent) return;
  const std::uint64_t gone = std::min(sent, out_stream_bytes_ - unsent);
  out_stream_bytes_ -= gone;
  if (const auto stream = out_stream_.lock()) stream->NoteSent(gone);
}

// False if the peer takes no more for now.
bool Connection::SendSome(Duration now) {
  while (out_sent_ < out_.size()) {
    const ssize_t size =
        ::send(fd_, out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) {
        if (!write_blocked_) last_progress_ = now;
        write_blocked_ = true;
        return false;
      }
      Die(Code::kCancelled);
      return false;
    }
    last_progress_ = now;
    out_sent_ += static_cast<std::size_t>(size);
    shared_->metrics.sent_bytes.Add(static_cast<std::uint64_t>(size));
    NoteStreamSent(static_cast<std::uint64_t>(size));
  }
  write_blocked_ = false;
  out_.clear();
  out_sent_ = 0;
  if (out_.capacity() > kKeptOutBytes) out_ = {};
  return true;
}

void Connection::Flush(Duration now) {
  for (;;) {
    AnswerReady(now);
    if (dead_ || !SendSome(now)) return;
    if (!reading_ && slots_.empty()) return CloseAfterAnswers(now);
    if (!slots_.empty() && (slots_.front().done || !slots_.front().bytes.empty())) continue;
    if (unread_.empty() || !reading_ || slots_.size() >= shared_->options.pipelined_max) return;
    std::string bytes;
    bytes.swap(unread_);
    Consume(bytes, now);
    if (slots_.empty() || !slots_.front().done) return;
  }
}

// Closing at once would reset the connection if the peer is still sending, and the peer would lose
// the answer: half is closed, the rest when the peer is through.
void Connection::CloseAfterAnswers(Duration now) {
  if (read_closed_) return Die(Code::kCancelled);
  if (linger_until_ != Duration{}) return;
  ::shutdown(fd_, SHUT_WR);
  lingering_ = true;
  linger_until_ = now + shared_->options.linger;
}

bool Connection::IsSlow(Duration now) const {
  const ServerOptions& options = shared_->options;
  if (!parser_.started() || !reading_) return false;
  if (!parser_.in_body()) return now - request_since_ > options.head_deadline;
  const auto bonus = std::chrono::seconds(static_cast<std::int64_t>(parser_.body_bytes()) /
                                          kBodyBytesPerSecondMin);
  return now - request_since_ > options.head_deadline + options.body_deadline + bonus;
}

void Connection::OnTick(Duration now) {
  const ServerOptions& options = shared_->options;
  if (lingering_) {
    if (now > linger_until_) Die(Code::kCancelled);
    return;
  }
  if (write_blocked_ && now - last_progress_ > options.write_stall) {
    return Die(Code::kDeadlineExceeded);
  }
  if (MustPause()) return;
  if (IsSlow(now)) {
    Refuse(408, "the request did not arrive in time", now);
    return;
  }
  if (slots_.empty() && out_.empty() && !parser_.started() && now - last_progress_ > options.idle) {
    return Die(Code::kCancelled);
  }
  // A peer that closed for good looks like one that only has no more to say; its kernel answers
  // the next byte with a reset. A long query is not left running for nobody.
  if (read_closed_ && !probed_ && !slots_.empty() && out_.empty() && !slots_.front().streamed &&
      now - read_closed_at_ > kProbeAfter) {
    probed_ = true;
    out_ = "HTTP/1.1 102 Processing\r\n\r\n";
  }
}

void Connection::Drain() {
  reading_ = false;
  unread_.clear();
  if (slots_.empty() && out_.empty()) return Die(Code::kCancelled);
  if (!slots_.empty()) slots_.back().close = true;
}

}  // namespace tidemark::net
