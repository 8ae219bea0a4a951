// One thread with an epoll loop and the connections that live on it. The inside of http_server.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "net/connection.h"
#include "net/mailbox.h"

namespace tidemark::net {

class Reactor {
 public:
  // Told of every new connection: hands it to a reactor, or closes it.
  using Accept = std::function<void(int fd)>;

  Reactor(std::string name, ServerShared* shared);
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  ~Reactor();

  // `listener` is accepted from on this reactor, or -1.
  void Start(int listener, Accept accept);
  // Any thread.
  bool Adopt(int fd);
  // Refuses what is new and ends when all is answered, or `until` has come.
  void Stop(Duration until);
  void Join();

 private:
  void Run() noexcept;
  void OnListener();
  // Until the next tick.
  void RestListener();
  void ListenFor(std::uint32_t events);
  void OnEvent(std::uint64_t id, std::uint32_t events);
  void AddConnection(int fd);
  void TakeMessages();
  void List(Connection* connection);
  void FlushListed();
  void UpdateEvents(Connection* connection);
  void Tick();
  bool Finished();

  const std::string name_;
  ServerShared* const shared_;
  const std::shared_ptr<Mailbox> mailbox_;
  const int epoll_;
  int listener_ = -1;
  Accept accept_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> stop_until_{0};  // Nanoseconds of the clock.

  bool drained_ = false;
  bool listener_rests_ = false;
  Duration now_{};
  Duration next_tick_{};
  std::uint64_t next_id_ = 16;  // Below are the ids of the listener and the mailbox.
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> listed_;
  std::vector<Message> messages_;
  std::string buffer_;
};

}  // namespace tidemark::net
