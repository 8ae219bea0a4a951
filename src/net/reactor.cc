#include "net/reactor.h"

#include <array>
#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "env/held_wakes.h"
#include "net/socket_address.h"
#include "telemetry/log_line.h"

namespace tidemark::net {
namespace {

constexpr std::uint64_t kListenerId = 0;
constexpr std::uint64_t kMailboxId = 1;
constexpr std::size_t kEventsMax = 256;
constexpr std::size_t kAcceptsMax = 64;  // In one round, so that nobody starves.
constexpr int kTickMillis = 100;
// How long those that have got requests of a round are left asleep while it is read further.
constexpr Duration kWakesHeldMax = std::chrono::microseconds(200);

}  // namespace

Reactor::Reactor(std::string name, ServerShared* shared)
    : name_(std::move(name)),
      shared_(shared),
      mailbox_(std::make_shared<Mailbox>()),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      buffer_(256_KiB, '\0') {
  TM_CHECK(epoll_ >= 0);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;  // Each wake is one event, and needs no reading.
  event.data.u64 = kMailboxId;
  TM_CHECK_EQ(::epoll_ctl(epoll_, EPOLL_CTL_ADD, mailbox_->event_fd(), &event), 0);
}

Reactor::~Reactor() {
  Join();
  ::close(epoll_);
}

void Reactor::Start(int listener, Accept accept) {
  listener_ = listener;
  accept_ = std::move(accept);
  if (listener_ >= 0) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = kListenerId;
    TM_CHECK_EQ(::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event), 0);
  }
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), name_.c_str());
}

bool Reactor::Adopt(int fd) {
  Message message;
  message.kind = Message::Kind::kAdopt;
  message.fd = fd;
  return mailbox_->Post(std::move(message));
}

void Reactor::Stop(Duration until) {
  stop_until_.store(until.count());
  stopping_.store(true);
  mailbox_->WakeNow();
}

void Reactor::Join() {
  if (thread_.joinable()) thread_.join();
}

void Reactor::Run() noexcept {
  MarkReactorThread();
  mailbox_->Own();
  std::array<epoll_event, kEventsMax> events;
  while (!Finished()) {
    const int count = ::epoll_wait(epoll_, events.data(), kEventsMax, kTickMillis);
    now_ = shared_->clock->Now();
    env::HeldWakes wakes;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == kListenerId) {
        OnListener();
      } else if (event.data.u64 != kMailboxId) {
        OnEvent(event.data.u64, event.events);
      }
      if (wakes.any() && shared_->clock->Now() - now_ > kWakesHeldMax) wakes.Release();
    }
    TakeMessages();
    wakes.Release();  // Those that have got requests work while answers are sent.
    FlushListed();
    if (now_ >= next_tick_) Tick();
  }
  connections_.clear();
  mailbox_->Close();
}

bool Reactor::Finished() {
  if (!stopping_.load()) return false;
  if (!drained_) {
    drained_ = true;
    now_ = shared_->clock->Now();
    if (listener_ >= 0) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, listener_, nullptr);
    TakeMessages();
    for (auto& [id, connection] : connections_) {
      connection->Drain();
      List(connection.get());
    }
    FlushListed();
  }
  return connections_.empty() || shared_->clock->Now().count() >= stop_until_.load();
}

void Reactor::OnListener() {
  for (std::size_t i = 0; i < kAcceptsMax; ++i) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) RestListener();
      return;
    }
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    accept_(fd);
  }
}

// What cannot be accepted stays in the listener's queue, which would wake this thread at once
// again.
void Reactor::RestListener() {
  shared_->metrics.failed_accepts.Add();
  TM_LOG(kWarning, "no file descriptor is free for a new connection");
  ListenFor(0);
  listener_rests_ = true;
}

void Reactor::ListenFor(std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = kListenerId;
  TM_CHECK_EQ(::epoll_ctl(epoll_, EPOLL_CTL_MOD, listener_, &event), 0);
}

void Reactor::AddConnection(int fd) {
  if (drained_) {
    ::close(fd);
    return;
  }
  const std::uint64_t id = next_id_++;
  const IpAddress peer = PeerOf(fd);
  if (peer.is_loopback()) DoNotPace(fd);
  auto connection = std::make_unique<Connection>(fd, id, peer, shared_, mailbox_, now_);
  epoll_event event{};
  event.events = connection->WantedEvents();
  event.data.u64 = id;
  connection->registered_events = event.events;
  TM_CHECK_EQ(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), 0);
  connections_.emplace(id, std::move(connection));
}

void Reactor::OnEvent(std::uint64_t id, std::uint32_t events) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection* connection = found->second.get();
  if ((events & EPOLLIN) != 0) connection->OnReadable(&buffer_, now_);
  // Both directions are closed, or the peer reset: what it sent before was read above.
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0) connection->OnBroken();
  List(connection);
}

void Reactor::List(Connection* connection) {
  if (connection->listed) return;
  connection->listed = true;
  listed_.push_back(connection);
}

void Reactor::TakeMessages() {
  while (mailbox_->Take(&messages_)) {
    for (Message& message : messages_) {
      if (message.kind == Message::Kind::kAdopt) {
        AddConnection(std::exchange(message.fd, -1));
        continue;
      }
      if (message.kind == Message::Kind::kContinue) {
        std::exchange(message.rest, nullptr)->Run();
        continue;
      }
      const auto found = connections_.find(message.connection);
      if (found == connections_.end()) continue;
      found->second->OnMessage(std::move(message));
      List(found->second.get());
    }
  }
}

// One write for all the answers that a connection has got.
void Reactor::FlushListed() {
  while (!listed_.empty()) {
    std::vector<Connection*> round;
    round.swap(listed_);
    for (Connection* connection : round) {
      connection->listed = false;
      if (!connection->dead()) connection->Flush(now_);
      if (connection->dead()) {
        connections_.erase(connection->id());
      } else {
        UpdateEvents(connection);
      }
    }
    TakeMessages();  // Requests that were read only now may be answered already.
  }
}

void Reactor::UpdateEvents(Connection* connection) {
  const std::uint32_t wanted = connection->WantedEvents();
  if (wanted == connection->registered_events) return;
  epoll_event event{};
  event.events = wanted;
  event.data.u64 = connection->id();
  connection->registered_events = wanted;
  TM_CHECK_EQ(::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection->fd(), &event), 0);
}

void Reactor::Tick() {
  next_tick_ = now_ + std::chrono::milliseconds(kTickMillis);
  if (std::exchange(listener_rests_, false) && !drained_) ListenFor(EPOLLIN);
  for (auto& [id, connection] : connections_) {
    connection->OnTick(now_);
    List(connection.get());
  }
  FlushListed();
}

}  // namespace tidemark::net
