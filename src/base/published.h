// A pointer to immutable state that one side replaces and many sides read: a shared_ptr behind a
// mutex held for a pointer copy. (Not std::atomic<std::shared_ptr>: g++ 12's has a race that
// ThreadSanitizer reports, and it is slower.) Any thread.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace tidemark {

template <class T>
class Published {
 public:
  explicit Published(std::shared_ptr<const T> initial = nullptr) : current_(std::move(initial)) {}

  std::shared_ptr<const T> Load() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  void Store(std::shared_ptr<const T> next) {
    {
      const std::lock_guard lock(mutex_);
      current_.swap(next);
    }
    // The old state dies here, outside the lock.
  }
  // Replaces the state by make(*current). Writers on several threads never lose each other's
  // change.
  template <class Make>
  void Update(const Make& make) {
    std::shared_ptr<const T> next;
    const std::lock_guard lock(mutex_);
    next = make(*current_);
    current_.swap(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> current_;
};

}  // namespace tidemark
