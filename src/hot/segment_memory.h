// Memory of one segment: zeroed blocks and an arena for text, counted to the byte in the segment
// and in the budget, freed with it. A segment that has grown takes large blocks, which the segments
// before it have left, and counts each as a whole. One writer; bytes() from any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <vector>

#include "base/memory_budget.h"
#include "env/large_block.h"

namespace tidemark::hot {

class SegmentMemory {
 public:
  explicit SegmentMemory(MemoryBudget* budget) : budget_(budget) {}
  SegmentMemory(const SegmentMemory&) = delete;
  SegmentMemory& operator=(const SegmentMemory&) = delete;
  ~SegmentMemory() {
    for (const Block& block : blocks_) ::operator delete(block.data, kAlign);
    for (std::byte* block : large_) env::GiveBackLargeBlock(block);
    budget_->Release(bytes());
  }

  // Lives as long as this; never moves. Aligned to a cache line.
  std::byte* Allocate(std::size_t bytes, bool zeroed) {
    const std::size_t aligned = (bytes + kAlignBytes - 1) / kAlignBytes * kAlignBytes;
    if (aligned > large_room_ && this->bytes() >= kLargeAfter && aligned <= kLargePartMax) {
      TakeLarge();
    }
    if (aligned <= large_room_) {
      std::byte* data = large_at_;
      large_at_ += aligned;
      large_room_ -= aligned;
      if (zeroed) std::memset(data, 0, bytes);
      return data;
    }
    Count(bytes);
    auto* data = static_cast<std::byte*>(::operator new(bytes, kAlign));
    if (zeroed) std::memset(data, 0, bytes);
    blocks_.push_back({data});
    return data;
  }

  // A copy of `text` that lives as long as this.
  const char* Keep(std::string_view text) {
    if (text.size() > room_) [[unlikely]] {
      if (text.size() > kArenaBlockMax / 4) {
        auto* own = reinterpret_cast<char*>(Allocate(text.size(), false));
        std::memcpy(own, text.data(), text.size());
        return own;
      }
      const std::size_t size = next_arena_block_ < text.size() ? kArenaBlockMax : next_arena_block_;
      at_ = reinterpret_cast<char*>(Allocate(size, false));
      room_ = size;
      if (next_arena_block_ < kArenaBlockMax) next_arena_block_ *= 2;
    }
    char* kept = at_;
    std::memcpy(kept, text.data(), text.size());
    at_ += text.size();
    room_ -= text.size();
    return kept;
  }

  // For memory that is allocated elsewhere and belongs to the segment.
  void Count(std::size_t bytes) {
    budget_->ReserveAlways(bytes);
    bytes_.store(bytes_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
  }
  void Uncount(std::size_t bytes) {
    bytes_.store(bytes_.load(std::memory_order_relaxed) - bytes, std::memory_order_relaxed);
    budget_->Release(bytes);
  }

  MemoryBudget* budget() const { return budget_; }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kAlignBytes = 64;
  static constexpr std::align_val_t kAlign{kAlignBytes};
  // A segment of fewer bytes has blocks of their own size only.
  static constexpr std::size_t kLargeAfter = 2 * env::kLargeBlockBytes;
  static constexpr std::size_t kLargePartMax =
      env::kLargeBlockBytes / 4;  // What is left over is lost.
  static constexpr std::size_t kArenaBlockMin = 16U << 10;
  static constexpr std::size_t kArenaBlockMax = 256U << 10;
  struct Block {
    std::byte* data;
  };

  void TakeLarge() {
    Count(env::kLargeBlockBytes);
    large_at_ = env::TakeLargeBlock();
    large_room_ = env::kLargeBlockBytes;
    large_.push_back(large_at_);
  }

  MemoryBudget* const budget_;
  std::atomic<std::uint64_t> bytes_{0};
  std::vector<Block> blocks_;
  std::vector<std::byte*> large_;
  std::byte* large_at_ = nullptr;  // In the last one.
  std::size_t large_room_ = 0;
  char* at_ = nullptr;
  std::size_t room_ = 0;
  std::size_t next_arena_block_ = kArenaBlockMin;
};

}  // namespace tidemark::hot
