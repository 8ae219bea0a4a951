#include "net/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"

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

bool Mailbox::Post(Message message) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    first = messages_.empty();
    messages_.push_back(std::move(message));
  }
  // The reactor empties the box before it sleeps: no wake for what it posts itself.
  if (first && owner_.load(std::memory_order_relaxed) != std::this_thread::get_id()) {
    env::HeldWakes::Wake(shared_from_this());
  }
  return true;
}

void Mailbox::WakeNow() {
  const std::uint64_t one = 1;
  // Fails only after 2^64 - 2 wakes.
  [[maybe_unused]] const auto written = ::write(event_fd_, &one, sizeof one);
}

bool Mailbox::Take(std::vector<Message>* messages) {
  messages->clear();
  const std::lock_guard lock(mutex_);
  messages_.swap(*messages);
  return !messages->empty();
}

void Mailbox::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

}  // namespace tidemark::net
