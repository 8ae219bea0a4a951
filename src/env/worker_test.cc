// A worker runs its step on a thread of its own; one in the background gives way to the others.

#include "env/worker.h"

#include <future>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace tidemark::env {
namespace {

int NiceOf(Priority priority) {
  std::promise<int> nice;
  auto got = nice.get_future();
  bool told = false;
  Worker worker(
      "test",
      [&] {
        if (!told) nice.set_value(::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())));
        told = true;
        return Duration(std::chrono::hours(1));
      },
      priority);
  return got.get();
}

TEST(WorkerTest, TheBackgroundGivesWayAndTheOthersDoNot) {
  const int usual = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
  EXPECT_EQ(NiceOf(Priority::kNormal), usual);
  EXPECT_GT(NiceOf(Priority::kBackground), usual);
}

}  // namespace
}  // namespace tidemark::env
