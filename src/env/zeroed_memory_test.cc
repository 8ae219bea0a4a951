// Memory for tables is zeroed and aligned, whatever its size.

#include "env/zeroed_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include <gtest/gtest.h>

namespace tidemark::env {
namespace {

constexpr std::size_t kMapped = ZeroedMemory::kMappedBytes;

TEST(ZeroedMemory, IsZeroedAndAlignedWhateverItsSize) {
  for (const std::size_t bytes :
       {std::size_t{1}, std::size_t{4096}, kMapped - 1, kMapped, 3 * kMapped + 5}) {
    for (int again = 0; again < 2; ++again) {  // The heap gives out again what was given back.
      ZeroedMemory memory(bytes);
      ASSERT_EQ(memory.bytes(), bytes);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.data()) % 64, 0U);
      EXPECT_EQ(std::count(memory.data(), memory.data() + bytes, '\0'),
                static_cast<std::ptrdiff_t>(bytes));
      std::memset(memory.data(), 1, bytes);
    }
  }
}

TEST(ZeroedMemory, HasNothingOnceItWasMoved) {
  ZeroedMemory from(100);
  char* const place = from.data();
  const ZeroedMemory to = std::move(from);
  EXPECT_EQ(to.data(), place);
  EXPECT_EQ(to.bytes(), 100U);
  EXPECT_EQ(from.bytes(), 0U);  // NOLINT(bugprone-use-after-move): what is promised.
}

}  // namespace
}  // namespace tidemark::env
