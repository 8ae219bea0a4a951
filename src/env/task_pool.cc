#include "env/task_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>

namespace tidemark::env {

struct TaskPool::State {
  struct Lane {
    std::deque<Task> waiting;
    std::size_t running = 0;
  };
  using Lanes = std::map<std::string, Lane, std::less<>>;  // Those with tasks.

  std::mutex mutex;
  std::condition_variable posted;
  Lanes lanes;
  std::list<Lanes::iterator> turns;  // Lanes with waiting tasks, in the order they are served.
  std::size_t waiting = 0;
  std::size_t waiting_max = 0;
  std::size_t running_max = 0;  // Of a lane.
  bool stopping = false;
  std::vector<std::thread> threads;

  // The lane whose turn it is and that may run one more; the end: none.
  std::list<Lanes::iterator>::iterator Next() {
    return std::ranges::find_if(
        turns, [this](Lanes::iterator lane) { return lane->second.running < running_max; });
  }

  // Its first task; it waits behind the others for its next turn.
  Task Begin(std::list<Lanes::iterator>::iterator turn) {
    Lane& lane = (*turn)->second;
    Task task = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    --waiting;
    ++lane.running;
    if (lane.waiting.empty()) {
      turns.erase(turn);
    } else {
      turns.splice(turns.end(), turns, turn);
    }
    return task;
  }

  void End(Lanes::iterator lane) {
    --lane->second.running;
    if (lane->second.running == 0 && lane->second.waiting.empty()) lanes.erase(lane);
  }

  void Run() noexcept {
    std::unique_lock lock(mutex);
    for (;;) {
      auto turn = turns.end();
      posted.wait(lock, [&] { return stopping || (turn = Next()) != turns.end(); });
      if (stopping) return;
      const Lanes::iterator lane = *turn;
      Task task = Begin(turn);
      lock.unlock();
      task();
      task = nullptr;
      lock.lock();
      End(lane);
    }
  }
};

TaskPool::TaskPool(const std::string& name, std::size_t threads, std::size_t waiting_max)
    : state_(std::make_unique<State>()) {
  state_->waiting_max = waiting_max;
  state_->running_max = std::max<std::size_t>(threads, 2) - 1;
  for (std::size_t i = 0; i < threads; ++i) {
    state_->threads.emplace_back([state = state_.get()] { state->Run(); });
    const std::string title = (name + "-" + std::to_string(i)).substr(0, 15);
    pthread_setname_np(state_->threads.back().native_handle(), title.c_str());
  }
}

TaskPool::~TaskPool() { Stop(); }

bool TaskPool::Post(std::string_view lane, Task task) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping) return false;
    auto found = state_->lanes.find(lane);
    const std::size_t waiting = found == state_->lanes.end() ? 0 : found->second.waiting.size();
    if (waiting >= 2 * (state_->waiting_max - state_->waiting)) return false;
    if (found == state_->lanes.end()) found = state_->lanes.try_emplace(std::string(lane)).first;
    if (waiting == 0) state_->turns.push_back(found);
    found->second.waiting.push_back(std::move(task));
    ++state_->waiting;
  }
  state_->posted.notify_one();
  return true;
}

void TaskPool::Stop() {
  std::list<Task> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    for (auto& [name, lane] : state_->lanes) {
      std::ranges::move(lane.waiting, std::back_inserter(dropped));
      lane.waiting.clear();
    }
    state_->turns.clear();
    state_->waiting = 0;
  }
  state_->posted.notify_all();
  for (std::thread& thread : state_->threads) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace tidemark::env
