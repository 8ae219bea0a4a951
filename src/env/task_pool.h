// A few named threads that run tasks in the order they were posted, with a bound on how many wait.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace tidemark::env {

class TaskPool {
 public:
  TaskPool(const std::string& name, std::size_t threads, std::size_t waiting_max);
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;
  // Stops.
  ~TaskPool();

  // False, and the task is not taken, if too many wait or the pool stops. Any thread. A task must
  // not throw.
  [[nodiscard]] bool Post(std::function<void()> task);
  // Drops what waits, lets what runs end, joins. Idempotent.
  void Stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::env
