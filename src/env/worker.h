// The only thing that makes threads outside net/: a name, a step function, a wake-up and a stop.
//
// The step does what there is to do and says how long it may sleep at most; Wake() ends the sleep
// early. The core's steps are plain functions: the simulation calls them in seeded order instead.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/units.h"

namespace tidemark::env {

class Worker {
 public:
  // `step` returns how long to sleep before it is called again if nobody calls Wake(); zero means
  // at once. It is called on the worker's thread only and must not throw.
  using Step = std::function<Duration()>;

  // Starts the thread.
  Worker(std::string name, Step step);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  // Stops.
  ~Worker();

  // Any thread. Never lost: if the step is running it runs once more. Held back by HeldWakes.
  void Wake();
  // Lets the running step end, then joins. Idempotent; not from the worker's own thread.
  void Stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tidemark::env
