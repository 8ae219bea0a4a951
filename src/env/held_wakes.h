// Wakes that are held back for a moment, so that who hands over many things at once wakes the other
// side once, when all is there: while a HeldWakes lives on a thread, whatever that thread wakes is
// woken at the end of it, each once.
//
// A wake is a system call and, on a busy machine, a switch to the other thread, which then finds
// one thing and sleeps again. Held back are only wakes of what the holder hands over itself: it
// must not wait for anybody meanwhile.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace tidemark::env {

// What can be woken: a thread that sleeps until there is something to do.
class Sleeper {
 public:
  Sleeper() = default;
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  virtual ~Sleeper() = default;

  // Any thread. Never lost: if it is awake it looks once more.
  virtual void WakeNow() = 0;
};

// One thread. Inside another one it does nothing.
class HeldWakes {
 public:
  static constexpr std::size_t kSleepersMax = 16;  // More are woken at once.

  HeldWakes();
  HeldWakes(const HeldWakes&) = delete;
  HeldWakes& operator=(const HeldWakes&) = delete;
  ~HeldWakes();

  bool any() const { return !sleepers_.empty(); }
  // Wakes those that are held back until now.
  void Release();

  // Wakes it now, or with the others that this thread holds back. It is kept until then.
  static void Wake(const std::shared_ptr<Sleeper>& sleeper);

 private:
  std::vector<std::shared_ptr<Sleeper>> sleepers_;
};

}  // namespace tidemark::env
