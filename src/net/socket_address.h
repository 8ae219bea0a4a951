// Addresses of sockets as text and back. Pure but for the resolver; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/socket.h>

#include "base/ip_address.h"
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
// Of whom `fd` is connected to; "::" if the kernel does not say.
IpAddress PeerOf(int fd);
// For connections within one machine, where no line is shared: if the system's way of congestion
// control gives each connection a pace (BBR), this one has none, and no timer for it. Changes
// nothing where the system does not let a program choose.
void DoNotPace(int fd);
// The system's words for an errno.
std::string ErrnoText(int error);

}  // namespace tidemark::net
