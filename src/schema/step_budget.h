// How many steps the events of one request may take to be judged, all schemas together.
//
// Every event has kEventSteps of its own, so that cheap ones are judged whatever came before them;
// what takes more is taken from kRequestSteps, which all share. One thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tidemark::schema {

inline constexpr std::uint32_t kStepsMax = 50'000;         // Of one judgement.
inline constexpr std::uint32_t kEventSteps = 100;          // Of one event, without those shared.
inline constexpr std::uint32_t kRequestSteps = 2'000'000;  // Shared by the events of one request.

class StepBudget {
 public:
  void NextEvent() { own_ = kEventSteps; }
  // What the next judgement may take.
  std::uint64_t Left() const { return std::min<std::uint64_t>(kStepsMax, own_ + shared_); }
  // Whether it may take less than a judgement of a request with one event.
  bool IsShort() const { return own_ + shared_ < kStepsMax; }
  void Take(std::uint64_t steps) {
    const std::uint64_t of_own = std::min(own_, steps);
    own_ -= of_own;
    shared_ -= std::min(shared_, steps - of_own);
  }

 private:
  std::uint64_t own_ = kEventSteps;
  std::uint64_t shared_ = kRequestSteps;
};

}  // namespace tidemark::schema
