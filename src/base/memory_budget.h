// The one accountant of memory: parts of the system ask for bytes before they use them and give
// them back after. Lock-free; any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/check.h"

namespace tidemark {

class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // False, and nothing taken, if it does not fit.
  [[nodiscard]] bool TryReserve(std::uint64_t bytes) {
    std::uint64_t used = used_.load(std::memory_order_relaxed);
    do {
      if (bytes > bytes_max_ || used > bytes_max_ - bytes) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }
  // Takes without asking; for memory that is in use already and only changes hands.
  void ReserveAlways(std::uint64_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void Release(std::uint64_t bytes) {
    const std::uint64_t before = used_.fetch_sub(bytes, std::memory_order_relaxed);
    TM_CHECK_GE(before, bytes);
  }

  std::uint64_t used_bytes() const { return used_.load(std::memory_order_relaxed); }
  std::uint64_t bytes_max() const { return bytes_max_; }

 private:
  const std::uint64_t bytes_max_;
  std::atomic<std::uint64_t> used_{0};
};

}  // namespace tidemark
