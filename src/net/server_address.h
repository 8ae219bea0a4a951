// Where a server of ours is, for our own clients. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace tidemark::net {

// Names and values of a request's headers.
using Headers = std::vector<std::pair<std::string, std::string>>;

struct ServerAddress {
  std::string host;
  std::string port;

  // `url`: http://host:port, a path after it is ignored. kInvalidArgument.
  static Result<ServerAddress> Parse(std::string_view url);
  // "127.0.0.1:8080", "[::1]:8080": as a Host header has it.
  std::string ToString() const;
};

// A connected socket, which is the caller's; it blocks. kUnavailable: the message names the
// address.
Result<int> Connect(const ServerAddress& server);

// Request line and headers, up to the body, of requests that differ in their bodies only. One
// thread.
class RequestHead {
 public:
  RequestHead(std::string_view method, std::string_view path, const ServerAddress& server,
              const Headers& headers);
  // Until the next call.
  std::string_view For(std::size_t body_bytes);

 private:
  std::string text_;
  std::size_t before_length_ = 0;
};

// Whether the request may be sent again by itself when its connection broke before an answer, and
// the server may have done it: by its method, or as the server knows it by its Idempotency-Key.
bool MayRepeat(std::string_view head);

// Whether the other side has closed a connection on which nothing is due.
bool HasEnded(int fd);

// Sends of both what is behind their first `sent` bytes, as much as the socket takes: how many
// bytes, or -1 as sendmsg has it.
ssize_t SendMore(int fd, std::string_view head, std::string_view body, std::size_t sent);

}  // namespace tidemark::net
