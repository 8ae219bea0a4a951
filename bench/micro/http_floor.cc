// The least that a single POST costs on this machine: build/release/bench/http_floor.
//
// One thread that waits for sockets, reads a request to its end, looks at nothing in it and sends
// one fixed answer, as Tidemark's to one event. No parsing, no log, no second thread: what it
// costs, a server of HTTP over loopback costs before it does anything. Prints `ready
// 127.0.0.1:PORT`; ends with SIGTERM.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr std::string_view kAnswer =
    "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 73\r\n"
    "X-Tidemark-Receipt: tr1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n\r\n"
    R"({"status":"accepted","eventId":"00000000-0000-7000-8000-000000000000"}   )";
constexpr int kEventsMax = 256;
constexpr std::size_t kReadBytes = 64 * 1'024;

[[noreturn]] void Stop(const char* what) {
  std::perror(what);
  std::exit(1);
}

int Listen() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (listener < 0 || ::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener, kEventsMax) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    Stop("listen");
  }
  std::printf("ready 127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

// Bytes of the request at the front, 0 while its end has not come.
std::size_t RequestBytes(std::string_view bytes) {
  constexpr std::string_view kLength = "Content-Length: ";
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  std::size_t body = 0;
  if (const std::size_t at = bytes.substr(0, end).find(kLength); at != std::string_view::npos) {
    body = std::strtoul(bytes.data() + at + kLength.size(), nullptr, 10);
  }
  return bytes.size() >= end + 4 + body ? end + 4 + body : 0;
}

// False: the client is gone.
bool Serve(int socket, std::string* pending) {
  std::array<char, kReadBytes> buffer;
  const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  pending->append(buffer.data(), static_cast<std::size_t>(got));
  std::string answers;
  std::size_t done = 0;
  while (const std::size_t bytes = RequestBytes(std::string_view(*pending).substr(done))) {
    done += bytes;
    answers += kAnswer;
  }
  pending->erase(0, done);
  return answers.empty() || ::send(socket, answers.data(), answers.size(), MSG_NOSIGNAL) > 0;
}

}  // namespace

int main() {
  const int listener = Listen();
  const int poll = ::epoll_create1(0);
  epoll_event wanted{.events = EPOLLIN, .data = {.fd = listener}};
  if (poll < 0 || ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &wanted) != 0) Stop("epoll");
  std::map<int, std::string> clients;
  for (;;) {
    std::array<epoll_event, kEventsMax> events;
    const int count = ::epoll_wait(poll, events.data(), kEventsMax, -1);
    for (int i = 0; i < count; ++i) {
      const int socket = events[static_cast<std::size_t>(i)].data.fd;
      if (socket == listener) {
        const int client = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (client < 0) continue;
        const int on = 1;
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event event{.events = EPOLLIN, .data = {.fd = client}};
        ::epoll_ctl(poll, EPOLL_CTL_ADD, client, &event);
        clients[client].clear();
      } else if (!Serve(socket, &clients[socket])) {
        clients.erase(socket);
        ::close(socket);
      }
    }
  }
}
