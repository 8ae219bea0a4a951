// What the log promises, one promise a test. The lives in log_sim_test.cc mix them.

#include "wal/log.h"

#include <atomic>

#include <gtest/gtest.h>

#include "env/posix/posix_clock.h"
#include "env/posix/posix_disk.h"
#include "env/worker.h"
#include "sim/expect.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"
#include "wal/format.h"

namespace tidemark::wal {
namespace {

struct Seen {
  std::string project;
  std::int64_t first = 0;
  std::uint32_t count = 0;
  std::string payload;
  friend bool operator==(const Seen&, const Seen&) = default;
};

LogOptions SmallOptions() {
  return {.segment_bytes = 4_KiB,
          .frame_bytes_max = 64_KiB,
          .group_bytes_max = 256_KiB,
          .retention = Duration::zero(),
          .reserve_bytes = 4_KiB,
          .free_bytes_min = 0,
          .tend_bytes = 1_KiB};
}

class LogTest : public testing::Test {
 protected:
  Status Open() {
    seen_.clear();
    auto opened = Log::Open(&disk_, &clock_, &random_, options_,
                            [this](const Frame& frame) { return See(&seen_, frame); });
    if (!opened) return Fail(std::move(opened).error());
    log_ = *std::move(opened);
    return {};
  }
  static Status See(std::vector<Seen>* seen, const Frame& frame) {
    seen->push_back({std::string(frame.project), frame.first_offset.value, frame.count,
                     std::string(frame.payload)});
    return {};
  }
  void Fall(bool power = true) {
    log_.reset();
    power ? disk_.Crash() : disk_.Kill();
  }
  Status WriteOnly(std::string_view project, std::uint32_t count, std::string_view payload) {
    const Append append{project, count, payload};
    TM_TRY(log_->WriteGroup(std::span(&append, 1), &offsets_));
    log_->StartSync();
    return {};
  }
  Status Add(std::string_view project, std::uint32_t count, std::string_view payload) {
    TM_TRY(WriteOnly(project, count, payload));
    return log_->WaitSync();
  }
  std::vector<std::string> Segments() {
    std::vector<std::string> segments;
    const auto names = disk_.List("log").value();
    for (const std::string& name : names) {
      if (ParseSegmentName(name)) segments.push_back("log/" + name);
    }
    return segments;
  }

