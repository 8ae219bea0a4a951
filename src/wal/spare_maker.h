// Makes one spare segment beside the log's thread, which only asks for it and takes it: filling a
// file with zeros and syncing it takes longer than a group may wait.
//
// Two threads: the log's, and the one that Work belongs to. What they hand each other is ordered by
// one atomic word.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "env/disk.h"

namespace tidemark::wal {

class SpareMaker {
 public:
  // Must outlive it. `slice_bytes` is what one Work writes at most.
  SpareMaker(env::Disk* disk, std::uint64_t slice_bytes) : disk_(disk), slice_bytes_(slice_bytes) {}

  // The log's thread.
  bool idle() const { return stage_.load(std::memory_order_acquire) == Stage::kIdle; }
  // When idle: a new file of so many bytes, whole and synced.
  void Ask(std::string path, std::uint64_t bytes);
  // The file's path, once it is there; nothing: not yet, or nothing was asked for. After an error
  // the file may be there in part, and is not to be used: failed_path() names it.
  Result<std::optional<std::string>> Take();
  const std::string& failed_path() const { return path_; }

  // The other thread: one slice of what was asked for. False: nothing is asked for.
  bool Work();

 private:
  enum class Stage : std::uint8_t { kIdle, kAsked, kDone };
  // True when it is whole.
  Result<bool> WriteSlice();

  env::Disk* const disk_;
  const std::uint64_t slice_bytes_;
  std::atomic<Stage> stage_{Stage::kIdle};
  // Of the other thread while it is asked, else of the log's.
  std::string path_;
  std::uint64_t bytes_ = 0;
  std::unique_ptr<env::File> file_;
  std::optional<Error> error_;
};

}  // namespace tidemark::wal
