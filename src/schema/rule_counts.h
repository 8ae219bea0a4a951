// How often each rule of one schema was broken: a small table without locks, for the path of every
// event. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "schema/validator.h"

namespace tidemark::schema {

class RuleCounts {
 public:
  static constexpr std::size_t kRulesMax = 64;  // What is broken beyond them is counted together.

  void AddChecked(std::uint64_t n) { checked_.fetch_add(n, std::memory_order_relaxed); }
  void AddUndecided(std::uint64_t n) { undecided_.fetch_add(n, std::memory_order_relaxed); }
  // `n` events broke the rule; they were quarantined, or only observed.
  void AddBroken(const BrokenRule& rule, bool quarantined, std::uint64_t n) {
    (quarantined ? quarantined_ : observed_).fetch_add(n, std::memory_order_relaxed);
    const std::uint64_t key = KeyOf(rule);
    for (std::size_t i = 0; i < kRulesMax; ++i) {
      Slot& slot = slots_[((key * 0x9E3779B97F4A7C15ULL >> 58U) + i) & (kRulesMax - 1)];
      std::uint64_t there = slot.key.load(std::memory_order_relaxed);
      if (there == 0 && slot.key.compare_exchange_strong(there, key)) there = key;
      if (there != key) continue;
      slot.count.fetch_add(n, std::memory_order_relaxed);
      return;
    }
    others_.fetch_add(n, std::memory_order_relaxed);
  }

  std::uint64_t checked() const { return checked_.load(std::memory_order_relaxed); }
  std::uint64_t observed() const { return observed_.load(std::memory_order_relaxed); }
  std::uint64_t quarantined() const { return quarantined_.load(std::memory_order_relaxed); }
  std::uint64_t undecided() const { return undecided_.load(std::memory_order_relaxed); }
  std::uint64_t others() const { return others_.load(std::memory_order_relaxed); }
  template <class Visit>
  void ForEach(const Visit& visit) const {
    for (const Slot& slot : slots_) {
      const std::uint64_t key = slot.key.load(std::memory_order_relaxed);
      if (key != 0) visit(RuleOf(key), slot.count.load(std::memory_order_relaxed));
    }
  }

 private:
  struct Slot {
    std::atomic<std::uint64_t> key{0};
    std::atomic<std::uint64_t> count{0};
  };
  static std::uint64_t KeyOf(const BrokenRule& rule) {
    return 1ULL << 63U | static_cast<std::uint64_t>(rule.detail) << 40U |
           static_cast<std::uint64_t>(rule.keyword) << 32U | rule.subschema;
  }
  static BrokenRule RuleOf(std::uint64_t key) {
    return {static_cast<std::uint32_t>(key), static_cast<std::uint8_t>(key >> 32U),
            static_cast<std::uint16_t>(key >> 40U)};
  }

  std::atomic<std::uint64_t> checked_{0};
  std::atomic<std::uint64_t> observed_{0};
  std::atomic<std::uint64_t> quarantined_{0};
  std::atomic<std::uint64_t> undecided_{0};
  std::atomic<std::uint64_t> others_{0};
  std::array<Slot, kRulesMax> slots_{};
};

}  // namespace tidemark::schema
