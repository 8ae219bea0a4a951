#include "env/large_block.h"

#include <array>
#include <atomic>
#include <new>

#include <sys/mman.h>

#include "base/check.h"

namespace tidemark::env {
namespace {

// Null: an empty place.
std::array<std::atomic<std::byte*>, kFreeLargeBlocksMax> free_blocks{};

std::byte* TakeFree() {
  for (auto& place : free_blocks) {
    if (place.load(std::memory_order_relaxed) == nullptr) continue;
    if (auto* block = place.exchange(nullptr, std::memory_order_acquire)) return block;
  }
  return nullptr;
}

void Unmap(std::byte* block) { TM_CHECK_EQ(::munmap(block, kLargeBlockBytes), 0); }

}  // namespace

std::byte* TakeLargeBlock() {
  if (std::byte* block = TakeFree()) return block;
  void* const mapped =
      ::mmap(nullptr, kLargeBlockBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  return static_cast<std::byte*>(mapped);
}

void GiveBackLargeBlock(std::byte* block) {
  for (auto& place : free_blocks) {
    std::byte* empty = nullptr;
    if (place.compare_exchange_strong(empty, block, std::memory_order_release,
                                      std::memory_order_relaxed)) {
      return;
    }
  }
  Unmap(block);
}

void FreeLargeBlocks(std::size_t share) {
  std::size_t kept = 0;
  for (const auto& place : free_blocks) {
    kept += place.load(std::memory_order_relaxed) != nullptr ? 1U : 0U;
  }
  for (std::size_t left = (kept + share - 1) / share; left > 0; --left) {
    std::byte* const block = TakeFree();
    if (block == nullptr) return;
    Unmap(block);
  }
}

}  // namespace tidemark::env
