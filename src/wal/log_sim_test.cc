// Crash lives: the log on a disk that fails, fills up, tears, forgets and rots. What is promised:
// an acknowledged frame is there once, in order, whole, at its offset; one that was never
// acknowledged at most once and whole, and never again once it was given up; offsets are not used
// for two acknowledged things; nothing is invented; rot is named. With TM_PLANTED_BUGS this file
// proves that each planted bug breaks one of these promises within a few lives.

#include <gtest/gtest.h>

#include "sim/expect.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"
#include "wal/faults.h"
#include "wal/log.h"

namespace tidemark::wal {
namespace {

#ifndef TM_SIM_LIVES  // `make sim` builds with more.
#define TM_SIM_LIVES 300
#endif
constexpr std::uint64_t kLives = TM_SIM_LIVES;
constexpr std::uint64_t kRepeatOneIn = 20;
constexpr std::uint64_t kStepsMin = 200;
constexpr int kOpenTriesMax = 12;
constexpr std::string_view kProjects[] = {"shop", "site", "video"};

struct Record {
  std::string project;
  std::int64_t first = 0;
  std::uint32_t count = 0;
  std::string payload;

  std::int64_t end() const { return first + count; }
  friend bool operator==(const Record&, const Record&) = default;
};

Record ToRecord(const Frame& frame) {
  return {std::string(frame.project), frame.first_offset.value, frame.count,
          std::string(frame.payload)};
}

// What the clients know. Kept by the test, never by the code under test.
struct Oracle {
  std::vector<Record> acked;  // In the order of the log.
  std::vector<Record> limbo;  // One group that may or may not have happened.
  std::map<std::string, std::int64_t, std::less<>> next;
  std::map<std::string, std::int64_t, std::less<>> settled;
  std::map<std::string, std::int64_t, std::less<>> raised;

  bool MayBeGone(const Record& record) const {
    const auto found = settled.find(record.project);
    return found != settled.end() && record.end() <= found->second;
  }
  std::int64_t AckedEnd(std::string_view project) const {
    for (std::size_t i = acked.size(); i > 0; --i) {
      if (acked[i - 1].project == project) return acked[i - 1].end();
    }
    return 0;
  }
};

class Life {
 public:
  explicit Life(std::uint64_t seed)
      : dice_(seed),
        log_dice_(seed + 1),
        disk_(dice_.Next()),
        steps_(kStepsMin + dice_.Below(kStepsMin)) {
    options_.segment_bytes = 1024 << dice_.Below(4);
    options_.frame_bytes_max = 16_KiB;
    options_.group_bytes_max = 64_KiB;
    options_.retention = std::chrono::seconds(dice_.Below(3) * 60);
    options_.retention_bytes = dice_.Below(32) * 1_KiB;
    options_.spares = static_cast<std::uint32_t>(dice_.Below(3));
    options_.reserve_bytes = 2_KiB;
    options_.free_bytes_min = 1_KiB;
    options_.tend_bytes = 700;
    // A swarm: each life has some of the plagues.
    const auto plague = [this](std::uint64_t one_in) {
      return dice_.OneIn(2) ? one_in + dice_.Below(one_in) : 0;
    };
    plagues_.write_error_one_in = plague(20);
    plagues_.sync_error_one_in = plague(10);
    plagues_.folder_error_one_in = plague(10);
    plagues_.read_error_one_in = plague(30);
    plagues_.tear_one_in = 1 + dice_.Below(4);
    if (dice_.OneIn(3)) plagues_.capacity_bytes = 16_KiB + dice_.Below(64) * 1_KiB;
  }

  // Empty if every promise was kept.
  std::string Run() {
    if (!Reopen()) return failure_;
    for (std::uint64_t step = 0; step < steps_ && failure_.empty(); ++step) Step();
    if (failure_.empty()) EndWell();
    return failure_;
  }
  std::uint64_t trace_hash() const { return disk_.trace_hash(); }

 private:
  bool Expect(bool condition, std::string_view what) {
    if (!condition && failure_.empty()) failure_ = what;
    return condition;
  }

