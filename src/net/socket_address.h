// Addresses of sockets as text and back. Pure but for the resolver; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/socket.h>

#include "base/result.h"

namespace tidemark::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  std::uint16_t port() const;
  // "127.0.0.1:8080", "[::1]:8080".
  std::string ToString() const;
};

// "host:port", "[ipv6]:port" or ":port" (loopback). kInvalidArgument; kUnavailable if the name is
// not known.
Result<SocketAddress> ResolveAddress(std::string_view text);
SocketAddress LocalAddress(int fd);
// The system's words for an errno.
std::string ErrnoText(int error);

}  // namespace tidemark::net
