// A spare is made slice by slice, is whole and durable when it can be taken, and one that failed is
// told and named.

#include "wal/spare_maker.h"

#include <gtest/gtest.h>

#include "base/units.h"
#include "sim/expect.h"
#include "sim/sim_disk.h"

namespace tidemark::wal {
namespace {

constexpr std::uint64_t kSlice = 4_KiB;

class SpareMakerTest : public testing::Test {
 protected:
  SpareMakerTest() {
    EXPECT_OK(disk_.MakeDir("log"));
    EXPECT_OK(disk_.SyncDir(""));
  }

  sim::SimDisk disk_{1};
  SpareMaker maker_{&disk_, kSlice};
};

TEST_F(SpareMakerTest, MakesAWholeDurableFileSliceBySlice) {
  EXPECT_FALSE(maker_.Work());
  EXPECT_FALSE(maker_.Take().value().has_value());
  maker_.Ask("log/spare.0", 3 * kSlice + 1);
  EXPECT_FALSE(maker_.idle());
  for (int slice = 0; slice < 4; ++slice) {
    EXPECT_FALSE(maker_.Take().value().has_value());
    EXPECT_TRUE(maker_.Work());
  }
  EXPECT_FALSE(maker_.Work());
  EXPECT_EQ(maker_.Take().value(), "log/spare.0");
  EXPECT_TRUE(maker_.idle());
  EXPECT_FALSE(maker_.Take().value().has_value());
  ASSERT_OK(disk_.SyncDir("log"));
  disk_.Crash();
  EXPECT_GE(disk_.Open("log/spare.0").value()->Size().value(), 3 * kSlice + 1);
}

TEST_F(SpareMakerTest, TellsWhatFailedAndCanBeAskedAgain) {
  const std::uint64_t calls = disk_.calls();
  maker_.Ask("log/spare.0", 2 * kSlice);
  while (maker_.Work()) {
  }
  ASSERT_EQ(maker_.Take().value(), "log/spare.0");
  const std::uint64_t needed = disk_.calls() - calls;
  ASSERT_GE(needed, 3U);
  for (std::uint64_t failing = 1; failing <= needed; ++failing) {
    const std::string path = "log/spare." + std::to_string(failing);
    disk_.FailCallAt(failing);
    maker_.Ask(path, 2 * kSlice);
    while (maker_.Work()) {
    }
    disk_.FailCallAt(0);
    EXPECT_CODE(maker_.Take(), Code::kIoError);
    EXPECT_EQ(maker_.failed_path(), path);
    EXPECT_TRUE(maker_.idle());
  }
  maker_.Ask("log/spare.x", kSlice);
  EXPECT_TRUE(maker_.Work());
  EXPECT_EQ(maker_.Take().value(), "log/spare.x");
}

}  // namespace
}  // namespace tidemark::wal
