#include "env/worker.h"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <pthread.h>

#include "env/held_wakes.h"

namespace tidemark::env {

struct Worker::State final : Sleeper {
  std::mutex mutex;
  std::condition_variable wake;
  bool woken = false;
  bool stopping = false;
  Step step;
  std::thread thread;

  void WakeNow() override {
    {
      const std::lock_guard lock(mutex);
      if (woken) return;  // Somebody has, and it has not looked yet.
      woken = true;
    }
    wake.notify_one();
  }
  void Run() noexcept {
    for (;;) {
      const Duration pause = step();
      std::unique_lock lock(mutex);
      if (pause > Duration::zero()) {
        wake.wait_for(lock, pause, [this] { return woken || stopping; });
      }
      woken = false;
      if (stopping) return;
    }
  }
};

Worker::Worker(std::string name, Step step) : state_(std::make_shared<State>()) {
  state_->step = std::move(step);
  state_->thread = std::thread([state = state_.get()] { state->Run(); });
  name.resize(std::min<std::size_t>(name.size(), 15));  // The kernel's limit.
  pthread_setname_np(state_->thread.native_handle(), name.c_str());
}

Worker::~Worker() { Stop(); }

void Worker::Wake() { HeldWakes::Wake(state_); }

void Worker::Stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_one();
  if (state_->thread.joinable()) state_->thread.join();
}

}  // namespace tidemark::env
