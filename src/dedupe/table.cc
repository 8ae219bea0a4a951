#include "dedupe/table.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"

namespace tidemark::dedupe {
namespace {

constexpr std::size_t kSlotsMin = 256;
// Beyond this the next size is the last one: to move so many entries takes a millisecond or two.
constexpr std::size_t kSlotsSmall = std::size_t{1} << 16;
constexpr std::size_t kHeadBytes = sizeof(Hash128) + sizeof(std::uint32_t);

// Three of four slots are used at most.
std::size_t SlotsFor(std::size_t entries) {
  return std::bit_ceil(std::max(kSlotsMin, entries + entries / 3 + 1));
}

}  // namespace

Table::Table(std::size_t value_bytes, std::size_t entries_max, MemoryBudget* budget)
    : value_bytes_(value_bytes),
      stride_((kHeadBytes + value_bytes + 7) / 8 * 8),
      entries_max_(entries_max),
      budget_(budget) {
  TM_CHECK_LE(value_bytes, kValueBytesMax);
}

Table::~Table() {
  if (memory_bytes_ > 0) budget_->Release(memory_bytes_);
}

bool Table::TryReserve(std::size_t count) {
  // The first entries are taken whatever they cost: there is nothing to seal.
  if (count_ > 0) {
    if (count_ + count > entries_max_) return false;
    return Grow(SlotsFor(count_ + count), IfShort::kLeave);
  }
  return Grow(SlotsFor(count), IfShort::kTake);
}

void Table::ReserveAlways(std::size_t count) {
  TM_CHECK(Grow(SlotsFor(count_ + count), IfShort::kTake));
}

bool Table::Grow(std::size_t slots, IfShort if_short) {
  if (slots <= slot_count_) return true;
  const std::size_t last = std::max(slots, SlotsFor(entries_max_));
  if (slots > kSlotsSmall && budget_->TryReserve(last * stride_)) {
    slots = last;
  } else if (!budget_->TryReserve(slots * stride_)) {
    if (if_short == IfShort::kLeave) return false;
    budget_->ReserveAlways(slots * stride_);
  }
  const std::uint64_t before = std::exchange(memory_bytes_, slots * stride_);
  Rehash(slots);
  if (before > 0) budget_->Release(before);
  return true;
}

void Table::Rehash(std::size_t slot_count) {
  const env::ZeroedMemory old = std::exchange(slots_, env::ZeroedMemory(slot_count * stride_));
  const std::size_t old_count = std::exchange(slot_count_, slot_count);
  shift_ = 64U - static_cast<unsigned>(std::countr_zero(slot_count));
  for (std::size_t i = 0; i < old_count; ++i) {
    const char* from = old.data() + i * stride_;
    const Hash128 hash = HashAt(from);
    if (hash != Hash128{}) std::memcpy(Probe(hash), from, stride_);
  }
}

Hash128 Table::HashAt(const char* slot) {
  Hash128 hash;
  std::memcpy(&hash, slot, sizeof hash);
  return hash;
}

char* Table::Probe(const Hash128& hash) const {
  for (std::size_t i = SlotOf(hash);; i = (i + 1) & (slot_count_ - 1)) {
    char* slot = Slot(i);
    const Hash128 there = HashAt(slot);
    if (there == hash || there == Hash128{}) return slot;
  }
}

const char* Table::Find(const Hash128& hash) const {
  if (count_ == 0) return nullptr;
  const char* slot = Probe(hash);
  return HashAt(slot) == hash ? slot : nullptr;
}

bool Table::FindOrAdd(const Hash128& hash, std::uint32_t second, std::uint32_t second_min,
                      Value* value) {
  char* slot = Probe(hash);
  const bool there = HashAt(slot) == hash;
  if (there && SecondOf(slot) >= second_min) {
    CopyValue(slot, value);
    return true;
  }
  undo_.push_back({hash, there ? std::optional(EntryAt(slot)) : std::nullopt});
  if (!there) ++count_;
  Write(slot, hash, second, *value);
  return false;
}

void Table::Put(const Entry& entry) {
  char* slot = Probe(entry.hash);
  const bool there = HashAt(slot) == entry.hash;
  undo_.push_back({entry.hash, there ? std::optional(EntryAt(slot)) : std::nullopt});
  if (!there) ++count_;
  Write(slot, entry.hash, entry.second, entry.value);
}

void Table::Rollback(std::size_t mark) {
  while (undo_.size() > mark) {
    const Undo& undo = undo_.back();
    if (undo.before) {
      Write(Probe(undo.hash), undo.hash, undo.before->second, undo.before->value);
    } else {
      Remove(undo.hash);
    }
    undo_.pop_back();
  }
}

// Moves later entries of the chain back over the hole, so that every one is still found.
void Table::Remove(const Hash128& hash) {
  const std::size_t mask = slot_count_ - 1;
  auto hole = static_cast<std::size_t>(Probe(hash) - slots_.data()) / stride_;
  TM_CHECK(HashAt(Slot(hole)) == hash);
  for (std::size_t i = (hole + 1) & mask;; i = (i + 1) & mask) {
    const Hash128 there = HashAt(Slot(i));
    if (there == Hash128{}) break;
    // Only what would not begin its probing behind the hole may move there.
    if (((i - SlotOf(there)) & mask) >= ((i - hole) & mask)) {
      std::memcpy(Slot(hole), Slot(i), stride_);
      hole = i;
    }
  }
  std::memset(Slot(hole), 0, stride_);
  --count_;
}

void Table::Write(char* slot, const Hash128& hash, std::uint32_t second, const Value& value) {
  std::memcpy(slot, &hash, sizeof hash);
  std::memcpy(slot + sizeof hash, &second, sizeof second);
  std::memcpy(slot + kHeadBytes, value.data(), value_bytes_);
}

std::uint32_t Table::SecondOf(const char* slot) const {
  std::uint32_t second = 0;
  std::memcpy(&second, slot + sizeof(Hash128), sizeof second);
  return second;
}

void Table::CopyValue(const char* slot, Value* value) const {
  std::memcpy(value->data(), slot + kHeadBytes, value_bytes_);
}

Entry Table::EntryAt(const char* slot) const {
  Entry entry{HashAt(slot), SecondOf(slot), {}};
  CopyValue(slot, &entry.value);
  return entry;
}

std::vector<Entry> Table::Sorted() const {
  std::vector<Entry> entries;
  entries.reserve(count_);
  // No entry lies before its place but for those of its own chain, which is short.
  const auto add = [&entries](const Entry& entry) {
    auto place = entries.end();
    while (place != entries.begin() && HashLess(entry.hash, std::prev(place)->hash)) --place;
    entries.insert(place, entry);
  };
  // Probing that came to the last slot went on in the first ones: those entries are the last.
  std::vector<Entry> wrapped;
  bool first_chain = true;
  for (std::size_t i = 0; i < slot_count_; ++i) {
    const Entry entry = EntryAt(Slot(i));
    if (entry.hash == Hash128{}) {
      first_chain = false;
    } else if (first_chain && SlotOf(entry.hash) > i) {
      wrapped.push_back(entry);
    } else {
      add(entry);
    }
  }
  for (const Entry& entry : wrapped) add(entry);
  return entries;
}

}  // namespace tidemark::dedupe