  sim::SimDisk disk_{1};
  sim::SimClock clock_;
  env::Random random_{2};
  LogOptions options_ = SmallOptions();
  std::unique_ptr<Log> log_;
  std::vector<Seen> seen_;
  std::vector<LogOffset> offsets_;
};

TEST_F(LogTest, KeepsItsIdOverOpenings) {
  ASSERT_OK(Open());
  const Uuid id = log_->log_id();
  EXPECT_NE(id, Uuid());
  Fall();
  ASSERT_OK(Open());
  EXPECT_EQ(log_->log_id(), id);
  EXPECT_TRUE(seen_.empty());
}

TEST_F(LogTest, GivesDenseOffsetsToEachProject) {
  ASSERT_OK(Open());
  const Append group[] = {{"a", 3, "x"}, {"b", 1, "y"}, {"a", 2, "z"}};
  ASSERT_OK(log_->WriteGroup(group, &offsets_));
  EXPECT_EQ(offsets_, (std::vector{LogOffset(0), LogOffset(0), LogOffset(3)}));
  EXPECT_EQ(log_->NextOffset("a"), LogOffset(0));  // Not yet durable.
  log_->StartSync();
  ASSERT_OK(log_->WaitSync());
  EXPECT_EQ(log_->NextOffset("a"), LogOffset(5));
  EXPECT_EQ(log_->NextOffset("b"), LogOffset(1));
  EXPECT_EQ(log_->NextOffset("unknown"), LogOffset(0));
}

TEST_F(LogTest, ReplaysInOrderOverManySegments) {
  ASSERT_OK(Open());
  std::vector<Seen> wanted;
  for (std::int64_t i = 0; i < 60; ++i) {
    const std::string payload(static_cast<std::size_t>(i * 37), static_cast<char>('a' + i % 26));
    ASSERT_OK(Add("p", 2, payload));
    wanted.push_back({"p", 2 * i, 2, payload});
  }
  EXPECT_GT(Segments().size(), 10U);
  Fall();
  ASSERT_OK(Open());
  EXPECT_EQ(seen_, wanted);
  EXPECT_EQ(log_->stats().durable_frames, 60U);
  std::vector<Seen> read;
  ASSERT_OK(log_->Read("p", LogOffset(31), [&](const Frame& f) { return See(&read, f); }));
  EXPECT_EQ(read, std::vector<Seen>(wanted.begin() + 15, wanted.end()));
}

TEST_F(LogTest, WritesLargePayloadsWhereTheyLie) {
  ASSERT_OK(Open());
  const std::string small(100, 's');
  const std::string large(50'000, 'l');
  const Append group[] = {{"a", 1, large}, {"a", 1, small}, {"b", 1, large}, {"c", 1, ""}};
  ASSERT_OK(log_->WriteGroup(group, &offsets_));
  log_->StartSync();
  ASSERT_OK(log_->WaitSync());
  Fall();
  ASSERT_OK(Open());
  EXPECT_EQ(seen_,
            (std::vector<Seen>{
                {"a", 0, 1, large}, {"a", 1, 1, small}, {"b", 0, 1, large}, {"c", 0, 1, ""}}));
}

TEST_F(LogTest, RefusesWhatIsOutsideTheLimitsAndGoesOn) {
  ASSERT_OK(Open());
  EXPECT_CODE(log_->WriteGroup({}, &offsets_), Code::kInvalidArgument);
  EXPECT_CODE(Add("", 1, "x"), Code::kInvalidArgument);
  EXPECT_CODE(Add(std::string(256, 'p'), 1, "x"), Code::kInvalidArgument);
  EXPECT_CODE(Add("p", 0, "x"), Code::kInvalidArgument);
  EXPECT_CODE(Add("p", 1, std::string(64_KiB + 1, 'x')), Code::kInvalidArgument);
  EXPECT_OK(Add("p", 1, std::string(64_KiB, 'x')));
  EXPECT_EQ(log_->NextOffset("p"), LogOffset(1));
}

TEST_F(LogTest, VoidsAGroupWhoseSyncFailedAndRotatesPastIt) {
  ASSERT_OK(Open());
  ASSERT_OK(Add("p", 1, "first"));
  ASSERT_OK(WriteOnly("p", 1, "void"));
  disk_.FailCallAt(1);
  const auto failed = log_->WaitSync();
  ASSERT_CODE(failed, Code::kIoError);
  const auto refused = Add("p", 1, "too early");
  EXPECT_EQ(refused.error().message(), failed.error().message());  // The first error.
  ASSERT_OK(log_->Rotate());
  ASSERT_OK(Add("p", 1, "second"));
  EXPECT_EQ(offsets_.front(), LogOffset(1));  // Given again.
  Fall();
  ASSERT_OK(Open());
  EXPECT_EQ(seen_, (std::vector<Seen>{{"p", 0, 1, "first"}, {"p", 1, 1, "second"}}));
}

TEST_F(LogTest, NeverTakesBackATailThatItHasShown) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    sim::SimDisk disk(seed);
    const auto open = [&](std::vector<Seen>* seen) {
      return Log::Open(&disk, &clock_, &random_, options_,
                       [=](const Frame& frame) { return See(seen, frame); })
          .value();
    };
    std::vector<Seen> none;
    auto log = open(&none);
    const Append append{"p", 1, "tail"};
    ASSERT_OK(log->WriteGroup(std::span(&append, 1), &offsets_));
    log->StartSync();
    disk.FailCallAt(1);
    ASSERT_CODE(log->WaitSync(), Code::kIoError);
    log.reset();
    disk.Kill();  // The page cache may show what the failed sync has lost.
    std::vector<Seen> shown;
    log = open(&shown);
    log.reset();
    disk.Crash();
    std::vector<Seen> after;
    log = open(&after);
    ASSERT_EQ(after, shown) << "seed " << seed;
  }
}

TEST_F(LogTest, OpensToBeReadOnAFullDiskAndGoesOnOnceThereIsRoom) {
  ASSERT_OK(Open());
  ASSERT_OK(Add("p", 1, "first"));
  ASSERT_OK(Add("p", 1, "tail"));
  const std::vector<Seen> both{{"p", 0, 1, "first"}, {"p", 1, 1, "tail"}};
  Fall();
  disk_.SetOptions({.capacity_bytes = disk_.used_bytes() + options_.segment_bytes - 1});
  for (int again = 0; again < 3; ++again) {  // One that crashes leaves the next as much room.
    ASSERT_OK(Open());
    EXPECT_EQ(seen_, both);
    EXPECT_TRUE(log_->stats().failed);
    EXPECT_NE(log_->failure().find("No space left"), std::string::npos) << log_->failure();
    std::vector<Seen> read;
    ASSERT_OK(log_->Read("p", LogOffset(0), [&](const Frame& f) { return See(&read, f); }));
    EXPECT_EQ(read, both);
    EXPECT_CODE(Add("p", 1, "refused"), Code::kIoError);
    EXPECT_CODE(log_->Rotate(), Code::kIoError);
    Fall();
  }
  ASSERT_OK(Open());
  disk_.SetOptions({});
  ASSERT_OK(log_->Rotate());
  EXPECT_EQ(log_->failure(), "");
  ASSERT_OK(Add("p", 1, "next"));
  EXPECT_EQ(offsets_.front(), LogOffset(2));
  Fall();
  ASSERT_OK(Open());
  EXPECT_EQ(seen_,
            (std::vector<Seen>{{"p", 0, 1, "first"}, {"p", 1, 1, "tail"}, {"p", 2, 1, "next"}}));
}

TEST_F(LogTest, DropsATornTail) {
  ASSERT_OK(Open());
  ASSERT_OK(Add("p", 1, "whole"));
  const std::string path = Segments().back();
  ASSERT_OK(Add("p", 1, std::string(300, 't')));
  ASSERT_OK(Add("p", 1, std::string(300, 'u')));
  log_.reset();
  disk_.Kill();
  // The last group of a segment in use has no witness: damage to it is a torn tail.
  const std::string bytes = env::ReadFile(disk_, path, 1_MiB).value();
  ASSERT_TRUE(disk_.RotAt(path, bytes.find('u') + 10, 3));
  ASSERT_OK(Open());
  ASSERT_EQ(seen_.size(), 2U);
  EXPECT_GT(log_->stats().torn_bytes, 300U);
  ASSERT_OK(Add("p", 1, "next"));
  EXPECT_EQ(offsets_.front(), LogOffset(2));
}

TEST_F(LogTest, NamesFileAndOffsetOfRotBelowTheDurableEnd) {
  ASSERT_OK(Open());
  ASSERT_OK(Add("p", 1, std::string(300, 't')));
  const std::string path = Segments().back();
  ASSERT_OK(Add("p", 1, std::string(300, 'u')));
  Fall();
  const std::string bytes = env::ReadFile(disk_, path, 1_MiB).value();
  const std::size_t at = bytes.find('t', kSegmentHeaderBytes);
  ASSERT_TRUE(disk_.RotAt(path, at, 3));
  const auto opened = Open();
  ASSERT_CODE(opened, Code::kCorruption);
  EXPECT_NE(opened.error().message().find(path + " at " + std::to_string(kSegmentHeaderBytes)),
            std::string::npos)
      << opened.error().message();
  EXPECT_EQ(env::ReadFile(disk_, path, 1_MiB).value().size(), bytes.size());  // Not truncated.
  ASSERT_TRUE(disk_.RotAt(path, at, 3));                                      // The bit turns back.
  EXPECT_OK(Open());
}

TEST_F(LogTest, NoticesThatASegmentIsMissing) {
  ASSERT_OK(Open());
  for (int i = 0; i < 10; ++i) ASSERT_OK(Add("p", 1, std::string(2000, 'x')));
  ASSERT_GE(Segments().size(), 4U);
  Fall();
  ASSERT_OK(disk_.Remove(Segments()[1]));
  EXPECT_CODE(Open(), Code::kCorruption);
}

TEST_F(LogTest, RefusesANewerFormat) {
  ASSERT_OK(Open());
  Fall();
  ASSERT_TRUE(disk_.RotAt(Segments().front(), kMagic.size(), 1));
  EXPECT_CODE(Open(), Code::kUnimplemented);
}

TEST_F(LogTest, ReadsNoGarbageWhateverTheBytesSay) {
  ASSERT_OK(Open());
  for (int i = 0; i < 12; ++i) ASSERT_OK(Add("p", 1, std::string(300, 'x')));
  Fall();
  const std::string path = Segments().front();
  const std::string good = env::ReadFile(disk_, path, 1_MiB).value();
  env::Random dice(7);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = good;
    for (std::uint64_t i = dice.Below(6); i > 0; --i) {
      bytes[dice.Below(bytes.size())] = static_cast<char>(dice.Below(256));
    }
    if (dice.OneIn(3)) bytes.resize(dice.Below(bytes.size()));
    sim::SimDisk disk(dice.Next());
    ASSERT_OK(disk.MakeDir("log"));
    ASSERT_OK(disk.Create(path).value()->WriteAt(0, bytes));
    std::int64_t next = 0;
    const auto opened = Log::Open(&disk, &clock_, &random_, options_, [&](const Frame& frame) {
      EXPECT_EQ(frame.payload, std::string(300, 'x'));
      EXPECT_EQ(frame.first_offset.value, next++);
      return Status();
    });
    if (!opened && opened.error().code() != Code::kUnimplemented) {
      EXPECT_CODE(opened, Code::kCorruption);
    }
  }
}

