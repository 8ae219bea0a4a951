#include "net/polled_client.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

namespace tidemark::net {
namespace {

constexpr std::size_t kReadBytes = 16U << 10;

Error Broken() { return {Code::kUnavailable, "the server closed the connection"}; }

bool WouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

PolledClient::PolledClient(ServerAddress server, int epoll, std::uint64_t id)
    : server_(std::move(server)), epoll_(epoll), id_(id) {}

PolledClient::~PolledClient() { Close(); }

void PolledClient::Close() {
  if (fd_ >= 0) ::close(fd_);  // Which takes it out of the epoll.
  fd_ = -1;
}

Status PolledClient::Open() {
  TM_ASSIGN(fd_, Connect(server_));
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = id_;
  TM_CHECK_EQ(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &event), 0);
  parser_ = {};
  reused_ = false;
  return {};
}

Status PolledClient::Send(std::string_view head, std::string_view body) {
  TM_CHECK(!waiting_);
  head_ = head;
  body_ = body;
  written_ = 0;
  waiting_ = true;
  begun_ = false;
  if (fd_ >= 0 && HasEnded(fd_)) Close();
  if (fd_ < 0) TM_TRY(Open());
  WriteSome();
  return {};
}

// What breaks is seen, and mended, by the read after it.
void PolledClient::WriteSome() {
  while (written_ < head_.size() + body_.size()) {
    const ssize_t n = SendMore(fd_, head_, body_, written_);
    if (n < 0) return;
    written_ += static_cast<std::size_t>(n);
  }
}

Result<const ClientResponse*> PolledClient::Ended() {
  Close();
  if (!waiting_) return nullptr;
  if (begun_) {
    TM_TRY(parser_.End());
    waiting_ = false;
    return &parser_.response();
  }
  // Most often it was closed while idle, and took nothing; but that cannot be seen from here.
  if (!reused_ || (written_ > 0 && !MayRepeat(head_))) {
    waiting_ = false;
    return Fail(Broken());
  }
  written_ = 0;
  TM_TRY(Open());
  WriteSome();
  return nullptr;
}

Result<const ClientResponse*> PolledClient::ReadSome() {
  std::array<char, kReadBytes> buffer;
  for (;;) {
    const ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && WouldBlock()) return nullptr;
    if (n <= 0) return Ended();
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
    if (!waiting_) return Fail(Code::kUnavailable, "the server answers what was not asked");
    begun_ = true;
    TM_ASSIGN(const bool whole, parser_.Feed(&bytes));
    if (!whole)
      continue;  // Until nothing is left: the end of the connection is no event by itself.
    waiting_ = false;
    reused_ = true;
    if (!parser_.keep_alive()) Close();
    return &parser_.response();
  }
}

Result<const ClientResponse*> PolledClient::Proceed() {
  if (fd_ < 0) return nullptr;
  if (waiting_) WriteSome();
  return ReadSome();
}

}  // namespace tidemark::net
