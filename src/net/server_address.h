// Where a server of ours is, for our own clients. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tidemark::net {

// Names and values of a request's headers.
using Headers = std::vector<std::pair<std::string, std::string>>;

struct ServerAddress {
  std::string host;
  std::string port;

  // `url`: http://host:port, a path after it is ignored. kInvalidArgument.
  static Result<ServerAddress> Parse(std::string_view url);
};

// A connected socket, which is the caller's; it blocks. kUnavailable: the message names the
// address.
Result<int> Connect(const ServerAddress& server);

// Request line and headers, up to the body.
std::string RequestHead(std::string_view method, std::string_view path, const ServerAddress& server,
                        const Headers& headers, std::size_t body_bytes);

}  // namespace tidemark::net
