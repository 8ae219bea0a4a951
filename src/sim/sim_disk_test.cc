// What the simulated disk promises: what was synced survives, what was not may do anything that a
// real disk may do and nothing else, and the same seed does the same again.

#include "sim/sim_disk.h"

#include <set>

#include <gtest/gtest.h>

#include "env/local_store.h"
#include "sim/expect.h"
#include "sim/sim_clock.h"

namespace tidemark::sim {
namespace {

constexpr std::uint64_t kSeeds = 200;

std::string Contents(SimDisk* disk, std::string_view path) {
  return env::ReadFile(*disk, path, 1_MiB).value();
}

void WriteSynced(SimDisk* disk, std::string_view path, std::string_view bytes) {
  const auto file = disk->Create(path).value();
  ASSERT_OK(file->WriteAt(0, bytes));
  ASSERT_OK(file->Sync());
  ASSERT_OK(disk->SyncDir(env::ParentOf(path)));
}

TEST(SimDisk, KeepsWhatWasSyncedForEverySeed) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimDisk disk(seed);
    const std::string synced(3000, 's');
    WriteSynced(&disk, "a", synced);
    const auto file = disk.Open("a").value();
    ASSERT_OK(file->WriteAt(1000, std::string(500, 'u')));
    disk.Crash();
    const std::string left = Contents(&disk, "a");
    ASSERT_EQ(left.size(), 3000U);
    ASSERT_EQ(left.substr(0, 1000), synced.substr(0, 1000)) << "seed " << seed;
    ASSERT_EQ(left.substr(1500), synced.substr(1500)) << "seed " << seed;
  }
}

TEST(SimDisk, LosesKeepsAndTearsUnsyncedWrites) {
  std::uint64_t lost = 0;
  std::uint64_t kept = 0;
  std::uint64_t torn = 0;
  const std::string before(2048, 'b');
  const std::string after(2048, 'a');
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimDisk disk(seed);
    WriteSynced(&disk, "f", before);
    const auto file = disk.Open("f").value();
    ASSERT_OK(file->WriteAt(0, after));
    disk.Crash();
    const std::string left = Contents(&disk, "f");
    ++(left == before ? lost : left == after ? kept : torn);
  }
  EXPECT_GT(lost, kSeeds / 10);
  EXPECT_GT(kept, kSeeds / 10);
  EXPECT_GT(torn, kSeeds / 10);
}

TEST(SimDisk, PersistsAnySubsetOfUnsyncedWrites) {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimDisk disk(seed, {.tear_one_in = 0});
    WriteSynced(&disk, "f", "---");
    const auto file = disk.Open("f").value();
    for (std::uint64_t i = 0; i < 3; ++i) ASSERT_OK(file->WriteAt(i, "x"));
    disk.Crash();
    outcomes.insert(Contents(&disk, "f"));
  }
  EXPECT_EQ(outcomes.size(), 8U);
}

TEST(SimDisk, MayLoseAFileWhoseFolderWasNotSynced) {
  std::uint64_t there = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimDisk disk(seed);
    const auto file = disk.Create("f").value();
    ASSERT_OK(file->WriteAt(0, "bytes"));
    ASSERT_OK(file->Sync());
    disk.Crash();
    if (!disk.Exists("f").value()) continue;
    ++there;
    ASSERT_EQ(Contents(&disk, "f"), "bytes");  // The bytes themselves were synced.
  }
  EXPECT_GT(there, 0U);
  EXPECT_LT(there, kSeeds);
}

TEST(SimDisk, RenamesAtomically) {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimDisk disk(seed);
    WriteSynced(&disk, "to", "old");
    WriteSynced(&disk, "from", "new");
    ASSERT_OK(disk.Rename("from", "to"));
    disk.Crash();
    const bool from = disk.Exists("from").value();
    ASSERT_EQ(Contents(&disk, "to"), from ? "old" : "new") << "seed " << seed;
    outcomes.insert(Contents(&disk, "to"));
  }
  EXPECT_EQ(outcomes.size(), 2U);
}

TEST(SimDisk, WritesAFileDurablyOrNotAtAll) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimDisk disk(seed);
    ASSERT_OK(env::WriteFileDurably(&disk, "f", "old"));
    disk.DieAtCall(1 + seed % 8);
    const bool written = env::WriteFileDurably(&disk, "f", "new").has_value();
    disk.Crash();
    const std::string left = Contents(&disk, "f");
    ASSERT_TRUE(left == "new" || (!written && left == "old")) << "seed " << seed << ": " << left;
  }
}

TEST(SimDisk, DropsTheFilesOfALostFolder) {
  std::uint64_t there = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimDisk disk(seed);
    ASSERT_OK(disk.MakeDir("a/b"));
    WriteSynced(&disk, "a/b/f", "bytes");
    disk.Crash();
    if (!disk.Exists("a/b").value()) {
      ASSERT_FALSE(disk.Exists("a/b/f").value());
    } else {
      ++there;
    }
  }
  EXPECT_GT(there, 0U);
  EXPECT_LT(there, kSeeds);
}

TEST(SimDisk, NeverMakesAFailedSyncGood) {
  std::uint64_t lost = 0;
  std::uint64_t seen_before = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimDisk disk(seed, {.tear_one_in = 0});
    WriteSynced(&disk, "f", "old");
    const auto file = disk.Open("f").value();
    ASSERT_OK(file->WriteAt(0, "new"));
    disk.FailCallAt(1);
    ASSERT_CODE(file->Sync(), Code::kIoError);
    ASSERT_OK(file->Sync());  // Says yes and does nothing.
    const bool seen = Contents(&disk, "f") == "new";
    disk.Crash();
    if (Contents(&disk, "f") == "new") continue;
    ++lost;
    seen_before += seen ? 1 : 0;
  }
  EXPECT_GT(lost, kSeeds / 10);
  EXPECT_GT(seen_before, 0U);  // The page cache showed what was lost already.
}

