#include "env/held_wakes.h"

#include <algorithm>

namespace tidemark::env {
namespace {

thread_local HeldWakes* holder = nullptr;

}  // namespace

HeldWakes::HeldWakes() {
  if (holder == nullptr) holder = this;
}

HeldWakes::~HeldWakes() {
  if (holder == this) holder = nullptr;
  Release();
}

void HeldWakes::Release() {
  for (const auto& sleeper : sleepers_) sleeper->WakeNow();
  sleepers_.clear();
}

void HeldWakes::Wake(const std::shared_ptr<Sleeper>& sleeper) {
  if (holder == nullptr || holder->sleepers_.size() == kSleepersMax) return sleeper->WakeNow();
  auto& held = holder->sleepers_;
  if (std::find(held.begin(), held.end(), sleeper) == held.end()) held.push_back(sleeper);
}

}  // namespace tidemark::env
