// What a file on a real disk promises: a log's bytes, written past the page cache where the
// filesystem can, are what was written, for whoever reads them and wherever writing goes on.

#include "env/posix/posix_disk.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/units.h"

namespace tidemark::env {
namespace {

std::string Bytes(std::size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 31 + seed * 7) % 251);
  return bytes;
}

class PosixDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "posix_disk_" + std::to_string(::getpid());
    disk_ = OpenPosixDisk(folder_).value();
  }
  void TearDown() override {
    disk_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::string Whole(std::string_view path) const { return ReadFile(*disk_, path, 64_MiB).value(); }

  std::string folder_;
  std::unique_ptr<Disk> disk_;
};

TEST_F(PosixDiskTest, APreallocatedFileHoldsWhatWasWrittenPieceByPiece) {
  auto file = disk_->Create("log").value();
  ASSERT_TRUE(file->Preallocate(1_MiB).has_value());
  std::string wanted(1_MiB, '\0');
  std::uint64_t at = 0;
  // Pieces that end within, at and beyond blocks of 4 KiB.
  for (const std::size_t size : {72U, 8U, 4016U, 1U, 4095U, 8192U, 300'000U, 24U}) {
    const std::string piece = Bytes(size, static_cast<unsigned>(size));
    const std::string_view text(piece);
    const ByteView parts[] = {AsBytes(text.substr(0, size / 3)), AsBytes(text.substr(size / 3))};
    ASSERT_TRUE(file->WriteAt(at, parts).has_value());
    wanted.replace(at, size, piece);
    at += size;
    if (size % 16 == 0) {
      ASSERT_TRUE(file->Sync().has_value());
    } else {
      file->StartSync();
      ASSERT_TRUE(file->WaitSync().has_value());
    }
    EXPECT_EQ(Whole("log"), wanted);  // Through another handle and the page cache.
  }
}

TEST_F(PosixDiskTest, ATreeIsItsFilesAtAnyDepth) {
  ASSERT_TRUE(disk_->MakeDir("lake/t/data/day=1").has_value());
  ASSERT_TRUE(disk_->MakeDir("lake/t-2/empty").has_value());
  for (const char* path : {"lake/t/data/day=1/b", "lake/t/data/day=1/a", "lake/t/m", "lake/t-2/x",
                           "lake/top", "lakeside"}) {
    ASSERT_TRUE(disk_->Create(path).has_value()) << path;
  }
  using Paths = std::vector<std::string>;
  EXPECT_EQ(disk_->ListTree("lake").value(),
            (Paths{"t-2/x", "t/data/day=1/a", "t/data/day=1/b", "t/m", "top"}));
  EXPECT_EQ(disk_->ListTree("lake/t-2/empty").value(), Paths());
  EXPECT_EQ(disk_->ListTree("lake/none").error().code(), Code::kNotFound);
  EXPECT_EQ(disk_->ListTree("lake/top").error().code(), Code::kNotFound);
  // Links are what they lead to.
  std::filesystem::create_directory_symlink(folder_ + "/lake/t", folder_ + "/lake/link");
  std::filesystem::create_symlink("nowhere", folder_ + "/lake/t-2/dangling");
  EXPECT_EQ(disk_->ListTree("lake").value(),
            (Paths{"link/data/day=1/a", "link/data/day=1/b", "link/m", "t-2/dangling", "t-2/x",
                   "t/data/day=1/a", "t/data/day=1/b", "t/m", "top"}));
  EXPECT_EQ(disk_->ListTree("").value().size(), 10U);
}

TEST_F(PosixDiskTest, WritingGoesOnWhereAnotherHandleStopped) {
  auto file = disk_->Create("log").value();
  ASSERT_TRUE(file->Preallocate(64_KiB).has_value());
  const std::string first = Bytes(5'000, 1);
  ASSERT_TRUE(file->WriteAt(0, first).has_value());
  ASSERT_TRUE(file->Sync().has_value());
  file = disk_->Open("log").value();
  ASSERT_TRUE(file->Preallocate(64_KiB).has_value());
  const std::string second = Bytes(3'000, 2);
  ASSERT_TRUE(file->WriteAt(first.size(), second).has_value());
  EXPECT_EQ(file->ReadAt(4'990, 20).value(), first.substr(4'990) + second.substr(0, 10));
  ASSERT_TRUE(file->Sync().has_value());
  EXPECT_EQ(Whole("log").substr(0, 8'000), first + second);
  EXPECT_EQ(Whole("log").size(), 64_KiB);
}

TEST_F(PosixDiskTest, AWriteLargerThanItsBufferIsWhole) {
  auto file = disk_->Create("log").value();
  ASSERT_TRUE(file->Preallocate(16_MiB).has_value());
  const std::string large = Bytes(9'999'999, 3);
  ASSERT_TRUE(file->WriteAt(0, "head").has_value());
  ASSERT_TRUE(file->WriteAt(4, large).has_value());
  ASSERT_TRUE(file->Sync().has_value());
  EXPECT_EQ(Whole("log").substr(0, 10'000'003), "head" + large);
}

TEST_F(PosixDiskTest, APreallocatedFileIsZerosAndGrows) {
  auto file = disk_->Create("spare").value();
  ASSERT_TRUE(file->Preallocate(100'000).has_value());
  const std::uint64_t size = file->Size().value();
  EXPECT_GE(size, 100'000U);
  ASSERT_TRUE(file->Preallocate(50'000).has_value());
  EXPECT_EQ(file->Size().value(), size);
  ASSERT_TRUE(file->Preallocate(1_MiB).has_value());
  ASSERT_TRUE(file->Sync().has_value());
  EXPECT_EQ(Whole("spare"), std::string(1_MiB, '\0'));
}

}  // namespace
}  // namespace tidemark::env
