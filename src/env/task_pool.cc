#include "env/task_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>

namespace tidemark::env {

struct TaskPool::State {
  std::mutex mutex;
  std::condition_variable posted;
  std::deque<std::function<void()>> waiting;
  std::size_t waiting_max = 0;
  bool stopping = false;
  std::vector<std::thread> threads;

  void Run() noexcept {
    for (;;) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex);
        posted.wait(lock, [this] { return stopping || !waiting.empty(); });
        if (stopping) return;
        task = std::move(waiting.front());
        waiting.pop_front();
      }
      task();
    }
  }
};

TaskPool::TaskPool(const std::string& name, std::size_t threads, std::size_t waiting_max)
    : state_(std::make_unique<State>()) {
  state_->waiting_max = waiting_max;
  for (std::size_t i = 0; i < threads; ++i) {
    state_->threads.emplace_back([state = state_.get()] { state->Run(); });
    const std::string title = (name + "-" + std::to_string(i)).substr(0, 15);
    pthread_setname_np(state_->threads.back().native_handle(), title.c_str());
  }
}

TaskPool::~TaskPool() { Stop(); }

bool TaskPool::Post(std::function<void()> task) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping || state_->waiting.size() >= state_->waiting_max) return false;
    state_->waiting.push_back(std::move(task));
  }
  state_->posted.notify_one();
  return true;
}

void TaskPool::Stop() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    dropped.swap(state_->waiting);
  }
  state_->posted.notify_all();
  for (std::thread& thread : state_->threads) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace tidemark::env
