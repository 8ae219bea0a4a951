#include "net/socket_address.h"

#include <array>
#include <charconv>
#include <cstring>
#include <system_error>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace tidemark::net {
namespace {

bool IsPort(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::uint16_t SocketAddress::port() const {
  if (family() == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

std::string SocketAddress::ToString() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v6 = family() == AF_INET6;
  const void* raw =
      v6 ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr)
         : &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr;
  ::inet_ntop(family(), raw, text.data(), text.size());
  const std::string host = text.data();
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port());
}

Result<SocketAddress> ResolveAddress(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !IsPort(text.substr(colon + 1))) {
    return Fail(Code::kInvalidArgument,
                "'" + std::string(text) + "' is no address; write host:port, as 127.0.0.1:8080");
  }
  std::string host(text.substr(0, colon));
  const std::string port(text.substr(colon + 1));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty()) host = "127.0.0.1";
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return Fail(Code::kUnavailable, "'" + host + "' is no name of a host (" +
                                        ::gai_strerror(error) + "); write 127.0.0.1:8080");
  }
  // "localhost" may have two: the old one is where servers listen by default.
  const addrinfo* chosen = found;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET) {
      chosen = each;
      break;
    }
  }
  SocketAddress address;
  std::memcpy(&address.storage, chosen->ai_addr, chosen->ai_addrlen);
  address.size = chosen->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

SocketAddress LocalAddress(int fd) {
  SocketAddress address;
  address.size = sizeof address.storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  return address;
}

IpAddress PeerOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  std::array<std::uint8_t, 16> bytes{};
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    bytes[10] = bytes[11] = 0xFF;
    std::memcpy(bytes.data() + 12, &v4->sin_addr, sizeof v4->sin_addr);
  } else if (address.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
    std::memcpy(bytes.data(), &v6->sin6_addr, bytes.size());
  }
  return IpAddress::OfBytes(bytes);
}

void DoNotPace(int fd) {
  constexpr std::string_view kEachMayChoose = "reno";
  ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, kEachMayChoose.data(), kEachMayChoose.size());
}

std::string ErrnoText(int error) { return std::generic_category().message(error); }

}  // namespace tidemark::net
