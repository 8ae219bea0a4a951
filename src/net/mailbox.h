// How other threads reach a reactor: a list of messages and one wake for all that wait in it.
// Any thread; outlives the reactor in the hands of responders.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "env/held_wakes.h"

namespace tidemark::net {

class Continuation;

struct Message {
  enum class Kind : std::uint8_t {
    kAdopt,     // `fd` is a new connection.
    kAnswer,    // `bytes` is all of the answer.
    kPart,      // `bytes` is the next part of it.
    kEnd,       // It is whole.
    kBreak,     // It never will be: cut the connection.
    kContinue,  // `rest` is to be run, of whatever connection.
  };
  Kind kind = Kind::kAnswer;
  bool close = false;  // End the connection after this answer.
  int fd = -1;
  std::uint64_t connection = 0;
  std::uint64_t request = 0;  // Number of the request on its connection.
  std::string bytes;
  std::shared_ptr<Continuation> rest;
};

class Mailbox final : public env::Sleeper, public std::enable_shared_from_this<Mailbox> {
 public:
  Mailbox();
  ~Mailbox() override;

  // False, and the message untouched, once closed: nobody will read it. Its wake is held back by
  // env::HeldWakes.
  bool Post(Message&& message);
  // Makes the reactor look up, with or without a message.
  void WakeNow() override;

  // Whether this thread is the reactor's.
  bool IsOwner() const {
    return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  // For the reactor.
  void Own() { owner_ = std::this_thread::get_id(); }
  // Readable, edge-triggered, after each wake; never to be read.
  int event_fd() const { return event_fd_; }
  // Replaces `messages` by what waits; false if nothing does.
  bool Take(std::vector<Message>* messages);
  // Runs what is left to run. The thread is no owner any more.
  void Close();

 private:
  const int event_fd_;
  std::atomic<std::thread::id> owner_{};
  std::mutex mutex_;
  std::vector<Message> messages_;
  bool closed_ = false;
  std::vector<Message> own_;  // Whole answers that the reactor posts itself: only its thread.
};

}  // namespace tidemark::net
