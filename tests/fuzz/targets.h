// What reads bytes of others, as functions that must hold for any bytes: they return, and what they
// claim about it is true. Run by libFuzzer (`make fuzz`) and, over mutated seeds, by
// replay_test.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::fuzz {

struct Target {
  std::string_view name;
  void (*run)(std::string_view bytes);
  // Good inputs, made by our own writers: where mutations begin.
  std::vector<std::string> (*seeds)();
  int replayed = 1'500;  // Mutations of each seed in a test run.
};

std::span<const Target> Targets();
// nullptr if there is none of that name.
const Target* FindTarget(std::string_view name);

}  // namespace tidemark::fuzz
