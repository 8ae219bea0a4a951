// Writes a file past the system's page cache (O_DIRECT): for a log, whose bytes nobody reads soon,
// filling the cache costs more processor time than all else about a write.
//
// The system takes whole blocks only. The writer keeps the last block of what was written, so that
// the next bytes continue it; what follows them in their block becomes zeros. Bytes that are staged
// are in memory only until Write. One thread at a time. Errors are errno; 0 is success.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.h"

namespace tidemark::env {

class DirectWriter {
 public:
  static constexpr std::size_t kBlockBytes = 4096;

  // For the file behind `fd`, which must stay open; null where the filesystem has no direct writes.
  static std::unique_ptr<DirectWriter> Open(int fd);
  DirectWriter(const DirectWriter&) = delete;
  DirectWriter& operator=(const DirectWriter&) = delete;
  ~DirectWriter();

  // Takes bytes that follow each other from `offset` on; many are written at once.
  int Stage(std::uint64_t offset, std::span<const ByteView> parts);
  // Writes what is staged. The bytes are then on the disk as after a plain write: fdatasync makes
  // them durable.
  int Write();
  // The same, durable when it returns, by one call instead of two. False, and nothing was done: the
  // system cannot, nothing is staged, or bytes that were written before wait for their sync.
  bool TryWriteDurably(int* error);
  // All that was written is durable.
  void NoteSynced() { unsynced_ = false; }
  // Writes zeros; both are multiples of kBlockBytes.
  int WriteZeros(std::uint64_t begin, std::uint64_t end);

 private:
  static constexpr std::size_t kBufferMin = std::size_t{256} << 10;
  static constexpr std::size_t kBufferMax = std::size_t{4} << 20;
  struct Free {
    void operator()(std::byte* bytes) const;
  };

  explicit DirectWriter(int fd) : fd_(fd) {}
  int Load(std::uint64_t offset);
  void Grow(std::size_t bytes);
  // `flags`: of pwritev2.
  int WriteBlocks(const std::byte* bytes, std::size_t size, std::uint64_t offset, int flags) const;
  int WriteStaged(int flags);

  const int fd_;
  std::unique_ptr<std::byte, Free> buffer_;
  std::size_t capacity_ = 0;
  std::uint64_t begin_ = 0;  // Of the buffer in the file: a multiple of kBlockBytes.
  std::size_t size_ = 0;     // Bytes in the buffer, the kept ones of the first block included.
  bool staged_ = false;
  bool unsynced_ = true;        // Something was written since the last sync, perhaps by others.
  bool durable_writes_ = true;  // Until the system says that it has none.
};

}  // namespace tidemark::env
