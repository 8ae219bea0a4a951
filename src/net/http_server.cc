#include "net/http_server.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "net/reactor.h"
#include "net/socket_address.h"

namespace tidemark::net {
namespace {

constexpr int kBacklog = 4'096;

Result<int> Listen(const ServerOptions& options) {
  TM_ASSIGN(const SocketAddress address, ResolveAddress(options.listen));
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Fail(Code::kUnavailable, "no socket: " + ErrnoText(errno));
  const int one = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (::bind(fd, address.get(), address.size) == 0 && ::listen(fd, kBacklog) == 0) return fd;
  const int error = errno;
  ::close(fd);
  if (error == EADDRINUSE) {
    return Fail(Code::kUnavailable, options.listen +
                                        " is in use by another program; choose another address "
                                        "with " +
                                        options.listen_option);
  }
  return Fail(Code::kUnavailable, "cannot listen on " + options.listen + " (" +
                                      options.listen_option + "): " + ErrnoText(error));
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(ServerOptions options, Handler* handler, env::Clock* clock, telemetry::Registry* registry,
       int listener)
      : shared_{std::move(options), handler, clock, ServerMetrics(registry)},
        listener_(listener),
        address_(LocalAddress(listener)) {
    for (std::uint32_t i = 0; i < std::max(1U, shared_.options.reactors); ++i) {
      reactors_.push_back(std::make_unique<Reactor>("net-" + std::to_string(i), &shared_));
    }
    for (std::size_t i = reactors_.size(); i-- > 0;) {
      reactors_[i]->Start(i == 0 ? listener_ : -1, [this](int fd) { OnAccept(fd); });
    }
  }
  ~Impl() { Stop(Duration::zero()); }

  void Stop(Duration grace) {
    if (listener_ < 0) return;
    const Duration until = shared_.clock->Now() + grace;
    for (const auto& reactor : reactors_) reactor->Stop(until);
    for (const auto& reactor : reactors_) reactor->Join();
    ::close(std::exchange(listener_, -1));
  }

  const SocketAddress& address() const { return address_; }

 private:
  // On the first reactor's thread. In turn, so that a few busy connections share all reactors.
  void OnAccept(int fd) {
    const auto open = shared_.metrics.connections.value();
    if (open >= static_cast<std::int64_t>(shared_.options.connections_max)) {
      shared_.metrics.refused_connections.Add();
      RequestTraits traits;
      traits.keep_alive = false;
      const std::string bytes = SerializeResponse(
          ErrorResponse(503, "too many connections are open"), traits, shared_.clock->WallNow());
      [[maybe_unused]] const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ::close(fd);
      return;
    }
    if (!reactors_[next_++ % reactors_.size()]->Adopt(fd)) ::close(fd);
  }

  ServerShared shared_;
  int listener_;
  SocketAddress address_;
  std::size_t next_ = 0;
  std::vector<std::unique_ptr<Reactor>> reactors_;
};

Result<std::unique_ptr<HttpServer>> HttpServer::Start(ServerOptions options, Handler* handler,
                                                      env::Clock* clock,
                                                      telemetry::Registry* registry) {
  TM_ASSIGN(const int listener, Listen(options));
  return std::unique_ptr<HttpServer>(new HttpServer(
      std::make_unique<Impl>(std::move(options), handler, clock, registry, listener)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

std::string HttpServer::address() const { return impl_->address().ToString(); }
std::uint16_t HttpServer::port() const { return impl_->address().port(); }
void HttpServer::Stop(Duration grace) { impl_->Stop(grace); }

}  // namespace tidemark::net
