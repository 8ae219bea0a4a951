// The statements that run on an instance, so that one can be told to give up when the process has
// no memory left: the engine does not count all that a statement takes. Lock-free; any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace tidemark::engine {

class RunningStatements {
 public:
  static constexpr std::size_t kMax = 64;  // More may run; they are not told.

  // A statement's place among them, given back with the last of its memory.
  class Place {
   public:
    Place() = default;
    Place(std::shared_ptr<RunningStatements> all, std::atomic<std::uint64_t>* word)
        : all_(std::move(all)), word_(word) {}
    Place(Place&& other) noexcept
        : all_(std::move(other.all_)), word_(std::exchange(other.word_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(all_, other.all_);
      std::swap(word_, other.word_);
      return *this;
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { Leave(); }

    void Leave() {
      if (word_ != nullptr) word_->store(0, std::memory_order_relaxed);
      word_ = nullptr;
    }
    bool must_stop() const {
      return word_ != nullptr && (word_->load(std::memory_order_relaxed) & kMustStop) != 0;
    }

   private:
    std::shared_ptr<RunningStatements> all_;  // Whose word it is.
    std::atomic<std::uint64_t>* word_ = nullptr;
  };

  static Place Enter(const std::shared_ptr<RunningStatements>& all) {
    const std::uint64_t number = all->last_.fetch_add(1, std::memory_order_relaxed) + 1;
    for (std::atomic<std::uint64_t>& word : all->words_) {
      std::uint64_t free = 0;
      if (word.compare_exchange_strong(free, number << 1, std::memory_order_relaxed)) {
        return {all, &word};
      }
    }
    return {};
  }

  // Tells the one that began last, of those that were not told. False: there is none.
  bool StopNewest() {
    std::atomic<std::uint64_t>* newest = nullptr;
    std::uint64_t found = 0;
    for (std::atomic<std::uint64_t>& word : words_) {
      const std::uint64_t now = word.load(std::memory_order_relaxed);
      if ((now & kMustStop) == 0 && now > found) found = now, newest = &word;
    }
    return newest != nullptr &&
           newest->compare_exchange_strong(found, found | kMustStop, std::memory_order_relaxed);
  }

 private:
  static constexpr std::uint64_t kMustStop = 1;

  std::atomic<std::uint64_t> last_{0};
  // 0: free; else the statement's number, and whether it was told.
  std::array<std::atomic<std::uint64_t>, kMax> words_{};
};

}  // namespace tidemark::engine