  void Step() {
    clock_.Advance(std::chrono::seconds(dice_.Below(10)));
    switch (dice_.Below(16)) {
      case 0:
        Disaster();
        break;
      case 1:
        TrimSome();
        break;
      case 2:
        TendSome();
        break;
      case 3:
        ReadSome();
        break;
      case 4:
        RotateSome();
        break;
      case 5:
        RaiseSome();
        break;
      default:
        AppendSome();
        break;
    }
  }

  // Disasters and recovery.

  void Disaster() {
    // In the middle of something, or between two steps.
    if (dice_.OneIn(2)) {
      disk_.DieAtCall(1 + dice_.Below(8));
      for (int i = 0; i < 8 && !disk_.dying(); ++i) {
        dice_.OneIn(4) ? TrimSome() : AppendSome();
      }
    }
    Fall();
    Reopen();
  }

  void Fall() {
    log_.reset();
    dice_.OneIn(3) ? disk_.Kill() : disk_.Crash();
  }

  // Opens until it works, crashing and failing inside recovery; the last try has no plagues.
  bool Reopen() {
    for (int tries = 0; tries < kOpenTriesMax; ++tries) {
      const bool last = tries + 1 == kOpenTriesMax;  // On a healthy disk.
      if (last) Fall();                              // Disarms what was armed, too.
      disk_.SetOptions(last ? sim::SimDiskOptions{} : plagues_);
      if (!last && dice_.OneIn(2)) disk_.DieAtCall(1 + dice_.Below(40));
      if (!last && dice_.OneIn(4)) disk_.FailCallAt(1 + dice_.Below(40));
      if (OpenOnce()) {
        disk_.SetOptions(plagues_);
        return failure_.empty();
      }
      if (!failure_.empty()) return false;
      if (disk_.dying() || dice_.OneIn(3)) Fall();
    }
    return Expect(false, "the log does not open on a healthy disk: " + last_error_);
  }

  bool OpenOnce() {
    std::vector<Record> seen;
    auto opened = Log::Open(&disk_, &clock_, &log_dice_, options_, [&](const Frame& frame) {
      seen.push_back(ToRecord(frame));
      return Status();
    });
    if (!opened) {
      last_error_ = opened.error().ToString();
      Expect(opened.error().code() == Code::kIoError, "opening fails with " + last_error_);
      return false;
    }
    log_ = *std::move(opened);
    CheckReplay(seen);
    return true;
  }

  // The replay is a suffix of what was acknowledged, and the group in limbo behind it or not.
  void CheckReplay(const std::vector<Record>& seen) {
    const std::size_t limbo = oracle_.limbo.size();
    const bool happened = limbo > 0 && seen.size() >= limbo &&
                          std::equal(oracle_.limbo.begin(), oracle_.limbo.end(),
                                     seen.end() - std::ssize(oracle_.limbo));
    if (happened)
      oracle_.acked.insert(oracle_.acked.end(), oracle_.limbo.begin(), oracle_.limbo.end());
    oracle_.limbo.clear();
    if (!Expect(seen.size() <= oracle_.acked.size(), "replay has more than was acknowledged"))
      return;
    const std::size_t gone = oracle_.acked.size() - seen.size();
    for (std::size_t i = 0; i < gone; ++i) {
      if (!Expect(oracle_.MayBeGone(oracle_.acked[i]), "an acknowledged frame is lost")) return;
    }
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (!Expect(seen[i] == oracle_.acked[gone + i],
                  "replay differs from what was acknowledged")) {
        return;
      }
    }
    for (const std::string_view project : kProjects) {
      const std::int64_t next = log_->NextOffset(project).value;
      Expect(next >= oracle_.AckedEnd(project), "an offset would be given twice");
      Expect(next <= std::max(oracle_.AckedEnd(project), oracle_.raised[std::string(project)]),
             "an offset that nobody gave");
      oracle_.next[std::string(project)] = next;
    }
  }

  // Steps.

  std::vector<Record> MakeGroup() {
    std::vector<Record> group(1 + dice_.Below(4));
    for (Record& record : group) {
      record.project = kProjects[dice_.Below(std::size(kProjects))];
      record.count = static_cast<std::uint32_t>(1 + dice_.Below(3));
      record.payload = std::to_string(++serial_) + ":";
      const std::uint64_t size = dice_.OneIn(12) ? dice_.Below(6000) : dice_.Below(200);
      record.payload.append(size, static_cast<char>('a' + serial_ % 26));
    }
    return group;
  }

