// The newest entries, in memory: open addressing with linear probing, one entry a slot. A slot is
// found by the hash's first bits, so that the table is nearly sorted and is written as a run in one
// pass. Grows by doubling while it is small, then at once up to its bound, so that no group waits
// while many entries move; within the memory budget, which may make it double on. What a group
// changes can be taken back until Commit, for a group that the log refuses never happened.
//
// One thread writes; once Seal was called nothing changes any more and any thread may read.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/memory_budget.h"
#include "dedupe/entry.h"
#include "env/zeroed_memory.h"

namespace tidemark::dedupe {

class Table {
 public:
  // At most `entries_max` entries of `value_bytes` each (it may be passed by one group). `budget`
  // must outlive the table.
  Table(std::size_t value_bytes, std::size_t entries_max, MemoryBudget* budget);
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  ~Table();

  // Makes room for `count` more. False: it would grow beyond its bound or the budget, and has
  // entries to be sealed instead.
  bool TryReserve(std::size_t count);
  // The same, whatever the bound and the budget say.
  void ReserveAlways(std::size_t count);
  // Always inline, as in filter.h.
  [[gnu::always_inline]] void Prefetch(const Hash128& hash) const {
    const char* slot = Slot(SlotOf(hash));
    __builtin_prefetch(slot);
    __builtin_prefetch(slot + 2 * stride_);  // Often it is the next one.
  }
  // Null if it is not there.
  const char* Find(const Hash128& hash) const;
  // After Reserve. Entries that are not older than `second_min` are found and stay; others are
  // replaced. True if it was found; then `value` is what is remembered.
  bool FindOrAdd(const Hash128& hash, std::uint32_t second, std::uint32_t second_min, Value* value);
  // Adds or replaces. After Reserve.
  void Put(const Entry& entry);

  void Commit() { undo_.clear(); }
  // Takes back what was changed since the last Commit, or since there were `mark` changes.
  std::size_t mark() const { return undo_.size(); }
  void Rollback(std::size_t mark = 0);

  std::size_t count() const { return count_; }
  std::uint64_t memory_bytes() const { return memory_bytes_; }
  // Every entry, sorted by hash: 40 bytes each.
  std::vector<Entry> Sorted() const;

  // Of a slot that Find gave.
  std::uint32_t SecondOf(const char* slot) const;
  void CopyValue(const char* slot, Value* value) const;

 private:
  struct Undo {
    Hash128 hash;
    std::optional<Entry> before;  // Nothing: it was not there.
  };
  std::size_t SlotOf(const Hash128& hash) const {
    return static_cast<std::size_t>(hash.high >> shift_);
  }
  char* Slot(std::size_t index) const { return slots_.data() + index * stride_; }
  static Hash128 HashAt(const char* slot);
  // The slot that has it, or the free one where it belongs.
  char* Probe(const Hash128& hash) const;
  void Write(char* slot, const Hash128& hash, std::uint32_t second, const Value& value);
  Entry EntryAt(const char* slot) const;
  void Remove(const Hash128& hash);
  // What is done where the budget is short.
  enum class IfShort : std::uint8_t { kLeave, kTake };
  bool Grow(std::size_t slots, IfShort if_short);
  void Rehash(std::size_t slot_count);

  const std::size_t value_bytes_;
  const std::size_t stride_;
  const std::size_t entries_max_;
  MemoryBudget* const budget_;
  env::ZeroedMemory slots_;
  std::size_t slot_count_ = 0;  // A power of two.
  unsigned shift_ = 0;          // 64 less its bits.
  std::size_t count_ = 0;
  std::uint64_t memory_bytes_ = 0;
  std::vector<Undo> undo_;
};

}  // namespace tidemark::dedupe
