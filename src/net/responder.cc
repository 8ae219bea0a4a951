#include "net/responder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/text_scan.h"

namespace tidemark::net {
namespace {

thread_local bool on_reactor_thread = false;

// `Tue, 15 Nov 1994 08:12:31 GMT`
void AppendHttpDate(std::int64_t second, std::string* out) {
  constexpr std::array<const char*, 7> kDays = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::int64_t days = FloorDiv(second, 86'400);
  const std::int64_t rest = second - days * 86'400;
  const CivilDate date = CivilFromDays(days);
  const auto weekday = static_cast<std::size_t>(((days % 7) + 7) % 7);
  std::array<char, 40> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[weekday], date.day,
      kMonths[static_cast<std::size_t>(date.month - 1)], date.year, static_cast<int>(rest / 3'600),
      static_cast<int>(rest / 60 % 60), static_cast<int>(rest % 60));
  out->append(text.data(), static_cast<std::size_t>(size));
}

bool IsLineEnd(char c) { return c == '\r' || c == '\n' || c == '\0'; }

// Whether the text has what would end a line of the head.
bool EndsLine(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  for (; end - at >= 8; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    if ((BytesOf(word, '\r') | BytesOf(word, '\n') | BytesOf(word, '\0')) != 0) return true;
  }
  return std::any_of(at, end, IsLineEnd);
}

void AppendHeader(std::string* out, std::string_view name, std::string_view value) {
  out->append(name).append(": ");
  // A header's text is never ours alone: what would end the line is left out.
  if (!EndsLine(value)) [[likely]] {
    out->append(value).append("\r\n");
    return;
  }
  std::remove_copy_if(value.begin(), value.end(), std::back_inserter(*out), IsLineEnd);
  out->append("\r\n");
}

// Status line, date and type: hardly one differs from the answer before it on its thread.
void AppendFirstLines(std::string* out, int status, std::string_view type, TimeMicros now) {
  struct Cache {
    std::int64_t second = -1;
    int status = 0;
    std::string type;
    std::string text;
  };
  thread_local Cache cache;
  const std::int64_t second = FloorDiv(now.value, kMicrosPerSecond);
  if (second != cache.second || status != cache.status || type != cache.type) {
    cache.second = second;
    cache.status = status;
    cache.type = type;
    cache.text = "HTTP/1.1 ";
    cache.text.append(std::to_string(status)).append(" ").append(ReasonPhrase(status));
    cache.text.append("\r\nDate: ");
    AppendHttpDate(second, &cache.text);
    cache.text.append("\r\n");
    // Bodies have in them what clients sent: they are what the type says, whatever they look like.
    if (!type.empty()) {
      AppendHeader(&cache.text, "Content-Type", type);
      AppendHeader(&cache.text, "X-Content-Type-Options", "nosniff");
    }
  }
  out->append(cache.text);
}

// `Content-Length: 5\r\n`
void AppendLength(std::string* out, std::size_t length) {
  constexpr std::string_view kName = "Content-Length: ";
  std::array<char, kName.size() + 24> line;
  char* at = line.data() + kName.copy(line.data(), kName.size());
  at = std::to_chars(at, line.data() + line.size(), length).ptr;
  *at++ = '\r';
  *at++ = '\n';
  out->append(line.data(), static_cast<std::size_t>(at - line.data()));
}

void AppendHead(std::string* out, int status, std::string_view content_type,
                const Responder::Headers& headers, const RequestTraits& traits, TimeMicros now,
                bool close) {
  AppendFirstLines(out, status, content_type, now);
  for (const auto& [name, value] : headers) AppendHeader(out, name, value);
  if (!traits.origin.empty()) {
    AppendHeader(out, "Access-Control-Allow-Origin", traits.origin);
    out->append(
        "Access-Control-Allow-Credentials: true\r\n"
        "Access-Control-Expose-Headers: X-Tidemark-Receipt, X-Tidemark-Cut, X-Tidemark-Route, "
        "Retry-After, X-RateLimit-Limit, "
        "X-RateLimit-Remaining, X-RateLimit-Reset\r\n"
        "Vary: Origin\r\n");
  }
  if (close) {
    out->append("Connection: close\r\n");
  } else if (traits.http_1_0) {
    out->append("Connection: keep-alive\r\n");
  }
}

bool HasNoBody(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

bool OnReactorThread() { return on_reactor_thread; }
void MarkReactorThread() { on_reactor_thread = true; }

std::string SerializeResponse(const Response& response, const RequestTraits& traits,
                              TimeMicros now) {
  std::string out;
  const bool has_body = !HasNoBody(response.status);
  out.reserve(256 + (has_body && !traits.head_only ? response.body.size() : 0));
  const std::string_view type = has_body ? response.content_type : "";
  AppendHead(&out, response.status, type, response.headers, traits, now,
             response.close || !traits.keep_alive);
  if (has_body) AppendLength(&out, response.body.size());
  out.append("\r\n");
  if (has_body && !traits.head_only) out.append(response.body);
  return out;
}

ConnectionResponder::ConnectionResponder(RequestTraits traits, std::shared_ptr<Mailbox> mailbox,
                                         const env::Clock* clock, std::uint64_t stream_bytes_max)
    : traits_(std::move(traits)),
      mailbox_(std::move(mailbox)),
      clock_(clock),
      stream_bytes_max_(stream_bytes_max) {}

ConnectionResponder::~ConnectionResponder() {
  if (phase_ == Phase::kDone) return;
  if (phase_ == Phase::kStarted) {
    Post(Message::Kind::kBreak, {}, true);
  } else {
    Send(ErrorResponse(500, "the request was not answered"));
  }
}

void ConnectionResponder::Post(Message::Kind kind, std::string bytes, bool close) {
  Message message;
  message.kind = kind;
  message.close = close;
  message.connection = traits_.connection;
  message.request = traits_.request;
  message.bytes = std::move(bytes);
  mailbox_->Post(std::move(message));
}

// The callback may hold the responder: it goes first.
void ConnectionResponder::BeDone() {
  phase_ = Phase::kDone;
  std::function<void()> callback;
  const std::lock_guard lock(mutex_);
  callback.swap(on_cancel_);
}

void ConnectionResponder::Send(Response response) {
  TM_CHECK(phase_ == Phase::kOpen);
  BeDone();
  RequestTraits hidden;
  if (response.hide_from_origin) {
    hidden = traits_;
    hidden.origin.clear();
  }
  const RequestTraits& traits = response.hide_from_origin ? hidden : traits_;
  Post(Message::Kind::kAnswer, SerializeResponse(response, traits, clock_->WallNow()),
       response.close || !traits_.keep_alive);
}

void ConnectionResponder::Start(int status, std::string content_type, Headers headers) {
  TM_CHECK(phase_ == Phase::kOpen);
  phase_ = Phase::kStarted;
  std::string head;
  AppendHead(&head, status, content_type, headers, traits_, clock_->WallNow(),
             traits_.http_1_0 || !traits_.keep_alive);
  if (!traits_.http_1_0) head.append("Transfer-Encoding: chunked\r\n");
  head.append("\r\n");
  {
    const std::lock_guard lock(mutex_);
    waiting_bytes_ += head.size();
  }
  Post(Message::Kind::kPart, std::move(head), false);
}

// Posted under the lock, so that NoteSent cannot come before the bytes were counted.
void ConnectionResponder::PostChunk(const std::string& chunk) {
  if (chunk.empty() || traits_.head_only) return;
  std::string framed;
  if (traits_.http_1_0) {
    framed = chunk;
  } else {
    std::array<char, 16> size{};
    const auto [end, error] =
        std::to_chars(size.data(), size.data() + size.size(), chunk.size(), 16);
    TM_CHECK(error == std::errc());
    framed.reserve(chunk.size() + 24);
    framed.append(size.data(), end).append("\r\n").append(chunk).append("\r\n");
  }
  waiting_bytes_ += framed.size();
  Post(Message::Kind::kPart, std::move(framed), false);
}

Error ConnectionResponder::GoneError() const {
  return Error(why_gone_, why_gone_ == Code::kDeadlineExceeded
                              ? "the client did not read its answer in time"
                              : "the client went away");
}

Status ConnectionResponder::Write(std::string chunk) {
  TM_CHECK(phase_ == Phase::kStarted);
  TM_CHECK(!OnReactorThread());
  std::unique_lock lock(mutex_);
  sent_.wait(lock, [this] { return gone_ || waiting_bytes_ <= stream_bytes_max_; });
  if (gone_) return Fail(GoneError());
  PostChunk(chunk);
  return {};
}

Result<bool> ConnectionResponder::TryWrite(std::string chunk) {
  TM_CHECK(phase_ == Phase::kStarted);
  const std::lock_guard lock(mutex_);
  if (gone_) return Fail(GoneError());
  if (waiting_bytes_ > stream_bytes_max_) return false;
  PostChunk(chunk);
  return true;
}

void ConnectionResponder::Finish() {
  TM_CHECK(phase_ == Phase::kStarted);
  BeDone();
  const bool chunked = !traits_.http_1_0 && !traits_.head_only;
  Post(Message::Kind::kEnd, chunked ? "0\r\n\r\n" : "", traits_.http_1_0 || !traits_.keep_alive);
}

void ConnectionResponder::Continue(std::shared_ptr<Continuation> rest) {
  if (mailbox_->IsOwner()) return rest->Run();
  Message message;
  message.kind = Message::Kind::kContinue;
  message.rest = std::move(rest);
  // The last use of this: the rest holds it, and may be gone by the time that Post returns.
  const std::shared_ptr<Mailbox> mailbox = mailbox_;
  if (mailbox->Post(std::move(message))) return;
  message.rest->Run();  // NOLINT(bugprone-use-after-move): what is refused is untouched.
}

bool ConnectionResponder::cancelled() const {
  const std::lock_guard lock(mutex_);
  return gone_;
}

void ConnectionResponder::OnCancel(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!gone_) {
      on_cancel_ = std::move(callback);
      return;
    }
  }
  callback();
}

void ConnectionResponder::NoteSent(std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    waiting_bytes_ -= std::min(bytes, waiting_bytes_);
  }
  sent_.notify_all();
}

void ConnectionResponder::NoteGone(Code why) {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    if (gone_) return;
    gone_ = true;
    why_gone_ = why;
    callback = std::move(on_cancel_);
    on_cancel_ = nullptr;
  }
  sent_.notify_all();
  if (callback) callback();
}

}  // namespace tidemark::net