TEST_F(LogTest, RecyclesWhatIsSettledAndPastRetention) {
  options_.retention = std::chrono::hours(24);
  options_.spares = 1;
  ASSERT_OK(Open());
  for (int i = 0; i < 20; ++i) ASSERT_OK(Add(i % 2 == 0 ? "a" : "b", 1, std::string(1500, 'x')));
  const std::size_t before = Segments().size();
  const auto all = [](std::string_view) { return LogOffset(1000); };
  ASSERT_OK(log_->Trim(all));
  EXPECT_EQ(Segments().size(), before);  // Young.
  clock_.Advance(std::chrono::hours(25));
  ASSERT_OK(log_->Trim(
      [](std::string_view project) { return project == "a" ? LogOffset(1000) : LogOffset(0); }));
  EXPECT_EQ(Segments().size(), before);  // "b" is in every segment.
  ASSERT_OK(log_->Trim(all));
  EXPECT_EQ(Segments().size(), 1U);
  EXPECT_EQ(log_->stats().spares, 1U);
  EXPECT_CODE(log_->Read("a", LogOffset(0), [](const Frame&) { return Status(); }),
              Code::kNotFound);
  Fall();
  ASSERT_OK(Open());
  EXPECT_EQ(log_->NextOffset("a"), LogOffset(10));  // Remembered without a frame.
  EXPECT_EQ(log_->NextOffset("b"), LogOffset(10));
}

