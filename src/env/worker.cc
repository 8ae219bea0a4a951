#include "env/worker.h"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <pthread.h>

namespace tidemark::env {

struct Worker::State {
  std::mutex mutex;
  std::condition_variable wake;
  bool woken = false;
  bool stopping = false;
  Step step;
  std::thread thread;

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

Worker::Worker(std::string name, Step step) : state_(std::make_unique<State>()) {
  state_->step = std::move(step);
  state_->thread = std::thread([state = state_.get()] { state->Run(); });
  name.resize(std::min<std::size_t>(name.size(), 15));  // The kernel's limit.
  pthread_setname_np(state_->thread.native_handle(), name.c_str());
}

Worker::~Worker() { Stop(); }

void Worker::Wake() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->woken = true;
  }
  state_->wake.notify_one();
}

void Worker::Stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_one();
  if (state_->thread.joinable()) state_->thread.join();
}

}  // namespace tidemark::env