  void AppendSome() {
    if (!log_ || disk_.dying()) return;
    std::vector<Record> group = MakeGroup();
    std::vector<Append> appends;
    for (const Record& record : group) {
      appends.push_back({record.project, record.count, record.payload});
    }
    std::vector<LogOffset> offsets;
    // Where the group's offsets must lie, whether or not it succeeds.
    auto next = oracle_.next;
    for (Record& record : group) {
      record.first = next[record.project];
      next[record.project] += record.count;
    }
    const bool was_failed = log_->stats().failed;
    auto done = log_->WriteGroup(appends, &offsets);
    if (done) {
      for (std::size_t i = 0; i < group.size(); ++i) {
        Expect(offsets[i].value == group[i].first, "WriteGroup gives other offsets");
      }
      oracle_.limbo = group;
      log_->StartSync();
      if (dice_.OneIn(30)) {  // Dies in the middle of the sync.
        Fall();
        Reopen();
        return;
      }
      done = log_->WaitSync();
    } else if (!was_failed) {
      Expect(done.error().code() == Code::kIoError, "a group is refused");
      oracle_.limbo = group;
    }
    if (done) {
      oracle_.acked.insert(oracle_.acked.end(), group.begin(), group.end());
      oracle_.limbo.clear();
      oracle_.next = next;
    } else if (dice_.OneIn(2)) {
      RotateSome();
    }
  }

  void RotateSome() {
    if (!log_) return;
    for (std::uint64_t tries = 1 + dice_.Below(3); tries > 0; --tries) {
      if (log_->Rotate()) {
        oracle_.limbo.clear();  // Given up: must never come back.
        return;
      }
    }
  }

  void TrimSome() {
    if (!log_) return;
    for (const std::string_view project : kProjects) {
      std::int64_t& settled = oracle_.settled[std::string(project)];
      const std::int64_t end = oracle_.next[std::string(project)];
      if (end > settled && dice_.OneIn(2)) {
        settled +=
            static_cast<std::int64_t>(dice_.Below(static_cast<std::uint64_t>(end - settled) + 1));
      }
    }
    const auto trimmed = log_->Trim(
        [&](std::string_view project) { return LogOffset(oracle_.settled[std::string(project)]); });
    if (!trimmed) Expect(trimmed.error().code() == Code::kIoError, "Trim fails otherwise");
  }

  void TendSome() {
    if (!log_) return;
    for (std::uint64_t i = dice_.Below(8); i > 0; --i) {
      if (dice_.OneIn(2)) log_->Prepare();
      if (const auto more = log_->Tend(); !more || !*more) break;
    }
    if (dice_.OneIn(4)) {
      if (const auto released = log_->ReleaseReserve(); !released) {
        Expect(released.error().code() == Code::kIoError, "ReleaseReserve fails otherwise");
      }
    }
  }

  void RaiseSome() {
    if (!log_ || log_->stats().failed || !dice_.OneIn(4)) return;
    const std::string project(kProjects[dice_.Below(std::size(kProjects))]);
    const std::int64_t floor =
        oracle_.next[project] + static_cast<std::int64_t>(dice_.Below(4)) - 1;
    if (floor < 0) return;
    const bool raised = log_->RaiseOffset(project, LogOffset(floor));
    Expect(raised == (floor > oracle_.next[project]), "RaiseOffset says the wrong thing");
    oracle_.next[project] = std::max(oracle_.next[project], floor);
    oracle_.raised[project] = std::max(oracle_.raised[project], oracle_.next[project]);
  }

  void ReadSome() {
    if (!log_) return;
    const std::string project(kProjects[dice_.Below(std::size(kProjects))]);
    const auto end = static_cast<std::uint64_t>(oracle_.next[project]);
    const auto from = static_cast<std::int64_t>(dice_.Below(end + 1));
    std::vector<Record> wanted;
    for (const Record& record : oracle_.acked) {
      if (record.project == project && record.end() > from) wanted.push_back(record);
    }
    std::vector<Record> seen;
    const auto read = log_->Read(project, LogOffset(from), [&](const Frame& frame) {
      seen.push_back(ToRecord(frame));
      return Status();
    });
    if (read) {
      Expect(seen == wanted, "Read differs from what was acknowledged");
    } else if (read.error().code() == Code::kNotFound) {
      const bool gap = !wanted.empty() && wanted.front().first > from;
      Expect(wanted.empty() || gap || oracle_.MayBeGone(wanted.front()), "Read finds nothing");
    } else {
      Expect(read.error().code() == Code::kIoError, "Read fails with " + read.error().ToString());
    }
  }

