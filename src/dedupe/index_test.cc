// What the index of ids promises: an id is new once within the window, whatever became of the
// memory it was in; a group that is void leaves no trace; damage is named, never taken for "new".

#include "dedupe/index.h"

#include <map>

#include <gtest/gtest.h>

#include "sim/expect.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"

namespace tidemark::dedupe {
namespace {

constexpr TimeMicros kStart(1'700'000'000'000'000);
constexpr std::int64_t kSecond = 1'000'000;

class IndexTest : public testing::Test {
 protected:
  IndexTest() {
    options_.table_entries_max = 50;
    options_.merge_entries_per_step = 7;
    options_.window = std::chrono::hours(24);
    Open();
  }

  Status TryOpen() {
    index_.reset();
    TM_ASSIGN(index_, Index::Open(options_, {&disk_, &clock_, &random_, &budget_, &metrics_}));
    return {};
  }
  void Open() { ASSERT_OK(TryOpen()); }
  Item ItemOf(std::string_view id, std::uint32_t mark = 0) const {
    Item item{.hash = index_->HashOf('e', "shop", id)};
    std::memcpy(item.value.data(), &mark, 3);
    return item;
  }
  // One group of one id; whether it was known.
  bool Send(std::string_view id, TimeMicros at = kStart) {
    EXPECT_OK(index_->Begin(1, 0));
    Item item = ItemOf(id);
    EXPECT_OK(index_->FindOrAdd(std::span(&item, 1), at));
    index_->Advance(at);
    index_->Commit(++sequence_);
    return item.found;
  }
  void WorkAll() {
    for (;;) {
      const auto more = index_->Work();
      ASSERT_TRUE(more.has_value());
      if (!*more) return;
    }
  }
  void SealAndWrite() {
    clock_.Advance(options_.checkpoint_age);
    index_->Tend();
    WorkAll();
  }

  // Of the run that was written last.
  std::string RunPath() const {
    const auto names = disk_.List("dedupe");
    EXPECT_OK(names);
    std::string path;
    for (const std::string& name : *names) {
      if (name.ends_with(".run")) path = "dedupe/" + name;
    }
    return path;
  }

  sim::SimDisk disk_{1};
  sim::SimClock clock_;
  env::Random random_{2};
  MemoryBudget budget_{1ULL << 30};
  telemetry::Registry registry_;
  IndexMetrics metrics_{registry_};
  IndexOptions options_;
  std::unique_ptr<Index> index_;
  std::uint64_t sequence_ = 0;
};

TEST_F(IndexTest, KnowsAnIdOnceItCame) {
  EXPECT_FALSE(Send("a"));
  EXPECT_TRUE(Send("a"));
  EXPECT_FALSE(Send("b"));
}

TEST_F(IndexTest, TheSecondOfTwoEqualIdsOfOneBatchIsKnown) {
  ASSERT_OK(index_->Begin(2, 0));
  Item items[] = {ItemOf("a", 5), ItemOf("a", 6)};
  ASSERT_OK(index_->FindOrAdd(items, kStart));
  EXPECT_FALSE(items[0].found);
  EXPECT_TRUE(items[1].found);
  EXPECT_EQ(items[1].value[0], 5);
}

TEST_F(IndexTest, TheSameIdOfAnotherProjectIsAnother) {
  EXPECT_NE(index_->HashOf('e', "shop", "a"), index_->HashOf('e', "site", "a"));
  EXPECT_NE(index_->HashOf('e', "shop", "a"), index_->HashOf('k', "shop", "a"));
  EXPECT_NE(index_->HashOf('e', "sho", "pa"), index_->HashOf('e', "shop", "a"));
}

TEST_F(IndexTest, AVoidGroupLeavesNoTrace) {
  EXPECT_FALSE(Send("kept"));
  for (int round = 0; round < 3; ++round) {
    ASSERT_OK(index_->Begin(40, 1));
    std::vector<Item> items;
    for (int i = 0; i < 40; ++i) items.push_back(ItemOf("void-" + std::to_string(i)));
    ASSERT_OK(index_->FindOrAdd(items, kStart + 10 * kSecond));
    for (const Item& item : items) EXPECT_FALSE(item.found);
    index_->PutKey(index_->HashOf('k', "shop", "key"), {}, kStart);
    index_->Rollback();
  }
  EXPECT_TRUE(Send("kept"));
  const auto key = index_->FindKey(index_->HashOf('k', "shop", "key"), kStart);
  ASSERT_OK(key);
  EXPECT_FALSE(key->has_value());
}

TEST_F(IndexTest, ForgetsAnIdWhenTheWindowIsOver) {
  EXPECT_FALSE(Send("a"));
  SealAndWrite();
  // The window's clock takes steps of an hour at most.
  TimeMicros at = kStart;
  for (int hour = 1; hour <= 24; ++hour) {
    at = kStart + hour * 3'600 * kSecond;
    EXPECT_FALSE(Send("hour-" + std::to_string(hour), at));
  }
  EXPECT_TRUE(Send("a", at));
  // A tick is a 200th of the window.
  at = at + 24LL * 3'600 / 200 * kSecond + kSecond;
  EXPECT_FALSE(Send("a", at));
  EXPECT_TRUE(Send("a", at));
}

TEST_F(IndexTest, AClockThatJumpsDoesNotEmptyTheWindow) {
  EXPECT_FALSE(Send("a"));
  EXPECT_FALSE(Send("b", kStart + 48LL * 3'600 * kSecond));
  EXPECT_TRUE(Send("a", kStart));
  EXPECT_EQ(metrics_.time_jumps.value(), 1U);
}

TEST_F(IndexTest, ReplayComesToTheSameAnswers) {
  for (int i = 0; i < 70; ++i) EXPECT_FALSE(Send("id-" + std::to_string(i)));
  WorkAll();
  for (int i = 70; i < 80; ++i) EXPECT_FALSE(Send("id-" + std::to_string(i)));
  const std::uint64_t checkpoint = index_->checkpoint();
  EXPECT_GT(checkpoint, 0U);
  EXPECT_LT(checkpoint, 80U);
  index_.reset();
  disk_.Crash();
  Open();
  // Frames below are not needed any more; those above are replayed.
  EXPECT_EQ(index_->sequence(), checkpoint);
  sequence_ = checkpoint;
  for (std::uint64_t i = checkpoint; i < 80; ++i) EXPECT_FALSE(Send("id-" + std::to_string(i)));
  for (int i = 0; i < 80; ++i) EXPECT_TRUE(Send("id-" + std::to_string(i))) << i;
}

TEST_F(IndexTest, LivesThatAreShorterThanACheckpointComeToOne) {
  std::vector<TimeMicros> log;  // When each frame was received.
  const auto send = [&](std::size_t frame) {
    EXPECT_FALSE(Send("id-" + std::to_string(frame), log[frame])) << frame;
  };
  for (int life = 0; life < 9; ++life) {
    Open();
    sequence_ = index_->sequence();
    for (std::size_t frame = sequence_; frame < log.size(); ++frame) send(frame);
    index_->EndReplay();
    index_->Tend();
    WorkAll();
    log.push_back(clock_.WallNow());
    send(log.size() - 1);
    EXPECT_LE(log.size() - index_->checkpoint(), 4U);
    clock_.Advance(options_.checkpoint_age / 3);
    disk_.Crash();
  }
}

TEST_F(IndexTest, AClockThatWentBackMakesNothingOld) {
  EXPECT_FALSE(Send("a", clock_.WallNow() + 48LL * 3'600 * kSecond));
  index_->EndReplay();
  index_->Tend();
  WorkAll();
  EXPECT_EQ(index_->checkpoint(), 0U);
  SealAndWrite();
  EXPECT_EQ(index_->checkpoint(), 1U);
}

TEST_F(IndexTest, RefusesWhatItCannotRemember) {
  options_.sealed_max = 1;
  Open();
  sim::SimDiskOptions full;
  full.capacity_bytes = 0;
  disk_.SetOptions(full);
  Status begun;
  for (int i = 0; i < 200 && begun; ++i) {
    begun = index_->Begin(1, 0);
    if (!begun) break;
    Item item = ItemOf("id-" + std::to_string(i));
    ASSERT_OK(index_->FindOrAdd(std::span(&item, 1), kStart));
    index_->Commit(++sequence_);
    static_cast<void>(index_->Work());
  }
  EXPECT_CODE(begun, Code::kOverloaded);
  disk_.SetOptions({});
  WorkAll();
  EXPECT_TRUE(Send("id-0"));
  EXPECT_FALSE(Send("new"));
}

// A run of version 1 chose the blocks of its filter otherwise: here it has none of the bits that
// version 2 would look for.
TEST_F(IndexTest, KnowsTheIdsOfARunOfVersionOne) {
  for (int i = 0; i < 40; ++i) Send("id-" + std::to_string(i));
  SealAndWrite();
  const std::string path = RunPath();
  const auto file = disk_.Open(path);
  ASSERT_OK(file);
  const auto page = (*file)->ReadAt(0, kPageBytes);
  ASSERT_OK(page);
  auto header = DecodeRunHeader(*page);
  ASSERT_TRUE(header.has_value());
  ASSERT_GT(header->filter_bytes, 0U);
  const std::string filter(header->filter_bytes, '\0');
  header->version = 1;
  header->filter_checksum = Hash64(filter);
  ASSERT_OK((*file)->WriteAt(0, EncodeRunHeader(*header)));
  ASSERT_OK((*file)->WriteAt(header->filter_at(), filter));
  Open();
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(Send("id-" + std::to_string(i)));
  EXPECT_FALSE(Send("new"));
}

TEST_F(IndexTest, NamesADamagedPageInsteadOfTakingAnIdForNew) {
  for (int i = 0; i < 40; ++i) Send("id-" + std::to_string(i));
  SealAndWrite();
  const std::string run = RunPath();
  ASSERT_TRUE(disk_.RotAt(run, kPageBytes + 100, 3));
  ASSERT_OK(index_->Begin(1, 0));
  Item item = ItemOf("id-7");
  const Status looked = index_->FindOrAdd(std::span(&item, 1), kStart);
  EXPECT_CODE(looked, Code::kCorruption);
  EXPECT_NE(looked.error().message().find(run), std::string::npos);
}

TEST_F(IndexTest, ADamagedManifestIsNamed) {
  Send("a");
  SealAndWrite();
  ASSERT_TRUE(disk_.Rot("dedupe/manifest", 3));
  const Status opened = TryOpen();
  EXPECT_CODE(opened, Code::kCorruption);
  EXPECT_NE(opened.error().message().find("dedupe/manifest"), std::string::npos);
}

TEST_F(IndexTest, TheNewestValueOfAKeyCounts) {
  const Hash128 key = index_->HashOf('p', "shop", "producer");
  for (char epoch = 1; epoch <= 9; ++epoch) {
    ASSERT_OK(index_->Begin(0, 1));
    index_->PutKey(key, {epoch}, kStart);
    index_->Commit(++sequence_);
    if (epoch % 2 == 0) SealAndWrite();
    const auto found = index_->FindKey(key, kStart);
    ASSERT_OK(found);
    ASSERT_TRUE(found->has_value());
    EXPECT_EQ((**found)[0], epoch);
  }
}

// Against a map, with tables that become runs, runs that are merged, failures and restarts.
TEST_F(IndexTest, AgreesWithAMap) {
  options_.window = std::chrono::hours(10);
  Open();
  std::map<std::string, std::uint32_t> seconds;
  WindowClock clock;
  std::vector<std::pair<std::string, TimeMicros>> frames;
  TimeMicros at = kStart;
  const std::uint32_t window = 36'000;
  const std::uint32_t tick = window / 200;
  env::Random dice(7);
  for (int step = 0; step < 6'000; ++step) {
    at = at + static_cast<std::int64_t>(dice.Below(20)) * kSecond;
    const std::string id = "id-" + std::to_string(dice.Below(3'000));
    const std::uint32_t second = clock.SecondOf(at);
    const auto known = seconds.find(id);
    const bool found = Send(id, at);
    frames.emplace_back(id, at);
    clock.Advance(at);
    const std::uint32_t age = known == seconds.end() ? ~0U : second - known->second;
    const bool may_be_either = age > window && age <= window + tick;
    EXPECT_TRUE(may_be_either || found == (age <= window)) << id << " of " << age;
    if (!found) seconds[id] = second;
    if (dice.OneIn(3)) static_cast<void>(index_->Work());
    if (dice.OneIn(400)) {
      index_.reset();
      disk_.Crash();
      disk_.SetOptions({});  // An open that may not write is an error, and tried again.
      Open();
      sequence_ = index_->sequence();
      for (std::uint64_t i = sequence_; i < frames.size(); ++i) {
        Send(frames[i].first, frames[i].second);
      }
    }
    sim::SimDiskOptions plague;
    plague.write_error_one_in = plague.sync_error_one_in = step % 50 < 10 ? 3 : 0;
    disk_.SetOptions(plague);
  }
  EXPECT_GT(metrics_.page_reads.value(), 100U);
  EXPECT_GT(metrics_.failed_steps.value(), 10U);
  index_.reset();
  EXPECT_EQ(budget_.used_bytes(), 0U);
}

}  // namespace
}  // namespace tidemark::dedupe
