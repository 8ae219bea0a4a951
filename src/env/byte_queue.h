// A queue between threads, bounded in bytes: many push, one takes all there is at once.
#pragma once

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace tidemark::env {

template <class T>
class ByteQueue {
 public:
  explicit ByteQueue(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}
  ByteQueue(const ByteQueue&) = delete;
  ByteQueue& operator=(const ByteQueue&) = delete;

  // False, and `item` untouched, if it does not fit or the queue is closed. An item larger than the
  // bound fits into an empty queue.
  [[nodiscard]] bool Push(T&& item, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    if (closed_ || (bytes_ > 0 && bytes_ + bytes > bytes_max_)) return false;
    bytes_ += bytes;
    items_.push_back(std::move(item));
    return true;
  }
  // Appends everything that waits to `items`.
  void TakeAll(std::vector<T>* items) {
    const std::lock_guard lock(mutex_);
    if (items->empty()) {
      items->swap(items_);
    } else {
      for (T& item : items_) items->push_back(std::move(item));
    }
    items_.clear();
    bytes_ = 0;
  }
  // Every further Push is refused; what waits can still be taken.
  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  std::uint64_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  const std::uint64_t bytes_max_;
  mutable std::mutex mutex_;
  std::vector<T> items_;
  std::uint64_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace tidemark::env
