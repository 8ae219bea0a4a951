#include "net/http_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/text.h"

namespace tidemark::net {
namespace {

constexpr std::size_t kReadBytes = 64U << 10;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Error Broken() { return {Code::kUnavailable, "the server closed the connection"}; }

}  // namespace

std::string_view ClientResponse::Header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

Result<HttpClient> HttpClient::Make(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with(kScheme)) url.remove_prefix(kScheme.size());
  url = url.substr(0, url.find('/'));
  const std::size_t colon = url.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == url.size()) {
    return Fail(Code::kInvalidArgument, "a server's address looks like http://127.0.0.1:8080");
  }
  std::string_view host = url.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return HttpClient(std::string(host), std::string(url.substr(colon + 1)));
}

HttpClient::HttpClient(HttpClient&& other) noexcept
    : host_(std::move(other.host_)),
      port_(std::move(other.port_)),
      fd_(std::exchange(other.fd_, -1)),
      in_(std::move(other.in_)),
      at_(other.at_) {}

HttpClient::~HttpClient() { Close(); }

void HttpClient::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  in_.clear();
  at_ = 0;
}

Status HttpClient::Connect() {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int looked_up = ::getaddrinfo(host_.c_str(), port_.c_str(), &hints, &found);
  if (looked_up != 0) {
    return Fail(Code::kUnavailable, "the server's name " + host_ + " is not known (" +
                                        ::gai_strerror(looked_up) + "); look at --url");
  }
  int error = ECONNREFUSED;
  for (const addrinfo* at = found; at != nullptr && fd_ < 0; at = at->ai_next) {
    const int fd = ::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (fd < 0) continue;
    if (::connect(fd, at->ai_addr, at->ai_addrlen) == 0) {
      fd_ = fd;
    } else {
      error = errno;
      ::close(fd);
    }
  }
  if (found != nullptr) ::freeaddrinfo(found);
  if (fd_ < 0) {
    return Fail(Code::kUnavailable, "no server at " + host_ + ":" + port_ + " (" +
                                        std::strerror(error) +
                                        "); start `tidemark serve`, or say where it is with --url "
                                        "or --data-dir");
  }
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return {};
}

Status HttpClient::WriteAll(std::string_view head, std::string_view body) {
  while (!head.empty() || !body.empty()) {
    iovec parts[2] = {{const_cast<char*>(head.data()), head.size()},
                      {const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const ssize_t n = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(Broken());
    auto left = static_cast<std::size_t>(n);
    const std::size_t of_head = std::min(left, head.size());
    head.remove_prefix(of_head);
    body.remove_prefix(left - of_head);
  }
  return {};
}

Status HttpClient::Fill() {
  if (at_ == in_.size()) {
    in_.clear();
    at_ = 0;
  }
  std::array<char, kReadBytes> bytes;  // Not in in_, whose resize would fill it with zeros first.
  ssize_t n = 0;
  do {
    n = ::recv(fd_, bytes.data(), bytes.size(), 0);
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return Fail(Broken());
  in_.append(bytes.data(), static_cast<std::size_t>(n));
  return {};
}

Result<std::string> HttpClient::ReadLine() {
  for (std::size_t from = at_;;) {
    const std::size_t end = in_.find('\n', from);
    if (end != std::string::npos) {
      std::string line = in_.substr(at_, end - at_);
      at_ = end + 1;
      if (!line.empty() && line.back() == '\r') line.pop_back();
      return line;
    }
    if (in_.size() - at_ > kClientHeadBytesMax) {
      return Fail(Code::kUnavailable, "the answer is not HTTP");
    }
    const std::size_t unread = in_.size() - at_;
    TM_TRY(Fill());
    from = at_ + unread;
  }
}

Result<ClientResponse> HttpClient::ReadHead() {
  ClientResponse response;
  do {  // Interim answers (100 Continue) come before the real one.
    response = {};
    TM_ASSIGN(const std::string line, ReadLine());
    const std::size_t blank = line.find(' ');
    if (!line.starts_with("HTTP/1.") || blank == std::string::npos) {
      return Fail(Code::kUnavailable, "the answer is not HTTP");
    }
    std::from_chars(line.data() + blank + 1, line.data() + line.size(), response.status);
    for (;;) {
      TM_ASSIGN(const std::string header, ReadLine());
      if (header.empty()) break;
      const std::size_t colon = std::min(header.find(':'), header.size() - 1);
      response.headers.emplace_back(LowerCase(header.substr(0, colon)),
                                    Trim(std::string_view(header).substr(colon + 1)));
    }
  } while (response.status / 100 == 1);
  return response;
}

Status HttpClient::ReadBytes(std::uint64_t count, const OnBody& take) {
  while (count > 0) {
    if (at_ == in_.size()) TM_TRY(Fill());
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(count, in_.size() - at_));
    take(std::string_view(in_).substr(at_, part));
    at_ += part;
    count -= part;
  }
  return {};
}

Status HttpClient::ReadChunks(const OnBody& take) {
  for (;;) {
    TM_ASSIGN(const std::string line, ReadLine());
    std::uint64_t size = 0;
    const auto read = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    if (read.ec != std::errc()) return Fail(Code::kUnavailable, "the answer is cut short");
    if (size > 0) TM_TRY(ReadBytes(size, take));
    TM_ASSIGN(const std::string end, ReadLine());
    if (!end.empty()) return Fail(Code::kUnavailable, "the answer is not HTTP");
    if (size == 0) return {};
  }
}

Status HttpClient::ReadBody(ClientResponse* response, const OnBody& on_body) {
  const OnBody keep = [response](std::string_view part) { response->body.append(part); };
  const OnBody& take = on_body && response->status == 200 ? on_body : keep;
  if (response->Header("transfer-encoding") == "chunked") return ReadChunks(take);
  const std::string_view length = response->Header("content-length");
  std::uint64_t size = 0;
  std::from_chars(length.data(), length.data() + length.size(), size);
  return ReadBytes(size, take);
}

Result<ClientResponse> HttpClient::Send(std::string_view method, std::string_view path,
                                        const Headers& headers, std::string_view body,
                                        const OnBody& on_body) {
  std::string head(method);
  head.append(" ").append(path).append(" HTTP/1.1\r\nHost: ").append(host_).append("\r\n");
  for (const auto& [name, value] : headers) {
    head.append(name).append(": ").append(value).append("\r\n");
  }
  head.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
  const bool reused = fd_ >= 0;
  if (!reused) TM_TRY(Connect());
  auto written = WriteAll(head, body);
  if (written && at_ == in_.size()) written = Fill();
  if (!written) {
    Close();
    // An idle connection that the server had closed already took nothing.
    if (!reused) return Fail(std::move(written).error());
    TM_TRY(Connect());
    TM_TRY(WriteAll(head, body));
  }
  auto response = ReadHead();
  if (response) {
    if (auto read = ReadBody(&*response, on_body); !read) response = Fail(std::move(read).error());
  }
  if (!response || response->Header("connection") == "close") Close();
  return response;
}

}  // namespace tidemark::net