TEST(SimDisk, KeepsThePageCacheWhenOnlyTheProcessDies) {
  SimDisk disk(1);
  const auto file = disk.Create("f").value();
  ASSERT_OK(file->WriteAt(0, "bytes"));
  disk.Kill();
  EXPECT_EQ(Contents(&disk, "f"), "bytes");
}

TEST(SimDiskDeathTest, AbortsWhenADeadHandleIsTouched) {
  SimDisk disk(1);
  const auto file = disk.Create("f").value();
  disk.Crash();
  EXPECT_DEATH(
      {
        auto size = file->Size();
        (void)size;
      },
      "epoch_");
}

TEST(SimDisk, FillsUpAndHasRoomAgain) {
  SimDisk disk(1, {.capacity_bytes = 1000});
  const auto file = disk.Create("f").value();
  EXPECT_CODE(file->WriteAt(0, std::string(1500, 'x')), Code::kIoError);
  EXPECT_EQ(file->Size().value(), 1000U);
  EXPECT_EQ(disk.FreeBytes().value(), 0U);
  EXPECT_OK(file->WriteAt(500, std::string(500, 'y')));  // Room that it has already.
  ASSERT_OK(disk.Remove("f"));
  EXPECT_EQ(disk.FreeBytes().value(), 1000U);
}

TEST(SimDisk, LocksOnceUntilTheOwnerDies) {
  SimDisk disk(1);
  auto lock = disk.Lock("lock", "pid 7").value();
  const auto second = disk.Lock("lock", "pid 8");
  ASSERT_CODE(second, Code::kConflict);
  EXPECT_EQ(second.error().message(), "pid 7");
  disk.Kill();
  EXPECT_OK(disk.Lock("lock", "pid 9"));
}

TEST(SimDisk, RotsOneBitAtRest) {
  SimDisk disk(1);
  WriteSynced(&disk, "f", "aaaa");
  ASSERT_TRUE(disk.Rot("f", 7));
  EXPECT_NE(Contents(&disk, "f"), "aaaa");
  EXPECT_FALSE(disk.Rot("nothing", 7));
}

TEST(SimDisk, HasTheSameTraceForTheSameSeed) {
  const auto run = [](std::uint64_t seed) {
    SimDisk disk(seed, {.write_error_one_in = 3, .sync_error_one_in = 3});
    auto file = disk.Create("f").value();
    for (int i = 0; i < 100; ++i) {
      if (!file->WriteAt(static_cast<std::uint64_t>(i), "bytes") || !file->Sync()) {
        file.reset();
        disk.Crash();
        disk.SyncAll();
        if (!disk.Exists("f").value()) break;
        file = disk.Open("f").value();
      }
    }
    return disk.trace_hash();
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(SimDisk, ATreeIsItsFilesAtAnyDepth) {
  SimDisk disk(1);
  ASSERT_OK(disk.MakeDir("lake/t/data"));
  ASSERT_OK(disk.MakeDir("lake/t-2/empty"));
  for (const char* path : {"lake/t/data/b", "lake/t/data/a", "lake/t/m", "lake/t-2/x", "lakeside"})
    ASSERT_TRUE(disk.Create(path).has_value()) << path;
  using Paths = std::vector<std::string>;
  EXPECT_EQ(disk.ListTree("lake").value(), (Paths{"t-2/x", "t/data/a", "t/data/b", "t/m"}));
  EXPECT_EQ(disk.ListTree("lake/t-2/empty").value(), Paths());
  EXPECT_EQ(disk.ListTree("").value().size(), 5U);
  EXPECT_EQ(disk.ListTree("lake/none").error().code(), Code::kNotFound);
  EXPECT_EQ(disk.ListTree("lake/t/m").error().code(), Code::kNotFound);
}

TEST(LocalStoreOnSimDisk, HasWholeObjectsAfterACrash) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimDisk disk(seed);
    env::LocalStore store(&disk, "lake");
    ASSERT_OK(store.Put("t/data/1", std::string(2000, 'o')));
    const bool second = (disk.DieAtCall(seed % 12), store.Put("t/data/2", "two").has_value());
    disk.Crash();
    ASSERT_EQ(store.Get("t/data/1", 1_MiB).value(), std::string(2000, 'o'));
    if (second) {
      ASSERT_EQ(store.Get("t/data/2", 1_MiB).value(), "two");
      ASSERT_EQ(store.List("t/").value(), (std::vector<std::string>{"t/data/1", "t/data/2"}));
    }
  }
}

TEST(SimClock, StandsStillAndJumps) {
  SimClock clock;
  const auto now = clock.Now();
  const auto wall = clock.WallNow();
  EXPECT_EQ(clock.Now(), now);
  clock.Advance(std::chrono::seconds(2));
  EXPECT_EQ(clock.Now() - now, std::chrono::seconds(2));
  EXPECT_EQ(clock.WallNow() - wall, 2 * kMicrosPerSecond);
  clock.SetWall(wall);
  EXPECT_EQ(clock.WallNow(), wall);
  EXPECT_EQ(clock.Now() - now, std::chrono::seconds(2));
}

}  // namespace
}  // namespace tidemark::sim
