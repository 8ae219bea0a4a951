// What the table of the newest entries promises: it gives them back sorted, wherever their chains
// end, and what is taken back was never there.

#include "dedupe/table.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "env/random.h"

namespace tidemark::dedupe {
namespace {

constexpr std::size_t kValueBytesOfIds = 3;

class TableTest : public testing::Test {
 protected:
  void Add(const Hash128& hash) {
    table_.ReserveAlways(1);
    Value value{};
    value[0] = static_cast<char>(hash.low);
    ASSERT_FALSE(table_.FindOrAdd(hash, 7, 0, &value));
    added_.push_back(hash);
  }

  // All that was added is there, in order.
  void Check() {
    std::sort(added_.begin(), added_.end(), HashLess);
    const std::vector<Entry> entries = table_.Sorted();
    ASSERT_EQ(entries.size(), added_.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      EXPECT_EQ(entries[i].hash, added_[i]);
      EXPECT_EQ(entries[i].value[0], static_cast<char>(added_[i].low));
      EXPECT_NE(table_.Find(added_[i]), nullptr);
    }
  }

  MemoryBudget budget_{1ULL << 30};
  env::Random random_{3};
  std::vector<Hash128> added_;
  Table table_{kValueBytesOfIds, 100'000, &budget_};
};

TEST_F(TableTest, GivesEntriesBackSorted) {
  for (int i = 0; i < 5'000; ++i) Add({random_.Next(), random_.Next()});
  Check();
}

TEST_F(TableTest, GivesEntriesBackSortedWhoseChainGoesOnAtTheBeginning) {
  // More than the last slots hold, then some that belong where those went, then the others.
  for (std::uint64_t i = 0; i < 40; ++i) Add({random_.Next() | 1, ~i});
  for (std::uint64_t i = 0; i < 40; ++i) Add({random_.Next() | 1, i});
  Check();
  for (int i = 0; i < 100; ++i) Add({random_.Next(), random_.Next()});
  Check();
}

TEST_F(TableTest, WhatIsTakenBackOfAChainWasNeverThere) {
  for (std::uint64_t i = 0; i < 30; ++i) Add({2 * i + 1, ~(2 * i)});
  table_.Commit();
  const std::vector<Hash128> before = added_;
  for (std::uint64_t i = 0; i < 30; ++i) Add({2 * i + 2, ~(2 * i + 1)});
  for (std::uint64_t i = 0; i < 10; ++i) Add({1, i});
  table_.Rollback();
  added_ = before;
  Check();
}

class TableGrowthTest : public testing::Test {
 protected:
  // Slots of a table after room was made for so many more entries.
  static std::size_t SlotsFor(std::size_t entries, Table* table) {
    constexpr std::size_t kSlotBytes = 24;
    EXPECT_TRUE(table->TryReserve(entries));
    return table->memory_bytes() / kSlotBytes;
  }

  static constexpr std::size_t kEntriesMax = 700'000;
};

// No group waits while hundreds of thousands of entries move.
TEST_F(TableGrowthTest, GoesFromASmallSizeToTheLastOneAtOnce) {
  MemoryBudget budget(1ULL << 30);
  Table table(kValueBytesOfIds, kEntriesMax, &budget);
  EXPECT_EQ(SlotsFor(49'000, &table), 65'536U);
  EXPECT_EQ(SlotsFor(50'000, &table), 1'048'576U);
  EXPECT_EQ(budget.used_bytes(), table.memory_bytes());
}

TEST_F(TableGrowthTest, DoublesWhereTheBudgetHasNoMore) {
  MemoryBudget budget(8ULL << 20);
  Table table(kValueBytesOfIds, kEntriesMax, &budget);
  EXPECT_EQ(SlotsFor(50'000, &table), 131'072U);
}

}  // namespace
}  // namespace tidemark::dedupe
