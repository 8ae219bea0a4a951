#include "net/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "net/http_server.h"

namespace tidemark::net {

Mailbox::Mailbox() : event_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  TM_CHECK(event_fd_ >= 0);
}

Mailbox::~Mailbox() {
  for (const Message& message : messages_) {
    if (message.fd >= 0) ::close(message.fd);
  }
  ::close(event_fd_);
}

bool Mailbox::Post(Message&& message) {
  // The reactor empties the box before it sleeps: no wake for what it posts itself. A whole answer
  // has no order among the messages of other threads.
  const bool own = IsOwner();
  if (own && message.kind == Message::Kind::kAnswer) {
    own_.push_back(std::move(message));
    return true;
  }
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    first = messages_.empty();
    messages_.push_back(std::move(message));
  }
  if (first && !own) env::HeldWakes::Wake(shared_from_this());
  return true;
}

void Mailbox::WakeNow() {
  const std::uint64_t one = 1;
  // Fails only after 2^64 - 2 wakes.
  [[maybe_unused]] const auto written = ::write(event_fd_, &one, sizeof one);
}

bool Mailbox::Take(std::vector<Message>* messages) {
  messages->clear();
  if (!own_.empty()) {
    own_.swap(*messages);
    return true;
  }
  const std::lock_guard lock(mutex_);
  messages_.swap(*messages);
  return !messages->empty();
}

void Mailbox::Close() {
  owner_ = std::thread::id();
  own_.clear();
  std::vector<Message> left;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    left.swap(messages_);
  }
  for (const Message& message : left) {
    if (message.fd >= 0) ::close(message.fd);
    if (message.rest != nullptr) message.rest->Run();
  }
}

}  // namespace tidemark::net
