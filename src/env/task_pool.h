// A few named threads that run tasks, with a bound on how many wait. Tasks come in lanes, one for
// each who asks: a loud lane keeps no other from being served.
//
// - Tasks of a lane begin in the order they were posted; lanes take turns.
// - Of several threads a lane has all but one at most, so that one that comes new finds one soon
//   also where a lane's tasks last long.
// - Of the places to wait a lane has at most twice as many as are free: a loud one alone fills two
//   thirds, and one that has nothing waiting finds room.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tidemark::env {

class TaskPool {
 public:
  using Task = std::function<void()>;

  TaskPool(const std::string& name, std::size_t threads, std::size_t waiting_max);
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;
  // Stops.
  ~TaskPool();

  // False, and the task is not taken, if too many wait or the pool stops. Any thread. A task must
  // not throw.
  [[nodiscard]] bool Post(std::string_view lane, Task task);
  // Drops what waits, lets what runs end, joins. Idempotent.
  void Stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::env