TEST_F(LogTest, TrimsYoungSegmentsBeyondTheBytesToKeep) {
  options_.retention = std::chrono::hours(24);
  options_.retention_bytes = 3 * options_.segment_bytes;
  ASSERT_OK(Open());
  for (int i = 0; i < 20; ++i) ASSERT_OK(Add("a", 1, std::string(1500, 'x')));
  ASSERT_OK(log_->Trim([](std::string_view) { return LogOffset(1000); }));
  EXPECT_EQ(Segments().size(), 3U);
}

TEST_F(LogTest, KeepsASegmentWhileAReaderIsInIt) {
  ASSERT_OK(Open());
  for (int i = 0; i < 20; ++i) ASSERT_OK(Add("a", 1, std::string(1500, 'x')));
  const std::size_t before = Segments().size();
  const auto all = [](std::string_view) { return LogOffset(1000); };
  std::uint64_t frames = 0;
  ASSERT_OK(log_->Read("a", LogOffset(0), [&](const Frame&) -> Status {
    ++frames;
    TM_TRY(log_->Trim(all));
    EXPECT_EQ(Segments().size(), before);
    return {};
  }));
  EXPECT_EQ(frames, 20U);
  ASSERT_OK(log_->Trim(all));
  EXPECT_EQ(Segments().size(), 1U);
}

