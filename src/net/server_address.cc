#include "net/server_address.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net/http.h"
#include "net/socket_address.h"

namespace tidemark::net {

Result<ServerAddress> ServerAddress::Parse(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with(kScheme)) url.remove_prefix(kScheme.size());
  url = url.substr(0, url.find('/'));
  const std::size_t colon = url.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == url.size()) {
    return Fail(Code::kInvalidArgument, "a server's address looks like http://127.0.0.1:8080");
  }
  std::string_view host = url.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return ServerAddress{std::string(host), std::string(url.substr(colon + 1))};
}

std::string ServerAddress::ToString() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + port;
}

Result<int> Connect(const ServerAddress& server) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int looked_up = ::getaddrinfo(server.host.c_str(), server.port.c_str(), &hints, &found);
  if (looked_up != 0) {
    return Fail(Code::kUnavailable, "the server's name " + server.host + " is not known (" +
                                        ::gai_strerror(looked_up) + "); look at --url");
  }
  int connected = -1;
  int error = ECONNREFUSED;
  for (const addrinfo* at = found; at != nullptr && connected < 0; at = at->ai_next) {
    const int fd = ::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (fd < 0) continue;
    if (::connect(fd, at->ai_addr, at->ai_addrlen) == 0) {
      connected = fd;
    } else {
      error = errno;
      ::close(fd);
    }
  }
  if (found != nullptr) ::freeaddrinfo(found);
  if (connected < 0) {
    return Fail(Code::kUnavailable, "no server at " + server.ToString() + " (" +
                                        std::strerror(error) +
                                        "); start `tidemark serve`, or say where it is with --url "
                                        "or --data-dir");
  }
  const int on = 1;
  ::setsockopt(connected, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (PeerOf(connected).is_loopback()) DoNotPace(connected);
  return connected;
}

RequestHead::RequestHead(std::string_view method, std::string_view path,
                         const ServerAddress& server, const Headers& headers)
    : text_(method) {
  text_.append(" ")
      .append(path)
      .append(" HTTP/1.1\r\nHost: ")
      .append(server.ToString())
      .append("\r\n");
  for (const auto& [name, value] : headers) {
    text_.append(name).append(": ").append(value).append("\r\n");
  }
  text_.append("Content-Length: ");
  before_length_ = text_.size();
}

std::string_view RequestHead::For(std::size_t body_bytes) {
  text_.resize(before_length_);
  return text_.append(std::to_string(body_bytes)).append("\r\n\r\n");
}

bool MayRepeat(std::string_view head) {
  constexpr std::string_view kKey = "Idempotency-Key:";
  if (!head.starts_with("POST ") && !head.starts_with("PATCH ")) return true;
  for (std::size_t at = head.find('\n'); at != std::string_view::npos; at = head.find('\n', at)) {
    if (SameName(head.substr(++at, kKey.size()), kKey)) return true;
  }
  return false;
}

bool HasEnded(int fd) {
  char next = 0;
  const ssize_t n = ::recv(fd, &next, 1, MSG_PEEK | MSG_DONTWAIT);
  return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

ssize_t SendMore(int fd, std::string_view head, std::string_view body, std::size_t sent) {
  const std::size_t of_head = std::min(sent, head.size());
  head.remove_prefix(of_head);
  body.remove_prefix(sent - of_head);
  iovec parts[2] = {{const_cast<char*>(head.data()), head.size()},
                    {const_cast<char*>(body.data()), body.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  for (;;) {
    const ssize_t n = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (n >= 0 || errno != EINTR) return n;
  }
}

}  // namespace tidemark::net
