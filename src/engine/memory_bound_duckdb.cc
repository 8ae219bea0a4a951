#include "engine/memory_bound_duckdb.h"

#include <atomic>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>

namespace tidemark::engine {
namespace {

constexpr std::uint64_t kUnbounded = std::numeric_limits<std::uint64_t>::max();

// Plain data: operator new reads it from the first allocation of a thread on.
thread_local std::uint64_t scope_bytes_max = kUnbounded;

class HeldBytes final : public duckdb::PrivateAllocatorData {
 public:
  // The bound of those that no instance owns is the scope's: pass kUnbounded.
  explicit HeldBytes(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  void Take(std::uint64_t bytes) {
    const std::uint64_t bound = bytes_max_ == kUnbounded ? scope_bytes_max : bytes_max_;
    const std::uint64_t held = held_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    if (held <= bound) return;
    Give(bytes);
    throw duckdb::OutOfMemoryException("texts and lists of the statement's expressions");
  }
  void Give(std::uint64_t bytes) { held_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  const std::uint64_t bytes_max_;
  std::atomic<std::uint64_t> held_{0};
};

HeldBytes& Held(duckdb::PrivateAllocatorData* data) { return *static_cast<HeldBytes*>(data); }

std::uint64_t Counted(duckdb::idx_t bytes) { return bytes < kCountedPieceBytes ? 0 : bytes; }

duckdb::data_ptr_t Allocate(duckdb::PrivateAllocatorData* data, duckdb::idx_t bytes) {
  const std::uint64_t counted = Counted(bytes);
  if (counted > 0) Held(data).Take(counted);
  auto* memory = duckdb::Allocator::DefaultAllocate(data, bytes);
  if (memory == nullptr) Held(data).Give(counted);
  return memory;
}

void Free(duckdb::PrivateAllocatorData* data, duckdb::data_ptr_t memory, duckdb::idx_t bytes) {
  Held(data).Give(Counted(bytes));
  duckdb::Allocator::DefaultFree(data, memory, bytes);
}

// The old piece and the new are there side by side while it is copied.
duckdb::data_ptr_t Reallocate(duckdb::PrivateAllocatorData* data, duckdb::data_ptr_t memory,
                              duckdb::idx_t old_bytes, duckdb::idx_t bytes) {
  const std::uint64_t counted = Counted(bytes);
  if (counted > 0) Held(data).Take(counted);
  auto* moved = duckdb::Allocator::DefaultReallocate(data, memory, old_bytes, bytes);
  Held(data).Give(moved == nullptr ? counted : Counted(old_bytes));
  return moved;
}

duckdb::unique_ptr<duckdb::Allocator> MakeAllocator(std::uint64_t bytes_max) {
  return duckdb::make_uniq<duckdb::Allocator>(Allocate, Free, Reallocate,
                                              duckdb::make_uniq<HeldBytes>(bytes_max));
}

// What no instance owns. Set once, before the first instance: pieces that the engine's own
// allocator gave out before may be given back to this one, as both use the same heap.
void BoundPiecesOfNoInstance() {
  [[maybe_unused]] static const bool once = [] {
    duckdb::Allocator::DefaultAllocatorReference() =
        duckdb::shared_ptr<duckdb::Allocator>(MakeAllocator(kUnbounded).release());
    return true;
  }();
}

}  // namespace

duckdb::unique_ptr<duckdb::Allocator> MakeBoundedAllocator(std::uint64_t held_bytes_max) {
  BoundPiecesOfNoInstance();
  return MakeAllocator(held_bytes_max);
}

ScratchScope::ScratchScope(std::uint64_t bytes_max) : outer_(scope_bytes_max) {
  scope_bytes_max = bytes_max == 0 ? kUnbounded : bytes_max;
}

ScratchScope::~ScratchScope() { scope_bytes_max = outer_; }

}  // namespace tidemark::engine

// The other forms of operator new and delete call these ([new.delete] of the C++ standard). Those
// of `nothrow` would, too, but not under AddressSanitizer, whose own are no pair of these.
void* operator new(std::size_t bytes, const std::nothrow_t& /*tag*/) noexcept {
  if (bytes > tidemark::engine::scope_bytes_max) return nullptr;
  return std::malloc(bytes == 0 ? 1 : bytes);
}

void* operator new(std::size_t bytes) {
  void* memory = ::operator new(bytes, std::nothrow);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*bytes*/) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t& /*tag*/) noexcept { std::free(memory); }
