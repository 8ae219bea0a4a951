// Who asks for much waits for itself, not the others for it.

#include "env/task_pool.h"

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tidemark::env {
namespace {

// Tasks that last until they are let go, and what they did.
class Gate {
 public:
  TaskPool::Task Hold(char name) {
    return [this, name] {
      std::unique_lock lock(mutex_);
      begun_ += name;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
    };
  }
  TaskPool::Task Note(char name) {
    return [this, name] {
      const std::lock_guard lock(mutex_);
      begun_ += name;
      changed_.notify_all();
    };
  }
  // Waits for so many to have begun.
  std::string Begun(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return begun_.size() >= count; });
    return begun_;
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string begun_;
  bool open_ = false;
};

TEST(TaskPoolTest, LeavesAThreadToOtherLanes) {
  Gate gate;
  TaskPool pool("test", 3, 16);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(pool.Post("loud", gate.Hold('l')));
  EXPECT_EQ(gate.Begun(2), "ll");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(pool.Post("quiet", gate.Note('q')));
  EXPECT_EQ(gate.Begun(5), "llqqq");
  gate.Open();
  EXPECT_EQ(gate.Begun(8), "llqqqlll");
}

TEST(TaskPoolTest, ServesLanesInTurnsAndEachInItsOrder) {
  Gate gate;
  TaskPool pool("test", 1, 16);
  EXPECT_TRUE(pool.Post("", gate.Hold('-')));
  EXPECT_EQ(gate.Begun(1), "-");
  for (const char name : {'1', '2', '3', '4'}) EXPECT_TRUE(pool.Post("digits", gate.Note(name)));
  for (const char name : {'a', 'b'}) EXPECT_TRUE(pool.Post("letters", gate.Note(name)));
  EXPECT_TRUE(pool.Post("signs", gate.Note('+')));
  gate.Open();
  EXPECT_EQ(gate.Begun(8), "-1a+2b34");
}

TEST(TaskPoolTest, HasRoomForALaneWhateverWaitsInOthers) {
  Gate gate;
  TaskPool pool("test", 1, 9);
  EXPECT_TRUE(pool.Post("", gate.Hold('-')));
  EXPECT_EQ(gate.Begun(1), "-");
  const auto fill = [&](const char* lane) {
    std::size_t taken = 0;
    while (pool.Post(lane, gate.Note('.'))) ++taken;
    return taken;
  };
  EXPECT_EQ(fill("loud"), 6U);
  EXPECT_EQ(fill("louder"), 2U);
  EXPECT_TRUE(pool.Post("quiet", gate.Note('q')));
  gate.Open();
  EXPECT_EQ(gate.Begun(10).size(), 10U);
}

TEST(TaskPoolTest, DropsWhatWaitsWhenItStops) {
  Gate gate;
  auto held = std::make_shared<int>(0);
  TaskPool pool("test", 1, 4);
  EXPECT_TRUE(pool.Post("", gate.Hold('-')));
  EXPECT_EQ(gate.Begun(1), "-");
  EXPECT_TRUE(pool.Post("", [held] { ++*held; }));
  gate.Open();
  pool.Stop();
  EXPECT_FALSE(pool.Post("", [] {}));
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace tidemark::env
