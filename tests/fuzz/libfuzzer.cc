// The targets as one libFuzzer program: `tm_fuzz --target=NAME ...`. With no input yet it begins at
// the seeds.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fuzz/targets.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);
extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

const tidemark::fuzz::Target* g_target = nullptr;

}  // namespace

// `--list` writes the names of the targets.
extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
  constexpr std::string_view kTarget = "--target=";
  for (int i = 1; i < *count; ++i) {
    const std::string_view argument((*arguments)[i]);
    if (argument == "--list") {
      for (const auto& target : tidemark::fuzz::Targets()) std::puts(target.name.data());
      std::exit(0);
    }
    if (!argument.starts_with(kTarget)) continue;
    g_target = tidemark::fuzz::FindTarget(argument.substr(kTarget.size()));
  }
  if (g_target != nullptr) return 0;
  std::fputs("name a target: --target=NAME, one of those of --list\n", stderr);
  std::exit(2);
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  static const std::vector<std::string> seeds = g_target->seeds();
  if (size <= 1 || seed % 64 == 0) {
    const std::string& from = seeds[seed / 64 % seeds.size()];
    size = std::min(from.size(), size_max);
    std::memcpy(data, from.data(), size);
  }
  return LLVMFuzzerMutate(data, size, size_max);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  g_target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
