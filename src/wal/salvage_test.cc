// What is promised of a damaged log: everything readable is visited once, nothing that a later
// segment has cut off is, and what is gone is told.

#include "wal/salvage.h"

#include <gtest/gtest.h>

#include "sim/expect.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"

namespace tidemark::wal {
namespace {

class SalvageTest : public testing::Test {
 protected:
  // Every segment has some ten of these requests.
  void Write(int requests) {
    ASSERT_OK(Open());
    for (int i = 0; i < requests; ++i) {
      const Append append{"shop", 2, payload_};
      std::vector<LogOffset> offsets;
      ASSERT_OK(log_->WriteGroup(std::span(&append, 1), &offsets));
      ASSERT_OK(log_->SyncNow());
      events_ += 2;
    }
    log_.reset();
  }
  Status Open() {
    TM_ASSIGN(log_, Log::Open(&disk_, &clock_, &random_, options_,
                              [](const Frame&) { return Status(); }));
    log_id_ = log_->log_id();
    return {};
  }
  Result<Salvaged> Read() {
    seen_.clear();
    TM_ASSIGN(const auto names, disk_.List("log"));
    return Salvage(&disk_, "log", names, log_id_, [this](const Frame& frame) {
      for (std::uint32_t i = 0; i < frame.count; ++i) seen_.push_back(frame.first_offset.value + i);
      return Status();
    });
  }
  std::vector<std::string> Segments() {
    std::vector<std::string> segments;
    const auto names = disk_.List("log");
    EXPECT_OK(names);
    for (const std::string& name : *names) {
      if (ParseSegmentName(name)) segments.push_back("log/" + name);
    }
    return segments;
  }
  void ExpectDense(std::int64_t begin, std::int64_t end, std::size_t at = 0) {
    for (std::int64_t i = begin; i < end; ++i, ++at) {
      ASSERT_LT(at, seen_.size());
      ASSERT_EQ(seen_[at], i);
    }
  }

  sim::SimDisk disk_{1};
  sim::SimClock clock_;
  env::Random random_{2};
  LogOptions options_{.segment_bytes = 4_KiB,
                      .frame_bytes_max = 64_KiB,
                      .group_bytes_max = 256_KiB,
                      .reserve_bytes = 4_KiB,
                      .free_bytes_min = 0,
                      .tend_bytes = 1_KiB};
  const std::string payload_ = std::string(300, 'x');
  std::unique_ptr<Log> log_;
  Uuid log_id_;
  std::int64_t events_ = 0;
  std::vector<std::int64_t> seen_;
};

TEST_F(SalvageTest, AWholeLogIsReadOnce) {
  for (int life = 0; life < 3; ++life) Write(25);  // The last group is written again each time.
  const auto read = Read();
  ASSERT_OK(read);
  EXPECT_EQ(read->problems, std::vector<std::string>());
  EXPECT_EQ(read->ends.at("shop"), LogOffset(events_));
  ASSERT_EQ(seen_.size(), static_cast<std::size_t>(events_));
  ExpectDense(0, events_);
}

TEST_F(SalvageTest, WhatIsBehindAMissingSegmentIsReadAndTheGapIsTold) {
  Write(60);
  const auto segments = Segments();
  ASSERT_GE(segments.size(), 4U);
  ASSERT_OK(disk_.Remove(segments[1]));
  const auto read = Read();
  ASSERT_OK(read);
  ASSERT_EQ(read->problems.size(), 1U);
  EXPECT_NE(read->problems[0].find(segments[0]), std::string::npos) << read->problems[0];
  EXPECT_NE(read->problems[0].find("requests are gone"), std::string::npos) << read->problems[0];
  EXPECT_EQ(read->ends.at("shop"), LogOffset(events_));
  std::size_t first = 0;  // Events before the gap.
  while (seen_[first + 1] == seen_[first] + 1) ++first;
  ++first;
  const auto behind = static_cast<std::int64_t>(seen_.size() - first);
  EXPECT_GT(first, 0U);
  EXPECT_LT(static_cast<std::int64_t>(seen_.size()), events_);
  ExpectDense(0, static_cast<std::int64_t>(first));
  ExpectDense(events_ - behind, events_, first);
}

TEST_F(SalvageTest, ADamagedGroupEndsItsSegmentAlone) {
  Write(60);
  const auto segments = Segments();
  auto file = disk_.Open(segments[1]);
  ASSERT_OK(file);
  const std::string bytes = (*file)->ReadAt(0, 4_KiB).value();
  const std::size_t at = bytes.find("xxx");
  ASSERT_NE(at, std::string::npos);
  const std::string rot = "?";
  const ByteView part = AsBytes(rot);
  ASSERT_OK((*file)->WriteAt(at, std::span(&part, 1)));
  const auto read = Read();
  ASSERT_OK(read);
  ASSERT_EQ(read->problems.size(), 1U);
  EXPECT_NE(read->problems[0].find(segments[1]), std::string::npos) << read->problems[0];
  EXPECT_EQ(seen_.back(), events_ - 1);
  EXPECT_LT(static_cast<std::int64_t>(seen_.size()), events_);
}

TEST_F(SalvageTest, TheEndBehindALostSegmentIsKnownByTheNextOnesHeader) {
  Write(60);
  const auto segments = Segments();
  // All but the last one: it says where the others have ended.
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) ASSERT_OK(disk_.Remove(segments[i]));
  const auto read = Read();
  ASSERT_OK(read);
  EXPECT_EQ(read->segments, 1U);
  EXPECT_EQ(read->ends.at("shop"), LogOffset(events_));
  EXPECT_GT(seen_.front(), 0);
}

TEST_F(SalvageTest, AnotherLogsSegmentsAreLeftAloneAndTold) {
  Write(5);
  log_id_ = Uuid();
  const auto read = Read();
  ASSERT_OK(read);
  EXPECT_EQ(seen_.size(), 0U);
  ASSERT_EQ(read->problems.size(), 1U);
  EXPECT_NE(read->problems[0].find("another log"), std::string::npos);
}

}  // namespace
}  // namespace tidemark::wal