TEST_F(LogTest, ContinuesFromAFloorAndRemembersIt) {
  ASSERT_OK(Open());
  EXPECT_TRUE(log_->RaiseOffset("p", LogOffset(100)));
  EXPECT_FALSE(log_->RaiseOffset("p", LogOffset(50)));
  ASSERT_OK(Add("p", 2, "x"));
  EXPECT_EQ(offsets_.front(), LogOffset(100));
  Fall();
  ASSERT_OK(Open());
  EXPECT_EQ(log_->NextOffset("p"), LogOffset(102));
}

TEST_F(LogTest, HasASpareAndAReserveForTheWayOutOfAFullDisk) {
  ASSERT_OK(Open());
  while (log_->Tend().value() || log_->Prepare()) {
  }
  EXPECT_TRUE(log_->TakeAsked());
  EXPECT_FALSE(log_->TakeAsked());
  ASSERT_EQ(log_->stats().spares, 1U);
  ASSERT_TRUE(log_->stats().reserve_ready);
  disk_.SetOptions({.capacity_bytes = disk_.used_bytes()});                    // Full.
  for (int i = 0; i < 4; ++i) ASSERT_OK(Add("p", 1, std::string(1500, 'x')));  // Into the spare.
  EXPECT_EQ(log_->stats().spares, 0U);
  EXPECT_FALSE(log_->Tend().value());  // No room.
  EXPECT_CODE(Add("p", 1, std::string(1500, 'x')), Code::kIoError);
  // The commit that settles everything finds room; then the log is freed and goes on.
  ASSERT_OK(log_->ReleaseReserve());
  EXPECT_EQ(disk_.FreeBytes().value(), options_.reserve_bytes);
  ASSERT_OK(log_->Trim([](std::string_view) { return LogOffset(4); }));
  ASSERT_OK(log_->Rotate());
  EXPECT_OK(Add("p", 1, std::string(1500, 'x')));
  EXPECT_EQ(offsets_.front(), LogOffset(4));
}

TEST_F(LogTest, DoesNotGrowWithItsOpenings) {
  ASSERT_OK(Open());
  ASSERT_OK(Add("p", 1, "x"));
  for (int i = 0; i < 10; ++i) {
    Fall();
    ASSERT_OK(Open());
    ASSERT_EQ(seen_.size(), 1U);
  }
  EXPECT_LE(disk_.List("log").value().size(), 3U);
}

// The power fails at call n, then at call m of the recovery, for every n and some m.
TEST_F(LogTest, SurvivesTheLossOfPowerAtEveryCallOfAShortLife) {
  for (std::uint64_t n = 1; n < 80; ++n) {
    for (const std::uint64_t m : {std::uint64_t{0}, n % 17 + 1, n % 29 + 1}) {
      sim::SimDisk disk(n * 100 + m);
      std::vector<std::int64_t> acked;
      std::unique_ptr<Log> log;
      const auto open = [&](std::vector<std::int64_t>* seen) -> Status {
        auto opened = Log::Open(&disk, &clock_, &random_, options_, [=](const Frame& frame) {
          seen->push_back(frame.first_offset.value);
          return Status();
        });
        if (!opened) return Fail(std::move(opened).error());
        log = *std::move(opened);
        return {};
      };
      disk.DieAtCall(n);
      if (open(&acked)) {
        const std::string payload(1200, 'x');
        const Append append{"p", 1, payload};
        for (std::int64_t i = 0; i < 12; ++i) {
          if (!log->WriteGroup(std::span(&append, 1), &offsets_)) break;
          log->StartSync();
          if (!log->WaitSync()) break;
          acked.push_back(i);
        }
      }
      log.reset();
      disk.Crash();
      disk.DieAtCall(m);
      std::vector<std::int64_t> ignored;
      if (!open(&ignored)) {
        log.reset();
        disk.Crash();
      }
      disk.DieAtCall(0);
      std::vector<std::int64_t> seen;
      ASSERT_OK(open(&seen)) << n << " " << m;
      ASSERT_GE(seen.size(), acked.size()) << n << " " << m;
      ASSERT_LE(seen.size(), acked.size() + 1) << n << " " << m;
      for (std::size_t i = 0; i < seen.size(); ++i) {
        ASSERT_EQ(seen[i], static_cast<std::int64_t>(i));
      }
    }
  }
}

