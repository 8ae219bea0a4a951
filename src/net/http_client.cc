#include "net/http_client.h"

#include <cerrno>

#include <sys/socket.h>
#include <unistd.h>

namespace tidemark::net {
namespace {

constexpr std::size_t kReadBytes = 64U << 10;

Error Broken() { return {Code::kUnavailable, "the server closed the connection"}; }

}  // namespace

HttpClient::HttpClient(HttpClient&& other) noexcept
    : server_(std::move(other.server_)),
      fd_(std::exchange(other.fd_, -1)),
      parser_(std::move(other.parser_)),
      buffer_(std::move(other.buffer_)) {}

HttpClient::~HttpClient() { Close(); }

void HttpClient::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Status HttpClient::Open() {
  TM_ASSIGN(fd_, Connect(server_));
  parser_ = {};
  return {};
}

Status HttpClient::WriteAll(std::string_view head, std::string_view body) {
  for (std::size_t sent = 0; sent < head.size() + body.size();) {
    const ssize_t n = SendMore(fd_, head, body, sent);
    if (n < 0) return Fail(Broken());
    sent += static_cast<std::size_t>(n);
  }
  return {};
}

Result<std::string_view> HttpClient::Read() {
  buffer_.resize(kReadBytes);
  ssize_t n = 0;
  do {
    n = ::recv(fd_, buffer_.data(), buffer_.size(), 0);
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return Fail(Broken());
  return std::string_view(buffer_).substr(0, static_cast<std::size_t>(n));
}

Result<ClientResponse> HttpClient::ReadAnswer(std::string_view bytes) {
  for (;;) {
    TM_ASSIGN(const bool whole, parser_.Feed(&bytes));
    if (whole) return parser_.Take();
    auto more = Read();
    if (!more) {
      TM_TRY(parser_.End());
      return parser_.Take();
    }
    bytes = *more;
  }
}

Result<ClientResponse> HttpClient::Send(std::string_view method, std::string_view path,
                                        const Headers& headers, std::string_view body,
                                        const OnBody& on_body) {
  RequestHead request_head(method, path, server_, headers);
  const std::string_view head = request_head.For(body.size());
  if (fd_ >= 0 && HasEnded(fd_)) Close();
  const bool reused = fd_ >= 0;
  if (!reused) TM_TRY(Open());
  auto written = WriteAll(head, body);
  auto first = written ? Read() : Result<std::string_view>(Fail(Broken()));
  if (!first) {
    Close();
    // Most often it was closed while idle, and took nothing; but that cannot be seen from here.
    if (!reused || !MayRepeat(head)) return Fail(std::move(first).error());
    TM_TRY(Open());
    TM_TRY(WriteAll(head, body));
    TM_ASSIGN(first, Read());
  }
  parser_.SetOnBody(on_body);
  auto response = ReadAnswer(*first);
  parser_.SetOnBody(nullptr);
  if (!response || !parser_.keep_alive()) Close();
  return response;
}

}  // namespace tidemark::net
