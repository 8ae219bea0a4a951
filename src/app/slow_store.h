// A local store that takes its time, for measurements of what happens when the lake is slower than
// the events.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "env/disk.h"
#include "env/local_store.h"

namespace tidemark::app {

// Seals no more than `bytes_per_second` of data files. Any thread.
class SlowStore final : public env::LocalStore {
 public:
  SlowStore(env::Disk* disk, std::string folder, std::uint64_t bytes_per_second)
      : LocalStore(disk, std::move(folder)), bytes_per_second_(bytes_per_second) {}

  Status Seal(std::string_view key) override {
    TM_TRY(LocalStore::Seal(key));
    TM_ASSIGN(const std::string bytes, Get(key, kBytesMax));
    std::unique_lock lock(mutex_);
    passed_.wait_for(lock,
                     std::chrono::duration<double>(static_cast<double>(bytes.size()) /
                                                   static_cast<double>(bytes_per_second_)),
                     [] { return false; });
    return {};
  }

 private:
  static constexpr std::uint64_t kBytesMax = 1ULL << 32;
  const std::uint64_t bytes_per_second_;
  std::mutex mutex_;
  std::condition_variable passed_;  // Nobody notifies it: only the time ends a wait.
};

}  // namespace tidemark::app