TEST(LogOnARealDisk, KeepsWhatItSynced) {
  std::string folder = testing::TempDir() + "tm_log_XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const auto disk = env::OpenPosixDisk(folder).value();
  const env::PosixClock clock;
  env::Random random(env::EntropySeed());
  LogOptions options = SmallOptions();
  std::vector<std::string> seen;
  const auto see = [&](const Frame& frame) {
    seen.emplace_back(frame.payload);
    return Status();
  };
  {
    const auto log = Log::Open(disk.get(), &clock, &random, options, see).value();
    std::vector<LogOffset> offsets;
    for (int i = 0; i < 20; ++i) {
      const std::string payload(1500, static_cast<char>('a' + i));
      const Append append{"p", 1, payload};
      ASSERT_OK(log->WriteGroup(std::span(&append, 1), &offsets));
      log->StartSync();
      ASSERT_OK(log->WaitSync());
    }
    while (log->Tend().value() || log->Prepare()) {
    }
    ASSERT_OK(log->Trim([](std::string_view) { return LogOffset(10); }));
  }
  const auto log = Log::Open(disk.get(), &clock, &random, options, see).value();
  EXPECT_GE(seen.size(), 10U);
  EXPECT_EQ(seen.back(), std::string(1500, 'a' + 19));
  EXPECT_EQ(log->NextOffset("p"), LogOffset(20));
}

TEST(LogOnARealDisk, MayBeReadWhileItIsWrittenAndTrimmed) {
  std::string folder = testing::TempDir() + "tm_log_XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const auto disk = env::OpenPosixDisk(folder).value();
  const env::PosixClock clock;
  env::Random random(1);
  const auto ignore = [](const Frame&) { return Status(); };
  const auto log = Log::Open(disk.get(), &clock, &random, SmallOptions(), ignore).value();
  std::atomic<std::int64_t> durable{0};
  std::atomic<std::int64_t> settled{0};
  std::atomic<std::uint64_t> reads{0};
  env::Worker reader("reader", [&] {
    const std::int64_t from = settled;
    const std::int64_t end = durable;
    std::int64_t next = -1;
    const auto read = log->Read("p", LogOffset(from), [&](const Frame& frame) -> Status {
      if (next >= 0) {
        EXPECT_EQ(frame.first_offset.value, next);
      }
      next = frame.end_offset().value;
      return {};
    });
    if (read) {
      EXPECT_GE(std::max(next, from), end);  // All that was durable at the call.
    } else {
      EXPECT_CODE(read, Code::kNotFound);  // Trimmed in between.
    }
    ++reads;
    return Duration::zero();
  });
  std::vector<LogOffset> offsets;
  const std::string payload(700, 'x');
  for (int i = 0; i < 300 || reads < 20; ++i) {
    const Append append{"p", 1, payload};
    ASSERT_OK(log->WriteGroup(std::span(&append, 1), &offsets));
    log->StartSync();
    ASSERT_OK(log->WaitSync());
    durable = i + 1;
    if (i % 20 == 0) {
      settled = std::max(0, i - 50);
      ASSERT_OK(log->Trim([&](std::string_view) { return LogOffset(settled); }));
    }
  }
  reader.Stop();
}

}  // namespace
}  // namespace tidemark::wal
