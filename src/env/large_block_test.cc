// Blocks that were given back serve the next who asks, until they are freed.

#include "env/large_block.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

namespace tidemark::env {
namespace {

TEST(LargeBlock, ServesAgainWhatWasGivenBackUntilItIsFreed) {
  std::vector<std::byte*> blocks;
  for (std::size_t i = 0; i < kFreeLargeBlocksMax + 3; ++i) {
    blocks.push_back(TakeLargeBlock());
    std::memset(blocks.back(), 1, kLargeBlockBytes);
    std::memcpy(blocks.back(), &i, sizeof i);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    std::size_t there = 0;
    std::memcpy(&there, blocks[i], sizeof there);
    ASSERT_EQ(there, i);  // Each has its own.
    GiveBackLargeBlock(blocks[i]);
  }
  std::byte* const again = TakeLargeBlock();
  EXPECT_NE(std::find(blocks.begin(), blocks.end(), again), blocks.end());
  GiveBackLargeBlock(again);
  FreeLargeBlocks(16);
  FreeLargeBlocks(1);
  std::byte* const fresh = TakeLargeBlock();
  EXPECT_EQ(fresh[kLargeBlockBytes - 1], std::byte{0});  // The kernel's.
  GiveBackLargeBlock(fresh);
  FreeLargeBlocks(1);
}

}  // namespace
}  // namespace tidemark::env
