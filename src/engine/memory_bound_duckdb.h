// Bounds what the engine takes beside its own account: the texts, lists and scratch space of
// expressions, which its memory_limit does not see. `select repeat('x', 3000000000)` is refused
// here. Internal to this folder.
//
// Two bounds, since the engine allocates in two ways:
// - Vectors and their texts come from allocators, which count all pieces of kCountedPieceBytes and
//   more: those of an instance up to its own bound, those that no instance owns up to the scope's.
// - What functions build aside (std::string, std::vector) comes from operator new, which this
//   program replaces: within a scope one allocation may be of `scratch_bytes_max` at most.
//
// Errors are duckdb::OutOfMemoryException and std::bad_alloc, which the engine turns into the end
// of the statement. Any thread; a scope is of its thread alone.
#pragma once

#include <cstdint>

#include "duckdb.hpp"

namespace tidemark::engine {

// Smaller pieces are too many to count and too small to matter: vectors of numbers of a chunk.
constexpr std::uint64_t kCountedPieceBytes = 64ULL << 10;

// For duckdb::DBConfig::allocator. What it counts includes the engine's buffers.
duckdb::unique_ptr<duckdb::Allocator> MakeBoundedAllocator(std::uint64_t held_bytes_max);

// Work of a statement on this thread. Scopes nest; the innermost counts.
class ScratchScope {
 public:
  // 0: no bound.
  explicit ScratchScope(std::uint64_t scratch_bytes_max);
  ~ScratchScope();
  ScratchScope(const ScratchScope&) = delete;
  ScratchScope& operator=(const ScratchScope&) = delete;

 private:
  const std::uint64_t outer_;
};

}  // namespace tidemark::engine