  // Faults stop: the log opens, takes a group, and opens again. Then one bit rots.
  void EndWell() {
    Fall();
    plagues_ = {};
    disk_.SetOptions({});
    if (!OpenOnce()) {
      Expect(false, "the log does not open after the faults: " + last_error_);
      return;
    }
    AppendSome();
    if (!Expect(!log_->stats().failed, "a healthy log fails") || !failure_.empty()) return;
    Fall();
    if (!Expect(OpenOnce(), "the log does not open twice") || !failure_.empty()) return;
    Fall();
    RotOneBit();
  }

  void RotOneBit() {
    const auto names = disk_.List("log").value();
    std::vector<std::string> paths;
    for (const std::string& name : names) {
      if (name.ends_with(".log")) paths.push_back("log/" + name);
    }
    const std::string path = paths[dice_.Below(paths.size())];
    // Most of a segment lies behind the durable end; its beginning does not.
    const std::uint64_t area = dice_.OneIn(2) ? 400 : options_.segment_bytes;
    const std::uint64_t offset = dice_.Below(area);
    disk_.RotAt(path, offset, static_cast<unsigned>(dice_.Below(8)));
    std::vector<Record> seen;
    auto opened = Log::Open(&disk_, &clock_, &log_dice_, options_, [&](const Frame& frame) {
      seen.push_back(ToRecord(frame));
      return Status();
    });
    if (opened) {  // It hit what belongs to nobody.
      log_ = *std::move(opened);
      CheckReplay(seen);
      return;
    }
    const Error& error = opened.error();
    // The version's own bits say that it is another format.
    const bool version = error.code() == Code::kUnimplemented && offset >= 8 && offset < 12;
    Expect(version || error.code() == Code::kCorruption, "rot gives " + error.ToString());
    Expect(error.message().find(path) != std::string::npos ||
               error.message().find(".log") != std::string::npos,
           "rot is not named: " + error.ToString());
  }

  env::Random dice_;
  env::Random log_dice_;
  sim::SimDisk disk_;
  sim::SimClock clock_;
  sim::SimDiskOptions plagues_;
  LogOptions options_;
  std::uint64_t steps_;
  std::unique_ptr<Log> log_;
  Oracle oracle_;
  std::uint64_t serial_ = 0;
  std::string failure_;
  std::string last_error_;
};

#ifndef TM_PLANTED_BUGS

TEST(LogSim, KeepsItsPromisesForEverySeed) {
  for (std::uint64_t seed = 1; seed <= kLives; ++seed) {
    Life life(seed);
    ASSERT_EQ(life.Run(), "") << "seed " << seed;
    if (seed % kRepeatOneIn != 0) continue;
    Life again(seed);
    ASSERT_EQ(again.Run(), "") << "seed " << seed << " the second time";
    ASSERT_EQ(life.trace_hash(), again.trace_hash()) << "seed " << seed << " is not repeatable";
  }
}

#else

// A bug that no life finds is a hole in the simulation.
TEST(LogMutants, EachPlantedBugIsFound) {
  constexpr std::uint64_t kSeedsMax = 2000;
  for (int bug = 1; bug < static_cast<int>(Bug::kEnd); ++bug) {
    env::planted_bug<Bug> = static_cast<Bug>(bug);
    std::string failure;
    std::uint64_t seed = 0;
    while (failure.empty() && seed < kSeedsMax) failure = Life(++seed).Run();
    EXPECT_FALSE(failure.empty()) << "planted bug " << bug << " survives " << seed << " seeds";
    std::printf("planted bug %2d: seed %4llu: %s\n", bug, static_cast<unsigned long long>(seed),
                failure.c_str());
  }
  env::planted_bug<Bug> = Bug::kNone;
}

#endif

}  // namespace
}  // namespace tidemark::wal
